import { type OpenTopics, type PubSub, topic } from 'brokerlet'
import { connect, type KafkaConnection } from 'brokerlet/kafka'
import type { Counts } from './counts.ts'
import { type FlightTopics, topics } from './topics.ts'

/** The same topics and groups on a cluster, under names that only this run uses. */
export class OnKafka {
  readonly pubsub: PubSub<FlightTopics>
  readonly #cluster: KafkaConnection<OpenTopics>
  readonly #run: string

  private constructor(cluster: KafkaConnection<OpenTopics>, run: string) {
    this.#cluster = cluster
    this.#run = run
    this.pubsub = underNames(cluster, name => `${name}-${run}`)
  }

  static async connect(address: string): Promise<OnKafka> {
    const run = Date.now().toString(36)
    const declared = Object.entries(topics).map(([name, { options }]) => {
      // `retentionRecords` exists only for a log in memory: a cluster limits retention by time and bytes.
      const { retentionRecords: _, ...others } = options
      return [`${name}-${run}`, topic(others)] as const
    })
    const cluster = await connect({
      bootstrapBrokers: [address],
      topics: Object.fromEntries(declared),
      createTopics: true,
      autoCommitIntervalMs: 200,
    })
    return new OnKafka(cluster as KafkaConnection<OpenTopics>, run)
  }

  /** Resolves when every group has committed all records; `alert-desk` comes last, since `alerts` feeds it. */
  async idle(counts: Counts): Promise<void> {
    for (const groupId of ['statistics', 'archive', 'alerts', 'alert-desk']) {
      for (;;) {
        const { lag, members } = await this.#cluster.admin.describeGroup(`${groupId}-${this.#run}`)
        counts.rebalanced({ groupId, members: members.length, moved: 0 })
        if (lag === 0) break
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    }
  }

  /** Deletes the topics of this run, and closes. */
  async close(): Promise<void> {
    const { admin } = this.#cluster
    for (const name of Object.keys(topics)) await admin.deleteTopic(`${name}-${this.#run}`)
    await this.#cluster.close({ timeoutMs: 5000 })
  }
}

interface Named {
  readonly topic: string
}

// The modules know nothing of the run's names, and use the usual ones.
function underNames(bus: PubSub<OpenTopics>, named: (name: string) => string): PubSub<FlightTopics> {
  const renamed = <M extends Named>(message: M) => ({ ...message, topic: named(message.topic) })
  const renaming = {
    producer: () => {
      const producer = bus.producer()
      return {
        send: (message: Named & { readonly value: unknown }) => producer.send(renamed(message)),
        sendBatch: (messages: readonly (Named & { readonly value: unknown })[]) =>
          producer.sendBatch(messages.map(renamed)),
        close: () => producer.close(),
      }
    },
    consumer: (options: { readonly groupId: string; readonly topics: readonly string[] }) =>
      bus.consumer({
        ...options,
        groupId: named(options.groupId),
        topics: options.topics.map(named),
      }),
  }
  return renaming as unknown as PubSub<FlightTopics>
}

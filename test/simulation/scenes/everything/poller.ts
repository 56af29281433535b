import type { Consumer } from '../../../../src/consumer/consumer.ts'
import type { Transaction } from '../../../../src/producer/transaction.ts'
import type { AnyRecord } from '../../../../src/record.ts'
import type { Everything } from './everything.ts'

/** What a transaction commits of one poll, once that is known. */
export interface Polled {
  send(tx: Transaction<never>): Promise<void>
  committed(): void
  /** Begins again where the group is: the transaction was aborted. */
  rewind(): Promise<void>
}

/** A member of a second group, which polls within the transactions of another consumer. */
export class Poller {
  readonly #scene: Everything
  readonly #consumer: Consumer

  constructor(scene: Everything, name: string) {
    this.#scene = scene
    const { groupId, topics } = scene.polling.options
    this.#consumer = scene.broker.consumer({
      groupId,
      topics: topics as string[],
      clientId: name,
      autoCommit: false,
      sessionTimeoutMs: 2000,
      maxPollIntervalMs: Number.POSITIVE_INFINITY,
      // It gives nothing up before its next poll, and may be removed within a transaction.
      rebalanceTimeoutMs: 200,
    }) as unknown as Consumer
    this.#consumer.on('lost', () => {})
    this.#consumer.on('error', () => {})
  }

  crash(): void {
    this.#scene.broker.crash(this.#consumer as never)
  }

  async close(): Promise<void> {
    await this.#scene.follow('close of a poller', this.#consumer.close({ timeoutMs: 100 })).catch(() => {})
  }

  /** What there is; undefined for nothing, or where it is no member now. */
  async poll(): Promise<Polled | undefined> {
    let records: readonly AnyRecord[]
    try {
      records = await this.#consumer.poll({ timeoutMs: 0, maxRecords: 3 })
    } catch {
      return undefined
    }
    if (records.length === 0) return undefined
    const { broker, polling } = this.#scene
    const ends = new Map<string, AnyRecord>()
    for (const record of records) ends.set(`${record.topic}/${record.partition}`, record)
    const places = [...ends.values()].map(({ topic, partition, offset }) => {
      const topicId = broker.topics.get(topic)?.id
      return { topicId: topicId!, partition, from: offset + 1, to: this.#position(topic, partition) }
    })
    return {
      send: tx => tx.sendOffsets(this.#consumer),
      committed: () => {
        for (const { topicId, partition, from, to } of places)
          polling.sentOffsets(topicId, partition, from, to)
      },
      rewind: () => this.#rewind(),
    }
  }

  // A partition that it has to give up may be committed further on, too: after what is no record.
  #position(topic: string, partition: number): number {
    const tp = { topic, partition }
    const { assignment } = this.#consumer
    const held = assignment.some(each => each.topic === topic && each.partition === partition)
    return held ? this.#consumer.position(tp) : Number.POSITIVE_INFINITY
  }

  async #rewind(): Promise<void> {
    for (const tp of this.#consumer.assignment) {
      const committed = await this.#consumer.committed(tp)
      const { topic, partition } = tp
      const held = this.#consumer.assignment.some(
        each => each.topic === topic && each.partition === partition,
      )
      if (held) this.#consumer.seek(tp, committed?.offset ?? 'beginning')
    }
  }
}

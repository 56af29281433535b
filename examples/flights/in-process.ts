import { Broker, type PubSub } from 'brokerlet'
import type { Counts } from './counts.ts'
import { plural, type Screen } from './screen.ts'
import { type FlightTopics, topics } from './topics.ts'

/** The topics and groups in this process. */
export class InProcess {
  readonly #broker = new Broker({ topics })

  get pubsub(): PubSub<FlightTopics> {
    return this.#broker
  }

  /** Shows what happens to the groups. */
  watch(counts: Counts, screen: Screen): () => void {
    const rebalanced = (event: { groupId: string; members: number; moved: number }) => {
      counts.rebalanced(event)
      screen.event(
        `  ${event.groupId}: ${plural(event.members, 'consumer')}, ${plural(event.moved, 'partition')} moved`,
      )
    }
    this.#broker.on('rebalanced', rebalanced)
    this.#broker.on('recordsDropped', ({ topic, partition, from, to }) => {
      screen.event(`  ${topic}-${partition} dropped ${plural(to - from, 'unread record')}`, 'red')
    })
    return () => this.#broker.off('rebalanced', rebalanced)
  }

  /** Resolves when everything is handled. */
  idle(): Promise<void> {
    return this.#broker.idle({ timeoutMs: 60_000 })
  }

  async close(): Promise<void> {
    await this.#broker.close({ timeoutMs: 1000 })
  }
}

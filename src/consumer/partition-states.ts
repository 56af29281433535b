import type { TopicPartition } from '../topic-partition.ts'
import type { PartitionState } from './partition-state.ts'

/** The partitions of one consumer, by topic and number, and those that it lost while a handler was at work on them. */
export class PartitionStates {
  readonly #states = new Map<string, (PartitionState | undefined)[]>()
  // Lost partitions with a handler still at work.
  readonly #stale = new Set<PartitionState>()

  get all(): PartitionState[] {
    return [...this.#states.values()].flatMap(states => states.filter(state => state !== undefined))
  }

  find({ topic, partition }: TopicPartition): PartitionState | undefined {
    return this.#states.get(topic)?.[partition]
  }

  /** The states of those of these partitions that it has. */
  findAll(partitions: readonly TopicPartition[]): PartitionState[] {
    return partitions.map(tp => this.find(tp)).filter(state => state !== undefined)
  }

  put(state: PartitionState): void {
    let states = this.#states.get(state.topic)
    if (states === undefined) {
      states = []
      this.#states.set(state.topic, states)
    }
    states[state.partition] = state
  }

  drop(dropped: readonly PartitionState[]): void {
    for (const state of dropped) {
      const states = this.#states.get(state.topic)
      if (states?.[state.partition] === state) states[state.partition] = undefined
    }
    // Topics come and go for as long as a consumer reads: their entries must not pile up.
    for (const topic of new Set(dropped.map(state => state.topic))) {
      if (!this.#states.get(topic)?.some(state => state !== undefined)) this.#states.delete(topic)
    }
  }

  /** The same for lost partitions, on which a handler may still be at work. */
  lose(lost: readonly PartitionState[]): void {
    this.#forgetStale()
    for (const state of lost) if (state.busy) this.#stale.add(state)
    this.drop(lost)
  }

  clear(): void {
    this.#states.clear()
  }

  /**
   * The assignment under which an offset was read: none without a position, and none while a handler of an earlier
   * assignment is still at work on the partition.
   */
  readUnder(tp: TopicPartition): PartitionState | undefined {
    this.#forgetStale()
    for (const { topic, partition } of this.#stale) {
      if (topic === tp.topic && partition === tp.partition) return undefined
    }
    const state = this.find(tp)
    return state?.positioned ? state : undefined
  }

  #forgetStale(): void {
    for (const stale of this.#stale) if (!stale.busy) this.#stale.delete(stale)
  }
}

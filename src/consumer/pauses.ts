import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import type { PartitionState } from './partition-state.ts'

interface TimedPause {
  /** On the clock's `monotonic()`. */
  readonly until: number
  readonly timer: Timer
}

/**
 * Partitions that are paused. One that its handler paused for a time keeps the process alive: it goes on by itself.
 */
export class Pauses {
  readonly #clock: BrokerClock
  readonly #over: () => void
  readonly #pauses = new Map<PartitionState, TimedPause>()

  /** `over` is called when a pause has ended, and its partition may be read again. */
  constructor(clock: BrokerClock, over: () => void) {
    this.#clock = clock
    this.#over = over
  }

  /**
   * Pauses a partition for `ms` milliseconds; of several pauses the longest counts. One without an end stays so. Does
   * nothing where the partition is given up: no record of it is handed out any more, and a timer would outlast it.
   */
  pause(state: PartitionState, ms: number): void {
    if (!state.controlled) return
    const now = this.#clock.monotonic()
    const until = now + ms
    const before = this.#pauses.get(state)
    if (before === undefined ? state.paused : before.until >= until) return
    this.forget(state)
    state.paused = true
    if (ms === Number.POSITIVE_INFINITY) return
    const name = `pause of ${formatTopicPartition(state)}`
    const end = () => {
      this.resume(state)
      this.#over()
    }
    const timer = this.#clock.setTimer(end, ms, { hold: true, name })
    this.#pauses.set(state, { until, timer })
  }

  /** Ends the pause of a partition, if there is one. */
  resume(state: PartitionState): void {
    if (!state.paused) return
    this.forget(state)
    state.paused = false
    state.fetch?.changed()
  }

  has(state: PartitionState): boolean {
    return this.#pauses.has(state)
  }

  /** How long the pause of a partition still lasts, in milliseconds; 0 where there is none. */
  left(state: PartitionState): number {
    const pause = this.#pauses.get(state)
    return pause === undefined ? 0 : Math.max(0, pause.until - this.#clock.monotonic())
  }

  /** Drops the timer of a pause: the caller decides about the partition from here on. */
  forget(state: PartitionState): void {
    this.#pauses.get(state)?.timer.cancel()
    this.#pauses.delete(state)
  }

  pending(): string[] {
    return Array.from(
      this.#pauses.keys(),
      state => `pauses ${formatTopicPartition(state)} for ${Math.round(this.left(state))} ms more`,
    )
  }
}

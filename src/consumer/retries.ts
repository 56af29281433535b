import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import { describeError } from '../thrown.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import type { PartitionState } from './partition-state.ts'
import type { Work } from './work.ts'

/** Works that wait for their next attempt. Each keeps the process alive until that is due. */
export class Retries {
  readonly #clock: BrokerClock
  readonly #due: (work: Work) => void
  readonly #timers = new Map<Work, { readonly timer: Timer; readonly error: unknown }>()
  // Works that came due while their partition was paused.
  readonly #held = new Set<Work>()

  constructor(clock: BrokerClock, due: (work: Work) => void) {
    this.#clock = clock
    this.#due = due
  }

  /** Makes the next attempt due in `delayMs` milliseconds, after one that failed with `error`. */
  add(work: Work, delayMs: number, error: unknown): void {
    const due = () => {
      this.#timers.delete(work)
      work.attempt++
      this.#due(work)
    }
    const name = `retry of ${formatTopicPartition(work.state)} offset ${work.record?.offset}`
    const timer = this.#clock.setTimer(due, delayMs, { hold: true, name })
    this.#timers.set(work, { timer, error })
  }

  /** Holds a due work whose partition is paused: its attempt, of the same number, is made when the pause has ended. */
  hold(work: Work): void {
    this.#held.add(work)
  }

  /** A held work whose partition is no longer paused. */
  resumed(): Work | undefined {
    for (const work of this.#held) {
      if (work.state.paused) continue
      this.#held.delete(work)
      return work
    }
    return undefined
  }

  /** Takes back the works of a partition; true where there were any. */
  forget(state: PartitionState): boolean {
    let some = false
    for (const work of this.#held) {
      if (work.state !== state) continue
      this.#held.delete(work)
      some = true
    }
    for (const [work, { timer }] of this.#timers) {
      if (work.state !== state) continue
      timer.cancel()
      this.#timers.delete(work)
      some = true
    }
    return some
  }

  pending(): string[] {
    return Array.from(this.#timers, ([{ state, record, attempt }, { error }]) => {
      const next = `attempt ${attempt + 1} at ${formatTopicPartition(state)} offset ${record?.offset}`
      return `waits for ${next}, since its handler failed: ${describeError(error)}`
    })
  }
}

/** Whether a work is another attempt at a record that only a pause of the partition holds back. */
export function isHeldBack({ attempt, record, state, version }: Work): boolean {
  const paused = state.paused && state.phase === 'active' && state.version === version
  return paused && attempt > 1 && record !== undefined
}

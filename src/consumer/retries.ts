import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import type { PartitionState } from './partition-state.ts'
import type { Work } from './work.ts'

/** Works that wait for their next attempt. Each keeps the process alive until that is due. */
export class Retries<Each extends Work> {
  readonly #clock: BrokerClock
  readonly #due: (work: Each) => void
  readonly #timers = new Map<Each, Timer>()
  // Those whose time came while their partition was paused.
  readonly #held = new Set<Each>()

  constructor(clock: BrokerClock, due: (work: Each) => void) {
    this.#clock = clock
    this.#due = due
  }

  /** Makes the next attempt due in so many milliseconds. */
  add(work: Each, delayMs: number): void {
    const due = () => {
      this.#timers.delete(work)
      work.attempt++
      this.#due(work)
    }
    const name = `retry of ${formatTopicPartition(work.state)} offset ${work.record?.offset}`
    this.#timers.set(work, this.#clock.setTimer(due, delayMs, { hold: true, name }))
  }

  /** The partition of a due one is paused: its attempt comes when that has ended, and counts as the one that it is. */
  hold(work: Each): void {
    this.#held.add(work)
  }

  /** One that was held, and whose partition is paused no longer. */
  resumed(): Each | undefined {
    for (const work of this.#held) {
      if (work.state.paused) continue
      this.#held.delete(work)
      return work
    }
    return undefined
  }

  /** Takes back those of a partition; gives whether there were any. */
  forget(state: PartitionState): boolean {
    let some = false
    for (const work of this.#held) {
      if (work.state !== state) continue
      this.#held.delete(work)
      some = true
    }
    for (const [work, timer] of this.#timers) {
      if (work.state !== state) continue
      timer.cancel()
      this.#timers.delete(work)
      some = true
    }
    return some
  }

  pending(): string[] {
    return Array.from(this.#timers.keys(), ({ state, record, attempt }) => {
      const next = `attempt ${attempt + 1} at ${formatTopicPartition(state)} offset ${record?.offset}`
      return `waits for ${next}`
    })
  }
}

/** Whether it is another attempt at a record, and only a pause of the partition keeps it from being made. */
export function isHeldBack({ attempt, record, state, version }: Work): boolean {
  const paused = state.paused && state.phase === 'active' && state.version === version
  return paused && attempt > 1 && record !== undefined
}

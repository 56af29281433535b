import type { BrokerClock } from '../broker-clock.ts'
import type { PartitionCleaner } from './partition-cleaner.ts'

// Writing a segment pays for compacting this many times as much: a pass over what is dirty and as much that is clean
// reads three times what is dirty, so the log stays bounded even where a writer never lets go of the event loop.
const recordsPerAppend = 4
const mostPerAppend = 4 * 4096
// How long a step may hold the event loop, and how often it looks at the clock.
const stepMs = 2
const recordsPerLook = 256

/** Compacts the logs of a broker, in small steps, as they need it. (Kafka: LogCleaner) */
export class LogCleaner {
  readonly #clock: BrokerClock
  readonly #finished: () => void
  // When each has something to do next.
  readonly #due = new Map<PartitionCleaner, number>()
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: BrokerClock, finished: () => void) {
    this.#clock = clock
    this.#finished = finished
  }

  /** A segment of so many records was closed. */
  rolled(cleaner: PartitionCleaner, records: number): void {
    const now = this.#clock.now()
    // Without the one that was just closed: who reads at the end has not had a turn to read it.
    cleaner.work(Math.min(mostPerAppend, recordsPerAppend * records), now, 1)
    this.#await(cleaner, now)
  }

  /** Looks at one again, after it was compacted on demand. */
  changed(cleaner: PartitionCleaner): void {
    this.#await(cleaner, this.#clock.now())
  }

  /** Its topic is deleted. */
  forget(cleaner: PartitionCleaner): void {
    this.#due.delete(cleaner)
    if (this.#due.size > 0) return
    this.#timerAt = Number.POSITIVE_INFINITY
    this.#clock.unschedule('compaction')
  }

  #await(cleaner: PartitionCleaner, now: number): void {
    const due = cleaner.nextDue(now)
    if (due === Number.POSITIVE_INFINITY) return void this.#due.delete(cleaner)
    this.#due.set(cleaner, due)
    this.#schedule(due, now)
  }

  #schedule(due: number, now: number): void {
    if (due >= this.#timerAt) return
    this.#timerAt = due
    this.#clock.schedule('compaction', Math.max(0, due - now), () => this.#step())
  }

  #step(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    const { ms, records } = this.#clock.workBudget
    const end = this.#clock.monotonic() + Math.min(stepMs, ms)
    let left = records
    for (const [cleaner, due] of this.#due) {
      if (due > now) continue
      let worked = 0
      do {
        worked = cleaner.work(Math.min(recordsPerLook, left), now)
        left -= worked
      } while (worked > 0 && left > 0 && this.#clock.monotonic() < end)
      const next = cleaner.nextDue(now)
      // At the end of the line, so that the others have their turn.
      this.#due.delete(cleaner)
      if (next < Number.POSITIVE_INFINITY) this.#due.set(cleaner, next)
      if (left <= 0 || this.#clock.monotonic() >= end) break
    }
    for (const due of this.#due.values()) this.#schedule(due, now)
    this.#finished()
  }
}

import type { BrokerClock } from '../broker-clock.ts'
import type { PartitionCleaner } from './partition-cleaner.ts'

// For each record of a closed segment, this many records are compacted. A pass over the dirty records and as many clean
// ones reads three times the dirty ones, so the log stays bounded even where a writer never yields to the event loop.
const recordsPerAppend = 4
const mostPerAppend = 4 * 4096
// How long a step may block the event loop, and after how many records it checks the time.
const stepMs = 2
const recordsPerLook = 256

/** Compacts the logs of a broker, in small steps, as they need it. (Kafka: LogCleaner) */
export class LogCleaner {
  readonly #clock: BrokerClock
  // When each cleaner has work to do next.
  readonly #due = new Map<PartitionCleaner, number>()
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: BrokerClock) {
    this.#clock = clock
  }

  /** A segment of so many records was closed. */
  rolled(cleaner: PartitionCleaner, records: number): void {
    const now = this.#clock.now()
    // Spares the segment that was just closed: a reader at the end of the log has had no turn to read it.
    cleaner.work(Math.min(mostPerAppend, recordsPerAppend * records), now, 1)
    this.#await(cleaner, now)
  }

  /** Schedules a cleaner anew, after its log was compacted on demand, or its options were altered. */
  changed(cleaner: PartitionCleaner): void {
    this.#await(cleaner, this.#clock.now())
  }

  /** Drops a cleaner whose topic was deleted, or is no longer compacted. */
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
      // Goes to the end of the queue, so that the other cleaners have their turn.
      this.#due.delete(cleaner)
      if (next < Number.POSITIVE_INFINITY) this.#due.set(cleaner, next)
      if (left <= 0 || this.#clock.monotonic() >= end) break
    }
    for (const due of this.#due.values()) this.#schedule(due, now)
  }
}

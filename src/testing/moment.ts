import { NeverIdleError } from '../errors.ts'
import { describeError } from '../thrown.ts'
import type { TestClock } from './test-clock.ts'
import type { Timeline } from './timeline.ts'

// What can happen at one moment of a broker's time before it is said to have no end: a few seconds of real time. What
// the log held may be read by many groups, each of which may write more for the next one.
const mostEntries = 300_000
const mostEntriesPerRecord = 50
const mostTurns = 200_000
const mostFailures = 8000

// Enough for a few rounds of what goes round.
const entriesShown = 12

/**
 * The moment at which a broker's time stands still. Code that never lets it end, such as a handler that sends to its own
 * topic or a retry without a delay, would keep a test from ending.
 */
export class Moment {
  readonly #clock: TestClock
  readonly #timeline: Timeline
  readonly #records: () => number
  readonly #failures = new Map<string, number>()
  #hopeless: { readonly has: string; readonly error: unknown } | undefined
  #at = Number.NaN
  #turns = 0
  #lastEntry = 0

  /** `records`: how many records the broker holds. */
  constructor(clock: TestClock, timeline: Timeline, records: () => number) {
    this.#clock = clock
    this.#timeline = timeline
    this.#records = records
  }

  /** From now on what happens is counted anew. */
  begin(): void {
    this.#at = this.#clock.monotonic()
    this.#turns = 0
    this.#failures.clear()
    this.#hopeless = undefined
    this.#lastEntry = this.#timeline.recorded + mostEntries + mostEntriesPerRecord * this.#records()
  }

  get #over(): boolean {
    return this.#at !== this.#clock.monotonic()
  }

  /** Notes that a consumer has failed at a record, and gets it again. */
  failed(consumer: string, place: string, error: unknown): void {
    if (this.#over) this.begin()
    const key = `${consumer} ${place}`
    const count = (this.#failures.get(key) ?? 0) + 1
    this.#failures.set(key, count)
    if (count >= mostFailures)
      this.#hopeless = { has: `${consumer} has failed ${count} times at ${place}`, error }
  }

  /** @throws NeverIdleError where too much has happened since time last moved; `what` is waited for */
  requireEnd(what: string): void {
    if (this.#over) return this.begin()
    const hopeless = this.#hopeless
    if (hopeless !== undefined) {
      this.begin()
      const { has, error } = hopeless
      throw new NeverIdleError(
        `Waited for ${what}, but ${has}, and the broker's time has not moved: ${describeError(error)}`,
        { cause: error },
      )
    }
    this.#turns++
    if (this.#turns < mostTurns && this.#timeline.recorded < this.#lastEntry) return
    this.begin()
    const due = this.#clock.pending.filter(({ inMs }) => inMs === 0).map(({ name }) => name)
    const timers = due.length === 0 ? '' : `; timers that are due now: ${due.join(', ')}`
    const last = this.#timeline.last(entriesShown)
    throw new NeverIdleError(
      `Waited for ${what}, but what happens at this one moment of the broker's time has no end${timers}. ` +
        `The last of it:\n${last}`,
      { details: last },
    )
  }
}

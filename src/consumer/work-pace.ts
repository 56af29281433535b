import type { BrokerClock } from '../broker-clock.ts'

// The most records between two looks at the clock; the quicker the records, the more.
const mostBetweenChecks = 256
const quickMs = 1

/** Tells a loop over records when the event loop is to have its turn, without asking the clock for every record. */
export class WorkPace {
  readonly #clock: BrokerClock
  #sinceCheck = 0
  #checkAfter = 1
  #checkedAt = 0

  constructor(clock: BrokerClock) {
    this.#clock = clock
  }

  /** Counts a record; a promise where the budget is used up and the turn is to be awaited. */
  next(): Promise<void> | undefined {
    return ++this.#sinceCheck < this.#checkAfter ? undefined : this.#check()
  }

  // The clock is asked often while records are slow.
  #check(): Promise<void> | undefined {
    const turn = this.#clock.exhausted(this.#sinceCheck)
    const now = this.#clock.monotonic()
    const quick = now - this.#checkedAt < quickMs
    this.#checkAfter = quick ? Math.min(mostBetweenChecks, this.#checkAfter * 2) : 1
    this.#checkedAt = now
    this.#sinceCheck = 0
    return turn
  }
}

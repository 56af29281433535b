import type { Clock } from '../clock.ts'
import { Deadline } from '../deadline.ts'
import { isThenable, type MaybePromise } from '../maybe-promise.ts'

// How long past its deadline a consumer that leaves still waits for its last commit, and for its group to hear of it.
const lastWordMs = 1000

/** What a consumer tells its group when it leaves: a request that may never be answered. */
export class LastWord {
  /** Whether the group may still count it as a member under an old member id, until the session of that is over. */
  unheard = false
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes that the group is told that the consumer leaves. */
  leaving(told: MaybePromise<void>): MaybePromise<void> {
    if (!isThenable(told)) return
    this.unheard = true
    return told.then(() => {
      this.unheard = false
    })
  }

  /** Waits for an answer, but not for long where the deadline has passed: the request goes on. */
  async heard(told: MaybePromise<void>, deadline: Promise<void>): Promise<void> {
    if (!isThenable(told)) return
    let last: Deadline | undefined
    const late = deadline.then(() => {
      last = new Deadline(this.#clock, lastWordMs, 'last word')
      return last.passed
    })
    await Promise.race([told, late])
    last?.cancel()
  }
}

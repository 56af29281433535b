import type { Clock } from '../clock.ts'
import { type Deadline, lastWordDeadline } from '../deadline.ts'
import { isThenable, type MaybePromise } from '../maybe-promise.ts'

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
      last = lastWordDeadline(this.#clock)
      return last.passed
    })
    await Promise.race([told, late])
    last?.cancel()
  }
}

import { Deferred } from '../deferred.ts'

/** Whether a consumer has its whole assignment, and the promise of those that wait for that. */
export class Readiness {
  #ready = new Deferred()
  #settled = false

  /** Whether no more is to come, as far as its group has said. */
  get settled(): boolean {
    return this.#settled
  }

  /** Resolves when the consumer is ready; rejects where it will not be. */
  get promise(): Promise<void> {
    return this.#ready.promise
  }

  become(): void {
    this.#settled = true
    this.#ready.resolve()
  }

  /** Says that more is to come: callers that wait go on waiting, and those that ask from now on wait, too. */
  unsettle(): void {
    this.#settled = false
    if (this.#ready.settled) this.#ready = new Deferred()
  }

  /** Rejects for callers that wait, or ask later, with the reason why the consumer will not be ready. */
  fail(error: unknown): void {
    this.#ready.reject(error)
  }
}

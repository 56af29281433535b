import { Deferred } from '../deferred.ts'

/** Whether a consumer has all that it is meant to have, and who waits for that. */
export class Readiness {
  #ready = new Deferred()
  #settled = false

  /** Whether nothing more is to come, as far as its group has said. */
  get settled(): boolean {
    return this.#settled
  }

  /** Resolves when it is ready; rejects where it will not be. */
  get promise(): Promise<void> {
    return this.#ready.promise
  }

  become(): void {
    this.#settled = true
    this.#ready.resolve()
  }

  /** More is to come. Who was told that it is ready was told so; who waits goes on waiting. */
  unsettle(): void {
    this.#settled = false
  }

  /** Whoever asks from now on waits for what comes from now on. */
  renew(): void {
    if (this.#ready.settled) this.#ready = new Deferred()
  }

  /** Whoever waits, or asks later, hears why it will not be ready. */
  fail(error: unknown): void {
    this.#ready.reject(error)
  }
}

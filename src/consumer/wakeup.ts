/**
 * Lets a loop sleep until it is woken. The loop waits on a promise of its own, so it goes on in its own
 * AsyncLocalStorage context and not in that of the caller that woke it.
 */
export class Wakeup {
  #resolve: (() => void) | undefined
  #pending = false

  /** Ends the wait under way, or the next one at once. */
  wake = (): void => {
    const resolve = this.#resolve
    if (resolve === undefined) {
      this.#pending = true
      return
    }
    this.#resolve = undefined
    resolve()
  }

  /** Resolves when woken; one loop waits at a time. */
  wait(): Promise<void> {
    if (this.#pending) {
      this.#pending = false
      return Promise.resolve()
    }
    return new Promise(resolve => {
      this.#resolve = resolve
    })
  }
}

import { AsyncResource } from 'node:async_hooks'

const resolved = Promise.resolve()

/**
 * Lets a loop sleep until it is woken, and then runs it in the async context in which it was made, not in that of the
 * caller that woke it. Every send to a waiting consumer goes through it, so it makes no promise of its own.
 */
export class Loop {
  readonly #resource = new AsyncResource('brokerlet.Consumer')
  readonly #step: () => void
  #asleep = false
  #pending = false

  constructor(step: () => void) {
    this.#step = step
  }

  /** Says that the step has nothing to do: it runs again when woken, or at once where it was woken already. */
  sleep(): void {
    this.#asleep = true
    if (!this.#pending) return
    this.#pending = false
    this.wake()
  }

  /** Ends the sleep under way, or the next one at once. */
  wake(): void {
    if (!this.#asleep) {
      this.#pending = true
      return
    }
    this.#asleep = false
    resolved.then(this.#resume)
  }

  /** Says that it is not woken any more: test runners take an async resource for open as long as it is there. */
  end(): void {
    this.#resource.emitDestroy()
  }

  readonly #resume = (): void => {
    this.#resource.runInAsyncScope(this.#step)
  }
}

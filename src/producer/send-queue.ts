import PQueue from 'p-queue'

/** Runs tasks one after the other, in the order in which they came. */
export class SendQueue {
  readonly #queue = new PQueue({ concurrency: 1 })

  add<T>(task: () => Promise<T>): Promise<T> {
    return this.#queue.add(task) as Promise<T>
  }

  /** How many wait or run. */
  get size(): number {
    return this.#queue.size + this.#queue.pending
  }

  /** Resolves when all that were added are through. */
  idle(): Promise<void> {
    return this.#queue.onIdle()
  }
}

import PQueue from 'p-queue'

/** Runs tasks in the order in which they came, up to `concurrency` at once. */
export class TaskQueue {
  readonly #queue: PQueue

  constructor(concurrency: number) {
    this.#queue = new PQueue({ concurrency })
  }

  /** Settles as the task does; it begins at once where there is room. */
  add<T>(task: () => Promise<T>): Promise<T> {
    return this.#queue.add(task) as Promise<T>
  }

  /** How many tasks wait or run. */
  get size(): number {
    return this.#queue.size + this.#queue.pending
  }

  /** Resolves when all tasks have ended. */
  idle(): Promise<void> {
    return this.#queue.onIdle()
  }
}

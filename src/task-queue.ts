import { AsyncResource } from 'node:async_hooks'
import PQueue from 'p-queue'

/** Runs tasks one after the other, in the order in which they came, each in the async context of who added it. */
export class TaskQueue {
  readonly #queue = new PQueue({ concurrency: 1 })

  /** Settles as the task does; it begins at once where no other runs or waits. */
  add<T>(task: () => Promise<T>): Promise<T> {
    return this.#queue.add(AsyncResource.bind(task)) as Promise<T>
  }

  /** How many tasks run or wait. */
  get size(): number {
    return this.#queue.size + this.#queue.pending
  }

  /** Resolves when all tasks have ended. */
  idle(): Promise<void> {
    return this.#queue.onIdle()
  }
}

import type { ConsumerLifecycle } from './consumer-lifecycle.ts'
import type { RecordStream } from './record-stream.ts'

/** A `for await` over a stream: leaving it closes the consumer, and a crash is thrown from it. */
export class RecordIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #lifecycle: ConsumerLifecycle
  readonly #stream: RecordStream
  readonly #next: () => Promise<T | undefined>
  // Calls of next() that do not wait for each other are answered one after the other.
  #last: Promise<unknown> = Promise.resolve()
  #over = false

  constructor(lifecycle: ConsumerLifecycle, stream: RecordStream, next: () => Promise<T | undefined>) {
    this.#lifecycle = lifecycle
    this.#stream = stream
    this.#next = next
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const result = this.#last.then(() => this.#step())
    this.#last = result.catch(() => {})
    return result
  }

  async #step(): Promise<IteratorResult<T, undefined>> {
    if (this.#over) return { done: true, value: undefined }
    this.#stream.proceed()
    try {
      await this.#lifecycle.startOrEnd()
      const value = await this.#next()
      if (value !== undefined) return { done: false, value }
    } catch (error) {
      await this.return()
      throw error
    }
    this.#over = true
    // A crash is the loop's error, too.
    await this.#lifecycle.done
    return { done: true, value: undefined }
  }

  /** The loop was left: the record in hand is not finished. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#over = true
    this.#stream.abandon()
    await this.#lifecycle.close({})
    return { done: true, value: undefined }
  }
}

import type { ConsumerLifecycle } from './consumer-lifecycle.ts'
import type { RecordStream } from './record-stream.ts'

/** Where an iterator gets what it hands out. */
export interface IteratorSource<T> {
  /** The next one; undefined when the consumer has ended. */
  next(): Promise<T | undefined>
  /** The next one where it is here already, and nothing has to be waited for. */
  atHand(): T | undefined
}

/** What a `for await` over a consumer runs on: leaving the loop closes the consumer. */
// As AsyncIterableIterator<T, undefined>, which has a second parameter only since TypeScript 5.6.
export interface ConsumerIterator<out T> extends AsyncIterator<T, undefined> {
  /** The next one, once there is one; `done` when the consumer has ended. Finishes the one before. */
  next(): Promise<IteratorResult<T, undefined>>
  /** Closes the consumer; what was handed out last is not finished. */
  return(): Promise<IteratorReturnResult<undefined>>
  /** Itself. */
  [Symbol.asyncIterator](): ConsumerIterator<T>
}

/** A `for await` over a stream: leaving it closes the consumer, and a crash is thrown from it. */
export class RecordIterator<T> implements ConsumerIterator<T> {
  readonly #lifecycle: ConsumerLifecycle
  readonly #stream: RecordStream
  readonly #source: IteratorSource<T>
  // Calls of next() that do not wait for each other are answered one after the other.
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #over = false

  constructor(lifecycle: ConsumerLifecycle, stream: RecordStream, source: IteratorSource<T>) {
    this.#lifecycle = lifecycle
    this.#stream = stream
    this.#source = source
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    // Most records are here already: the way that waits takes ten times as long.
    const value = this.#waiting === 0 ? this.#source.atHand() : undefined
    return value === undefined ? this.#nextInTurn() : Promise.resolve({ done: false, value })
  }

  #nextInTurn(): Promise<IteratorResult<T, undefined>> {
    const result = this.#waiting++ === 0 ? this.#step() : this.#last.then(() => this.#step())
    const over = () => void this.#waiting--
    this.#last = result.then(over, over)
    return result
  }

  async #step(): Promise<IteratorResult<T, undefined>> {
    if (this.#over) return { done: true, value: undefined }
    this.#stream.proceed()
    try {
      if (!this.#lifecycle.started) await this.#lifecycle.startOrEnd()
      const value = await this.#source.next()
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

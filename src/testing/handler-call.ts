import { AsyncLocalStorage } from 'node:async_hooks'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { AnyRecord } from '../record.ts'

// What a handler does, also later, runs in the async context of its call.
const current = new AsyncLocalStorage<HandlerCall>()

/** One call of a handler. */
export class HandlerCall {
  readonly records: readonly AnyRecord[]
  // Its sends that wait for room.
  #waiting = 0

  constructor(records: readonly AnyRecord[]) {
    this.records = records
  }

  run<Result>(handler: () => Result): Result {
    return current.run(this, handler)
  }

  /** Whether it has sent something that waits for room: that ends with the broker's time, if nobody makes room before. */
  get waitsForRoom(): boolean {
    return this.#waiting > 0
  }

  async waitForRoom<Written>(written: Promise<Written>): Promise<Written> {
    this.#waiting++
    try {
      return await written
    } finally {
      this.#waiting--
    }
  }
}

/** Writes, and notes with the handler that sends whether that has to wait for room; otherwise it is done at once. */
export function noting<Written>(write: () => MaybePromise<Written>): MaybePromise<Written> {
  const written = write()
  if (!isPromise(written)) return written
  return current.getStore()?.waitForRoom(written) ?? written
}

import type { BrokerClock } from './broker-clock.ts'
import { Deadline } from './deadline.ts'
import { describeValue, InvalidArgumentError, TimeoutError } from './errors.ts'
import { duration } from './validate.ts'

interface Waiter {
  /** Whether it has come; throws where it never can. */
  readonly condition: () => boolean
  readonly settle: (error?: unknown) => void
}

/** How long a wait lasts, and what ends it. */
export interface WaitOptions {
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Whether the process stays alive for it; default false. */
  readonly hold?: boolean
}

/** Promises of a state that comes about elsewhere: it is looked at when somebody says that something changed. */
export class Conditions {
  readonly #clock: BrokerClock
  readonly #waiters = new Set<Waiter>()
  #looking = false
  #closed: (() => Error) | undefined

  constructor(clock: BrokerClock) {
    this.#clock = clock
  }

  /** Something changed. With nobody waiting this costs a comparison. */
  touch(): void {
    if (this.#waiters.size === 0 || this.#looking) return
    this.#looking = true
    // Once for everything that changes in this turn of the event loop: to look costs more than a record does.
    this.#clock.turn().then(() => this.#look())
  }

  #look(): void {
    this.#looking = false
    for (const waiter of [...this.#waiters]) this.#check(waiter)
  }

  /** Nothing changes any more: what has not come by now never does. */
  close(reason: () => Error): void {
    this.#closed = reason
    for (const waiter of [...this.#waiters]) {
      this.#check(waiter)
      if (this.#waiters.has(waiter)) waiter.settle(reason())
    }
  }

  #check(waiter: Waiter): void {
    if (!this.#waiters.has(waiter)) return
    try {
      if (waiter.condition()) waiter.settle()
    } catch (error) {
      waiter.settle(error)
    }
  }

  /**
   * Resolves once `condition` holds; it is looked at now and after each `touch`.
   *
   * @throws TimeoutError after `timeoutMs` (default 5,000), with what `explain` says then
   * @throws what `close` says once nothing changes any more
   */
  wait(
    what: string,
    condition: () => boolean,
    explain: () => string,
    options: WaitOptions = {},
  ): Promise<void> {
    const { timeoutMs = 5000, signal, hold = false } = options
    return new Promise((resolve, reject) => {
      if (!duration.accepts(timeoutMs)) {
        throw new InvalidArgumentError(
          `Waiting for ${what}: option 'timeoutMs' expected ${duration.expected}, received ${describeValue(timeoutMs)}`,
          { option: 'timeoutMs', expected: duration.expected, received: timeoutMs },
        )
      }
      signal?.throwIfAborted()
      if (this.#closed !== undefined) throw this.#closed()
      const settle = (error?: unknown) => {
        this.#waiters.delete(waiter)
        deadline.cancel()
        signal?.removeEventListener('abort', abort)
        if (error === undefined) resolve()
        else reject(error)
      }
      const waiter: Waiter = { condition, settle }
      const timedOut = () => {
        if (!this.#waiters.has(waiter)) return
        const details = explain()
        settle(new TimeoutError(`Waited ${timeoutMs} ms for ${what}: ${details}`, { details }))
      }
      const abort = () => settle(signal?.reason)
      const deadline = new Deadline(this.#clock, timeoutMs, `waiting for ${what}`, { hold })
      deadline.passed.then(timedOut, settle)
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiters.add(waiter)
      Promise.resolve().then(() => this.#check(waiter))
    })
  }
}

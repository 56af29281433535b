import type { BrokerClock } from './broker-clock.ts'
import { Deadline } from './deadline.ts'
import { InvalidArgumentError, TimeoutError, whoWaits } from './errors.ts'
import { duration } from './validate.ts'
import { describeValue } from './value-text.ts'

interface Waiter {
  /** Whether the awaited state is reached; throws where it never can be. */
  readonly condition: () => boolean
  readonly settle: (error?: unknown) => void
}

/** How long a wait lasts, and what ends it. */
export interface WaitOptions {
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

// Less than the 5 s after which a test runner ends a test without a word about why.
const patienceMs = 4000

/** Waits for states that are reached elsewhere: conditions are checked when `touch` says that something changed. */
export class Conditions {
  readonly #clock: BrokerClock
  readonly #waiters = new Set<Waiter>()
  #looking = false
  #closed: (() => Error) | undefined
  /**
   * Told what a wait that may time out is for, and what says what it still waits for; what it returns is called when
   * that ends. A broker of tests sets it.
   */
  watcher: ((what: string, explain: () => string) => () => void) | undefined

  constructor(clock: BrokerClock) {
    this.#clock = clock
  }

  /** Says that something changed. Without a waiter this costs a comparison. */
  touch(): void {
    if (this.#waiters.size === 0 || this.#looking) return
    this.#looking = true
    // One check for all that changes in this turn of the event loop: a check costs more than a record does.
    this.#clock.turn().then(() => this.#look())
  }

  #look(): void {
    this.#looking = false
    for (const waiter of [...this.#waiters]) this.#check(waiter)
  }

  /** Says that nothing changes any more: waits whose condition does not hold by now reject. */
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
   * Resolves once `condition` holds; it is checked now and after each `touch`. The process stays alive until its time
   * is over, or nobody would hear what hangs where nothing else is alive.
   *
   * @throws TimeoutError after `timeoutMs` (default 4,000), with what `explain` says then
   * @throws the reason given to `close`, once nothing changes any more
   */
  wait(what: string, condition: () => boolean, explain: () => string, options: WaitOptions): Promise<void> {
    const { timeoutMs = patienceMs, signal } = options
    const showWaiting = whoWaits()
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
        unwatch?.()
        signal?.removeEventListener('abort', abort)
        if (error === undefined) return resolve()
        showWaiting(error)
        reject(error)
      }
      const waiter: Waiter = { condition, settle }
      const unwatch = timeoutMs === Number.POSITIVE_INFINITY ? undefined : this.watcher?.(what, explain)
      const timedOut = () => {
        // What changed in this turn is looked at after it, and between two fake timers of a test runner there is no turn.
        this.#check(waiter)
        if (!this.#waiters.has(waiter)) return
        const details = explain()
        settle(new TimeoutError(`Waited ${timeoutMs} ms for ${what}: ${details}`, { details }))
      }
      const abort = () => settle(signal?.reason)
      const deadline = new Deadline(this.#clock, timeoutMs, `waiting for ${what}`, { hold: true })
      deadline.passed.then(timedOut, settle)
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiters.add(waiter)
      Promise.resolve().then(() => this.#check(waiter))
    })
  }
}

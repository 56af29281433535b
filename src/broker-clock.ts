import { AbortWatch } from './abort-watch.ts'
import type { Clock, Timer, TimerOptions, WorkBudget } from './clock.ts'
import { abortSignal, type Check, checkOptions, requireArgument } from './validate.ts'

const milliseconds: Check = {
  expected: 'a number of milliseconds',
  accepts: value => typeof value === 'number' && !Number.isNaN(value),
}

/** A time that is waited for. */
export interface Delay {
  /** Resolves when the time is over, or was ended early. */
  readonly over: Promise<void>
  readonly end: () => void
}

/** A broker's clock: the clock it was given, and timers by key; a new timer replaces the waiting one of its key. */
export class BrokerClock implements Clock {
  readonly #clock: Clock
  readonly #timers = new Map<string, Timer>()
  readonly #aborts = new AbortWatch()
  #closed = false
  readonly workBudget: WorkBudget
  // When this turn of the event loop began, on both clocks, and what was handled in it.
  #turnBegan: number | undefined
  #turnTime = 0
  #turnRecords = 0
  #nextTurn: Promise<void> | undefined
  #awaitedTurn: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.workBudget = clock.workBudget
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  turn(): Promise<void> {
    return this.#clock.turn()
  }

  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer {
    return this.#clock.setTimer(callback, delayMs, options)
  }

  /**
   * The turn of the event loop that the caller must await before it goes on; undefined while all consumers together are
   * within the work budget. `records` is how many were handled since the last call.
   */
  exhausted(records: number): Promise<void> | undefined {
    const now = this.#clock.monotonic()
    if (this.#turnBegan === undefined) {
      this.#turnBegan = now
      this.#turnTime = this.#clock.now()
      this.#turnRecords = 0
      // One promise for all callers: it resolves once the event loop has had its turn, whichever caller gave way.
      this.#nextTurn = this.#clock.turn().then(() => {
        this.#turnBegan = undefined
        this.#awaitedTurn = undefined
      })
    }
    this.#turnRecords += records
    const { ms, records: most } = this.workBudget
    if (now - this.#turnBegan >= ms || this.#turnRecords >= most) this.#awaitedTurn = this.#nextTurn
    return this.#awaitedTurn
  }

  /**
   * The event loop's next turn, where a consumer waits for it. Code that meanwhile goes on from one resolved promise to
   * the next keeps that turn from coming, and the waiting consumers make no progress.
   */
  get awaitedTurn(): Promise<void> | undefined {
    return this.#awaitedTurn
  }

  /**
   * `monotonic()`, or its value earlier in this turn of the event loop: for uses that come with every record and may be
   * a few milliseconds out. Reading a clock costs as much as handing over a record.
   */
  get lately(): number {
    return this.#turnBegan ?? this.#clock.monotonic()
  }

  /** The same for `now()`. */
  get latelyNow(): number {
    return this.#turnBegan === undefined ? this.#clock.now() : this.#turnTime
  }

  /** Sets the timer of that key, in place of one that waits under it; does nothing once the clock is closed. */
  schedule(key: string, delayMs: number, callback: () => void): void {
    if (this.#closed) return
    this.#timers.get(key)?.cancel()
    const fire = () => {
      this.#timers.delete(key)
      callback()
    }
    this.#timers.set(key, this.#clock.setTimer(fire, delayMs, { name: key }))
  }

  /** Takes back the timer of that key, if one waits. */
  unschedule(key: string): void {
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
  }

  /** Whether a timer waits under that key. */
  scheduled(key: string): boolean {
    return this.#timers.has(key)
  }

  /**
   * Resolves after `ms` milliseconds of this broker's time and keeps the process alive until then; rejects with the
   * signal's reason when it aborts.
   */
  sleep(ms: number, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      // NaN would turn the time of a virtual clock into NaN.
      requireArgument('sleep', 'ms', ms, milliseconds)
      checkOptions('sleep', options, { signal: abortSignal })
      const { signal } = options
      if (signal?.aborted) return reject(signal.reason)
      const timer = this.#clock.setTimer(
        () => {
          forget()
          resolve()
        },
        ms,
        { hold: true, name: 'sleep' },
      )
      const forget = this.#aborts.watch(signal === undefined ? [] : [signal], reason => {
        timer.cancel()
        reject(reason)
      })
    })
  }

  /** A time to wait for, which keeps the process alive, and can be ended early. */
  delay(ms: number, name: string): Delay {
    let end = () => {}
    const over = new Promise<void>(resolve => {
      const timer = this.#clock.setTimer(resolve, ms, { hold: true, name })
      end = () => {
        timer.cancel()
        resolve()
      }
    })
    return { over, end }
  }

  /** Takes back every timer that has a key; `schedule` sets no more. */
  close(): void {
    this.#closed = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}

import { AbortWatch } from './abort-watch.ts'
import type { Clock, Timer, TimerOptions, WorkBudget } from './clock.ts'
import { abortSignal, type Check, checkOptions, requireArgument } from './validate.ts'

const milliseconds: Check = {
  expected: 'a number of milliseconds',
  accepts: value => typeof value === 'number' && !Number.isNaN(value),
}

/** A broker's clock: the one it was given, with timers by key, which a later one of the same key replaces. */
export class BrokerClock implements Clock {
  readonly #clock: Clock
  readonly #timers = new Map<string, Timer>()
  readonly #aborts = new AbortWatch()
  #closed = false
  readonly workBudget: WorkBudget

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

  #turnBegan: number | undefined
  #turnTime = 0
  #turnRecords = 0
  #nextTurn: Promise<void> | undefined
  #awaitedTurn: Promise<void> | undefined

  /**
   * Whether everybody together has worked long enough without giving the event loop its turn; `records` were handled
   * since the last question. The answer is the turn to wait for before going on.
   */
  exhausted(records: number): Promise<void> | undefined {
    const now = this.#clock.monotonic()
    if (this.#turnBegan === undefined) {
      this.#turnBegan = now
      this.#turnTime = this.#clock.now()
      this.#turnRecords = 0
      // One for all: it comes when the event loop has had its turn, whoever gave it.
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
   * The event loop's next turn, where somebody gave way to it. Whoever goes on meanwhile from one resolved promise to
   * the next keeps it from coming, and those who wait for it get nowhere.
   */
  get awaitedTurn(): Promise<void> | undefined {
    return this.#awaitedTurn
  }

  /**
   * `monotonic()`, or what it was earlier in this turn of the event loop: for what comes with every record and may be a
   * few milliseconds out. Reading a clock costs as much as handing over a record.
   */
  get lately(): number {
    return this.#turnBegan ?? this.#clock.monotonic()
  }

  /** The same of `now()`. */
  get latelyNow(): number {
    return this.#turnBegan === undefined ? this.#clock.now() : this.#turnTime
  }

  /** Sets the timer of that key, in place of the one that waits under it; none once it is closed. */
  schedule(key: string, delayMs: number, callback: () => void, options?: Omit<TimerOptions, 'name'>): void {
    if (this.#closed) return
    this.#timers.get(key)?.cancel()
    const fire = () => {
      this.#timers.delete(key)
      callback()
    }
    this.#timers.set(key, this.#clock.setTimer(fire, delayMs, { ...options, name: key }))
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
      // On a virtual clock it would take all time with it.
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

  /** Takes back every timer that has a key; what ends later sets none. */
  close(): void {
    this.#closed = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }
}

/** A timer that was set and can be taken back. */
export interface Timer {
  /** Takes the timer back; it does nothing once it has fired. */
  cancel(): void
}

/** How a timer behaves. */
export interface TimerOptions {
  /** Whether the process stays alive for it; default false. */
  readonly hold?: boolean | undefined
  /** Whether it only ends a wait for something else, so that nobody waits for it itself; default false. */
  readonly limit?: boolean | undefined
  /** What it is for, as a diagnosis shows it. */
  readonly name?: string | undefined
}

/** How long a consumer may work without giving the event loop its turn; whichever limit comes first. */
export interface WorkBudget {
  /** Milliseconds on `monotonic()`. */
  readonly ms: number
  /** Records handed to handlers: what bounds a turn where time stands still. */
  readonly records: number
}

/**
 * Time, as a broker has it. The default is the system's; another one, together with `random`, makes a broker
 * deterministic.
 */
export interface Clock {
  /** Milliseconds since the epoch, for timestamps. */
  now(): number
  /** Milliseconds that never jump, for durations. */
  monotonic(): number
  /** Calls `callback` once, after `delayMs`; `Infinity` is never. */
  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer
  /** Resolves after other work of the event loop, timers and I/O, had its turn. */
  turn(): Promise<void>
  readonly workBudget: WorkBudget
}

/** A broker's time, for handlers and tests. */
export interface SleepClock extends Clock {
  /**
   * Resolves after `ms` milliseconds of this time and keeps the process alive until then; rejects with the signal's
   * reason when it aborts.
   */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}

/** The longest delay that setTimeout takes; a longer one would fire at once. */
export const longestDelayMs: number = 2 ** 31 - 1

// Taken when this file is loaded: a loop that gives way must come back even where a test fakes setImmediate.
const immediate = setImmediate

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout | undefined
  readonly #callback: () => void
  readonly #hold: boolean

  constructor(callback: () => void, delayMs: number, hold: boolean) {
    this.#callback = callback
    this.#hold = hold
    this.#wait(delayMs)
  }

  #wait(delayMs: number): void {
    if (delayMs === Number.POSITIVE_INFINITY) return
    const next = Math.min(delayMs, longestDelayMs)
    this.#handle = setTimeout(() => (delayMs > next ? this.#wait(delayMs - next) : this.#fire()), next)
    if (!this.#hold) this.#handle.unref?.()
  }

  #fire(): void {
    this.#handle = undefined
    this.#callback()
  }

  cancel(): void {
    clearTimeout(this.#handle)
    this.#handle = undefined
  }
}

/** The system's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (callback, delayMs, options) => new SystemTimer(callback, delayMs, options?.hold ?? false),
  turn: () => new Promise(resolve => immediate(resolve)),
  workBudget: { ms: 5, records: Number.POSITIVE_INFINITY },
}

import { longestDelayMs, type Timer, type TimerOptions, type WorkBudget } from '../clock.ts'
import { IllegalStateError } from '../errors.ts'
import { type PendingTimer, recordsPerTurn, type TestClock } from './test-clock.ts'
import { eventLoopTurn } from './turns.ts'

/** The fake timers of a test runner: `vi` of vitest, or `jest`. */
export interface RunnerTimers {
  /** Moves the runner's clock by milliseconds. */
  advanceTimersByTime(ms: number): unknown
  /** Moves the runner's clock to its next timer. */
  advanceTimersToNextTimer(steps?: number): unknown
  /** Returns the number of pending timers. */
  getTimerCount(): number
}

interface OwnTimer {
  readonly due: number
  readonly name: string
  readonly hold: boolean
  fire(): void
}

/** The fake clock of a test runner, so that the runner's timers and the broker's fire in one order. */
export class RunnerClock implements TestClock {
  /** @internal */
  onTurn: (() => void) | undefined
  readonly workBudget: WorkBudget = { ms: Number.POSITIVE_INFINITY, records: recordsPerTurn }
  readonly #timers: RunnerTimers
  readonly #fake = { setTimeout: globalThis.setTimeout, Date: globalThis.Date }
  readonly #own = new Set<OwnTimer>()
  #turnsAsked = 0
  #turnsGiven = 0

  /** @throws IllegalStateError where the runner's timers are not fake, or leave `performance` or `Date` alone */
  constructor(timers: RunnerTimers) {
    this.#timers = timers
    if (standsStill(() => performance.now()) && standsStill(() => Date.now())) return
    throw new IllegalStateError(
      `TestBroker: option 'timers' expects fake timers with Date and performance, made before the broker: ` +
        `vi.useFakeTimers() or jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })`,
      { option: 'timers' },
    )
  }

  now(): number {
    return Date.now()
  }

  monotonic(): number {
    return performance.now()
  }

  setTimer(
    callback: () => void,
    delayMs: number,
    { name = 'timer', hold = false, limit = false }: TimerOptions = {},
  ): Timer {
    if (delayMs === Number.POSITIVE_INFINITY) return { cancel: () => {} }
    const fire = () => {
      this.#own.delete(timer)
      callback()
    }
    const timer: OwnTimer = { due: performance.now() + delayMs, name, hold: hold && !limit, fire }
    this.#own.add(timer)
    const stop = this.#gone ? () => {} : after(delayMs, fire)
    const cancel = () => {
      this.#own.delete(timer)
      stop()
    }
    return { cancel }
  }

  async turn(): Promise<void> {
    this.#turnsAsked++
    await eventLoopTurn()
    this.#turnsGiven++
  }

  get pending(): readonly PendingTimer[] {
    const timers = this.#inOrder
    const now = performance.now()
    return timers.map(({ name, due }) => ({ name, inMs: Math.max(0, due - now) }))
  }

  get #inOrder(): OwnTimer[] {
    return [...this.#own].sort((a, b) => a.due - b.due)
  }

  // A timer of the test counts, too: some code waits for it.
  get holding(): boolean {
    for (const { hold } of this.#own) if (hold) return true
    return !this.#gone && this.#timers.getTimerCount() > this.#own.size
  }

  // A test that has ended may take them back before its broker is closed. One of them may also be spied on.
  get #gone(): boolean {
    return globalThis.setTimeout !== this.#fake.setTimeout && globalThis.Date !== this.#fake.Date
  }

  requireMovable(): void {
    if (!this.#gone) return
    throw new IllegalStateError(
      'The fake timers that the broker runs on are gone: move its time, and better close it, before useRealTimers()',
      { option: 'timers' },
    )
  }

  async advance(ms: number): Promise<void> {
    await this.settle()
    let over = false
    after(ms, () => {
      over = true
    })
    while (!over) {
      this.#timers.advanceTimersToNextTimer()
      await this.settle()
    }
    // Fires timers that are due at the same moment but were set later.
    this.#timers.advanceTimersByTime(0)
    await this.settle()
  }

  // The runner does not say when its next timer is due, only whether there is one.
  async advanceToNext(withinMs: number): Promise<boolean> {
    if (this.#gone) return this.#fireOwn()
    if (this.#timers.getTimerCount() === 0) return false
    const before = performance.now()
    this.#timers.advanceTimersToNextTimer()
    await this.settle()
    return performance.now() - before <= withinMs
  }

  // For a broker that closes without the runner's clock: what it waits for itself need not take time.
  async #fireOwn(): Promise<boolean> {
    const [next] = this.#inOrder
    next?.fire()
    await this.settle()
    return next !== undefined
  }

  async settle(): Promise<void> {
    for (let asked = -1; asked !== this.#turnsAsked || this.#turnsGiven < this.#turnsAsked; ) {
      asked = this.#turnsAsked
      this.onTurn?.()
      await eventLoopTurn()
    }
  }
}

// A runner's setTimeout takes no longer delay than the system's: it would fire a longer one at once.
function after(delayMs: number, callback: () => void): () => void {
  const next = Math.min(delayMs, longestDelayMs)
  let stop = () => clearTimeout(handle)
  const handle = setTimeout(() => {
    if (delayMs > next) stop = after(delayMs - next, callback)
    else callback()
  }, next)
  return () => stop()
}

// Enough reads for a real clock with millisecond resolution to move.
const reads = 50_000

function standsStill(now: () => number): boolean {
  const first = now()
  for (let i = 0; i < reads; i++) if (now() !== first) return false
  return true
}

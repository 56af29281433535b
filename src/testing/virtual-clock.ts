import type { Timer, TimerOptions, WorkBudget } from '../clock.ts'
import { finiteDuration, requireArgument } from '../validate.ts'
import { type PendingTimer, recordsPerTurn, type TestClock } from './test-clock.ts'
import { eventLoopTurn } from './turns.ts'

interface VirtualTimer {
  readonly due: number
  readonly callback: () => void
  readonly name: string
  readonly hold: boolean
}

/** A clock that stands still until a test moves it; it starts at 2020-01-01T00:00Z. */
export class VirtualClock implements TestClock {
  /** @internal */
  onTurn: (() => void) | undefined
  readonly workBudget: WorkBudget
  readonly #start = Date.UTC(2020, 0, 1)
  // In the order in which they were set, in which those of one time are due.
  readonly #timers = new Set<VirtualTimer>()
  #turns: (() => void)[] = []
  #turnsAsked = 0
  // Whether who asks for a turn has to wait until the clock is used again: a loop without an end must not go on meanwhile.
  #held = false
  #elapsed = 0

  /** `records`: how many records a consumer handles before the event loop has its turn. */
  constructor(records: number = recordsPerTurn) {
    this.workBudget = { ms: Number.POSITIVE_INFINITY, records }
  }

  // Whole milliseconds, as `Date.now` gives them, since they become timestamps; a delay with jitter need not be whole.
  now(): number {
    return Math.floor(this.#start + this.#elapsed)
  }

  monotonic(): number {
    return this.#elapsed
  }

  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer {
    const { name = 'timer', limit = false } = options ?? {}
    const hold = options?.hold === true && !limit
    const timer = { due: this.#elapsed + delayMs, callback, name, hold }
    if (delayMs !== Number.POSITIVE_INFINITY) this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  // All callers share one turn.
  turn(): Promise<void> {
    this.#turnsAsked++
    if (this.#turns.length === 0 && !this.#held) void eventLoopTurn().then(this.#giveTurn)
    return new Promise(resolve => this.#turns.push(resolve))
  }

  readonly #giveTurn = (): void => {
    if (this.#held) return
    const turns = this.#turns
    this.#turns = []
    for (const resolve of turns) resolve()
  }

  get pending(): readonly PendingTimer[] {
    const timers = [...this.#timers].sort((a, b) => a.due - b.due)
    return timers.map(({ name, due }) => ({ name, inMs: Math.max(0, due - this.#elapsed) }))
  }

  /** The names of the pending timers, the next one to fire first. */
  get waiting(): readonly string[] {
    return this.pending.map(({ name }) => name)
  }

  get holding(): boolean {
    for (const { hold } of this.#timers) if (hold) return true
    return false
  }

  requireMovable(): void {}

  async advance(ms: number): Promise<void> {
    requireArgument('advance', 'ms', ms, finiteDuration)
    const end = this.#elapsed + ms
    await this.settle()
    while (await this.#fireNext(end));
    // Another call may have moved time further meanwhile.
    this.#elapsed = Math.max(this.#elapsed, end)
    await this.settle()
  }

  async advanceToNext(withinMs: number): Promise<boolean> {
    return this.#fireNext(this.#elapsed + withinMs)
  }

  async #fireNext(end: number): Promise<boolean> {
    const next = this.#next(end)
    if (next === undefined) return false
    this.#timers.delete(next)
    this.#elapsed = Math.max(this.#elapsed, next.due)
    next.callback()
    await this.settle()
    return true
  }

  #next(end: number): VirtualTimer | undefined {
    let next: VirtualTimer | undefined
    for (const timer of this.#timers) {
      if (timer.due > end) continue
      if (next === undefined || timer.due < next.due) next = timer
    }
    return next
  }

  // The broker is at rest when a whole turn of the event loop has passed in which no code asked for another one.
  async settle(): Promise<void> {
    this.#goOn()
    for (let asked = -1; asked !== this.#turnsAsked || this.#turns.length > 0; ) {
      asked = this.#turnsAsked
      this.#tellTurn()
      await eventLoopTurn()
    }
  }

  #goOn(): void {
    if (!this.#held) return
    this.#held = false
    if (this.#turns.length > 0) void eventLoopTurn().then(this.#giveTurn)
  }

  #tellTurn(): void {
    try {
      this.onTurn?.()
    } catch (error) {
      this.#held = true
      throw error
    }
  }
}

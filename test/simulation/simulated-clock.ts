import type { Clock, Timer, TimerOptions, WorkBudget } from '../../src/clock.ts'

interface SimulatedTimer {
  readonly due: number
  readonly order: number
  readonly callback: () => void
  readonly name: string
}

/**
 * Time that only a schedule moves. It knows who waits for a turn of the event loop, so coming to rest takes one real
 * turn and not a number that is large enough; that is what makes thousands of schedules cheap.
 */
export class SimulatedClock implements Clock {
  readonly workBudget: WorkBudget
  readonly #start = Date.UTC(2020, 0, 1)
  readonly #timers = new Set<SimulatedTimer>()
  #turns: (() => void)[] = []
  #elapsed = 0
  #order = 0

  constructor(recordsPerTurn: number) {
    this.workBudget = { ms: Number.POSITIVE_INFINITY, records: recordsPerTurn }
  }

  now(): number {
    return this.#start + this.#elapsed
  }

  monotonic(): number {
    return this.#elapsed
  }

  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer {
    const timer = { due: this.#elapsed + delayMs, order: this.#order++, callback, name: options?.name ?? '' }
    if (delayMs !== Number.POSITIVE_INFINITY) this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  turn(): Promise<void> {
    return new Promise(resolve => this.#turns.push(resolve))
  }

  /** The names of the timers that wait. */
  get waiting(): string[] {
    return [...this.#timers].map(({ name }) => name)
  }

  /** Fires every timer due within `ms`, in order, and lets the promises between them run. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    await this.settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next)
      this.#elapsed = Math.max(this.#elapsed, next.due)
      next.callback()
      await this.settle()
    }
    this.#elapsed = end
  }

  /** Lets everything run that needs no time. */
  async settle(): Promise<void> {
    for (;;) {
      await new Promise(resolve => setImmediate(resolve))
      if (this.#turns.length === 0) return
      const turns = this.#turns
      this.#turns = []
      for (const resolve of turns) resolve()
    }
  }

  #next(end: number): SimulatedTimer | undefined {
    let next: SimulatedTimer | undefined
    for (const timer of this.#timers) {
      if (timer.due > end) continue
      if (next === undefined || timer.due < next.due || (timer.due === next.due && timer.order < next.order))
        next = timer
    }
    return next
  }
}

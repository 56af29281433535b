import type { Clock, Timer, TimerOptions } from '../../src/clock.ts'

interface VirtualTimer {
  readonly due: number
  readonly order: number
  readonly callback: () => void
  readonly name: string
}

/** Time that stands still until a test moves it; it starts at 2020-01-01T00:00Z. */
export class VirtualClock implements Clock {
  readonly workBudget = { ms: Number.POSITIVE_INFINITY, records: 1000 }
  readonly #start = Date.UTC(2020, 0, 1)
  readonly #timers = new Set<VirtualTimer>()
  #elapsed = 0
  #order = 0

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
    return new Promise(resolve => setImmediate(resolve))
  }

  /** The names of the timers that wait, the next one first. */
  get waiting(): string[] {
    return this.#sorted().map(({ name }) => name)
  }

  /** Fires every timer due within `ms`, in order, and lets the promises between them run. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    await this.settle()
    for (let next = this.#sorted()[0]; next !== undefined && next.due <= end; next = this.#sorted()[0]) {
      this.#timers.delete(next)
      this.#elapsed = Math.max(this.#elapsed, next.due)
      next.callback()
      await this.settle()
    }
    this.#elapsed = end
    await this.settle()
  }

  /** Lets everything run that needs no time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await this.turn()
  }

  #sorted(): VirtualTimer[] {
    return [...this.#timers].sort((a, b) => a.due - b.due || a.order - b.order)
  }
}

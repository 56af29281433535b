import type { Clock, Timer, TimerOptions } from './clock.ts'

/** The end of a wait: a promise that resolves when the time is over, and a timer that can be taken back. */
export class Deadline {
  readonly passed: Promise<void>
  readonly #clock: Clock
  readonly #options: TimerOptions
  readonly #timers: Timer[] = []
  #pass!: () => void

  constructor(clock: Clock, timeoutMs: number, name: string, options: Pick<TimerOptions, 'hold'> = {}) {
    this.#clock = clock
    this.#options = { ...options, limit: true, name }
    this.passed = new Promise(resolve => {
      this.#pass = resolve
    })
    this.within(timeoutMs)
  }

  /** It passes in so many milliseconds at the latest. */
  within(timeoutMs: number): void {
    // No time at all is one turn of the event loop, on a virtual clock, too: what needs no waiting is still done.
    if (timeoutMs === 0) this.#clock.turn().then(this.#pass)
    else this.#timers.push(this.#clock.setTimer(this.#pass, timeoutMs, this.#options))
  }

  cancel(): void {
    for (const timer of this.#timers) timer.cancel()
  }
}

import type { Clock, Timer, TimerOptions } from './clock.ts'

// How long who leaves waits for the answer to its last request, beside or past its own deadline.
const lastWordMs = 1000

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

  /** Makes the deadline pass in `timeoutMs` milliseconds at the latest. */
  within(timeoutMs: number): void {
    // A timeout of 0 is one turn of the event loop, also on a virtual clock: work that needs no waiting is still done.
    if (timeoutMs === 0) this.#clock.turn().then(this.#pass)
    else this.#timers.push(this.#clock.setTimer(this.#pass, timeoutMs, this.#options))
  }

  cancel(): void {
    for (const timer of this.#timers) timer.cancel()
  }
}

/** The end of the wait for an answer to a last request, which may never come: who closes goes without it then. */
export function lastWordDeadline(clock: Clock): Deadline {
  return new Deadline(clock, lastWordMs, 'last word')
}

import type { Clock, Timer } from '../clock.ts'

/** The end of a wait: a promise that resolves when the time is over, and a timer that can be taken back. */
export class Deadline {
  readonly passed: Promise<void>
  #timer!: Timer

  constructor(clock: Clock, timeoutMs: number, name: string) {
    this.passed = new Promise(resolve => {
      this.#timer = clock.setTimer(resolve, timeoutMs, { name })
    })
  }

  cancel(): void {
    this.#timer.cancel()
  }
}

import type { SleepClock, Timer, TimerOptions, WorkBudget } from '../clock.ts'
import { currentService } from './service.ts'

/** The clock of a simulated broker: an instance that dies in its sleep does not wake. */
export class SimulatedClock implements SleepClock {
  readonly #clock: SleepClock
  readonly workBudget: WorkBudget

  constructor(clock: SleepClock) {
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

  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    const asleep = this.#clock.sleep(ms, options)
    return currentService()?.heard(asleep) ?? asleep
  }
}

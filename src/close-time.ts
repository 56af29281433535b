import type { Clock } from './clock.ts'
import { Draining } from './draining.ts'

/** How long a close may take that does not say so, in milliseconds. */
export const closeTimeoutMs = 30_000

/** The time that a close may take, of which a later close can only leave less. */
export class CloseTime {
  readonly #clock: Clock
  // On the monotonic clock.
  #until = Number.POSITIVE_INFINITY
  #draining: Draining | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get leftMs(): number {
    return Math.max(0, this.#until - this.#clock.monotonic())
  }

  get draining(): boolean {
    return this.#draining !== undefined
  }

  /** Leaves `timeoutMs` milliseconds at most. A drain under way ends, unless it is to go on within that time. */
  within(timeoutMs: number, drain = false): void {
    this.#until = Math.min(this.#until, this.#clock.monotonic() + timeoutMs)
    if (drain) this.#draining?.within(timeoutMs)
    else this.#draining?.end()
  }

  /** Drains; `stop` is called when that is over, and an error of `work` says no more than that. */
  async drain(name: string, stop: () => void, work: (draining: Draining) => Promise<void>): Promise<void> {
    const draining = new Draining(this.#clock, name, stop)
    this.#draining = draining
    try {
      await work(draining)
    } catch {
      // The time is up, or nothing can ever be idle: the records not read are in the report.
    } finally {
      this.#draining = undefined
      draining.end()
    }
  }
}

import type { Clock } from './clock.ts'
import { Deadline } from './deadline.ts'

/** A drain under way, to which a later close may leave less time. */
export class Draining {
  readonly #clock: Clock
  readonly #name: string
  readonly #stop: () => void
  #limit: Deadline | undefined
  #over = false

  /** `stop` is called once, when the drain is over. */
  constructor(clock: Clock, name: string, stop: () => void) {
    this.#clock = clock
    this.#name = name
    this.#stop = stop
  }

  get over(): boolean {
    return this.#over
  }

  /** Ends the drain in `timeoutMs` milliseconds at the latest. */
  within(timeoutMs: number): void {
    if (this.#over) return
    if (this.#limit !== undefined) return this.#limit.within(timeoutMs)
    this.#limit = new Deadline(this.#clock, timeoutMs, `draining of ${this.#name}`, { hold: true })
    void this.#limit.passed.then(() => this.end())
  }

  end(): void {
    if (this.#over) return
    this.#over = true
    this.#limit?.cancel()
    this.#stop()
  }
}

import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import { Deferred } from '../deferred.ts'

/**
 * Watches that work does not take longer than `maxPollIntervalMs`. Starting and ending work only notes a time; one
 * timer looks at it, at most once an interval, so a record costs no timer.
 */
export class Liveness {
  readonly #clock: BrokerClock
  readonly #limitMs: number
  readonly #exceeded: () => void
  #since: number | undefined
  #timer: Timer | undefined
  #overdue: Deferred | undefined

  constructor(clock: BrokerClock, limitMs: number, exceeded: () => void) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#exceeded = exceeded
  }

  /** Work begins, or shows that it is alive; `since` is on the clock's `monotonic()`. */
  begin(since: number = this.#clock.monotonic()): void {
    this.#since = since
    if (this.#timer === undefined) this.#watch(this.#limitMs)
  }

  end(): void {
    this.#since = undefined
    if (this.#overdue !== undefined) this.#forgive()
  }

  /** Resolves when what took too long has ended at last; at once where nothing does. */
  whenBack(): Promise<void> {
    return this.#overdue?.promise ?? Promise.resolve()
  }

  #forgive(): void {
    this.#overdue?.resolve()
    this.#overdue = undefined
  }

  /** For how long the work in hand has been under way, or undefined where there is none. */
  get elapsed(): number | undefined {
    return this.#since === undefined ? undefined : this.#clock.monotonic() - this.#since
  }

  stop(): void {
    this.end()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #watch(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => this.#look(), delayMs, {
      name: 'maxPollIntervalMs of a consumer',
    })
  }

  #look(): void {
    this.#timer = undefined
    const { elapsed } = this
    if (elapsed === undefined) return
    if (elapsed < this.#limitMs) return this.#watch(this.#limitMs - elapsed)
    this.#since = undefined
    this.#overdue ??= new Deferred()
    this.#exceeded()
  }
}

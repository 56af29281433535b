import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import { Deferred } from '../deferred.ts'

/** One of several works that are under way at once. */
export interface Pulse {
  /** Shows that it is alive. */
  begin(): void
}

class WorkPulse implements Pulse {
  readonly #clock: BrokerClock
  since: number

  constructor(clock: BrokerClock) {
    this.#clock = clock
    this.since = clock.lately
  }

  begin(): void {
    this.since = this.#clock.monotonic()
  }
}

/**
 * Watches that work does not take longer than `maxPollIntervalMs`. Starting and ending work only notes a time; one
 * timer checks it, at most once an interval, so a record costs no timer.
 */
export class Liveness {
  readonly #clock: BrokerClock
  readonly #limitMs: number
  readonly #exceeded: () => void
  // When the work in hand began, or -1: always a number, as V8 boxes one that takes turns with undefined.
  #since = -1
  #timer: Timer | undefined
  #overdue: Deferred | undefined
  #closed = false
  readonly #pulses = new Set<WorkPulse>()
  // The works under way when one of them took too long: the consumer is back when all of them have ended.
  readonly #late = new Set<Pulse>()

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
    this.#since = -1
    if (this.#overdue !== undefined) this.#forgive()
  }

  /** One of several works begins; it has to be ended by `finish`. */
  start(): Pulse {
    const pulse = new WorkPulse(this.#clock)
    this.#pulses.add(pulse)
    if (this.#timer === undefined) this.#watch(this.#limitMs)
    return pulse
  }

  /** One of several works has ended. */
  finish(pulse: Pulse): void {
    if (this.#pulses.delete(pulse as WorkPulse)) return
    if (this.#late.delete(pulse) && this.#late.size === 0) this.#forgive()
  }

  /** Resolves when the work that took too long has ended; at once where there is none. */
  whenBack(): Promise<void> {
    return this.#overdue?.promise ?? Promise.resolve()
  }

  #forgive(): void {
    this.#overdue?.resolve()
    this.#overdue = undefined
  }

  /** For how long the work in hand has been under way, or undefined where there is none. */
  get elapsed(): number | undefined {
    let since = this.#since
    for (const pulse of this.#pulses) {
      if (since === -1 || pulse.since < since) since = pulse.since
    }
    return since === -1 ? undefined : this.#clock.monotonic() - since
  }

  stop(): void {
    this.end()
    this.#pulses.clear()
    this.#late.clear()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** The same for good: a handler that ended its own consumer may return a promise, and so begin work, after that. */
  close(): void {
    this.stop()
    this.#closed = true
  }

  #watch(delayMs: number): void {
    if (this.#closed) return
    this.#timer = this.#clock.setTimer(() => this.#look(), delayMs, {
      name: 'maxPollIntervalMs of a consumer',
    })
  }

  #look(): void {
    this.#timer = undefined
    const { elapsed } = this
    if (elapsed === undefined) return
    if (elapsed < this.#limitMs) return this.#watch(this.#limitMs - elapsed)
    this.#since = -1
    for (const pulse of this.#pulses) this.#late.add(pulse)
    this.#pulses.clear()
    this.#overdue ??= new Deferred()
    this.#exceeded()
  }
}

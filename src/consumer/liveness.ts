import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import { Deferred } from '../deferred.ts'

/** What shows that the works of one handler, one after the other, are alive. */
export class WorkPulse {
  /** What the work in hand is, for an error that says what took too long. */
  readonly doing: () => string
  readonly #clock: BrokerClock
  /** When the work in hand began, or showed that it is alive; -1 where there is none. */
  since = -1
  /** Whether the work took too long, and has not ended yet. */
  late = false

  constructor(clock: BrokerClock, doing: () => string) {
    this.#clock = clock
    this.doing = doing
  }

  /** Shows that the work in hand is alive, if there is one. */
  beat(): void {
    if (this.since !== -1) this.since = this.#clock.monotonic()
  }
}

/**
 * Watches that work does not take longer than `maxPollIntervalMs`. Starting and ending work only notes a time; one
 * timer checks it, at most once an interval, so a record costs no timer.
 */
export class Liveness {
  readonly #clock: BrokerClock
  readonly #limitMs: number
  readonly #exceeded: (what: string) => void
  // When the work in hand began, or -1: always a number, as V8 boxes one that takes turns with undefined.
  #since = -1
  #timer: Timer | undefined
  #overdue: Deferred | undefined
  #closed = false
  readonly #pulses: WorkPulse[] = []
  // How many works were under way when one of them took too long: the consumer is back when all of them have ended.
  #late = 0

  /** `exceeded` is told what took too long. */
  constructor(clock: BrokerClock, limitMs: number, exceeded: (what: string) => void) {
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

  /** A pulse for works that go on beside others: to make one for each would cost more than to hand over a record. */
  pulse(doing: () => string): WorkPulse {
    const pulse = new WorkPulse(this.#clock, doing)
    this.#pulses.push(pulse)
    return pulse
  }

  /** One of several works begins; it has to be ended by `finish`. */
  start(pulse: WorkPulse): void {
    pulse.since = this.#clock.lately
    if (this.#timer === undefined) this.#watch(this.#limitMs)
  }

  /** One of several works has ended. */
  finish(pulse: WorkPulse): void {
    pulse.since = -1
    if (!pulse.late) return
    pulse.late = false
    if (--this.#late === 0) this.#forgive()
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
    const since = this.#oldest?.since ?? this.#since
    return since === -1 ? undefined : this.#clock.monotonic() - since
  }

  // The work that shows no life for the longest, of those that go on beside others; one by itself has no pulse.
  get #oldest(): WorkPulse | undefined {
    let oldest: WorkPulse | undefined
    for (const pulse of this.#pulses) {
      if (pulse.since !== -1 && (oldest === undefined || pulse.since < oldest.since)) oldest = pulse
    }
    return oldest
  }

  stop(): void {
    this.end()
    for (const pulse of this.#pulses) {
      pulse.since = -1
      pulse.late = false
    }
    this.#late = 0
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
    const what = this.#oldest?.doing() ?? 'the time between two polls'
    this.#since = -1
    for (const pulse of this.#pulses) {
      if (pulse.since === -1) continue
      pulse.since = -1
      pulse.late = true
      this.#late++
    }
    this.#overdue ??= new Deferred()
    this.#exceeded(what)
  }
}

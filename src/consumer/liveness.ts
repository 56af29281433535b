import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import { Deferred } from '../deferred.ts'

/** What shows that works, one after the other, are alive: those of one handler, or of who polls between two polls. */
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
  #timer: Timer | undefined
  #overdue: Deferred | undefined
  #closed = false
  readonly #pulses: WorkPulse[] = []
  /** The pulse of who polls between two polls: one for all streams, as each attempt to join makes a stream. */
  readonly polls: WorkPulse

  /** `exceeded` is told what took too long. */
  constructor(clock: BrokerClock, limitMs: number, exceeded: (what: string) => void) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#exceeded = exceeded
    this.polls = this.pulse(() => 'the time between two polls')
  }

  /** A pulse for works one after the other: to make one for each would cost more than to hand over a record. */
  pulse(doing: () => string): WorkPulse {
    const pulse = new WorkPulse(this.#clock, doing)
    this.#pulses.push(pulse)
    return pulse
  }

  /**
   * A work begins, or shows that it is alive; it has to be ended by `finish`. `since` is on the clock's `monotonic()`,
   * and may be a turn of the event loop old only where the work comes with every record.
   */
  start(pulse: WorkPulse, since: number = this.#clock.lately): void {
    pulse.since = since
    if (this.#timer === undefined) this.#watch(this.#limitMs)
  }

  /** A work has ended. The consumer is back when all have that were under way when one of them took too long. */
  finish(pulse: WorkPulse): void {
    pulse.since = -1
    if (!pulse.late) return
    pulse.late = false
    if (this.#pulses.some(({ late }) => late)) return
    this.#overdue?.resolve()
    this.#overdue = undefined
  }

  /** Resolves when the work that took too long has ended; at once where there is none. */
  whenBack(): Promise<void> {
    return this.#overdue?.promise ?? Promise.resolve()
  }

  // The work that shows no life for the longest.
  get #oldest(): WorkPulse | undefined {
    let oldest: WorkPulse | undefined
    for (const pulse of this.#pulses) {
      if (pulse.since !== -1 && (oldest === undefined || pulse.since < oldest.since)) oldest = pulse
    }
    return oldest
  }

  stop(): void {
    for (const pulse of this.#pulses) this.finish(pulse)
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
    const oldest = this.#oldest
    if (oldest === undefined) return
    const leftMs = oldest.since + this.#limitMs - this.#clock.monotonic()
    if (leftMs > 0) return this.#watch(leftMs)
    const what = oldest.doing()
    for (const pulse of this.#pulses) {
      if (pulse.since === -1) continue
      pulse.since = -1
      pulse.late = true
    }
    this.#overdue ??= new Deferred()
    this.#exceeded(what)
  }
}

import type { BrokerClock } from '../broker-clock.ts'
import { Deferred } from '../deferred.ts'
import { isBrokerletError } from '../errors.ts'
import { backoffMs } from './retry.ts'

/** What beats: a member. */
export interface HeartbeatsHost {
  readonly memberId: string
  readonly clock: BrokerClock
  readonly random: () => number
  /** How long until the next one, in milliseconds. */
  intervalMs(): number
  beat(): Promise<void>
  /** A heartbeat was answered with what cannot pass; it was the last one. */
  failed(error: unknown): void
}

/** A member's heartbeats: at its pace, at once where it has something to say, and with growing pauses while nobody can be reached. */
export class Heartbeats {
  readonly #host: HeartbeatsHost
  #nudge = new Deferred()
  #beating: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(host: HeartbeatsHost) {
    this.#host = host
  }

  async run(): Promise<void> {
    for (let failures = 0; ; ) {
      await this.#pause(failures === 0 ? this.#host.intervalMs() : backoffMs(failures, this.#host.random))
      if (this.#stopped) return
      this.#beating = this.#host.beat()
      try {
        await this.#beating
        failures = 0
      } catch (error) {
        this.#beating = Promise.resolve()
        if (this.#stopped) return
        // Nobody could be reached: whether it is a member still is for the group to say.
        if (isBrokerletError(error) && error.retriable) failures++
        else return this.#host.failed(error)
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    const nudged = this.#nudge
    // Held: while nobody can be reached there is no connection that keeps the process alive.
    const timer = this.#host.clock.setTimer(() => nudged.resolve(), ms, {
      hold: true,
      name: `heartbeat of ${this.#host.memberId}`,
    })
    await nudged.promise
    timer.cancel()
    if (this.#nudge === nudged) this.#nudge = new Deferred()
  }

  /** The next one comes now. */
  soon(): void {
    this.#nudge.resolve()
  }

  /** Ends after the one under way. */
  stop(): void {
    this.#stopped = true
    this.soon()
  }

  /** Resolves when the one under way has ended, well or not. */
  async idle(): Promise<void> {
    await this.#beating.catch(() => {})
  }
}

import type { BrokerClock } from '../broker-clock.ts'
import { Deferred } from '../deferred.ts'
import { type BrokerletError, isRetriable } from '../errors.ts'
import { backoffMs } from './retry.ts'

/** What heartbeats need of their member. */
export interface HeartbeatsHost {
  readonly memberId: string
  readonly clock: BrokerClock
  readonly random: () => number
  /** How long until the next heartbeat, in milliseconds. */
  intervalMs(): number
  beat(): Promise<void>
  /** A heartbeat was not answered for as long as it is tried; the next ones may be. */
  failing(error: BrokerletError): void
  /** The group answered a heartbeat with an error that is not retriable: no further one is sent. */
  failed(error: unknown): void
}

/**
 * A member's heartbeats: at the group's interval, at once where the member has something to say, and with growing
 * pauses while no broker can be reached.
 */
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
        if (this.#stopped) return
        // No broker could be reached; only the group can tell whether the member is still in it.
        if (!isRetriable(error)) return this.#host.failed(error)
        failures++
        this.#host.failing(error)
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    const nudged = this.#nudge
    // Held: while no broker can be reached, no connection keeps the process alive.
    const timer = this.#host.clock.setTimer(() => nudged.resolve(), ms, {
      hold: true,
      name: `heartbeat of ${this.#host.memberId}`,
    })
    await nudged.promise
    timer.cancel()
    this.#nudge = new Deferred()
  }

  /** Sends the next heartbeat now. */
  soon(): void {
    this.#nudge.resolve()
  }

  /** Sends no heartbeat after the one under way. */
  stop(): void {
    this.#stopped = true
    this.soon()
  }

  /** Resolves when the heartbeat under way has ended, with or without an error. */
  async idle(): Promise<void> {
    await this.#beating.catch(() => {})
  }
}

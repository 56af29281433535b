import type { BrokerClock, Delay } from '../broker-clock.ts'

/**
 * Until when brokers that throttle this client take no requests. They have answered, and read nothing from that connection
 * meanwhile: a request that is sent all the same would seem to be unanswered. (Kafka: throttle_time_ms, KIP-219)
 */
export class Throttles {
  readonly #clock: BrokerClock
  // By the address of the broker, on the monotonic clock.
  readonly #until = new Map<string, number>()
  // Shared by all requests that wait for a broker, so that they keep their order.
  readonly #delays = new Map<string, Delay>()

  constructor(clock: BrokerClock) {
    this.#clock = clock
  }

  /** Notes what a broker's response says. */
  note(at: string, response: unknown): void {
    const { throttleTimeMs = 0 } = Object(response) as { readonly throttleTimeMs?: number }
    if (throttleTimeMs <= 0) return
    const until = this.#clock.monotonic() + throttleTimeMs
    this.#until.set(at, Math.max(until, this.#until.get(at) ?? 0))
  }

  /** Resolves when a broker takes requests; undefined where it does now. */
  over(at: string): Promise<void> | undefined {
    return this.#until.has(at) ? this.#pass(at) : undefined
  }

  async #pass(at: string): Promise<void> {
    // What was sent before may be answered meanwhile, and throttled for longer.
    for (let left = this.#left(at); left > 0; left = this.#left(at)) await this.#delay(at, left).over
    this.#until.delete(at)
  }

  #left(at: string): number {
    return (this.#until.get(at) ?? 0) - this.#clock.monotonic()
  }

  #delay(at: string, ms: number): Delay {
    const underWay = this.#delays.get(at)
    if (underWay !== undefined) return underWay
    const delay = this.#clock.delay(ms, `throttling by ${at}`)
    this.#delays.set(at, delay)
    void delay.over.then(() => this.#delays.delete(at))
    return delay
  }

  /** Ends every wait. */
  end(): void {
    this.#until.clear()
    for (const { end } of this.#delays.values()) end()
  }
}

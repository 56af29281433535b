import type { BrokerClock } from '../broker-clock.ts'
import type { MaybePromise } from '../maybe-promise.ts'

interface Waiting<Item, Result> {
  readonly item: Item
  resolve(result: Result | Promise<Result>): void
  reject(error: unknown): void
}

type Ask<Item, Result> = (items: readonly Item[]) => MaybePromise<readonly (Result | Promise<Result>)[]>

/** Collects the items of one turn of the event loop, and asks for all of them in one request. */
export class TurnBatch<Item, Result> {
  readonly #clock: BrokerClock
  readonly #ask: Ask<Item, Result>
  #waiting: Waiting<Item, Result>[] = []

  /** `ask` returns a result for each item, in their order; a promise of one keeps only that item waiting. */
  constructor(clock: BrokerClock, ask: Ask<Item, Result>) {
    this.#clock = clock
    this.#ask = ask
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (this.#waiting.length === 1) this.#clock.turn().then(() => this.#go())
    })
  }

  async #go(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    try {
      const results = await this.#ask(waiting.map(({ item }) => item))
      waiting.forEach(({ resolve }, i) => {
        resolve(results[i]!)
      })
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }
}

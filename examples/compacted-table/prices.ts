import type { PubSub, TopicDefinition } from 'brokerlet'

export interface Price {
  cents: number
}

/** A null value removes a product from the list. */
type Bus = PubSub<{ prices: TopicDefinition<Price | null, Price | null, string> }>

/**
 * A service that answers from a table: it reads the table from the topic when it starts, and follows it from then on.
 */
export class PriceList {
  readonly #prices = new Map<string, Price>()
  readonly #reader: ReturnType<Bus['consumer']>

  /** How many records it took to know all prices. */
  recordsRead = 0

  constructor(bus: Bus) {
    // Without a group, every instance reads everything from the beginning, and commits nothing.
    this.#reader = bus.consumer({ topics: ['prices'] })
  }

  /** Resolves when the table is complete, as of now. */
  async start(): Promise<this> {
    await this.#reader.run({
      eachRecord: ({ key, value }) => {
        this.recordsRead++
        if (value === null) this.#prices.delete(key)
        else this.#prices.set(key, value)
      },
    })
    await this.#reader.caughtUp()
    return this
  }

  priceOf(product: string): number | undefined {
    return this.#prices.get(product)?.cents
  }

  get products(): string[] {
    return [...this.#prices.keys()].sort()
  }

  async stop(): Promise<void> {
    await this.#reader.close()
  }
}

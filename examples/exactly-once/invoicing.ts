import type { Consumer, Producer, PubSub, RecordOf, TopicDefinition } from 'brokerlet'

export interface Order {
  id: string
  cents: number
}

export interface Invoice {
  orderId: string
  cents: number
  number: number
}

type Topics = { orders: TopicDefinition<Order>; invoices: TopicDefinition<Invoice> }

/** Reads orders and writes exactly one invoice for each, whatever fails on the way. */
export class Invoicing {
  readonly #consumer: Consumer<RecordOf<Topics, 'orders'>>
  readonly #producer: Producer<Topics>
  #attempts = 0

  constructor(bus: PubSub<Topics>) {
    // Only the transaction commits offsets.
    this.#consumer = bus.consumer({ groupId: 'invoicing', topics: ['orders'], autoCommit: false })
    this.#producer = bus.producer({ transactionalId: 'invoicing' })
  }

  get attempts(): number {
    return this.#attempts
  }

  async start(): Promise<this> {
    await this.#consumer.run({
      retry: { attempts: 3, delayMs: 1 },
      eachRecord: (record, context) =>
        // The invoice and the order's offset are committed together, or not at all.
        this.#producer.transaction(async tx => {
          const { id, cents } = record.value
          this.#attempts++
          await tx.send({
            topic: 'invoices',
            key: id,
            value: { orderId: id, cents, number: record.offset + 1 },
          })
          await tx.sendOffsets(context)
          if (record.offset % 10 === 7 && context.attempt === 1)
            throw new Error('the printer is out of paper')
        }),
    })
    return this
  }

  async stop(): Promise<void> {
    await this.#consumer.close()
    await this.#producer.close()
  }
}

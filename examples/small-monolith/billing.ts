import type { PubSub } from 'brokerlet'
import type { Topics } from './topics.ts'

/** Charges the customer for every order. */
export class Billing {
  readonly revenue = new Map<string, number>()
  /** Customers whose bank does not answer. */
  readonly unreachable = new Set<string>()

  async start(pubsub: PubSub<Pick<Topics, 'orders' | 'payments' | 'dead-letters'>>): Promise<void> {
    const producer = pubsub.producer({ clientId: 'billing' })
    const consumer = pubsub.consumer({ groupId: 'billing', topics: ['orders'] })
    await consumer.run({
      eachRecord: async ({ key, headers, value: { orderId, customer, total } }) => {
        await this.#charge(customer, total)
        // The id is the same however often the order is handled, so that a reader recognizes the second payment.
        const id = `${headers.id}/payment`
        const value = { orderId, amount: total }
        await producer.send({ topic: 'payments', key, headers: { ...headers, id }, value })
      },
    })
  }

  async #charge(customer: string, total: number): Promise<void> {
    if (this.unreachable.has(customer)) throw new Error(`the bank of ${customer} does not answer`)
    this.revenue.set(customer, (this.revenue.get(customer) ?? 0) + total)
  }
}

import type { PubSub } from 'brokerlet'
import { tenant } from './policy.ts'
import type { Topics } from './topics.ts'

/** Mails customers; it is slow, but nothing waits for it. */
export class Mailing {
  readonly mails: string[] = []

  async start(pubsub: PubSub<Pick<Topics, 'orders' | 'payments' | 'dead-letters'>>): Promise<void> {
    const consumer = pubsub.consumer({ groupId: 'mailing', topics: ['orders', 'payments'] })
    await consumer.run({
      concurrency: 4,
      eachRecord: {
        orders: ({ value }) => this.#mail(`${value.orderId} was ordered`),
        payments: ({ value }) => this.#mail(`${value.orderId} was paid`),
      },
    })
  }

  async #mail(text: string): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, 5))
    this.mails.push(`${tenant.getStore()}: ${text}`)
  }
}

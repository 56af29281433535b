import type { PubSub } from 'brokerlet'
import type { Topics } from './topics.ts'

/** Sends every order that was paid for. */
export class Shipping {
  readonly shipped = new Set<string>()

  async start(pubsub: PubSub<Pick<Topics, 'payments' | 'dead-letters'>>): Promise<void> {
    const consumer = pubsub.consumer({ groupId: 'shipping', topics: ['payments'] })
    await consumer.run({
      eachRecord: ({ value }) => {
        this.shipped.add(value.orderId)
      },
    })
  }
}

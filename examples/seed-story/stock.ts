import { setTimeout as sleep } from 'node:timers/promises'
import type { PubSub } from 'brokerlet'
import type { PaymentTopics } from './payments.ts'

const warehouseMs = 4

/** Takes every item off its shelf, for which it asks a slow warehouse. */
export class Stock {
  readonly taken = new Map<string, number>()
  payments = 0

  async start(pubsub: PubSub<PaymentTopics>): Promise<void> {
    const consumer = pubsub.consumer({ groupId: 'stock', topics: ['payments'] })
    await consumer.run({
      eachRecord: async ({ value: { item } }) => {
        await sleep(warehouseMs)
        this.taken.set(item, (this.taken.get(item) ?? 0) + 1)
        this.payments++
      },
    })
  }
}

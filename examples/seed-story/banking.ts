import type { PubSub } from 'brokerlet'
import type { PaymentTopics } from './payments.ts'

/** Books every payment at once. */
export class Banking {
  readonly balances = new Map<string, number>()
  payments = 0

  async start(pubsub: PubSub<PaymentTopics>): Promise<void> {
    const consumer = pubsub.consumer({ groupId: 'banking', topics: ['payments'] })
    await consumer.run({
      eachRecord: ({ value: { account, amount } }) => {
        this.balances.set(account, (this.balances.get(account) ?? 0) + amount)
        this.payments++
      },
    })
  }

  get total(): number {
    return [...this.balances.values()].reduce((sum, balance) => sum + balance, 0)
  }
}

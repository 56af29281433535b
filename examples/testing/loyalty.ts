import { type PubSub, topic } from 'brokerlet'

export interface Purchase {
  customer: string
  amount: number
}

export interface PointsEarned {
  customer: string
  points: number
  total: number
}

export const loyaltyTopics = {
  purchases: topic<Purchase, string>({ partitions: 3 }),
  'points-earned': topic<PointsEarned, string>({ partitions: 3 }),
}

/** The service under test: a point for every ten that a customer spends. */
export async function startLoyalty(pubsub: PubSub<typeof loyaltyTopics>): Promise<void> {
  const totals = new Map<string, number>()
  const producer = pubsub.producer()
  const consumer = pubsub.consumer({ groupId: 'loyalty', topics: ['purchases'] })
  await consumer.run({
    eachRecord: async ({ value: { customer, amount } }) => {
      if (amount < 0) throw new RangeError(`${customer} spent ${amount}`)
      const points = Math.floor(amount / 10)
      const total = (totals.get(customer) ?? 0) + points
      totals.set(customer, total)
      await producer.send({ topic: 'points-earned', key: customer, value: { customer, points, total } })
    },
    retry: { attempts: 3, delayMs: 10 },
    onFailure: 'stop',
  })
}

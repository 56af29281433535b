import { type PubSub, topic } from 'brokerlet'

export interface Order {
  id: string
  total: number
}

export interface Payment {
  orderId: string
  amount: number
}

export const shopTopics = {
  orders: topic<Order, string>({ partitions: 3 }),
  payments: topic<Payment, string>({ partitions: 3 }),
}

type ShopPubSub = PubSub<typeof shopTopics>

/** Charges each order once, however often the record comes. */
export async function startBilling(pubsub: ShopPubSub): Promise<{ readonly charged: ReadonlySet<string> }> {
  const charged = new Set<string>()
  const producer = pubsub.producer()
  const consumer = pubsub.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ value: { id, total } }) => {
      if (charged.has(id)) return
      await producer.send({ topic: 'payments', key: id, value: { orderId: id, amount: total } })
      charged.add(id)
    },
  })
  return { charged }
}

/** Ships paid orders. */
export async function startShipping(pubsub: ShopPubSub): Promise<{ readonly parcels: readonly string[] }> {
  const parcels: string[] = []
  const consumer = pubsub.consumer({ groupId: 'shipping', topics: ['payments'] })
  await consumer.run({
    eachRecord: ({ value }) => {
      parcels.push(value.orderId)
    },
  })
  return { parcels }
}

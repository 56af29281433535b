import { type PubSub, topic } from 'brokerlet'
import type { FastifyPluginAsync } from 'fastify'
import type { orderTopics } from './orders.ts'

export interface PaymentReceived {
  orderId: string
  amount: number
}

/** The topics that this module writes to. */
export const paymentTopics = {
  payments: topic<PaymentReceived, string>({ partitions: 6 }),
}

type BillingTopics = typeof orderTopics & typeof paymentTopics

/** Charges the customer for every order. */
export const billing: FastifyPluginAsync<{ pubsub: PubSub<BillingTopics> }> = async (app, { pubsub }) => {
  const revenue = new Map<string, number>()
  const producer = pubsub.producer()

  const consumer = pubsub.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ value: { orderId, customer, total } }) => {
      revenue.set(customer, (revenue.get(customer) ?? 0) + total)
      await producer.send({ topic: 'payments', key: orderId, value: { orderId, amount: total } })
    },
  })
  app.addHook('onClose', async () => {
    await consumer.close()
  })

  app.get('/revenue', async () => Object.fromEntries(revenue))
}

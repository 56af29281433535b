import { randomUUID } from 'node:crypto'
import { type PubSub, topic } from 'brokerlet'
import type { FastifyPluginAsync } from 'fastify'
import type { paymentTopics } from './billing.ts'
import type { shipmentTopics } from './shipping.ts'

export interface OrderPlaced {
  orderId: string
  customer: string
  total: number
}

/** The topics that this module writes to. */
export const orderTopics = {
  orders: topic<OrderPlaced, string>({ partitions: 6 }),
}

type OrdersTopics = typeof orderTopics & typeof paymentTopics & typeof shipmentTopics

type Status = 'placed' | 'paid' | 'shipped'

const body = {
  type: 'object',
  required: ['customer', 'total'],
  properties: { customer: { type: 'string' }, total: { type: 'number', minimum: 0 } },
}

/** Takes orders over HTTP, and follows their status. */
export const orders: FastifyPluginAsync<{ pubsub: PubSub<OrdersTopics> }> = async (app, { pubsub }) => {
  const statuses = new Map<string, Status>()
  const producer = pubsub.producer()

  const consumer = pubsub.consumer({ groupId: 'orders', topics: ['payments', 'shipments'] })
  await consumer.run({
    eachRecord: {
      payments: ({ value }) => {
        // The two topics are read independently: an order may be shipped before its payment is seen here.
        if (statuses.get(value.orderId) === 'placed') statuses.set(value.orderId, 'paid')
      },
      shipments: ({ value }) => {
        statuses.set(value.orderId, 'shipped')
      },
    },
  })
  app.addHook('onClose', async () => {
    await consumer.close()
  })

  app.post<{ Body: Omit<OrderPlaced, 'orderId'> }>(
    '/orders',
    { schema: { body } },
    async (request, reply) => {
      const orderId = randomUUID()
      statuses.set(orderId, 'placed')
      await producer.send({ topic: 'orders', key: orderId, value: { orderId, ...request.body } })
      return reply.code(202).header('location', `/orders/${orderId}`).send({ orderId })
    },
  )

  app.get<{ Params: { orderId: string } }>('/orders/:orderId', async ({ params: { orderId } }, reply) => {
    const status = statuses.get(orderId)
    if (status === undefined) return reply.code(404).send({ message: `No order ${orderId}` })
    return { orderId, status }
  })
}

import type { PubSub } from 'brokerlet'
import { type FastifyInstance, fastify } from 'fastify'
import { billing, paymentTopics } from './billing.ts'
import { orders, orderTopics } from './orders.ts'
import { shipmentTopics, shipping } from './shipping.ts'

/** The topics of all modules. */
export const topics = { ...orderTopics, ...paymentTopics, ...shipmentTopics }

/**
 * The application on a broker or a cluster. Each module is a plugin that gets the topics it
 * uses, and closes its own clients.
 */
export function createApp(pubsub: PubSub<typeof topics>): FastifyInstance {
  const app = fastify()
  app.register(orders, { pubsub })
  app.register(billing, { pubsub })
  app.register(shipping, { pubsub })
  return app
}

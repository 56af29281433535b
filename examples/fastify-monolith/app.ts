import type { PubSub } from 'brokerlet'
import { type FastifyInstance, fastify } from 'fastify'
import { billing, paymentTopics } from './billing.ts'
import { orders, orderTopics } from './orders.ts'
import { shipmentTopics, shipping } from './shipping.ts'

/** What all modules tell each other. */
export const topics = { ...orderTopics, ...paymentTopics, ...shipmentTopics }

/** The application on an engine. Each module is a plugin that gets the topics it uses, and closes what it opened. */
export function createApp(pubsub: PubSub<typeof topics>): FastifyInstance {
  const app = fastify()
  app.register(orders, { pubsub })
  app.register(billing, { pubsub })
  app.register(shipping, { pubsub })
  return app
}

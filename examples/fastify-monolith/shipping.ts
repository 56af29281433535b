import { setTimeout as sleep } from 'node:timers/promises'
import { type PubSub, topic } from 'brokerlet'
import type { FastifyPluginAsync } from 'fastify'
import type { paymentTopics } from './billing.ts'

export interface ParcelSent {
  orderId: string
  parcel: number
}

/** The topics that this module writes to. */
export const shipmentTopics = {
  shipments: topic<ParcelSent, string>({ partitions: 6 }),
}

type ShippingTopics = typeof paymentTopics & typeof shipmentTopics

const packingMs = 5

/** Ships paid orders; packing takes a while, but no request waits for it. */
export const shipping: FastifyPluginAsync<{ pubsub: PubSub<ShippingTopics> }> = async (app, { pubsub }) => {
  let parcels = 0
  const producer = pubsub.producer()

  const consumer = pubsub.consumer({ groupId: 'shipping', topics: ['payments'] })
  await consumer.run({
    eachRecord: async ({ value: { orderId } }) => {
      await sleep(packingMs)
      await producer.send({ topic: 'shipments', key: orderId, value: { orderId, parcel: ++parcels } })
    },
  })
  app.addHook('onClose', async () => {
    await consumer.close()
  })

  app.get('/parcels', async () => ({ parcels }))
}

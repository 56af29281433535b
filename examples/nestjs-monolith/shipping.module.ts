import { setTimeout as sleep } from 'node:timers/promises'
import { Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common'
import type { PubSub } from 'brokerlet'
import { PUB_SUB } from './messaging.module.ts'
import type { AppTopics } from './topics.ts'

type ShippingTopics = Pick<AppTopics, 'orders.paid' | 'orders.shipped'>

const packingMs = 15

/** Ships paid orders. */
@Injectable()
export class ShippingService implements OnModuleInit {
  readonly #pubsub: PubSub<ShippingTopics>

  constructor(@Inject(PUB_SUB) pubsub: PubSub<ShippingTopics>) {
    this.#pubsub = pubsub
  }

  async onModuleInit(): Promise<void> {
    const producer = this.#pubsub.producer()
    const consumer = this.#pubsub.consumer({ groupId: 'shipping', topics: ['orders.paid'] })
    await consumer.run({
      eachRecord: async ({ value: { orderId } }) => {
        await sleep(packingMs)
        await producer.send({
          topic: 'orders.shipped',
          key: orderId,
          value: { orderId, parcel: `parcel-of-${orderId}` },
        })
      },
    })
  }
}

@Module({ providers: [ShippingService] })
export class ShippingModule {}

import { Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common'
import type { PubSub } from 'brokerlet'
import { PUB_SUB } from './messaging.module.ts'
import type { AppTopics, OrderPlaced } from './topics.ts'

type OrdersTopics = Pick<AppTopics, 'orders.placed' | 'orders.shipped'>

/** Takes orders, and knows which of them have been shipped. */
@Injectable()
export class OrdersService implements OnModuleInit {
  readonly #pubsub: PubSub<OrdersTopics>
  readonly #parcels = new Map<string, string | null>()

  constructor(@Inject(PUB_SUB) pubsub: PubSub<OrdersTopics>) {
    this.#pubsub = pubsub
  }

  async onModuleInit(): Promise<void> {
    const consumer = this.#pubsub.consumer({ groupId: 'orders', topics: ['orders.shipped'] })
    await consumer.run({
      eachRecord: ({ value: { orderId, parcel } }) => {
        this.#parcels.set(orderId, parcel)
      },
    })
  }

  async place(order: OrderPlaced): Promise<void> {
    this.#parcels.set(order.orderId, null)
    await this.#pubsub.producer().send({ topic: 'orders.placed', key: order.orderId, value: order })
  }

  /** The parcel of every order, null before it is shipped. */
  get parcels(): ReadonlyMap<string, string | null> {
    return this.#parcels
  }

  /** How many orders wait for their parcel. */
  get open(): number {
    return [...this.#parcels.values()].filter(parcel => parcel === null).length
  }
}

@Module({ providers: [OrdersService], exports: [OrdersService] })
export class OrdersModule {}

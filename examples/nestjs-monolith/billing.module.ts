import { Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common'
import type { PubSub } from 'brokerlet'
import { PUB_SUB } from './messaging.module.ts'
import type { AppTopics } from './topics.ts'

type BillingTopics = Pick<AppTopics, 'orders.placed' | 'orders.paid'>

/** Writes an invoice for every order. */
@Injectable()
export class BillingService implements OnModuleInit {
  readonly #pubsub: PubSub<BillingTopics>
  invoices = 0
  revenue = 0

  constructor(@Inject(PUB_SUB) pubsub: PubSub<BillingTopics>) {
    this.#pubsub = pubsub
  }

  async onModuleInit(): Promise<void> {
    const producer = this.#pubsub.producer()
    const consumer = this.#pubsub.consumer({ groupId: 'billing', topics: ['orders.placed'] })
    await consumer.run({
      eachRecord: async ({ value: { orderId, total } }) => {
        this.revenue += total
        await producer.send({
          topic: 'orders.paid',
          key: orderId,
          value: { orderId, invoice: ++this.invoices },
        })
      },
    })
  }
}

@Module({ providers: [BillingService], exports: [BillingService] })
export class BillingModule {}

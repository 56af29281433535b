import { Controller, type DynamicModule, Inject, Module } from '@nestjs/common'
import {
  type ClientKafka,
  ClientsModule,
  EventPattern,
  type KafkaOptions,
  Payload,
  Transport,
} from '@nestjs/microservices'
import { lastValueFrom } from 'rxjs'

export interface Order {
  id: string
  total: number
}

type KafkaConfig = NonNullable<NonNullable<KafkaOptions['options']>['client']>

/** How the service reaches Kafka; `client` is KafkaJS's configuration. */
export const kafkaOptions = (client: KafkaConfig) =>
  ({
    transport: Transport.KAFKA,
    options: {
      client,
      consumer: { groupId: 'billing', maxWaitTimeInMs: 50, heartbeatInterval: 50 },
      subscribe: { fromBeginning: true },
    },
  }) satisfies KafkaOptions

/** Turns orders into payments; it knows nothing of brokerlet. */
@Controller()
class BillingController {
  readonly #kafka: ClientKafka

  constructor(@Inject('KAFKA') kafka: ClientKafka) {
    this.#kafka = kafka
  }

  @EventPattern('orders')
  async bill(@Payload() { id, total }: Order): Promise<void> {
    await lastValueFrom(this.#kafka.emit('payments', { key: id, value: { orderId: id, amount: total } }))
  }
}

@Module({})
class BillingModule {}

export const billingModule = (client: KafkaConfig): DynamicModule => ({
  module: BillingModule,
  imports: [
    ClientsModule.register([
      { name: 'KAFKA', transport: Transport.KAFKA, options: { client, producerOnlyMode: true } },
    ]),
  ],
  controllers: [BillingController],
})

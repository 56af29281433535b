import 'reflect-metadata'
import { type INestApplicationContext, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { PubSub } from 'brokerlet'
import { BillingModule } from './billing.module.ts'
import { MessagingModule } from './messaging.module.ts'
import { OrdersModule } from './orders.module.ts'
import { ShippingModule } from './shipping.module.ts'
import type { AppTopics } from './topics.ts'

@Module({ imports: [OrdersModule, BillingModule, ShippingModule] })
class AppModule {}

/**
 * The application on a broker or a cluster. Modules start to read in `onModuleInit`; closing
 * the broker ends their consumers.
 */
export function createApp(pubsub: PubSub<AppTopics>): Promise<INestApplicationContext> {
  const module = { module: AppModule, imports: [MessagingModule.forRoot(pubsub)] }
  return NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] })
}

/** A NestJS microservice with the transport Kafka, tested without Kafka and without a port. See docs/kafka-clients.md. */
import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { Broker, topic } from 'brokerlet'
import { socketFactory } from 'brokerlet/server'
import { logLevel } from 'kafkajs'
import { expect, it } from 'vitest'
import { billingModule, kafkaOptions, type Order } from './billing.module.ts'

it('turns each order into one payment', async () => {
  const broker = new Broker({
    topics: {
      orders: topic<Order, string>({ partitions: 3 }),
      payments: topic<{ orderId: string; amount: number }, string>({ partitions: 3 }),
    },
  })
  const client = {
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker),
    logLevel: logLevel.NOTHING,
  }
  const app = await NestFactory.createMicroservice(billingModule(client), {
    ...kafkaOptions(client),
    logger: ['error'],
  })
  await app.listen()

  for (const id of ['o-1', 'o-2', 'o-3']) {
    await broker.producer().send({ topic: 'orders', key: id, value: { id, total: 30 } })
  }
  await broker.idle()

  const payments = broker.topic('payments').records()
  expect(payments.map(({ value }) => value.orderId).sort()).toEqual(['o-1', 'o-2', 'o-3'])
  // NestJS appends '-server' to the group id.
  expect(broker.group('billing-server').lag()).toBe(0)
  await app.close()
  await broker.close()
})

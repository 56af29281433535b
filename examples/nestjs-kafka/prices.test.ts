/** NestJS's request and reply (`@MessagePattern`, `ClientKafka.send`) over two topics, without Kafka and without a port. */
import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { ClientKafka } from '@nestjs/microservices'
import { Broker, topic } from 'brokerlet'
import { socketFactory } from 'brokerlet/server'
import { logLevel } from 'kafkajs'
import { lastValueFrom } from 'rxjs'
import { expect, it } from 'vitest'
import { kafkaOptions } from './billing.module.ts'
import { PricesModule } from './prices.module.ts'

it('answers each request to the one who asked', async () => {
  const broker = new Broker({
    topics: { prices: topic({ partitions: 3 }), 'prices.reply': topic({ partitions: 3 }) },
  })
  const options = kafkaOptions({
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker),
    logLevel: logLevel.NOTHING,
  })
  const app = await NestFactory.createMicroservice(PricesModule, { ...options, logger: ['error'] })
  await app.listen()
  const shop = new ClientKafka(options.options)
  shop.subscribeToResponseOf('prices')
  await shop.connect()

  const ask = (article: string) => lastValueFrom(shop.send('prices', { key: article, value: { article } }))
  expect(await Promise.all(['tea', 'coffee', 'sugar'].map(ask))).toEqual([
    { article: 'tea', price: 3 },
    { article: 'coffee', price: 6 },
    { article: 'sugar', price: 5 },
  ])
  await broker.idle()

  await shop.close()
  await app.close()
  await broker.close()
})

/** What a service does with the package, on whichever runtime this is. It prints the outcome as JSON. */
import { createRequire } from 'node:module'
import { Broker, json, topic } from 'brokerlet'
import { serve, socketFactory } from 'brokerlet/server'
import { TestBroker } from 'brokerlet/testing'
import { Kafka, logLevel } from 'kafkajs'

const topics = { orders: topic({ partitions: 6 }), payments: topic({ partitions: 3 }) }

/** Turns a hundred orders into payments in transactions; gives the sum of what was paid. */
async function exactlyOnce() {
  const broker = new Broker({ codec: json, topics })
  const producer = broker.producer({ transactionalId: 'billing' })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
  await consumer.run({
    eachRecord: ({ key, value }, context) =>
      producer.transaction(async tx => {
        await tx.send({ topic: 'payments', key, value: { amount: value.total } })
        await tx.sendOffsets(context)
      }),
  })
  for (let total = 0; total < 100; total++) {
    await broker.producer().send({ topic: 'orders', key: `o-${total}`, value: { total } })
  }
  await broker.idle()
  const payments = broker.topic('payments').records()
  await broker.close()
  return payments.reduce((sum, { value }) => sum + value.amount, 0)
}

/** Crashes one of two consumers in virtual time; gives the timeline, which is the same each time. */
async function crash() {
  const broker = new TestBroker({ seed: 7, topics })
  const [first] = await Promise.all(
    ['first', 'second'].map(async clientId => {
      const consumer = broker.consumer({ groupId: 'billing', clientId, topics: ['orders'] })
      await consumer.run({ eachRecord: () => broker.clock.sleep(250) })
      return consumer
    }),
  )
  for (let i = 0; i < 20; i++) {
    await broker.producer().send({ topic: 'orders', key: `o-${i}`, value: { total: i } })
  }
  await broker.advance(1000)
  broker.crash(first)
  await broker.advanceUntilIdle()
  const timeline = String(broker.timeline)
  await broker.close()
  return timeline.split('\n')
}

/** Sends and reads with KafkaJS; gives what was read. */
async function kafkaJs(broker, client) {
  const kafka = new Kafka({ ...client, logLevel: logLevel.NOTHING })
  const producer = kafka.producer()
  await producer.connect()
  const consumer = kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const read = []
  await consumer.run({ eachMessage: async ({ message }) => void read.push(String(message.value)) })
  await producer.send({ topic: 'orders', messages: ['a', 'b', 'c'].map(value => ({ key: value, value })) })
  await broker.idle()
  await consumer.disconnect()
  await producer.disconnect()
  await broker.close()
  return read.sort()
}

async function inMemory() {
  const broker = new Broker({ topics })
  return kafkaJs(broker, { brokers: ['in-process:9092'], socketFactory: socketFactory(broker) })
}

async function overTcp() {
  const broker = new Broker({ topics })
  const { address } = await serve(broker)
  return kafkaJs(broker, { brokers: [address] })
}

const required = createRequire(import.meta.url)('brokerlet')
const outcome = {
  exactlyOnce: await exactlyOnce(),
  crash: await crash(),
  inMemory: await inMemory(),
  overTcp: await overTcp(),
  required: typeof required.Broker,
}
console.log(JSON.stringify(outcome))

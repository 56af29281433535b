import { Kafka, logLevel } from 'kafkajs'
import { afterEach, expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { RequestLog, serve } from '../../src/server/index.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

/** A topic that KafkaJS creates on so many of three brokers. */
async function start(replicationFactor: number, minInSyncReplicas = 1) {
  const broker = new Broker()
  open.push(() => broker.close())
  const requests = new RequestLog()
  const server = await serve(broker, { brokers: 3, requests })
  const kafka = new Kafka({
    brokers: server.bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    requestTimeout: 500,
    // Its own waits are real time, so they are short here.
    retry: { retries: 1000, initialRetryTime: 5, maxRetryTime: 20 },
  })
  const admin = kafka.admin()
  open.push(() => admin.disconnect())
  await admin.connect()
  const configEntries = [{ name: 'min.insync.replicas', value: String(minInSyncReplicas) }]
  await admin.createTopics({ topics: [{ topic: 'orders', replicationFactor, configEntries }] })
  const producer = kafka.producer()
  open.push(() => producer.disconnect())
  await producer.connect()
  const send = (value: string) => producer.send({ topic: 'orders', messages: [{ value }] })
  const leader = server.leaderOf({ topic: 'orders', partition: 0 })!
  return { admin, broker, kafka, leader, requests, send, server }
}

it('KafkaJS goes on when the only replica of a partition is back, and loses nothing', async () => {
  const { admin, broker, kafka, leader, requests, send, server } = await start(1)
  const groupId = ['billing', 'shipping', 'audit', 'stock'].find(id => server.coordinatorOf(id) !== leader)!
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 20, heartbeatInterval: 10 })
  open.push(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const seen: string[] = []
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ message }) => void seen.push(String(message.value)),
  })
  await send('before')
  await expect.poll(() => seen).toEqual(['before'])

  await leader.stop()
  const waiting = send('meanwhile')
  const asked = requests.of({ api: 'Metadata' }).length
  // It looks for a leader again and again, and there is none.
  await expect.poll(() => requests.of({ api: 'Metadata' }).length).toBeGreaterThan(asked + 3)
  expect(server.leaderOf({ topic: 'orders', partition: 0 })).toBeUndefined()
  await leader.start()
  await waiting
  await send('after')
  await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['before', 'meanwhile', 'after'])
  expect(broker.topic('orders').records()).toHaveLength(3)
  const { topics } = await admin.fetchTopicMetadata({ topics: ['orders'] })
  expect(topics[0]!.partitions).toMatchObject([
    { partitionErrorCode: 0, leader: leader.nodeId, isr: [leader.nodeId], replicas: [leader.nodeId] },
  ])
})

it('KafkaJS waits until enough replicas are in sync', async () => {
  const { broker, leader, requests, send, server } = await start(3, 3)
  await send('before')
  const other = server.brokers.find(each => each !== leader)!
  await other.stop()
  const waiting = send('meanwhile')
  await expect
    .poll(
      () =>
        requests.of({ api: 'Produce' }).filter(({ errors }) => errors.includes('NOT_ENOUGH_REPLICAS')).length,
    )
    .toBeGreaterThan(1)
  expect(broker.topic('orders').records()).toHaveLength(1)
  await other.start()
  await waiting
  expect(broker.topic('orders').records()).toHaveLength(2)
})

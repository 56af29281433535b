import { Kafka, logLevel } from 'kafkajs'
import { afterEach, expect, it, vi } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import {
  RequestLog,
  type ServedBroker,
  type ServeOptions,
  serve,
  WireFaults,
} from '../../src/server/index.ts'
import { TestBroker } from '../../src/testing/index.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const topics = { orders: topic({ partitions: 3 }) }

async function start(options: ServeOptions = {}, broker: Broker<typeof topics> = new Broker({ topics })) {
  open.push(() => broker.close())
  const faults = new WireFaults()
  const requests = new RequestLog()
  const server = await serve(broker, { brokers: 3, faults, requests, ...options })
  const kafka = new Kafka({
    brokers: server.bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    requestTimeout: 200,
    // Its own waits are real time, so they are short here.
    retry: { retries: 20, initialRetryTime: 5, maxRetryTime: 20 },
  })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  open.push(() => producer.disconnect())
  await producer.connect()
  const send = (partition: number, value: number) =>
    producer.send({ topic: 'orders', messages: [{ value: String(value), partition }] })
  const values = (partition: number) =>
    broker
      .topic('orders')
      .records()
      .filter(record => record.partition === partition)
      .map(record => record.value)
  const consume = async (groupId: string, sessionMs = 5000) => {
    const seen: string[] = []
    const consumer = kafka.consumer({
      groupId,
      maxWaitTimeInMs: 20,
      heartbeatInterval: 10,
      // It stays with its coordinator until its retries are used up, and joins again as somebody else: what it was before is
      // a member for so long.
      sessionTimeout: sessionMs,
      rebalanceTimeout: sessionMs,
      retry: { retries: 2, initialRetryTime: 5, maxRetryTime: 20 },
    })
    open.push(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    const joined = new Promise(resolve => consumer.on('consumer.group_join', resolve))
    await consumer.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ partition, message }) => void seen.push(`${partition} ${message.value}`),
    })
    await joined
    return seen
  }
  return { broker, faults, requests, server, kafka, send, values, consume }
}

const leaderOf = (server: { leaderOf(tp: object): ServedBroker | undefined }, partition: number) =>
  server.leaderOf({ topic: 'orders', partition })!

it('sends to the leader of each partition, and consumes from all of them', async () => {
  const { broker, server, requests, send, consume } = await start()
  for (const partition of [0, 1, 2]) await send(partition, partition)
  const seen = await consume('billing')
  await broker.idle()
  expect(seen.toSorted()).toEqual(['0 0', '1 1', '2 2'])
  for (const partition of [0, 1, 2]) {
    const asked = requests.of({ api: 'Produce', topic: 'orders', partition })
    expect(asked.map(({ nodeId, errors }) => [nodeId, errors])).toEqual([
      [leaderOf(server, partition).nodeId, []],
    ])
  }
  const coordinator = server.coordinatorOf('billing')!.nodeId
  expect(new Set(requests.of({ api: 'JoinGroup' }).map(({ nodeId }) => nodeId))).toEqual(
    new Set([coordinator]),
  )
})

it('goes on producing, each record once, while the leader stops and comes back', async () => {
  const { server, requests, send, values } = await start()
  await send(0, 1)
  const leader = leaderOf(server, 0)
  await leader.stop()
  await send(0, 2)
  const other = leaderOf(server, 0)
  expect(requests.of({ api: 'Produce', nodeId: other.nodeId }).at(-1)!.errors).toEqual([])
  await leader.start()
  await send(0, 3)
  expect(values(0)).toEqual([1, 2, 3])
  // It asked where it had found the leader before, and was told that this is another one now.
  const told = requests.of({ api: 'Produce', nodeId: other.nodeId }).map(({ errors }) => errors)
  expect(told).toEqual([[], ['NOT_LEADER_OR_FOLLOWER']])
  expect(requests.of({ api: 'Produce' }).at(-1)!.nodeId).toBe(leader.nodeId)
})

it('goes on consuming, and loses nothing, while the leader and the coordinator stop and come back', async () => {
  const { broker, server, send, consume } = await start()
  const leader = leaderOf(server, 0)
  const groupId = ['billing', 'shipping', 'audit', 'stock'].find(id => server.coordinatorOf(id) !== leader)!
  const coordinator = server.coordinatorOf(groupId)!
  const seen = await consume(groupId, 200)
  let sent = 0
  const through = async () => {
    await send(0, ++sent)
    // Between its lives as a member the consumer owes nothing, so the broker may be idle before.
    await vi.waitUntil(
      () => broker.groups.get(groupId)?.committed({ topic: 'orders', partition: 0 })?.offset === sent,
      { interval: 5, timeout: 4000 },
    )
  }
  await through()
  for (const each of [leader, coordinator]) {
    await each.stop()
    await through()
    await each.start()
    await through()
  }
  expect([...new Set(seen)]).toEqual(Array.from({ length: sent }, (_, i) => `0 ${i + 1}`))
})

it('waits for a slow leader, and writes nothing twice where it has asked again', async () => {
  const slowed = new TestBroker({ topics })
  const { server, requests, send, values } = await start({}, slowed as unknown as Broker<typeof topics>)
  const leader = leaderOf(server, 0)
  await send(0, 1)
  await send(1, 1)
  leader.slowBy(60_000)
  const sent = send(0, 2)
  // The others are as quick as ever.
  await send(1, 2)
  expect(values(1)).toEqual([1, 2])
  await expect.poll(() => requests.of({ api: 'Produce', nodeId: leader.nodeId })).toHaveLength(2)
  leader.slowBy(0)
  await slowed.advance(60_000)
  await sent
  expect(values(0)).toEqual([1, 2])
})

it('finds the leader at last where metadata is out of date', async () => {
  const { server, faults, requests, send, values } = await start()
  await send(0, 1)
  await leaderOf(server, 0).stop()
  faults.staleMetadata({}, { times: 2 })
  await send(0, 2)
  expect(values(0)).toEqual([1, 2])
  expect(faults.uses).toMatchObject([{ action: 'staleMetadata', used: 2, left: 0 }])
  expect(requests.of({ api: 'Metadata' }).length).toBeGreaterThan(2)
})

it('commits a transaction over several leaders and coordinators, whichever of them stop meanwhile', async () => {
  const { broker, server, kafka, values } = await start()
  const producer = kafka.producer({ transactionalId: 'shop-1', maxInFlightRequests: 1, idempotent: true })
  open.push(() => producer.disconnect())
  await producer.connect()
  const tx = await producer.transaction()
  await tx.send({ topic: 'orders', messages: [0, 1].map(partition => ({ value: '1', partition })) })
  await leaderOf(server, 2).stop()
  await tx.send({ topic: 'orders', messages: [{ value: '2', partition: 2 }] })
  const offsets = [{ topic: 'orders', partitions: [{ partition: 0, offset: '1' }] }]
  await tx.sendOffsets({ consumerGroupId: 'billing', topics: offsets })
  await tx.commit()
  expect([0, 1, 2].map(values)).toEqual([[1], [1], [2]])
  expect(broker.group('billing').committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 1 })
})

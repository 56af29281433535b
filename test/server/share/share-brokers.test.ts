import { connect as connectTcp } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { Broker, topic } from '../../../src/index.ts'
import { type KafkaServer, RequestLog, type ServedBroker, serve } from '../../../src/server/index.ts'
import { apis } from '../../../src/server/protocol/apis.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { WireClient } from '../../helpers/wire-client.ts'
import { accept, acquiredIn, configure, reject, ShareConsumer } from './share-scene.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const notLeader = 6
const notCoordinator = 16

async function start(broker: Broker = new Broker({ topics: { orders: topic() } })) {
  open.push(() => broker.close())
  const requests = new RequestLog()
  const server = await serve(broker, { brokers: 2, requests })
  configure(broker, 'g', { shareAutoOffsetReset: 'earliest' })
  const { id } = broker.topic('orders')
  const connected = async ({ port }: ServedBroker) => {
    const socket = connectTcp(port, '127.0.0.1')
    open.push(() => socket.destroy())
    await new Promise(resolve => socket.once('connect', resolve))
    return new WireClient(socket)
  }
  const leader = await leaderOf(server, await connected(server.brokers[0]!))
  const other = server.brokers.find(each => each !== leader)!
  const consumerAt = async (where: ServedBroker, memberId: string) =>
    new ShareConsumer(await connected(where), memberId, 'g', () => [id])
  /** Until a fetch waits at a broker. */
  const waits = () => vi.waitUntil(() => requests.of({ api: 'ShareFetch' }).at(-1)?.outcome === 'waiting')
  return { broker, server, id, leader, other, connected, consumerAt, waits }
}

async function leaderOf(server: KafkaServer, client: WireClient): Promise<ServedBroker> {
  const { topics } = await client.call(apis.metadata, 12, { topics: [{ name: 'orders' }] })
  return server.brokers.find(({ nodeId }) => nodeId === topics[0].partitions[0].leaderId)!
}

it('is answered for by its coordinator', async () => {
  const { server, connected } = await start()
  const clients = await Promise.all(server.brokers.map(connected))
  const coordinatorAt = await clients[0]!.call(apis.findCoordinator, 4, {
    keyType: 0,
    coordinatorKeys: ['g'],
  })
  const { nodeId } = coordinatorAt.coordinators[0]
  const codes = async (client: WireClient) => {
    const beat = { groupId: 'g', memberId: 'a', memberEpoch: 0, subscribedTopicNames: ['orders'] }
    const described = { groupIds: ['g'], includeAuthorizedOperations: false }
    const offsets = { groups: [{ groupId: 'g', topics: null }] }
    return [
      (await client.call(apis.shareGroupHeartbeat, 1, beat)).errorCode,
      (await client.call(apis.shareGroupDescribe, 1, described)).groups[0].errorCode,
      (await client.call(apis.describeShareGroupOffsets, 1, offsets)).groups[0].errorCode,
      (await client.call(apis.alterShareGroupOffsets, 0, { groupId: 'g', topics: [] })).errorCode,
      (await client.call(apis.deleteShareGroupOffsets, 0, { groupId: 'g', topics: [] })).errorCode,
      (await client.call(apis.listGroups, 5, { statesFilter: [], typesFilter: [] })).groups.length,
    ]
  }
  expect(await codes(clients[nodeId - 1]!)).toEqual([0, 0, 0, 68, 68, 1])
  const n = notCoordinator
  expect(await codes(clients[2 - nodeId]!)).toEqual([n, n, n, n, n, 0])
})

it('is served its records by the leader; another broker says who that is', async () => {
  const { broker, leader, other, consumerAt } = await start()
  broker.topic('orders').append({ value: 1 })
  const lost = await consumerAt(other, 'a')
  const refused = await lost.fetchAll({ maxWaitMs: 1000 })
  const { nodeId, port } = leader
  expect(refused.responses[0].partitions).toMatchObject([
    { errorCode: notLeader, currentLeader: { leaderId: nodeId, leaderEpoch: 0 }, acquiredRecords: [] },
  ])
  expect(refused.nodeEndpoints).toMatchObject([{ nodeId, host: '127.0.0.1', port }])
  expect(await lost.acknowledge(accept(0, 0))).toBe(notLeader)
  const served = await consumerAt(leader, 'a')
  expect(acquiredIn(await served.fetchAll())).toEqual([[0, 0, 1]])
})

it('has a session with each broker, and gives back only what that broker leads', async () => {
  const { broker, leader, other, consumerAt } = await start()
  broker.topic('orders').append({ value: 1 })
  const [served, lost] = [await consumerAt(leader, 'a'), await consumerAt(other, 'a')]
  await served.fetchAll()
  await lost.fetchAll()
  expect(await lost.close()).toMatchObject({ errorCode: 0 })
  expect(await served.acknowledge(accept(0, 0))).toBe(0)
})

it('goes on at another broker when the leader stops, with what it had acquired', async () => {
  const { broker, leader, other, consumerAt } = await start()
  broker.topic('orders').append({ value: 1 })
  const [served, next] = [await consumerAt(leader, 'a'), await consumerAt(other, 'a')]
  await served.fetchAll()
  await leader.stop()
  expect(acquiredIn(await next.fetchAll())).toEqual([[0, 0, 2]])
})

it('keeps what it had acquired when another broker stops or starts', async () => {
  const { broker, leader, other, consumerAt } = await start()
  broker.topic('orders').append({ value: 1 })
  const served = await consumerAt(leader, 'a')
  await served.fetchAll()
  await other.stop()
  await other.start()
  expect(await served.acknowledge(accept(0, 0))).toBe(0)
})

it('waits no longer when its leader moves', async () => {
  const { server, leader, other, consumerAt, waits } = await start()
  await leader.stop()
  expect(server.brokers.filter(({ running }) => running)).toEqual([other])
  const served = await consumerAt(other, 'a')
  await served.fetchAll()
  const waiting = served.fetchAll({ maxWaitMs: 60_000, topics: [] })
  await waits()
  await leader.start()
  expect((await waiting).responses[0].partitions).toMatchObject([
    { errorCode: notLeader, currentLeader: { leaderId: leader.nodeId } },
  ])
})

it('is refused without a leader while its partition is offline', async () => {
  const { broker, server, leader, other, connected, consumerAt } = await start()
  const client = await connected(other)
  const assignments = [{ partitionIndex: 0, brokerIds: [leader.nodeId] }]
  const alone = { name: 'alone', numPartitions: -1, replicationFactor: -1, assignments, configs: [] }
  const created = await client.call(apis.createTopics, 7, { topics: [alone], timeoutMs: 1000 })
  expect(created.topics[0].errorCode).toBe(0)
  const { id: topicId } = broker.topic('alone')
  await leader.stop()
  expect(server.leaderOf({ topic: 'alone', partition: 0 })).toBeUndefined()
  const served = await consumerAt(other, 'a')
  const topics = [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }]
  const refused = await served.fetchAll({ topics })
  expect(refused.responses[0].partitions).toMatchObject([
    { errorCode: notLeader, currentLeader: { leaderId: -1, leaderEpoch: 1 } },
  ])
  expect(refused.nodeEndpoints).toEqual([])
})

it('leaves its id to others when no server is left', async () => {
  const { broker, server, leader, consumerAt } = await start()
  const client = (await consumerAt(leader, 'a')).client
  await client.call(apis.shareFetch, 2, { groupId: 'g', memberId: 'a', topics: [] })
  expect(broker.describe().groups).toMatchObject([{ groupId: 'g', state: 'Empty' }])
  await server.close()
  expect(broker.describe().groups).toEqual([])
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  await consumer.close()
})

it('leaves nothing to wait for when no server is left', async () => {
  const { broker, server, consumerAt } = await start()
  broker.topic('orders').append({ value: 1 })
  for (const each of server.brokers) await (await consumerAt(each, 'a')).join()
  await expect(broker.idle({ timeoutMs: 10 })).rejects.toThrow(/1 record of orders-0 available/)
  const idle = broker.idle()
  await server.close()
  await idle
})

it('waits for no heartbeat and no lock when no server is left', async () => {
  const testBroker = new TestBroker()
  testBroker.createTopic('orders')
  const { broker, server, leader, consumerAt } = await start(testBroker)
  broker.topic('orders').append({ value: 1 })
  const served = await consumerAt(leader, 'a')
  await served.fetchAll()
  // One of them is its coordinator.
  for (const each of server.brokers) await (await consumerAt(each, 'a')).join()
  const timers = () => testBroker.pendingTimers.filter(name => name.startsWith('share group'))
  expect(timers()).toHaveLength(2)
  await server.close()
  expect(timers()).toEqual([])
})

it('writes dead letters as the broker may that leads what is given up', async () => {
  const { broker, leader, other, connected, consumerAt } = await start()
  configure(broker, 'g', { errorsDeadletterqueueTopicName: 'dlq.orders' })
  const errors: unknown[] = []
  broker.on('error', error => errors.push(error))
  const a = await consumerAt(leader, 'a')
  await a.fetch()
  const mayCreate = async (at: ServedBroker) => {
    const name = 'errors.deadletterqueue.auto.create.topics.enable'
    const configs = [{ name, configOperation: 0, value: 'true' }]
    const resources = [{ resourceType: 4, resourceName: String(at.nodeId), configs }]
    const { responses } = await (await connected(at)).call(apis.incrementalAlterConfigs, 1, { resources })
    expect(responses[0].errorCode).toBe(0)
  }
  for (const [offset, at] of [other, leader].entries()) {
    await mayCreate(at)
    broker.topic('orders').append({ value: offset })
    await a.fetch()
    expect(await a.acknowledge(reject(offset, offset))).toBe(0)
    expect(broker.topics.has('dlq.orders')).toBe(at === leader)
  }
  expect(broker.topic('dlq.orders').records()).toHaveLength(1)
  expect(errors).toHaveLength(1)
})

import { connect as connectTcp } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import {
  RequestLog,
  type ServedBroker,
  type ServeOptions,
  serve,
  WireFaults,
} from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { request, sequencedBatch, WireClient } from '../helpers/wire-client.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const topics = { orders: topic({ partitions: 3 }) }
const notLeader = 6
const notCoordinator = 16
const fencedEpoch = 74

async function start(options: ServeOptions = {}, broker: Broker<typeof topics> = new Broker({ topics })) {
  open.push(() => broker.close())
  const server = await serve(broker, { brokers: 3, ...options })
  return { broker, server, id: broker.topic('orders').id }
}

async function connectTo({ port }: ServedBroker): Promise<WireClient> {
  const socket = connectTcp(port, '127.0.0.1')
  open.push(() => socket.destroy())
  await new Promise(resolve => socket.once('connect', resolve))
  return new WireClient(socket)
}

/** The leader of each partition of a topic, as a broker tells it. */
async function leadersAt(client: WireClient, name = 'orders') {
  const { topics: told } = await client.call(apis.metadata as Api, 12, { topics: [{ name }] })
  return told[0].partitions.map((each: any) => [each.partitionIndex, each.leaderId, each.leaderEpoch])
}

/** Has each partition of `orders`, from the first one on, at a single broker. */
const keepAt = (client: WireClient, brokers: readonly ServedBroker[]) => {
  const partitions = brokers.map(({ nodeId }, partitionIndex) => ({ partitionIndex, replicas: [nodeId] }))
  return client.call(apis.alterPartitionReassignments as Api, 0, { topics: [{ name: 'orders', partitions }] })
}

const produce = (client: WireClient, partitions: readonly number[], more: object = {}) =>
  client.call(apis.produce as Api, 12, {
    acks: 1,
    timeoutMs: 1000,
    topicData: [
      {
        name: 'orders',
        partitionData: partitions.map(index => ({ index, records: [sequencedBatch(-1, -1, -1, [index])] })),
      },
    ],
    ...more,
  })

const fetchOrders = (id: string, partitions: readonly object[], maxWaitMs = 0) => ({
  maxWaitMs,
  minBytes: 1,
  topics: [
    {
      topicId: id,
      partitions: partitions.map(each => ({ fetchOffset: 0, partitionMaxBytes: 10_000, ...each })),
    },
  ],
})

it('numbers its brokers from firstNodeId on', async () => {
  const { broker, server } = await start({ firstNodeId: 0 })
  expect(server.brokers.map(({ nodeId }) => nodeId)).toEqual([0, 1, 2])
  const client = await connectTo(server.brokers[2]!)
  const { controllerId, brokers } = await client.call(apis.metadata as Api, 12, { topics: [] })
  expect([controllerId, brokers.map(({ nodeId }: any) => nodeId)]).toEqual([0, [0, 1, 2]])
  const led = [0, 1, 2].map(partition => server.leaderOf({ topic: 'orders', partition })!.nodeId)
  expect(await leadersAt(client)).toEqual([0, 1, 2].map(partition => [partition, led[partition], 0]))
  expect(led.toSorted()).toEqual([0, 1, 2])
  for (const each of server.brokers) await each.stop()
  await server.brokers[0]!.start()
  expect(server.coordinatorOf('billing')!.nodeId).toBe(0)
  await expect(serve(broker, { firstNodeId: -1 })).rejects.toThrow('firstNodeId')
})

it('fails the requests of broker 0 alone', async () => {
  const faults = new WireFaults()
  const { server } = await start({ firstNodeId: 0, faults })
  faults.fail({ api: 'CreateTopics', nodeId: 0 }, 'TOPIC_ALREADY_EXISTS')
  const create = async (at: number) => {
    const client = await connectTo(server.brokers[at]!)
    const { topics: told } = await client.call(apis.createTopics as Api, 7, {
      topics: [{ name: `t${at}`, numPartitions: 1, replicationFactor: 1 }],
    })
    return told[0].errorCode
  }
  expect([await create(1), await create(0), await create(0)]).toEqual([0, 36, 0])
})

it('shows each broker on a port of its own, and spreads leaders and coordinators over them', async () => {
  const { server } = await start()
  expect(server.brokers.map(({ nodeId, running }) => [nodeId, running])).toEqual([
    [1, true],
    [2, true],
    [3, true],
  ])
  expect(new Set(server.brokers.map(({ port }) => port)).size).toBe(3)
  expect(server.address).toBe(server.brokers[0]!.address)
  expect(server.bootstrapServers).toBe(server.brokers.map(({ address }) => address).join(','))
  for (const each of server.brokers) {
    const client = await connectTo(each)
    const told = await client.call(apis.metadata as Api, 12, { topics: [{ name: 'orders' }] })
    expect(told.controllerId).toBe(1)
    expect(told.brokers).toEqual(
      server.brokers.map(({ nodeId, port }) => ({ nodeId, host: '127.0.0.1', port, rack: null })),
    )
    const leaders = told.topics[0].partitions.map(({ leaderId }: any) => leaderId)
    expect(leaders).toEqual(
      [0, 1, 2].map(partition => server.leaderOf({ topic: 'orders', partition })!.nodeId),
    )
    expect(leaders.toSorted()).toEqual([1, 2, 3])
    for (const { leaderId, replicaNodes, isrNodes } of told.topics[0].partitions) {
      expect(replicaNodes[0]).toBe(leaderId)
      expect(isrNodes.toSorted()).toEqual([1, 2, 3])
    }
    const { brokers, controllerId } = await client.call(apis.describeCluster as Api, 2, {})
    expect([controllerId, brokers.map(({ brokerId }: any) => brokerId)]).toEqual([1, [1, 2, 3]])
  }
  const groups = Array.from({ length: 30 }, (_, i) => server.coordinatorOf(`group-${i}`)!.nodeId)
  expect(new Set(groups).size).toBe(3)
})

it('takes the ports after the first, and none where one of them is taken', async () => {
  const broker = new Broker()
  open.push(() => broker.close())
  let first = 0
  let refused: unknown
  // Somebody else may have the port before: then it is another two.
  do {
    const { server } = await start({ brokers: 1 })
    first = server.port - 1
    refused = await serve(broker, { port: first, brokers: 2 }).catch((error: unknown) => error)
  } while ((refused as { readonly port: number }).port === first)
  expect(refused).toMatchObject({ code: 'EADDRINUSE', port: first + 1 })
  const alone = await serve(broker, { port: first })
  expect(alone.port).toBe(first)
  expect(alone.brokers.map(({ port }) => port)).toEqual([first])
  await expect(serve(broker, { port: 65_535, brokers: 2 })).rejects.toThrow("option 'port'")
  await expect(serve(broker, { brokers: 0 })).rejects.toThrow(
    "option 'brokers' expected a whole number from 1 to 100",
  )
})

it('writes what a broker leads, and refuses the rest with who leads it', async () => {
  const { broker, server } = await start()
  const [first, second] = [0, 1].map(partition => server.leaderOf({ topic: 'orders', partition })!)
  const client = await connectTo(first!)
  const { responses, nodeEndpoints } = await produce(client, [0, 1])
  expect(responses).toHaveLength(1)
  expect(
    responses[0].partitionResponses.map(({ index, errorCode, baseOffset, currentLeader }: any) => [
      index,
      errorCode,
      baseOffset,
      currentLeader,
    ]),
  ).toEqual([
    [0, 0, 0, { leaderId: -1, leaderEpoch: -1 }],
    [1, notLeader, -1, { leaderId: second!.nodeId, leaderEpoch: 0 }],
  ])
  expect(nodeEndpoints).toEqual([
    { nodeId: second!.nodeId, host: '127.0.0.1', port: second!.port, rack: null },
  ])
  expect(broker.topic('orders').records()).toMatchObject([{ partition: 0, value: 0 }])
})

it('ends the connection of a Produce without acks at the wrong broker, once the rest is written', async () => {
  const { broker, server } = await start()
  const client = await connectTo(server.leaderOf({ topic: 'orders', partition: 0 })!)
  await expect(produce(client, [1, 0], { acks: 0 })).rejects.toThrow('closed without an answer')
  expect(broker.topic('orders').records()).toMatchObject([{ partition: 0 }])
})

it('reads what a broker leads, tells errors at once, and fences other leader epochs', async () => {
  const { broker, server, id } = await start()
  const [zero, one] = [0, 1].map(partition => server.leaderOf({ topic: 'orders', partition })!)
  await one!.stop()
  await one!.start()
  await broker.producer().send({ topic: 'orders', partition: 1, value: 'x' })
  const client = await connectTo(one!)
  // Another replica could be read, too.
  await keepAt(client, [zero!, one!])
  const answer = async (version: number, partitions: readonly object[]) => {
    // It would wait for an hour, were there no error.
    const body = fetchOrders(id, partitions, 3_600_000)
    const { responses, nodeEndpoints } = await client.call(apis.fetch as Api, version, body)
    return {
      partitions: responses[0].partitions.map(({ partitionIndex, errorCode, currentLeader }: any) => [
        partitionIndex,
        errorCode,
        currentLeader.leaderId,
      ]),
      nodes: nodeEndpoints.map(({ nodeId }: any) => nodeId),
    }
  }
  expect(await answer(16, [{ partition: 0 }, { partition: 1, fetchOffset: 1 }])).toEqual({
    partitions: [
      [1, 0, -1],
      [0, notLeader, zero!.nodeId],
    ],
    nodes: [zero!.nodeId],
  })
  expect(await answer(15, [{ partition: 0 }])).toEqual({ partitions: [[0, notLeader, -1]], nodes: [] })
  // Partition 1 has moved away and back, and left other brokers.
  expect(await answer(16, [{ partition: 1, currentLeaderEpoch: 3 }])).toMatchObject({
    partitions: [[1, 0, -1]],
  })
  expect(await answer(16, [{ partition: 1, currentLeaderEpoch: 2 }])).toEqual({
    partitions: [[1, 74, one!.nodeId]],
    nodes: [one!.nodeId],
  })
  expect(await answer(16, [{ partition: 1, currentLeaderEpoch: 4 }])).toMatchObject({
    partitions: [[1, 75, -1]],
  })
})

it('knows no leader epoch but the first where there is one broker', async () => {
  const { server, id } = await start({ brokers: 1 })
  const client = await connectTo(server.brokers[0]!)
  const answer = async (currentLeaderEpoch: number) => {
    const body = fetchOrders(id, [{ partition: 0, currentLeaderEpoch }])
    return (await client.call(apis.fetch as Api, 16, body)).responses[0].partitions[0].errorCode
  }
  expect([await answer(-1), await answer(0), await answer(1)]).toEqual([0, 0, 75])
})

it('looks offsets up, and deletes records, at the leader of each partition', async () => {
  const { broker, server } = await start()
  const leader = server.leaderOf({ topic: 'orders', partition: 2 })!
  await broker.producer().send({ topic: 'orders', partition: 2, value: 'x' })
  const client = await connectTo(leader)
  const partitions = [1, 2].map(partitionIndex => ({ partitionIndex, timestamp: -1, offset: -1 }))
  const body = { topics: [{ name: 'orders', partitions }] }
  const listed = await client.call(apis.listOffsets as Api, 7, body)
  expect(listed.topics[0].partitions).toMatchObject([
    { partitionIndex: 2, errorCode: 0, offset: 1, leaderEpoch: 0 },
    { partitionIndex: 1, errorCode: notLeader, offset: -1 },
  ])
  const deleted = await client.call(apis.deleteRecords as Api, 2, body)
  expect(deleted.topics[0].partitions).toEqual([
    { partitionIndex: 2, errorCode: 0, lowWatermark: 1 },
    { partitionIndex: 1, errorCode: notLeader, lowWatermark: -1 },
  ])
})

it('answers for groups and transactional ids at their coordinator only', async () => {
  const { broker, server } = await start()
  const coordinator = server.coordinatorOf('billing')!
  const other = server.brokers.find(each => each !== coordinator)!
  const foreign = Array.from({ length: 20 }, (_, i) => `group-${i}`).find(
    id => server.coordinatorOf(id) === other,
  )!
  for (const id of ['billing', foreign]) broker.createGroup(id, { topics: ['orders'] })
  const [right, wrong] = [await connectTo(coordinator), await connectTo(other)]

  const found = await wrong.call(apis.findCoordinator as Api, 4, { keyType: 0, coordinatorKeys: ['billing'] })
  expect(found.coordinators).toMatchObject([
    { key: 'billing', nodeId: coordinator.nodeId, port: coordinator.port, errorCode: 0 },
  ])
  const earlier = await wrong.call(apis.findCoordinator as Api, 1, { keyType: 1, key: 'billing' })
  expect(earlier).toMatchObject({ nodeId: coordinator.nodeId, port: coordinator.port, errorCode: 0 })

  const member = { groupId: 'billing', memberId: 'm', generationId: 1 }
  for (const [api, version, body] of [
    ['heartbeat', 4, member],
    ['syncGroup', 5, member],
    ['leaveGroup', 5, { ...member, members: [] }],
    ['joinGroup', 9, { ...member, protocolType: 'consumer' }],
    ['consumerGroupHeartbeat', 1, { ...member, memberEpoch: 1 }],
    ['initProducerId', 4, { transactionalId: 'billing', transactionTimeoutMs: 1000 }],
    ['endTxn', 3, { transactionalId: 'billing' }],
    ['addOffsetsToTxn', 3, { transactionalId: 'billing' }],
  ] as const) {
    expect((await wrong.call(apis[api] as Api, version, body)).errorCode, api).toBe(notCoordinator)
  }
  expect((await right.call(apis.heartbeat as Api, 4, member)).errorCode).toBe(25)
  const idempotent = { transactionalId: null, transactionTimeoutMs: 1000 }
  expect((await wrong.call(apis.initProducerId as Api, 4, idempotent)).errorCode).toBe(0)

  const offsets = { groupId: 'billing', generationIdOrMemberEpoch: -1 }
  const commit = {
    ...offsets,
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 0 }] }],
  }
  const committed = async (client: WireClient) =>
    (await client.call(apis.offsetCommit as Api, 8, commit)).topics[0].partitions[0].errorCode
  expect([await committed(wrong), await committed(right)]).toEqual([notCoordinator, 0])
  const wanted = { groups: ['billing', foreign].map(groupId => ({ groupId, topics: null })) }
  const read = await right.call(apis.offsetFetch as Api, 8, wanted)
  expect(read.groups).toMatchObject([
    { groupId: 'billing', errorCode: 0, topics: [{ name: 'orders' }] },
    { groupId: foreign, errorCode: notCoordinator, topics: [] },
  ])
  const early = { groupId: 'billing', topics: [{ name: 'orders', partitionIndexes: [0] }] }
  expect((await wrong.call(apis.offsetFetch as Api, 7, early)).errorCode).toBe(notCoordinator)

  const described = await right.call(apis.describeGroups as Api, 5, { groups: [foreign, 'billing'] })
  expect(described.groups.map(({ groupId, errorCode }: any) => [groupId, errorCode])).toEqual([
    ['billing', 0],
    [foreign, notCoordinator],
  ])
  const listed = await Promise.all([right, wrong].map(each => each.call(apis.listGroups as Api, 4, {})))
  expect(listed.map(({ groups }) => groups.map(({ groupId }: any) => groupId))).toEqual([
    ['billing'],
    [foreign],
  ])
})

it('stops a broker: it is gone from the metadata, and others lead under the next epoch', async () => {
  const { server } = await start()
  const stopped = server.leaderOf({ topic: 'orders', partition: 0 })!
  const other = server.brokers.find(each => each !== stopped)!
  const [gone, client] = [await connectTo(stopped), await connectTo(other)]
  expect(stopped.connections).toBe(1)
  const before = await leadersAt(client)
  await stopped.stop()
  await gone.closed
  expect(stopped.running).toBe(false)
  expect(stopped.connections).toBe(0)
  await expect(connectRefused(stopped)).resolves.toBe('ECONNREFUSED')
  const after = await leadersAt(client)
  expect(after.slice(1)).toEqual(before.slice(1))
  expect(after[0][2]).toBe(1)
  expect(after[0][1]).not.toBe(stopped.nodeId)
  expect(server.leaderOf({ topic: 'orders', partition: 0 })!.nodeId).toBe(after[0][1])
  const told = await client.call(apis.metadata as Api, 12, { topics: [{ name: 'orders' }] })
  expect(told.brokers.map(({ nodeId }: any) => nodeId)).not.toContain(stopped.nodeId)
  expect(told.topics[0].partitions[0].offlineReplicas).toEqual([stopped.nodeId])
  const fenced = await client.call(apis.describeCluster as Api, 2, { includeFencedBrokers: true })
  expect(fenced.brokers.filter(({ isFenced }: any) => isFenced)).toMatchObject([{ brokerId: stopped.nodeId }])

  const { port } = stopped
  await stopped.start()
  expect(stopped.port).toBe(port)
  expect(await leadersAt(await connectTo(stopped))).toEqual([[0, stopped.nodeId, 2], ...before.slice(1)])
})

function connectRefused({ port }: ServedBroker): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connectTcp(port, '127.0.0.1')
    socket.once('connect', () => resolve(undefined))
    socket.once('error', error => resolve((error as NodeJS.ErrnoException).code))
  })
}

it('hands the coordinator of a group on, with its members and what they committed', async () => {
  const { server } = await start()
  const coordinator = server.coordinatorOf('billing')!
  let client = await connectTo(coordinator)
  const join = {
    groupId: 'billing',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('m') }],
  }
  const { memberId } = await client.call(apis.joinGroup as Api, 9, join)
  const joined = await client.call(apis.joinGroup as Api, 9, { ...join, memberId })
  const member = { groupId: 'billing', memberId, generationId: joined.generationId }
  await client.call(apis.syncGroup as Api, 5, {
    ...member,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId, assignment: Buffer.from('a') }],
  })
  await coordinator.stop()
  const next = server.coordinatorOf('billing')!
  expect(next).not.toBe(coordinator)
  client = await connectTo(next)
  expect((await client.call(apis.heartbeat as Api, 4, member)).errorCode).toBe(0)
  await coordinator.start()
  expect(server.coordinatorOf('billing')).toBe(coordinator)
  expect((await client.call(apis.heartbeat as Api, 4, member)).errorCode).toBe(notCoordinator)
})

it('ends the wait for other members, or their leader, when another broker coordinates the group', async () => {
  const requests = new RequestLog()
  const { server } = await start({ requests })
  const preferred = server.coordinatorOf('billing')!
  const moveBack = () => preferred.start()
  await preferred.stop()
  const standIn = server.coordinatorOf('billing')!
  const [a, b] = [await connectTo(standIn), await connectTo(standIn)]
  const join = (client: WireClient, memberId: string) =>
    client.call(apis.joinGroup as Api, 9, {
      groupId: 'billing',
      memberId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('m') }],
    })
  const sync = (client: WireClient, memberId: string, generationId: number, assignments: object[] = []) => {
    const group = { groupId: 'billing', protocolType: 'consumer', protocolName: 'range' }
    return client.call(apis.syncGroup as Api, 5, { ...group, memberId, generationId, assignments })
  }
  const waits = (api: 'JoinGroup' | 'SyncGroup') =>
    expect.poll(() => requests.of({ api }).at(-1)!.outcome).toBe('waiting')
  const leader = (await join(a, '')).memberId
  await join(a, leader)
  const follower = (await join(b, '')).memberId
  // It waits for the leader, which has to join again.
  const joining = join(b, follower)
  await waits('JoinGroup')
  await moveBack()
  expect((await joining).errorCode).toBe(notCoordinator)

  const [c, d] = [await connectTo(preferred), await connectTo(preferred)]
  const again = [join(c, leader), join(d, follower)]
  const [{ generationId }, joined] = await Promise.all(again)
  expect(joined).toMatchObject({ errorCode: 0, generationId })
  await preferred.stop()
  const syncing = sync(b, follower, generationId)
  await waits('SyncGroup')
  await moveBack()
  expect((await syncing).errorCode).toBe(notCoordinator)
  const e = await connectTo(preferred)
  const assignments = [{ memberId: follower, assignment: Buffer.from('f') }]
  expect((await sync(e, leader, generationId, assignments)).errorCode).toBe(0)
  expect(await sync(e, follower, generationId)).toMatchObject({
    errorCode: 0,
    assignment: Buffer.from('f'),
  })
})

it('ends the wait of a Fetch when its partition is led by another broker', async () => {
  const requests = new RequestLog()
  const { server, id } = await start({ requests })
  const stopped = server.leaderOf({ topic: 'orders', partition: 0 })!
  await stopped.stop()
  const client = await connectTo(server.leaderOf({ topic: 'orders', partition: 0 })!)
  const body = fetchOrders(id, [{ partition: 0, currentLeaderEpoch: 1 }], 3_600_000)
  const waiting = client.call(apis.fetch as Api, 16, body)
  await expect.poll(() => requests.of({ api: 'Fetch' })).toMatchObject([{ outcome: 'waiting' }])
  await stopped.start()
  const [told] = (await waiting).responses[0].partitions
  expect(told).toMatchObject({
    errorCode: fencedEpoch,
    currentLeader: { leaderId: stopped.nodeId, leaderEpoch: 2 },
  })
})

it('gives partitions of brokers that have all stopped to the last of them, and to any if they are new', async () => {
  const { broker, server } = await start()
  const [, two, three] = server.brokers
  for (const each of server.brokers) await each.stop()
  expect(server.leaderOf({ topic: 'orders', partition: 0 })).toBeUndefined()
  expect(server.coordinatorOf('billing')).toBeUndefined()
  for (const each of server.brokers) expect(await connectRefused(each)).toBe('ECONNREFUSED')
  // The broker of the process goes on.
  broker.createTopic('late', { partitions: 1 })
  await two!.start()
  const client = await connectTo(two!)
  const leaders = [...(await leadersAt(client)), ...(await leadersAt(client, 'late'))]
  expect(leaders.map(([, leader]) => leader)).toEqual([-1, -1, -1, 2])
  expect((await client.call(apis.metadata as Api, 12, { topics: [] })).controllerId).toBe(2)
  await three!.start()
  const moved = await leadersAt(client)
  expect(moved.map(([, leader]: number[]) => leader).toSorted()).toEqual([2, 3, 3])
  // Each move counts, whether or not anybody has asked between. From 1 to 2 to 3 to nobody and to 3, from 2 to 3 to
  // nobody to 3 to 2, and from 3 to nobody to 3.
  expect(moved.map(([, , epoch]: number[]) => epoch).toSorted()).toEqual([2, 4, 4])
  await server.brokers[0]!.start()
  expect((await leadersAt(client)).map(([, leader]: number[]) => leader).toSorted()).toEqual([1, 2, 3])
})

it('does one change after the other, and closes whatever is under way', async () => {
  const { server } = await start()
  const [first] = server.brokers
  await Promise.all([first!.stop(), first!.stop(), first!.start(), first!.start()])
  expect(first!.running).toBe(true)
  await connectTo(first!)
  const changes = [first!.stop(), first!.start()]
  await server.close()
  expect((await Promise.allSettled(changes)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  expect(server.brokers.map(({ running }) => running)).toEqual([false, false, false])
  expect(await connectRefused(first!)).toBe('ECONNREFUSED')
  await expect(first!.start()).rejects.toThrow('The server is closed')
  await server.close()
})

it('rejects a start whose port is taken, and is stopped still', async () => {
  const { server } = await start()
  const [first] = server.brokers
  await first!.stop()
  const taker = await start({ port: first!.port, brokers: 1 })
  await expect(first!.start()).rejects.toMatchObject({ code: 'EADDRINUSE' })
  expect(first!.running).toBe(false)
  await taker.server.close()
  await first!.start()
  expect(first!.running).toBe(true)
})

it('makes each answer of a slow broker late, on the time of the broker', async () => {
  const broker = new TestBroker({ topics })
  const requests = new RequestLog()
  const { server } = await start({ requests }, broker as unknown as Broker<typeof topics>)
  const [slow, other] = server.brokers
  slow!.slowBy(60_000)
  expect(() => slow!.slowBy(-1)).toThrow('slowBy')
  const client = await connectTo(slow!)
  let answered = false
  const answer = client.call(apis.metadata as Api, 12, { topics: [] }).then(() => {
    answered = true
  })
  await (await connectTo(other!)).call(apis.metadata as Api, 12, { topics: [] })
  await expect.poll(() => requests.of({ nodeId: 1 })[0]?.outcome).toBe('answered')
  await broker.advance(59_999)
  expect(answered).toBe(false)
  await broker.advance(1)
  await answer
  slow!.slowBy(0)
  await client.call(apis.metadata as Api, 12, { topics: [] })
  // One that waits is gone with its broker.
  slow!.slowBy(60_000)
  client.send(request(apis.metadata as Api, 12, { topics: [] }))
  await expect.poll(() => requests.of({ nodeId: 1 })).toHaveLength(3)
  await slow!.stop()
  await client.closed
})

it('loses what waits at a broker that stops', async () => {
  const faults = new WireFaults()
  const requests = new RequestLog()
  const { broker, server } = await start({ faults, requests })
  const leader = server.leaderOf({ topic: 'orders', partition: 0 })!
  const barrier = faults.pauseNext({ api: 'Produce', nodeId: leader.nodeId })
  const sent = produce(await connectTo(leader), [0])
  await barrier.entered
  await leader.stop()
  await expect(sent).rejects.toThrow('closed without an answer')
  // Another life than the one that was asked.
  await leader.start()
  barrier.release()
  await expect.poll(() => requests.of({ api: 'Produce' })[0]!.outcome).toBe('dropped')
  expect(broker.topic('orders').records()).toEqual([])
})

it('tells metadata from before the last change, as a broker that lags behind', async () => {
  const faults = new WireFaults()
  const { broker, server } = await start({ faults })
  const stopped = server.leaderOf({ topic: 'orders', partition: 0 })!
  const client = await connectTo(server.brokers.find(each => each !== stopped)!)
  const before = await leadersAt(client)
  // Nothing has changed yet, so nothing is out of date.
  faults.staleMetadata({}, { times: 2 })
  expect(await leadersAt(client)).toEqual(before)
  const ports = server.brokers.map(({ port }) => port)
  const portsAt = async () =>
    (await client.call(apis.metadata as Api, 12, { topics: null })).brokers.map(({ port }: any) => port)
  expect(await portsAt()).toEqual(ports)
  await stopped.stop()
  const after = await leadersAt(client)
  faults.staleMetadata({ nodeId: server.brokers.find(each => each.connections > 0)!.nodeId }, { times: 2 })
  expect(await leadersAt(client)).toEqual(before)
  const all = await client.call(apis.metadata as Api, 12, { topics: null })
  expect(all.brokers.map(({ nodeId }: any) => nodeId)).toEqual([1, 2, 3])
  expect(all.brokers.map(({ port }: any) => port)).toEqual(ports)
  expect(all.topics).toHaveLength(1)
  expect(await leadersAt(client)).toEqual(after)

  const late = broker.createTopic('late', { partitions: 1 })
  const ask = async (wanted: object) =>
    (await client.call(apis.metadata as Api, 12, { topics: [wanted] })).topics[0].errorCode
  faults.staleMetadata({ topic: 'late' }, { times: 3 })
  expect(await ask({ name: 'late' })).toBe(3)
  expect(await ask({ name: null, topicId: late.id })).toBe(100)
  expect(await ask({ name: '', topicId: late.id })).toBe(100)
  expect(await ask({ name: 'late' })).toBe(0)
  late.addPartitions(2)
  faults.staleMetadata({ topic: 'late' })
  expect(await leadersAt(client, 'late')).toHaveLength(1)
  expect(await leadersAt(client, 'late')).toHaveLength(2)
  broker.deleteTopic(late.name as never)
  faults.staleMetadata({ topic: 'late' })
  expect(await leadersAt(client, 'late')).toHaveLength(2)
  expect(await ask({ name: 'late' })).toBe(3)
  expect(faults.unused).toEqual([])
  expect(() => faults.staleMetadata({ api: 'Fetch' } as never)).toThrow("option 'api'")
})

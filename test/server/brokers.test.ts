import { expect, it } from 'vitest'
import { type ServedBroker, serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import type { WireClient } from '../helpers/wire-client.ts'
import { brokerScenes, fetchOrders, leadersAt, notCoordinator, notLeader, produce } from './broker-scene.ts'

const { start, connectTo } = brokerScenes()

/** Has each partition of `orders`, from the first one on, at a single broker. */
const keepAt = (client: WireClient, brokers: readonly ServedBroker[]) => {
  const partitions = brokers.map(({ nodeId }, partitionIndex) => ({ partitionIndex, replicas: [nodeId] }))
  return client.call(apis.alterPartitionReassignments as Api, 0, { topics: [{ name: 'orders', partitions }] })
}

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

// (Kafka: ReplicaManager.activeProducerState)
it('tells the producers of a partition at each broker that has it, and at no other', async () => {
  const { server } = await start()
  const clients = await Promise.all(server.brokers.map(connectTo))
  const told = async () => {
    const asked = { topics: [{ name: 'orders', partitionIndexes: [0] }] }
    const answers = await Promise.all(clients.map(each => each.call(apis.describeProducers as Api, 0, asked)))
    return answers.map(({ topics }) => topics[0].partitions[0].errorCode)
  }
  expect(await told()).toEqual([0, 0, 0])
  await keepAt(clients[0]!, [server.brokers[1]!])
  expect(await told()).toEqual([notLeader, 0, notLeader])
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
  const { broker } = await start({ brokers: 1 })
  let first = 0
  let refused: unknown
  // Somebody else may have the port before: then it is another two.
  do {
    const { server } = await start({ brokers: 1 })
    first = server.port - 1
    refused = await serve(broker, { port: first, brokers: 2 }).catch((error: unknown) => error)
  } while ((refused as { readonly received: number }).received === first)
  expect(refused).toMatchObject({ option: 'port', received: first + 1 })
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

it('takes a negative leader epoch for none in a Fetch, and elsewhere only -1', async () => {
  const { server, id } = await start({ brokers: 1 })
  const client = await connectTo(server.brokers[0]!)
  const answers = async (currentLeaderEpoch: number) => {
    const asked = { partition: 0, partitionIndex: 0, timestamp: -1, leaderEpoch: 0, currentLeaderEpoch }
    const topics = [{ name: 'orders', topic: 'orders', partitions: [asked] }]
    const fetched = await client.call(apis.fetch as Api, 16, fetchOrders(id, [asked]))
    const listed = await client.call(apis.listOffsets as Api, 7, { topics })
    const ended = await client.call(apis.offsetForLeaderEpoch as Api, 4, { topics })
    const parts = [fetched.responses[0], listed.topics[0], ended.topics[0]]
    return parts.map(({ partitions }) => partitions[0].errorCode)
  }
  expect(await answers(-1)).toEqual([0, 0, 0])
  expect(await answers(-2)).toEqual([0, 74, 74])
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

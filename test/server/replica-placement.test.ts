import { describe, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { clusterScenes, errors } from './cluster-scene.ts'

const cluster = clusterScenes()

const grow = (count: number, assignments: readonly (readonly number[])[] | null = null) => ({
  topics: [{ name: 'orders', count, assignments: assignments?.map(brokerIds => ({ brokerIds })) ?? null }],
  validateOnly: false,
})

describe('the replicas of a topic', () => {
  it('are all brokers if nobody says how many: of the process, with factor -1, and when it is first named', async () => {
    const { create, replicasOf, partitionsOf } = await cluster(
      {},
      { topics: { made: topic({ partitions: 2 }) }, autoCreateTopics: { partitions: 2 } },
    )
    expect(await create({ name: 'orders', partitions: 2 })).toMatchObject({
      errorCode: 0,
      replicationFactor: 3,
    })
    for (const name of ['orders', 'made', 'named']) {
      await partitionsOf(name)
      for (const replicas of await replicasOf(name)) expect(replicas.toSorted()).toEqual([1, 2, 3])
    }
  })

  it('are as many as the server has by default, if it says so', async () => {
    const { ask, create, replicasOf, partitionsOf } = await cluster(
      { defaultReplicationFactor: 2 },
      { topics: { made: topic({ partitions: 2 }) }, autoCreateTopics: { partitions: 2 } },
    )
    expect(await create({ name: 'orders' })).toMatchObject({ errorCode: 0, replicationFactor: 2 })
    for (const name of ['orders', 'made', 'named']) {
      await partitionsOf(name)
      expect((await replicasOf(name)).map(({ length }) => length)).toEqual([2, 2])
    }
    const { results } = await ask(
      apis.describeConfigs as Api,
      4,
      {
        resources: [
          { resourceType: 4, resourceName: '1', configurationKeys: ['default.replication.factor'] },
        ],
      },
      1,
    )
    expect(results[0].configs).toMatchObject([{ value: '2' }])
    await expect(cluster({ defaultReplicationFactor: 4 })).rejects.toThrow(
      "option 'defaultReplicationFactor' expected no more than the 3 brokers",
    )
  })

  it('are as many as an application of Kafka Streams asks for its own topics', async () => {
    const { ask, server, replicasOf } = await cluster({}, { topics: { orders: topic({ partitions: 2 }) } })
    const own = (name: string, replicationFactor: number) => ({ name, replicationFactor, topicConfigs: [] })
    const stateChangelogTopics = [own('g-few-changelog', 2), own('g-default-changelog', 0)]
    const subtopologies = [{ subtopologyId: '0', sourceTopics: ['orders'], stateChangelogTopics }]
    const joins = {
      groupId: 'g',
      memberId: 'a',
      processId: 'a',
      memberEpoch: 0,
      rebalanceTimeoutMs: 60_000,
      topology: { epoch: 0, subtopologies },
      activeTasks: [],
      standbyTasks: [],
      warmupTasks: [],
    }
    const { nodeId } = server.coordinatorOf('g')!
    const answer = await ask(apis.streamsGroupHeartbeat as Api, 0, joins, nodeId)
    expect(answer.errorCode).toBe(0)
    for (const [name, factor] of Object.entries({ 'g-few-changelog': 2, 'g-default-changelog': 3 }))
      expect((await replicasOf(name)).map(({ length }) => length)).toEqual([factor, factor])
  })

  it('are as many as its factor, and take turns', async () => {
    const { create, server, replicasOf, partitionsOf } = await cluster()
    expect(await create({ name: 'orders', partitions: 3, factor: 2 })).toMatchObject({
      errorCode: 0,
      numPartitions: 3,
      replicationFactor: 2,
    })
    const replicas = await replicasOf('orders')
    const next: Record<number, number> = { 1: 2, 2: 3, 3: 1 }
    for (const each of replicas) expect(each).toEqual([each[0], next[each[0]!]])
    expect(replicas.map(([first]) => first).toSorted()).toEqual([1, 2, 3])
    for (const [partition, { leaderId, isrNodes }] of (await partitionsOf('orders')).entries()) {
      expect(leaderId).toBe(replicas[partition]![0])
      expect(isrNodes).toEqual(replicas[partition])
      expect(server.leaderOf({ topic: 'orders', partition })!.nodeId).toBe(leaderId)
    }
  })

  it('are those of an assignment by hand, the first of which leads', async () => {
    const { create, replicasOf, stateOf } = await cluster({ firstNodeId: 0 })
    const assigned = [
      [2, 0],
      [0, 1],
    ]
    expect(await create({ name: 'orders', assigned }, true)).toMatchObject({
      errorCode: 0,
      replicationFactor: 2,
    })
    expect(await create({ name: 'orders', assigned })).toMatchObject({ errorCode: 0, replicationFactor: 2 })
    expect(await replicasOf('orders')).toEqual(assigned)
    expect(await stateOf('orders', 0)).toMatchObject({ leader: 2, isr: [2, 0] })
    expect(await stateOf('orders', 1)).toMatchObject({ leader: 0, isr: [0, 1] })
  })

  it('are running brokers first; stopped ones are not in sync', async () => {
    const { create, replicasOf, stateOf, stop } = await cluster()
    await stop(2)
    await create({ name: 'orders', partitions: 3, factor: 2 })
    for (const replicas of await replicasOf('orders')) expect(replicas.toSorted()).toEqual([1, 3])
    await create({ name: 'by-hand', assigned: [[2, 3]] })
    expect(await stateOf('by-hand')).toMatchObject({ leader: 3, isr: [3], offline: [2] })
    expect(await create({ name: 'nowhere', assigned: [[2]] })).toMatchObject({
      errorCode: errors.invalidReplicaAssignment,
    })
  })

  it('cannot be more than there are brokers, nor brokers that there are not', async () => {
    const { broker, create } = await cluster()
    for (const validateOnly of [true, false]) {
      expect(await create({ name: 'orders', partitions: 1, factor: 4 }, validateOnly)).toMatchObject({
        errorCode: errors.invalidReplicationFactor,
        errorMessage: expect.stringContaining('3 brokers'),
      })
      expect(await create({ name: 'orders', assigned: [[1, 9]] }, validateOnly)).toMatchObject({
        errorCode: errors.invalidReplicaAssignment,
        errorMessage: expect.stringContaining('no broker 9'),
      })
    }
    expect(broker.describe().topics).toEqual([])
  })

  it('may be any at a server of one broker, which has them all', async () => {
    const { create, replicasOf } = await cluster({ brokers: 1 })
    expect(await create({ name: 'orders', partitions: 1, factor: 5 })).toMatchObject({
      errorCode: 0,
      replicationFactor: 1,
    })
    expect(await create({ name: 'by-hand', assigned: [[7, 8]] })).toMatchObject({
      errorCode: 0,
      replicationFactor: 1,
    })
    expect([await replicasOf('orders'), await replicasOf('by-hand')]).toEqual([[[1]], [[1]]])
  })

  it('are as many of a partition that is added, by a client or in the process', async () => {
    const { ask, broker, create, replicasOf } = await cluster()
    await create({ name: 'orders', assigned: [[3, 1]] })
    await ask(apis.createPartitions as Api, 3, grow(2))
    broker.topic('orders').addPartitions(3)
    const replicas = await replicasOf('orders')
    expect(replicas.map(({ length }) => length)).toEqual([2, 2, 2])
    expect(replicas[0]).toEqual([3, 1])
  })

  it('may be assigned by hand to partitions that are added, as many as the topic has', async () => {
    const { ask, create, replicasOf } = await cluster()
    await create({ name: 'orders', assigned: [[3, 1]] })
    const codeOf = async (...assignments: number[][]) =>
      (await ask(apis.createPartitions as Api, 3, grow(1 + assignments.length, assignments))).results[0]
        .errorCode
    for (const wrong of [[1], [1, 2, 3], [1, 9], [1, 1]])
      expect(await codeOf(wrong)).toBe(errors.invalidReplicaAssignment)
    expect(await codeOf([2, 3], [1, 2])).toBe(0)
    expect(await replicasOf('orders')).toEqual([
      [3, 1],
      [2, 3],
      [1, 2],
    ])
  })

  it('are told by every way to ask for them', async () => {
    const { ask, create } = await cluster()
    await create({
      name: 'orders',
      assigned: [
        [3, 1],
        [2, 3],
      ],
    })
    const described = await ask(apis.describeTopicPartitions as Api, 0, {
      topics: [{ name: 'orders' }],
      responsePartitionLimit: 10,
      cursor: null,
    })
    expect(described.topics[0].partitions).toMatchObject([
      {
        leaderId: 3,
        replicaNodes: [3, 1],
        isrNodes: [3, 1],
        eligibleLeaderReplicas: [],
        offlineReplicas: [],
      },
      {
        leaderId: 2,
        replicaNodes: [2, 3],
        isrNodes: [2, 3],
        eligibleLeaderReplicas: [],
        offlineReplicas: [],
      },
    ])
    const dirs = async (nodeId: number) => {
      const { results } = await ask(apis.describeLogDirs as Api, 4, { topics: null }, nodeId)
      return results[0].topics.map(({ name, partitions }: any) => [
        name,
        partitions.map(({ partitionIndex }: any) => partitionIndex),
      ])
    }
    expect([await dirs(1), await dirs(2), await dirs(3)]).toEqual([
      [['orders', [0]]],
      [['orders', [1]]],
      [['orders', [0, 1]]],
    ])
  })
})

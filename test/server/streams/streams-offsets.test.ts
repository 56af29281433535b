import { connect as connectTcp } from 'node:net'
import { expect, it } from 'vitest'
import { serve } from '../../../src/server/index.ts'
import { apis } from '../../../src/server/protocol/apis.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { classicJoin } from '../../helpers/group-requests.ts'
import { WireClient } from '../../helpers/wire-client.ts'
import { copying, countingValues, internal, StreamsThread, streamsScenes } from './streams-scene.ts'

const scene = streamsScenes()

const started = async () => {
  const all = scene()
  const a = await all.joined('a')
  const b = await all.joined('b')
  await a.beat()
  await a.owns()
  await b.beat()
  return { ...all, a, b }
}

it('commits for a member under its epoch', async () => {
  const { broker, commit } = await started()
  expect(await commit('orders', 0, 'a', 3)).toBe(0)
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toMatchObject({ offset: 1 })
})

it('commits under an earlier epoch what its member has had ever since', async () => {
  const { broker, commit } = await started()
  broker.createTopic('other')
  expect(await commit('orders', 0, 'a', 2)).toBe(0)
  expect(await commit('other', 0, 'a', 2)).toBe(113)
  expect(await commit('orders', 1, 'a', 2)).toBe(113)
  expect(await commit('orders', 1, 'b', 2)).toBe(113)
})

it('commits nothing of what is asked at once where a part is refused, except of partitions that do not exist', async () => {
  const { broker, client } = await started()
  const commitAll = async (...partitions: number[]) => {
    const { topics } = await client.call(apis.offsetCommit, 9, {
      groupId: 'g',
      memberId: 'a',
      generationIdOrMemberEpoch: 2,
      topics: [
        {
          name: 'orders',
          partitions: partitions.map(partitionIndex => ({ partitionIndex, committedOffset: 1 })),
        },
      ],
    })
    return topics[0].partitions.map(({ errorCode }: { errorCode: number }) => errorCode)
  }
  expect(await commitAll(0, 1)).toEqual([113, 113])
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toBe(null)
  expect(await commitAll(0, 7)).toEqual([0, 3])
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toMatchObject({ offset: 1 })
})

it('commits what a member has been told to give up, until it has', async () => {
  const { joined, commit } = scene()
  const a = await joined('a')
  await joined('b')
  await a.beat()
  expect(await commit('orders', 1, 'a', 2)).toBe(0)
})

it.each([
  ['a later epoch', 'a', 4, 9, 113],
  ['somebody else', 'c', 3, 9, 25],
  ['nobody', '', -1, 9, 25],
  ['a member of a version that knows no epochs', 'a', 3, 8, 35],
])('refuses a commit of %s', async (_, memberId, epoch, version, errorCode) => {
  const { broker, commit } = await started()
  expect(await commit('orders', 0, memberId, epoch, version)).toBe(errorCode)
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toBe(null)
})

it('takes commits of anybody once nobody is in it', async () => {
  const { a, b, commit } = await started()
  await a.leave()
  await b.leave()
  expect(await commit('orders', 0, '', -1)).toBe(0)
})

it('tells a member what is committed under its epoch only, and administrators in any case', async () => {
  const { client } = await started()
  const ask = async (memberId: string | null, memberEpoch: number) => {
    const group = { groupId: 'g', memberId, memberEpoch, topics: null }
    return (await client.call(apis.offsetFetch, 9, { groups: [group] })).groups[0]!.errorCode
  }
  expect([await ask('a', 3), await ask('a', 2), await ask('c', 3), await ask(null, -1)]).toEqual([
    0, 113, 25, 0,
  ])
})

it('keeps the offsets of what it reads, and itself, while somebody is in it', async () => {
  const { broker, client, a, b, commit, list } = await started()
  await commit('orders', 0, 'a', 3)
  broker.createTopic('other')
  const forget = async (name: string) => {
    const request = { groupId: 'g', topics: [{ name, partitions: [{ partitionIndex: 0 }] }] }
    return (await client.call(apis.offsetDelete, 0, request)).topics[0]!.partitions[0]!.errorCode
  }
  const drop = async () =>
    (await client.call(apis.deleteGroups, 2, { groupsNames: ['g'] })).results[0]!.errorCode
  expect([await forget('orders'), await forget('other'), await drop()]).toEqual([86, 0, 68])
  await a.leave()
  await b.leave()
  expect(await forget('orders')).toBe(0)
  expect(await list()).toEqual([
    { groupId: 'g', protocolType: 'streams', groupState: 'Empty', groupType: 'streams' },
  ])
  expect(await drop()).toBe(0)
  expect(await list()).toEqual([])
})

it('is described with its topology, and what each member has and is to have', async () => {
  const { joined, describe, client } = scene()
  const said = {
    clientTags: [{ key: 'zone', value: 'a' }],
    rackId: 'r',
    userEndpoint: { host: 'h', port: 1 },
  }
  const a = await joined('a', countingValues('orders'), said)
  // What a heartbeat leaves out stays as it was.
  await a.beat()
  const all = [
    { subtopologyId: '0', partitions: [0, 1] },
    { subtopologyId: '1', partitions: [0, 1] },
  ]
  const assignment = { activeTasks: all, standbyTasks: [], warmupTasks: [] }
  expect(await describe()).toMatchObject({
    errorCode: 0,
    groupState: 'Stable',
    topology: {
      epoch: 0,
      subtopologies: [
        { subtopologyId: '0', sourceTopics: ['orders'], repartitionSinkTopics: ['g-values-repartition'] },
        {
          subtopologyId: '1',
          repartitionSourceTopics: [{ name: 'g-values-repartition', partitions: 2 }],
          stateChangelogTopics: [
            {
              name: 'g-counts-changelog',
              partitions: 2,
              topicConfigs: [{ key: 'cleanup.policy', value: 'compact' }],
            },
          ],
        },
      ],
    },
    members: [
      {
        memberId: 'a',
        memberEpoch: 2,
        processId: 'a',
        topologyEpoch: 0,
        ...said,
        assignment,
        targetAssignment: assignment,
      },
    ],
  })
  const others = await client.call(apis.streamsGroupDescribe, 0, { groupIds: ['', 'nobody'] })
  expect(others.groups).toMatchObject([{ errorCode: 24 }, { errorCode: 69, topology: null }])
  for (const api of [apis.consumerGroupDescribe, apis.shareGroupDescribe]) {
    expect((await client.call(api, 1, { groupIds: ['g'] })).groups[0]).toMatchObject({ errorCode: 69 })
  }
  expect((await client.call(apis.describeGroups, 6, { groups: ['g'] })).groups[0]).toMatchObject({
    errorCode: 69,
  })
})

it('is described with its subtopologies and their topics in order, however its members list them', async () => {
  const { broker, joined, describe } = scene()
  broker.createTopic('people')
  const internals = (...names: string[]) => names.map(name => internal(name))
  await joined('a', {
    epoch: 0,
    subtopologies: [
      {
        subtopologyId: '2',
        sourceTopics: ['people', 'orders'],
        repartitionSinkTopics: ['r3', 'r1', 'r2'],
      },
      { subtopologyId: '0', sourceTopics: ['orders'] },
      {
        subtopologyId: '1',
        repartitionSourceTopics: internals('r3', 'r1', 'r2'),
        stateChangelogTopics: internals('c2', 'c3', 'c1'),
      },
    ],
  })
  const named = (...names: string[]) => names.map(name => expect.objectContaining({ name }))
  expect((await describe()).topology.subtopologies).toMatchObject([
    { subtopologyId: '0' },
    {
      subtopologyId: '1',
      repartitionSourceTopics: named('r1', 'r2', 'r3'),
      stateChangelogTopics: named('c1', 'c2', 'c3'),
    },
    {
      subtopologyId: '2',
      sourceTopics: ['orders', 'people'],
      repartitionSinkTopics: ['r1', 'r2', 'r3'],
    },
  ])
})

it('is shown in its process as a group with its members, and has lag', async () => {
  const { broker, joined, commit } = scene()
  await joined('a')
  const topics = ['orders']
  const assignment = [0, 1].map(partition => ({ topic: 'orders', partition }))
  expect(broker.group('g').members).toEqual([
    { memberId: 'a', clientId: expect.any(String), topics, assignment, revoking: [], connected: true },
  ])
  for (const value of [1, 2, 3]) broker.topic('orders').append({ value, partition: 0 })
  await commit('orders', 0, 'a', 2)
  expect(broker.group('g').lag()).toBe(2)
})

it('is waited for until it has committed all that its members were given', async () => {
  const { broker, joined, commit } = scene()
  const a = await joined('a')
  broker.topic('orders').append({ value: 1 })
  await expect(broker.idle({ timeoutMs: 10 })).rejects.toThrow(
    /1 record of orders-0 delivered, not committed/,
  )
  await commit('orders', 0, 'a', a.memberEpoch)
  await broker.idle()
})

it('is waited for while its tasks move, and no longer when they are where they shall be', async () => {
  const { broker, joined, describe } = scene()
  const [a, b] = [await joined('a'), await joined('b')]
  await expect(broker.idle({ timeoutMs: 10 })).rejects.toThrow(/streams group 'g' is rebalancing/)
  const idle = broker.idle()
  await a.beat()
  await a.owns()
  await b.beat()
  await idle
  expect(await describe()).toMatchObject({ groupState: 'Stable', members: [{}, {}] })
})

it('is waited for no longer when nobody is in it', async () => {
  const { broker, joined } = scene()
  const a = await joined('a')
  broker.topic('orders').append({ value: 1 })
  const idle = broker.idle()
  await a.leave()
  await idle
})

it('is waited for no longer when all in it have fallen silent', async () => {
  const { broker, joined } = scene()
  await joined('a')
  broker.topic('orders').append({ value: 1 })
  const idle = broker.idle()
  await broker.advance(45_000)
  await idle
})

it('is not waited for while a topic that it reads is missing', async () => {
  const { broker, joined } = scene()
  broker.topic('orders').append({ value: 1 })
  await joined('a', copying('orders', 'later'))
  await broker.idle()
  expect(broker.group('g').members).toMatchObject([{ topics: ['orders'] }])
})

it('has nothing of a topic that was deleted, before its members have heard of that and after', async () => {
  const { broker, a, b } = await started()
  broker.deleteTopic('orders')
  const shown = [
    { memberId: 'a', topics: [], assignment: [] },
    { memberId: 'b', topics: [], assignment: [] },
  ]
  expect(broker.group('g').members).toMatchObject(shown)
  await a.owns()
  expect(broker.group('g').members).toMatchObject(shown)
  await b.owns()
  expect([a.active, b.active]).toEqual([[], []])
})

it('is waited for because of what its threads were given, and not of what was there before', async () => {
  const { broker, client, joined } = scene()
  for (const value of [1, 2, 3]) broker.topic('orders').append({ value, partition: 0 })
  const a = await joined('a')
  await expect(broker.idle({ timeoutMs: 10 })).rejects.toThrow(/3 records of orders-0/)
  const idle = broker.idle()
  const partitions = [{ partition: 0, fetchOffset: 3, partitionMaxBytes: 1000 }]
  const topics = [{ topic: 'orders', partitions }]
  const session = { sessionId: 0, sessionEpoch: -1 }
  await client.call(apis.fetch, 11, { maxWaitMs: 0, minBytes: 0, maxBytes: 1000, ...session, topics })
  await idle
  broker.topic('orders').append({ value: 4, partition: 0 })
  await expect(broker.idle({ timeoutMs: 10 })).rejects.toThrow(/1 record of orders-0/)
  // Where a thread has left, and another one comes, nobody knows yet where that begins.
  await a.leave()
  await joined('b')
  await expect(broker.idle({ timeoutMs: 10 })).rejects.toThrow(/4 records of orders-0/)
})

it('keeps what is committed for seven days after nobody is in it any more', async () => {
  const { broker, joined, commit, list } = scene()
  const a = await joined('a')
  await commit('orders', 0, 'a', a.memberEpoch)
  await broker.advance(40_000)
  await a.leave()
  await broker.advance(7 * 24 * 60 * 60 * 1000 - 1)
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toMatchObject({ offset: 1 })
  await broker.advance(1)
  expect([broker.describe().groups, await list()]).toEqual([[], []])
})

it('is gone with the last server, and so is what it had left to do', async () => {
  const broker = new TestBroker()
  broker.createTopic('orders')
  broker.topic('orders').append({ value: 1 })
  const server = await serve(broker)
  const socket = connectTcp(server.port, '127.0.0.1')
  await new StreamsThread(new WireClient(socket), 'a').join(copying('orders'))
  await expect(broker.idle({ timeoutMs: 10 })).rejects.toThrow(/1 record of orders-0/)
  const idle = broker.idle()
  await server.close()
  await idle
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  await broker.close()
})

it('lets no consumer in, of the process or of the wire, nor a share consumer', async () => {
  const { broker, client, joined } = scene()
  const a = await joined('a')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await expect(consumer.ready()).rejects.toThrow(/'g' is a streams group/)
  const beat = { groupId: 'g', memberId: 'c', memberEpoch: 0, rebalanceTimeoutMs: 1000 }
  const consumes = { ...beat, subscribedTopicNames: ['orders'], topicPartitions: [] }
  const joins = () => client.call(apis.consumerGroupHeartbeat, 1, consumes)
  const shares = { groupId: 'g', memberId: 'c', memberEpoch: 0, subscribedTopicNames: ['orders'] }
  expect(await joins()).toMatchObject({ errorCode: 69 })
  expect(await client.call(apis.shareGroupHeartbeat, 1, shares)).toMatchObject({ errorCode: 69 })
  expect(await joinClassic(client)).toMatchObject({ errorCode: 23 })
  // A consumer that assigns by itself is refused as long as the group is there, as by Kafka.
  await a.leave()
  expect(await joins()).toMatchObject({ errorCode: 69 })
})

it('becomes a group of classic clients when nobody is in it, and one of theirs a streams group', async () => {
  const { client, thread, joined, commit, list, broker } = scene()
  const a = await joined('a')
  await commit('orders', 0, 'a', a.memberEpoch)
  await a.leave()
  const { errorCode, memberId } = await joinClassic(client)
  expect(errorCode).toBe(0)
  expect(await list()).toEqual([])
  expect(await thread('a').join(copying('orders'))).toMatchObject({ errorCode: 69 })
  await client.call(apis.leaveGroup, 2, { groupId: 'g', memberId })
  expect(await thread('a').join(copying('orders'))).toMatchObject({ errorCode: 0 })
  expect((await client.call(apis.listGroups, 5, {})).groups).toMatchObject([{ groupType: 'streams' }])
  await a.leave()
  // The classic group that it is now begins anew.
  expect(await joinClassic(client)).toMatchObject({ errorCode: 0, generationId: 1 })
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toMatchObject({ offset: 1 })
})

it('leaves its id to consumers of its process when nobody is in it', async () => {
  const { broker, joined, list } = scene()
  const a = await joined('a')
  await a.leave()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  expect(await list()).toEqual([])
  await consumer.close()
})

it('is none of another kind', async () => {
  const { broker, client, thread, list } = scene()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  expect(await thread('a').join(copying('orders'))).toMatchObject({ errorCode: 69 })
  const shares = { groupId: 's', memberId: 'c', memberEpoch: 0, subscribedTopicNames: ['orders'] }
  await client.call(apis.shareGroupHeartbeat, 1, shares)
  expect(await thread('a').join(copying('orders'), { groupId: 's' })).toMatchObject({ errorCode: 69 })
  expect(await list()).toEqual([])
})

async function joinClassic(client: any): Promise<any> {
  return client.call(apis.joinGroup, 3, classicJoin())
}

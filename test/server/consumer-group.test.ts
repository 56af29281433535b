import { afterEach, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect, type WireOptions } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { WireClient } from '../helpers/wire-client.ts'

const {
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  joinGroup,
  leaveGroup,
  listGroups,
  offsetCommit,
  offsetFetch,
} = apis as unknown as Readonly<Record<string, Api>>

const brokers: TestBroker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

function start(options: WireOptions = {}, brokerOptions: { readonly autoCreateTopics?: boolean } = {}) {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 4 }) }, ...brokerOptions })
  brokers.push(broker)
  const { id } = broker.topic('orders')
  const client = new WireClient(connect(broker, options))
  const beat = (memberId: string, memberEpoch: number, more: object = {}) =>
    client.call(consumerGroupHeartbeat!, 1, { groupId: 'g', memberId, memberEpoch, ...more })
  const join = (memberId: string, more: object = {}) =>
    beat(memberId, 0, {
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: ['orders'],
      topicPartitions: [],
      ...more,
    })
  const has = (...partitions: number[]) => ({ topicPartitions: [{ topicId: id, partitions }] })
  const commit = (memberId: string, epoch: number, partition: number, offset: number) =>
    client
      .call(offsetCommit!, 9, {
        groupId: 'g',
        memberId,
        generationIdOrMemberEpoch: epoch,
        topics: [
          {
            name: 'orders',
            partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: '' }],
          },
        ],
      })
      .then(answer => answer.topics[0].partitions[0].errorCode)
  const given = (answer: { assignment: { topicPartitions: { partitions: number[] }[] } | null }) =>
    answer.assignment?.topicPartitions.flatMap(({ partitions }) => partitions)
  return { broker, client, beat, join, has, commit, given, id }
}

it('gives the first member everything, and tells it once', async () => {
  const { beat, join, has, given } = start()
  const joined = await join('a')
  expect(joined).toMatchObject({ errorCode: 0, memberId: 'a', memberEpoch: 2, heartbeatIntervalMs: 5000 })
  expect(given(joined)).toEqual([0, 1, 2, 3])
  expect(await beat('a', 2, has(0, 1, 2, 3))).toMatchObject({
    errorCode: 0,
    memberEpoch: 2,
    assignment: null,
  })
})

it('tells how often to be heard, and waits as long as it is told to', async () => {
  const { broker, join, beat } = start({ consumerHeartbeatIntervalMs: 50, consumerSessionTimeoutMs: 400 })
  expect(await join('a')).toMatchObject({ heartbeatIntervalMs: 50 })
  await broker.advance(399)
  expect(await beat('a', 2)).toMatchObject({ errorCode: 0 })
  await broker.advance(401)
  expect(broker.group('g').members).toEqual([])
})

it('makes no topic that a member names: its client asks for it by Metadata', async () => {
  const { broker, client, beat, join, given } = start({}, { autoCreateTopics: true })
  expect(given(await join('a', { subscribedTopicNames: ['later'] }))).toEqual([])
  expect(broker.topics.has('later')).toBe(false)
  await client.call(apis.metadata as Api, 12, { topics: [{ name: 'later' }], allowAutoTopicCreation: true })
  expect(given(await beat('a', 2))).toEqual([0])
})

it('gives a partition to the next member only when its owner says that it has it no longer', async () => {
  const { beat, join, has, given } = start()
  await join('a')
  expect(given(await join('b'))).toEqual([])
  const told = await beat('a', 2)
  expect(given(told)).toEqual([0, 2])
  expect(told.memberEpoch).toBe(2)
  expect(given(await beat('b', 3))).toBeUndefined()
  expect(await beat('a', 2, has(0, 2))).toMatchObject({ memberEpoch: 3 })
  expect(given(await beat('b', 3))).toEqual([1, 3])
})

it('tells a member of new partitions when it can commit them: once it has given up what it must', async () => {
  const { broker, beat, join, has, commit, given } = start()
  await join('a')
  await join('b')
  broker.topic('orders').addPartitions(6)
  const told = await beat('a', 2)
  expect([told.memberEpoch, given(told)]).toEqual([2, [0, 2]])
  const next = await beat('a', 2, has(0, 2))
  expect([next.memberEpoch, given(next)]).toEqual([4, [0, 2, 4]])
  expect(await commit('a', 4, 4, 1)).toBe(0)
})

it('shares a group with consumers of the process', async () => {
  const { broker, beat, join, has, given } = start()
  await join('a')
  const own = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const ready = own.ready()
  await broker.advance(0)
  expect(given(await beat('a', 2))).toEqual([0, 2])
  expect(own.assignment).toEqual([])
  await beat('a', 2, has(0, 2))
  await ready
  expect(own.assignment.map(({ partition }) => partition)).toEqual([1, 3])
  await own.close()
  expect(given(await beat('a', 3))!.sort()).toEqual([0, 1, 2, 3])
})

it('takes commits of what a member has, under any epoch since it got it, and no others', async () => {
  const { broker, beat, join, has, commit } = start()
  await join('a')
  await join('b')
  await beat('a', 2)
  expect(await commit('a', 2, 0, 5)).toBe(0)
  // What it is giving up is still its own.
  expect(await commit('a', 2, 1, 6)).toBe(0)
  await beat('a', 2, has(0, 2))
  await beat('b', 3)
  expect(await commit('a', 3, 1, 7)).toBe(113)
  expect(await commit('b', 2, 1, 7)).toBe(113)
  expect(await commit('b', 3, 1, 8)).toBe(0)
  expect(await commit('nobody', 2, 1, 9)).toBe(25)
  expect(broker.group('g').committed({ topic: 'orders', partition: 1 })).toEqual({ offset: 8 })
})

it('removes a member that is silent for 45 seconds, and refuses it from then on', async () => {
  const { broker, beat, join, given, has } = start()
  await join('a')
  await join('b')
  await beat('a', 2, has(0, 2))
  await beat('b', 3)
  await broker.advance(44_999)
  await beat('b', 3)
  await broker.advance(1)
  expect(given(await beat('b', 3))!.sort()).toEqual([0, 1, 2, 3])
  expect(await beat('a', 3)).toMatchObject({ errorCode: 25 })
})

it('removes a member that does not give up in time, and fences it', async () => {
  const { broker, beat, join, given } = start()
  await join('a', { rebalanceTimeoutMs: 30_000 })
  await join('b')
  for (let i = 0; i < 3; i++) {
    await broker.advance(10_000)
    await beat('b', 3)
    if (i < 2) await beat('a', 2)
  }
  expect(await beat('a', 2)).toMatchObject({ errorCode: 110 })
  expect(given(await beat('b', 4))).toBeUndefined()
})

it('lets members leave, and keeps the place of a static one that comes back', async () => {
  const { broker, beat, join, given } = start()
  const one = { instanceId: 'one' }
  await join('a', one)
  await join('b')
  expect(await beat('b', -1)).toMatchObject({ errorCode: 0, memberEpoch: -1 })
  expect(broker.group('g').members).toHaveLength(1)
  expect(await beat('a', -2, one)).toMatchObject({ errorCode: 0, memberEpoch: -2 })
  expect(broker.group('g').members).toMatchObject([{ memberId: 'a', connected: false }])
  expect(given(await join('a', one))).toEqual([0, 1, 2, 3])
  await beat('a', -2, one)
  expect(given(await join('c', one))).toEqual([0, 1, 2, 3])
  expect(await join('d', one)).toMatchObject({ errorCode: 111 })
})

it('keeps no place of a static member that is to come back, and then says that it does not', async () => {
  const { broker, beat, join, given } = start()
  const one = { instanceId: 'one' }
  await join('a', one)
  await join('b')
  await beat('a', -2, one)
  // It has not heard the answer.
  expect(await beat('a', -2, one)).toMatchObject({ errorCode: 0, memberEpoch: -2 })
  expect(await beat('a', -1, { instanceId: 'other' })).toMatchObject({ errorCode: 25 })
  expect(broker.group('g').members).toHaveLength(2)
  expect(await beat('a', -1, one)).toMatchObject({ errorCode: 0, memberEpoch: -1 })
  expect(broker.group('g').members).toMatchObject([{ memberId: 'b' }])
  expect(given(await beat('b', 3))).toEqual([0, 1, 2, 3])
  expect(await beat('a', -1, one)).toMatchObject({ errorCode: 25 })
})

// Kafka: Admin.removeMembersFromConsumerGroup, which asks by LeaveGroup whatever the group is.
it('sends members away whom an administrator names, by their ids or their instance ids', async () => {
  const { broker, client, beat, join, has, given } = start()
  const remove = async (...members: { memberId: string; groupInstanceId: string | null }[]) => {
    const answer = await client.call(leaveGroup!, 5, { groupId: 'g', members })
    return answer.members.map((each: { errorCode: number }) => each.errorCode)
  }
  await join('a')
  await join('b', { instanceId: 'inst' })
  expect(
    await remove(
      { memberId: 'nobody', groupInstanceId: null },
      { memberId: '', groupInstanceId: 'none' },
      { memberId: 'a', groupInstanceId: 'inst' },
    ),
  ).toEqual([25, 25, 82])
  expect(await remove({ memberId: 'a', groupInstanceId: null })).toEqual([0])
  expect(await beat('a', 2, has(0, 1, 2, 3))).toMatchObject({ errorCode: 110 })
  expect(given(await beat('b', 3, has()))).toEqual([0, 1, 2, 3])
  // It has gone, and means to come back; until then it keeps its place.
  await beat('b', -2, { instanceId: 'inst' })
  expect(broker.group('g').members).toMatchObject([{ memberId: 'b', connected: false }])
  expect(await remove({ memberId: '', groupInstanceId: 'inst' })).toEqual([0])
  expect(broker.group('g').members).toEqual([])
  expect(await remove({ memberId: 'b', groupInstanceId: null })).toEqual([25])
})

it('sends a consumer of the process away for an administrator; it comes back as another member', async () => {
  const { broker, client } = start()
  const lost: number[] = []
  const onLost = (partitions: readonly unknown[]) => void lost.push(partitions.length)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], onLost })
  await consumer.run({ eachRecord: () => {} })
  await consumer.ready()
  const { memberId } = broker.group('g').members[0]!
  const members = [{ memberId, groupInstanceId: null }]
  const answer = await client.call(leaveGroup!, 5, { groupId: 'g', members })
  expect(answer.members).toMatchObject([{ errorCode: 0 }])
  await broker.advanceUntilIdle()
  expect(lost).toEqual([4])
  expect(broker.group('g').members).toMatchObject([{ assignment: { length: 4 } }])
  expect(broker.group('g').members[0]!.memberId).not.toBe(memberId)
})

it('reads topics by a pattern, those that come later, too', async () => {
  const { broker, beat, join, has, given } = start()
  const joined = await join('a', { subscribedTopicNames: [], subscribedTopicRegex: 'or.*' })
  expect(given(joined)).toEqual([0, 1, 2, 3])
  broker.createTopic('oranges')
  broker.createTopic('apples')
  const told = await beat('a', 2, has(0, 1, 2, 3))
  expect(told.assignment.topicPartitions).toHaveLength(2)
  expect(await join('b', { subscribedTopicNames: [], subscribedTopicRegex: '(' })).toMatchObject({
    errorCode: 128,
  })
})

it('reads the topics that are named and those of the pattern, and keeps the one when the other changes', async () => {
  const { broker, beat, join } = start()
  for (const name of ['apples', 'oranges', 'pears']) broker.createTopic(name)
  const read = (answer: { assignment: { topicPartitions: { topicId: string }[] } | null }) => {
    const ids = new Set(answer.assignment?.topicPartitions.map(({ topicId }) => topicId))
    return [...broker.topics.values()].filter(({ id }) => ids.has(id)).map(({ name }) => name)
  }
  let { memberEpoch, ...joined } = await join('a', {
    subscribedTopicNames: ['pears'],
    subscribedTopicRegex: 'or.*',
  })
  expect(read(joined)).toEqual(['orders', 'oranges', 'pears'])
  // It gives up everything each time, and so is told all that it has then.
  const says = async (words: object) => {
    const told = await beat('a', memberEpoch, { ...words, topicPartitions: [] })
    ;({ memberEpoch } = told)
    return read(told)
  }
  expect(await says({ subscribedTopicNames: ['apples'] })).toEqual(['orders', 'apples', 'oranges'])
  expect(await says({ subscribedTopicRegex: 'pe.*' })).toEqual(['apples', 'pears'])
  expect(await says({ subscribedTopicRegex: '' })).toEqual(['apples'])
  expect(await says({ subscribedTopicNames: [], subscribedTopicRegex: 'or.*' })).toEqual([
    'orders',
    'oranges',
  ])
})

it("reads patterns as Kafka's brokers do, and is not held up by a hostile one", async () => {
  const { broker, join, given } = start()
  const pattern = (subscribedTopicRegex: string) => ({ subscribedTopicNames: [], subscribedTopicRegex })
  expect(given(await join('a', pattern('(?i)OR.*')))).toEqual([0, 1, 2, 3])
  // What RE2 has not.
  expect(await join('b', pattern('(?=or).*'))).toMatchObject({ errorCode: 128 })
  // A RegExp that goes back would not be done with this before the end of time.
  broker.createTopic('a'.repeat(200))
  expect((await join('c', pattern('(a|a)*b'))).errorCode).toBe(0)
})

it('gives an id where the client has none, and the same answer to one that asks again', async () => {
  const { client, join, given } = start()
  const anonymous = await client.call(consumerGroupHeartbeat!, 0, {
    groupId: 'g',
    memberId: '',
    memberEpoch: 0,
    rebalanceTimeoutMs: 1000,
    subscribedTopicNames: ['orders'],
    topicPartitions: [],
  })
  expect(anonymous.memberId).toMatch(/./)
  const again = await join(anonymous.memberId)
  expect(given(again)).toEqual([0, 1, 2, 3])
})

// As Java's does that was told twice in vain of its next epoch: it abandons all that it has first.
it('takes one that joins again, while it is a member still, at its word: that it has nothing, and what it reads', async () => {
  const { broker, beat, join, given } = start()
  await join('a')
  expect(given(await join('b'))).toEqual([])
  expect(given(await join('a'))).toEqual([0, 2])
  expect(given(await beat('b', 3))).toEqual([1, 3])
  const { id: topicId } = broker.createTopic('other')
  const { assignment } = await join('a', { subscribedTopicNames: ['other'] })
  expect(assignment).toMatchObject({ topicPartitions: [{ topicId, partitions: [0] }] })
  expect(broker.group('g').members.find(({ memberId }) => memberId === 'a')!.topics).toEqual(['other'])
})

it('refuses what it cannot serve', async () => {
  const { broker, beat, join, client } = start()
  expect(await beat('x', 6)).toMatchObject({ errorCode: 25 })
  expect(await beat('x', 0)).toMatchObject({ errorCode: 42 })
  expect(await join('x', { serverAssignor: 'mine' })).toMatchObject({ errorCode: 112 })
  await join('a')
  expect(await beat('a', 8)).toMatchObject({ errorCode: 110 })
  const classic = { groupId: 'g', memberId: '', sessionTimeoutMs: 1000, protocolType: 'consumer' }
  const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }]
  expect(await client.call(joinGroup!, 3, { ...classic, protocols })).toMatchObject({ errorCode: 23 })
  // That id is a consumer's of the process.
  const own = broker.consumer({ groupId: 'own', topics: ['orders'] })
  await own.ready()
  expect(await join(own.memberId!, { groupId: 'own' })).toMatchObject({ errorCode: 23 })
  await client.call(joinGroup!, 3, { ...classic, groupId: 'classic', protocols })
  expect(await join('b', { groupId: 'classic' })).toMatchObject({ errorCode: 69 })
})

it('makes an id for who joins by version 0, and has none', async () => {
  const { client } = start()
  // Later versions have the client make it. (KIP-1082)
  const older = {
    groupId: 'g',
    memberId: '',
    memberEpoch: 0,
    rebalanceTimeoutMs: 60_000,
    subscribedTopicNames: ['orders'],
    topicPartitions: [],
  }
  expect(await client.call(consumerGroupHeartbeat!, 0, older)).toMatchObject({
    errorCode: 0,
    memberId: expect.stringMatching(/./),
  })
})

// As a Kafka 4.3 refuses them; clients log the message.
it.each<[what: string, errorCode: number, message: string, memberId: string, epoch: number, more?: object]>([
  ['a group without an id', 42, 'GroupId', 'x', 0, { groupId: '' }],
  ['a member without an id', 42, 'memberId', '', 0],
  ['an instance without an id', 42, 'instanceId', 'x', 0, { instanceId: '' }],
  ['a rack without an id', 42, 'rackId', 'a', 1, { rackId: '' }],
  ['who joins without a time-out', 42, 'rebalanceTimeoutMs', 'x', 0, { rebalanceTimeoutMs: -1 }],
  ['who joins without topics', 42, 'topic names', 'x', 0, { subscribedTopicNames: null }],
  [
    'who joins and does not say that it has nothing',
    42,
    'topicPartitions',
    'x',
    0,
    { topicPartitions: null },
  ],
  [
    'an unknown assignor',
    112,
    'ServerAssignor mine is not supported. Supported assignors: uniform, range.',
    'x',
    0,
    { serverAssignor: 'mine' },
  ],
  [
    'an unknown assignor of a member',
    112,
    'ServerAssignor mine is not supported. Supported assignors: uniform, range.',
    'a',
    1,
    { serverAssignor: 'mine' },
  ],
  ['a pattern that is none', 128, "'('", 'x', 0, { subscribedTopicNames: null, subscribedTopicRegex: '(' }],
  ['an epoch that means nothing', 42, '-3', 'a', -3],
  ['who goes to come back, and is no static member', 42, 'instanceId', 'a', -2],
  ['a member of no group', 25, "'other'", 'a', 1, { groupId: 'other' }],
  ['a member that is none', 25, "'x'", 'x', 1],
  ['who leaves and is no member', 25, "'x'", 'x', -1],
  ['an epoch that was never told', 110, 'epoch 2, received 7', 'a', 7],
])('refuses %s, and says why', async (_, errorCode, message, memberId, epoch, more = {}) => {
  const { beat, join } = start()
  await join('a')
  const answer = epoch === 0 ? await join(memberId, more) : await beat(memberId, epoch, more)
  expect(answer).toMatchObject({ errorCode, errorMessage: expect.stringContaining(message) })
})

it('tells a static member whose place another one has taken that it has', async () => {
  const { beat, join } = start()
  const one = { instanceId: 'one' }
  await join('a', one)
  await beat('a', -2, one)
  const { memberEpoch } = await join('b', one)
  for (const epoch of [1, -1, -2]) {
    expect(await beat('a', epoch, one)).toMatchObject({
      errorCode: 82,
      errorMessage: expect.stringContaining("'b'"),
    })
  }
  expect(await beat('b', memberEpoch, one)).toMatchObject({ errorCode: 0 })
})

it('knows a static member only by its own instance id', async () => {
  const { join, beat } = start()
  await join('a', { instanceId: 'one' })
  expect(await beat('a', 2, { instanceId: 'two' })).toMatchObject({ errorCode: 25 })
  expect(await beat('b', 2, { instanceId: 'one' })).toMatchObject({ errorCode: 82 })
  expect(await beat('a', 2, { instanceId: 'one' })).toMatchObject({ errorCode: 0 })
})

it('takes no commit under an epoch that its member was never told, nor one of a client that knows of no epochs', async () => {
  const { client, join, commit } = start()
  await join('a')
  expect([await commit('a', 3, 0, 1), await commit('a', 2, 0, 1)]).toEqual([113, 0])
  const older = await client.call(offsetCommit!, 8, {
    groupId: 'g',
    memberId: 'a',
    generationIdOrMemberEpoch: 2,
    topics: [
      { name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 2, committedMetadata: '' }] },
    ],
  })
  expect(older.topics[0].partitions).toMatchObject([{ errorCode: 35 }])
})

it('tells a member that a partition is not there, and not that it has lost it', async () => {
  const { join, commit } = start()
  await join('a')
  expect(await commit('a', 2, 9, 1)).toBe(3)
})

it('tells a member what is committed under the epoch that it is at', async () => {
  const { client, join, commit } = start()
  await join('a')
  await commit('a', 2, 0, 7)
  const topics = [{ name: 'orders', partitionIndexes: [0] }]
  const fetched = async (memberId: string | null, memberEpoch: number, groupId = 'g') => {
    const groups = [{ groupId, memberId, memberEpoch, topics }]
    const [group] = (await client.call(offsetFetch!, 9, { groups })).groups
    return group.errorCode || group.topics[0].partitions[0].committedOffset
  }
  expect(await fetched('a', 2)).toBe(7)
  expect(await fetched(null, -1)).toBe(7)
  expect([await fetched('a', 3), await fetched('a', -1)]).toEqual([113, 113])
  expect([await fetched('b', 1), await fetched('', 1)]).toEqual([25, 25])
  expect(await fetched('a', 1, 'nowhere')).toBe(-1)
})

it('commits, and tells what is committed, by the ids of topics, and which of those there are not', async () => {
  const { client, join, id } = start()
  await join('a')
  const nowhere = '00000000-0000-0000-0000-000000000001'
  const partitions = [{ partitionIndex: 1, committedOffset: 7, committedMetadata: 'm' }]
  const committed = await client.call(offsetCommit!, 10, {
    groupId: 'g',
    memberId: 'a',
    generationIdOrMemberEpoch: 2,
    topics: [id, nowhere].map(topicId => ({ topicId, partitions })),
  })
  expect(committed.topics).toMatchObject([
    { topicId: id, partitions: [{ errorCode: 0 }] },
    { topicId: nowhere, partitions: [{ errorCode: 100 }] },
  ])
  const fetched = async (version: number, topics: object[] | null, groupId = 'g') =>
    (await client.call(offsetFetch!, version, { groups: [{ groupId, topics }] })).groups[0].topics
  const none = { committedOffset: -1, metadata: '' }
  expect(
    await fetched(10, [
      // Those that are not there come last, wherever they are named.
      { topicId: nowhere, partitionIndexes: [0] },
      { topicId: id, partitionIndexes: [1, 9] },
    ]),
  ).toMatchObject([
    {
      topicId: id,
      partitions: [
        { committedOffset: 7, metadata: 'm', errorCode: 0 },
        { ...none, errorCode: 0 },
      ],
    },
    { topicId: nowhere, partitions: [{ ...none, errorCode: 100 }] },
  ])
  expect(await fetched(10, null)).toMatchObject([{ topicId: id, partitions: [{ committedOffset: 7 }] }])
  expect(await fetched(10, null, 'unknown')).toEqual([])
  // By its name a topic that is not there is one of which nothing is committed.
  expect(await fetched(9, [{ name: 'nowhere', partitionIndexes: [0] }])).toMatchObject([
    { name: 'nowhere', partitions: [{ ...none, errorCode: 0 }] },
  ])
})

it('describes the group, and what it has committed', async () => {
  const { client, join, commit, id } = start()
  await join('a')
  await commit('a', 2, 3, 9)
  const { groups } = await client.call(consumerGroupDescribe!, 1, { groupIds: ['g', 'other'] })
  expect(groups).toMatchObject([
    {
      errorCode: 0,
      groupState: 'Stable',
      groupEpoch: 2,
      assignorName: 'uniform',
      members: [
        {
          memberId: 'a',
          memberEpoch: 2,
          subscribedTopicNames: ['orders'],
          assignment: { topicPartitions: [{ topicId: id, topicName: 'orders', partitions: [0, 1, 2, 3] }] },
        },
      ],
    },
    { errorCode: 69, groupId: 'other' },
  ])
  const wanted = { groups: [{ groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [2, 3] }] }] }
  const fetched = await client.call(offsetFetch!, 9, wanted)
  expect(fetched.groups[0].topics[0].partitions).toMatchObject([
    { committedOffset: -1 },
    { committedOffset: 9 },
  ])
})

it('tells a member all that it has once more where it says all that it has to say', async () => {
  const { beat, join, has, given } = start()
  await join('a')
  const all = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['orders'], ...has(0, 1, 2, 3) }
  expect(given(await beat('a', 2, all))).toEqual([0, 1, 2, 3])
  expect(given(await beat('a', 2, has(0, 1, 2, 3)))).toBeUndefined()
})

it('describes a member by what it has said last: its rack, its topics, its pattern', async () => {
  const { client, beat, join } = start()
  const describe = async () => {
    const { groups } = await client.call(consumerGroupDescribe!, 1, { groupIds: ['g'] })
    const [{ rackId, subscribedTopicNames, subscribedTopicRegex }] = groups[0].members
    return [rackId, subscribedTopicNames, subscribedTopicRegex]
  }
  await join('a', { rackId: 'r' })
  expect(await describe()).toEqual(['r', ['orders'], ''])
  const { memberEpoch } = await beat('a', 2, { subscribedTopicNames: [], subscribedTopicRegex: 'ord.*' })
  expect(await describe()).toEqual(['r', [], 'ord.*'])
  await beat('a', memberEpoch)
  expect(await describe()).toEqual(['r', [], 'ord.*'])
  await beat('a', memberEpoch, { rackId: 'r2' })
  expect(await describe()).toEqual(['r2', [], 'ord.*'])
  await beat('a', memberEpoch, { subscribedTopicNames: ['orders'] })
  expect(await describe()).toEqual(['r2', ['orders'], 'ord.*'])
})

it('takes the epoch before of a member that has missed an answer, however often it has', async () => {
  const { join, beat, has, given } = start()
  await join('a')
  await join('b')
  const kept = given(await beat('a', 2))!
  for (let i = 0; i < 3; i++)
    expect(await beat('a', 2, has(...kept))).toMatchObject({ errorCode: 0, memberEpoch: 3 })
  expect(await beat('a', 3, has(...kept))).toMatchObject({ errorCode: 0, memberEpoch: 3 })
})

it('gives a member nothing that subscribes to nothing any more, and keeps it', async () => {
  const { beat, join, given } = start()
  await join('a')
  const told = await beat('a', 2, { subscribedTopicNames: [] })
  expect([told.errorCode, given(told)]).toEqual([0, []])
  expect(await beat('a', told.memberEpoch)).toMatchObject({ errorCode: 0 })
})

it('gives a member its id only when it joins, and only where it speaks of before KIP-1082', async () => {
  const { client } = start()
  const beat = async (version: number, memberEpoch: number) => {
    const joining = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['orders'], topicPartitions: [] }
    const said = { groupId: 'g', memberId: '', memberEpoch, ...joining }
    return (await client.call(consumerGroupHeartbeat!, version, said)).errorCode
  }
  expect([await beat(0, 1), await beat(1, 0), await beat(0, 0)]).toEqual([42, 42, 0])
})

it('describes what a member is meant to have beside what it has', async () => {
  const { client, join } = start()
  await join('a')
  await join('b')
  const { groups } = await client.call(consumerGroupDescribe!, 1, { groupIds: ['g'] })
  const counts = (assignment: { topicPartitions: { partitions: number[] }[] }) =>
    assignment.topicPartitions.flatMap(({ partitions }) => partitions).length
  const [a, b] = groups[0].members.map((member: Record<string, never>) => [
    counts(member.assignment!),
    counts(member.targetAssignment!),
  ])
  expect(a).toEqual([4, 2])
  expect(b).toEqual([0, 2])
})

it('describes the group as stable when each member has heard what it has, and none is to come back', async () => {
  const { broker, client, beat, join, has } = start()
  const states = async () => {
    const { groups } = await client.call(consumerGroupDescribe!, 1, { groupIds: ['g'] })
    const listed = await client.call(listGroups!, 5, { statesFilter: [], typesFilter: [] })
    expect(listed.groups).toMatchObject([{ groupState: groups[0].groupState }])
    return [groups[0].groupState, ...groups[0].members.map(({ memberEpoch }: any) => memberEpoch)]
  }
  const one = { instanceId: 'one' }
  await join('a')
  await join('b', one)
  expect(await states()).toEqual(['Reconciling', 2, 3])
  await beat('a', 2)
  await beat('a', 2, has(0, 2))
  expect(broker.group('g').state).toBe('Stable')
  expect(await states()).toEqual(['Reconciling', 3, 3])
  await beat('b', 3)
  expect(await states()).toEqual(['Stable', 3, 3])
  await beat('b', -2, one)
  expect(await states()).toEqual(['Reconciling', 3, -2])
  await beat('b', -1, one)
  expect(await states()).toEqual(['Reconciling', 3])
  await beat('a', 3)
  expect(await states()).toEqual(['Stable', 4])
})

it('does not wait for what a member got and lost again between two of its heartbeats', async () => {
  const { broker, beat, join, has } = start()
  await join('a')
  await join('b')
  await beat('a', 2)
  const { memberEpoch } = await beat('a', 2, has(0, 2))
  // What b was to have goes to a, and is to go on to c, before a is heard again.
  await beat('b', -1)
  await join('c')
  expect(broker.group('g').state).toBe('Reconciling')
  expect(await beat('a', memberEpoch)).toMatchObject({ errorCode: 0 })
  expect(broker.group('g').state).toBe('Stable')
})

it('takes a member back that comes with the epoch before, because it has not heard the last answer', async () => {
  const { beat, join, has, given } = start()
  await join('a')
  await join('b')
  await beat('a', 2)
  const all = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['orders'] }
  const lost = await beat('a', 2, has(0, 2))
  expect(lost.memberEpoch).toBeGreaterThan(1)
  const again = await beat('a', 2, { ...all, ...has(0, 2) })
  expect(again).toMatchObject({ errorCode: 0, memberEpoch: lost.memberEpoch })
  expect(given(again)).toEqual([0, 2])
  expect(await beat('a', 2)).toMatchObject({ errorCode: 110 })
  expect(await beat('a', 2, has(1))).toMatchObject({ errorCode: 110 })
  expect(await beat('a', 100, has(0, 2))).toMatchObject({ errorCode: 110 })
})

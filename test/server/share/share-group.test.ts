import { expect, it, vi } from 'vitest'
import { apis } from '../../../src/server/protocol/apis.ts'
import { ShareGroup } from '../../../src/server/share/share-group.ts'
import { accept, release, shareScenes } from './share-scene.ts'

const scene = shareScenes()

const given = (answer: any) =>
  answer.assignment?.topicPartitions.flatMap(({ partitions }: { partitions: number[] }) => partitions)

it('gives every member what it may read at once, and tells it once', async () => {
  const { consumer } = scene({}, {}, { partitions: 2 })
  const a = consumer('a')
  const joined = await a.join()
  expect(joined).toMatchObject({ errorCode: 0, memberId: 'a', memberEpoch: 2, heartbeatIntervalMs: 5000 })
  expect(given(joined)).toEqual([0, 1])
  expect(await a.beat()).toMatchObject({ errorCode: 0, memberEpoch: 2, assignment: null })
})

it('lets members share a partition', async () => {
  const { consumer } = scene()
  const [a, b] = [consumer('a'), consumer('b')]
  expect(given(await a.join())).toEqual([0])
  expect(given(await b.join())).toEqual([0])
  expect(b.memberEpoch).toBe(3)
  expect(await a.beat()).toMatchObject({ memberEpoch: 3, assignment: null })
})

it('spreads partitions anew when a member comes or goes, or the topic grows', async () => {
  const { broker, consumer } = scene({}, {}, { partitions: 2 })
  const [a, b] = [consumer('a'), consumer('b')]
  await a.join()
  expect(given(await b.join())).toEqual([1])
  expect(given(await a.beat())).toEqual([0])
  broker.topic('orders').addPartitions(4)
  expect(given(await a.beat())).toEqual([0, 2])
  expect(given(await b.beat())).toEqual([1, 3])
  expect(await b.leave()).toMatchObject({ errorCode: 0, memberEpoch: -1 })
  expect(given(await a.beat())).toEqual([0, 2, 1, 3])
})

it('gives a topic to those who were waiting for it when it is made, and takes it when it is deleted', async () => {
  const { broker, consumer } = scene()
  const a = consumer('a')
  const topicsOf = (answer: any) => answer.assignment?.topicPartitions.map(({ topicId }: any) => topicId)
  expect(topicsOf(await a.join('later'))).toEqual([])
  const later = broker.createTopic('later')
  expect(topicsOf(await a.beat())).toEqual([later.id])
  broker.deleteTopic('later')
  expect(topicsOf(await a.beat())).toEqual([])
  const again = broker.createTopic('later')
  expect(topicsOf(await a.beat())).toEqual([again.id])
})

it('tells a member of a topic in place of another', async () => {
  const { broker, consumer } = scene()
  broker.createTopic('first')
  const a = consumer('a')
  expect(given(await a.join('orders', 'first', 'second'))).toEqual([0, 0])
  broker.deleteTopic('first')
  const { id } = broker.createTopic('second')
  const { topicPartitions } = (await a.beat()).assignment
  expect(topicPartitions.map(({ topicId }: any) => topicId)).toEqual([broker.topic('orders').id, id])
})

it('follows what a member subscribes to, in whatever order it says that', async () => {
  const { broker, consumer } = scene()
  broker.createTopic('others')
  const a = consumer('a')
  await a.join('orders', 'others')
  expect(await a.beat(2, { subscribedTopicNames: ['others', 'orders'] })).toMatchObject({ memberEpoch: 2 })
  const told = await a.beat(2, { subscribedTopicNames: ['others'] })
  expect(told.memberEpoch).toBe(3)
  expect(told.assignment.topicPartitions).toEqual([{ topicId: broker.topic('others').id, partitions: [0] }])
  // Also where another member reads all of it already.
  const b = consumer('b')
  await b.join('orders')
  expect(given(await b.beat(b.memberEpoch, { subscribedTopicNames: ['orders', 'others'] }))).toEqual([0, 0])
  expect(given(await b.beat(b.memberEpoch, { subscribedTopicNames: ['others'] }))).toEqual([0])
})

it('takes a heartbeat with the epoch before, whose answer was lost, and fences every other', async () => {
  const { consumer, joined } = scene()
  const a = await joined('a')
  await joined('b')
  await a.beat(2)
  for (let i = 0; i < 2; i++) expect(await a.beat(2)).toMatchObject({ errorCode: 0, memberEpoch: 3 })
  expect(await a.beat(7)).toMatchObject({ errorCode: 110 })
  expect(await a.beat(3)).toMatchObject({ errorCode: 0 })
  expect(await consumer('nobody').beat(1)).toMatchObject({ errorCode: 25 })
  expect(await consumer('nobody').leave()).toMatchObject({ errorCode: 25 })
})

it('makes no group for who speaks as if there were one', async () => {
  const { broker, consumer } = scene()
  expect(await consumer('a').beat(1)).toMatchObject({ errorCode: 25 })
  expect(await consumer('a').leave()).toMatchObject({ errorCode: 25 })
  expect(broker.describe().groups).toEqual([])
})

it('lets a member that joins once more keep its place, and tells it again what it may read', async () => {
  const { consumer } = scene()
  const a = consumer('a')
  await a.join()
  const again = await a.join()
  expect(again).toMatchObject({ errorCode: 0, memberEpoch: 2 })
  expect(given(again)).toEqual([0])
})

it('tells a member again what it may read that says again what it subscribes to, as after a lost answer', async () => {
  const { joined } = scene()
  const a = await joined('a')
  expect(given(await a.beat())).toBeUndefined()
  expect(given(await a.beat(a.memberEpoch, { subscribedTopicNames: ['orders'] }))).toEqual([0])
})

it('removes a member of each group that is silent, whatever members of others are called', async () => {
  const { broker, consumer } = scene()
  const [a, b] = [consumer('a', 'g'), consumer('a', 'other')]
  await a.join()
  await broker.advance(30_000)
  await b.join()
  await broker.advance(15_000)
  expect(await a.beat()).toMatchObject({ errorCode: 25 })
  expect(await b.beat()).toMatchObject({ errorCode: 0 })
})

it('removes a member that is silent for 45 seconds, and gives others what it has acquired', async () => {
  const { broker, append, joined } = scene({}, { shareRecordLockDurationMs: 1_000_000 })
  append(2)
  const a = await joined('a')
  const b = await joined('b')
  await a.fetch()
  await broker.advance(44_999)
  await b.beat()
  expect(await b.fetch()).toEqual([])
  await broker.advance(1)
  expect(await a.beat()).toMatchObject({ errorCode: 25 })
  expect(await b.fetch()).toEqual([[0, 1, 2]])
})

it('gives others what a member has acquired that leaves and ends its session', async () => {
  const { append, joined } = scene()
  append(2)
  const a = await joined('a')
  const b = await joined('b')
  await a.fetch()
  await a.leave()
  expect(await b.fetch()).toEqual([])
  await a.close()
  expect(await b.fetch()).toEqual([[0, 1, 2]])
})

// As a Java consumer does that unsubscribes and subscribes anew.
it('takes what a member has to say that leaves, and comes back in its session', async () => {
  const { append, joined } = scene()
  append(2)
  const a = await joined('a')
  await a.fetch()
  await a.leave()
  await a.join()
  expect(await a.acknowledge(accept(0, 1))).toBe(0)
  expect(await (await joined('b')).fetch()).toEqual([])
})

it('waits no longer for a member that has left', async () => {
  const { broker, joined } = scene()
  const a = await joined('a')
  const b = await joined('b')
  await a.leave()
  for (let i = 0; i < 10; i++) {
    await broker.advance(10_000)
    expect(await b.beat()).toMatchObject({ errorCode: 0 })
  }
})

it.each([
  ['no group', { groupId: ' ' }],
  ['no member', { memberId: '' }],
  ['a member whose id is too long', { memberId: 'x'.repeat(37) }],
  ['an epoch that means nothing', { memberEpoch: -2 }],
  ['an empty rack', { rackId: '' }],
  ['a rack of spaces', { rackId: ' ' }],
  ['no topics of who joins', { subscribedTopicNames: null }],
  ['an empty list of topics of who joins', { subscribedTopicNames: [] }],
])('refuses a heartbeat with %s', async (_, wrong) => {
  const { client, broker } = scene()
  const good = { groupId: 'g', memberId: 'a', memberEpoch: 0, subscribedTopicNames: ['orders'] }
  const answer = await client.call(apis.shareGroupHeartbeat, 1, { ...good, ...wrong })
  expect(answer.errorCode).toBe(42)
  expect(broker.describe().groups).toEqual([])
  expect((await client.call(apis.listGroups, 5, { statesFilter: [], typesFilter: [] })).groups).toEqual([])
})

it('takes a member whose id is as long as it may be', async () => {
  const { consumer } = scene()
  expect(await consumer('x'.repeat(36)).join()).toMatchObject({ errorCode: 0 })
})

it('knows a member by what its client calls itself now', () => {
  const group = new ShareGroup('g', new Map(), 10)
  const beat = { groupId: 'g', memberId: 'a', memberEpoch: 0, rackId: undefined, topics: ['orders'] }
  for (const clientId of ['before', 'now']) group.heartbeat({ ...beat, clientId })
  expect(group.members).toMatchObject([{ memberId: 'a', clientId: 'now' }])
})

it('takes no more than 200 members', async () => {
  const { client } = scene()
  const join = (memberId: string) =>
    client.call(apis.shareGroupHeartbeat, 1, {
      groupId: 'g',
      memberId,
      memberEpoch: 0,
      subscribedTopicNames: ['orders'],
    })
  for (let i = 0; i < 200; i++) expect((await join(`m${i}`)).errorCode).toBe(0)
  expect((await join('m200')).errorCode).toBe(81)
})

it('takes no more members than its server says', async () => {
  const { joined, consumer } = scene({ shareGroupMaxSize: 2 })
  await joined('a')
  await joined('b')
  expect(await consumer('c').join()).toMatchObject({ errorCode: 81 })
})

it('is described, listed, and deleted once it is empty', async () => {
  const { client, consumer, broker } = scene()
  const a = consumer('a')
  await a.beat(0, { subscribedTopicNames: ['orders'], rackId: 'r' })
  // What a heartbeat leaves out stays as it was.
  await a.beat()
  const describe = async () =>
    (await client.call(apis.shareGroupDescribe, 1, { groupIds: ['g'], includeAuthorizedOperations: false }))
      .groups[0]
  expect(await describe()).toMatchObject({
    errorCode: 0,
    groupState: 'Stable',
    groupEpoch: 2,
    assignmentEpoch: 2,
    assignorName: 'simple',
    members: [
      {
        memberId: 'a',
        memberEpoch: 2,
        rackId: 'r',
        subscribedTopicNames: ['orders'],
        assignment: {
          topicPartitions: [{ topicId: broker.topic('orders').id, topicName: 'orders', partitions: [0] }],
        },
      },
    ],
  })
  const list = (more: object = {}) =>
    client
      .call(apis.listGroups, 5, { statesFilter: [], typesFilter: [], ...more })
      .then(({ groups }) => groups)
  expect(await list()).toEqual([
    { groupId: 'g', protocolType: 'share', groupState: 'Stable', groupType: 'share' },
  ])
  expect(await list({ typesFilter: ['classic', 'consumer'] })).toEqual([])
  expect(await list({ typesFilter: ['Share'], statesFilter: ['empty'] })).toEqual([])
  const remove = async () =>
    (await client.call(apis.deleteGroups, 2, { groupsNames: ['g'] })).results[0].errorCode
  expect(await remove()).toBe(68)
  await a.leave()
  expect(await describe()).toMatchObject({ groupState: 'Empty', groupEpoch: 3, members: [] })
  expect(await remove()).toBe(0)
  expect(await describe()).toMatchObject({ errorCode: 69, groupState: '' })
  expect(await remove()).toBe(69)
})

it('waits for no lock any more once it is deleted', async () => {
  const { broker, client, append, joined } = scene()
  append(1)
  const a = await joined('a')
  await a.fetch()
  await a.leave()
  const locks = () => broker.pendingTimers.filter(name => name.startsWith("share group 'g': locks"))
  expect(locks()).toHaveLength(1)
  await client.call(apis.deleteGroups, 2, { groupsNames: ['g'] })
  expect(locks()).toEqual([])
})

it('is described by its broker among other groups', async () => {
  const { broker, append, joined } = scene()
  append(3)
  const a = await joined('a')
  const described = () => broker.describe().groups
  expect(described()).toMatchObject([
    {
      groupId: 'g',
      state: 'Stable',
      epoch: 2,
      assignor: 'simple',
      lag: 3,
      members: [{ memberId: 'a', connected: true, assignment: [{ topic: 'orders', partition: 0 }] }],
      partitions: [{ topic: 'orders', partition: 0, committed: null, lag: 3, memberId: null }],
    },
  ])
  await a.fetch()
  await a.acknowledge(accept(0, 1))
  await a.leave()
  expect(described()).toMatchObject([
    { state: 'Empty', lag: 1, members: [], partitions: [{ committed: 2, lag: 1 }] },
  ])
})

it('is no group of another kind', async () => {
  const { client, joined, broker } = scene()
  await joined('a')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect(() => broker.group('g')).toThrow("Group 'g' is a share group of Kafka clients")
  await expect(consumer.ready()).rejects.toThrow("Group 'g' is a share group of Kafka clients")
  await consumer.close()
  const described = await client.call(apis.describeGroups, 6, {
    groups: ['g'],
    includeAuthorizedOperations: false,
  })
  expect(described.groups[0]).toMatchObject({ errorCode: 69, groupState: 'Dead' })
  const other = await client.call(apis.consumerGroupDescribe, 1, {
    groupIds: ['g'],
    includeAuthorizedOperations: false,
  })
  expect(other.groups[0]).toMatchObject({ errorCode: 69, errorMessage: 'Group g is not a consumer group.' })
  const beat = { groupId: 'g', memberId: 'b', memberEpoch: 0, rebalanceTimeoutMs: 1000 }
  const kip848 = { ...beat, subscribedTopicNames: ['orders'], topicPartitions: [] }
  expect(await client.call(apis.consumerGroupHeartbeat, 1, kip848)).toMatchObject({ errorCode: 69 })
  const join = { groupId: 'g', memberId: '', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 1000 }
  const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }]
  const classic = { ...join, protocolType: 'consumer', protocols }
  expect(await client.call(apis.joinGroup, 5, classic)).toMatchObject({ errorCode: 23 })
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }]
  const offsets = {
    groupId: 'g',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    topics: [{ name: 'orders', partitions }],
  }
  const committed = await client.call(apis.offsetCommit, 8, offsets)
  expect(committed.topics[0].partitions[0].errorCode).toBe(69)
})

it.each([
  ['of this process', undefined],
  ['of classic clients', 'classic'],
])('does not take the id of a group %s', async (_, kind) => {
  const { client, broker, consumer } = scene()
  if (kind === undefined) await broker.consumer({ groupId: 'g', topics: ['orders'] }).ready()
  else {
    const join = { groupId: 'g', memberId: '', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 1000 }
    const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }]
    await client.call(apis.joinGroup, 3, { ...join, protocolType: 'consumer', protocols })
  }
  const a = consumer('a')
  expect(await a.join()).toMatchObject({ errorCode: 69, errorMessage: "Group 'g' is not a share group" })
  expect(await a.beat(1)).toMatchObject({ errorCode: 69 })
  expect(await a.fetchAll()).toMatchObject({ errorCode: 69 })
  a.sessionEpoch = 1
  expect(await a.acknowledge(accept(0, 0))).toBe(69)
})

it('counts for idle what is available, and who has acquired it', async () => {
  const { broker, append, joined } = scene()
  append(3)
  const a = await joined('a')
  await a.fetch({ maxRecords: 2, shareAcquireMode: 1 })
  const busy = broker.idle({ timeoutMs: 100 }).catch(error => error.message)
  await broker.advance(100)
  expect(await busy).toContain(
    "share group 'g': 1 record of orders-0 available; share group 'g': 2 records of orders-0 acquired by a",
  )
  const idle = broker.idle({ groups: ['g'] })
  await a.fetch({}, [accept(0, 1)])
  await a.fetch({}, [accept(2, 2)])
  await idle
})

it('counts for idle what was given back, and all that a member has acquired bit by bit', async () => {
  const { broker, append, joined } = scene()
  append(5)
  const a = await joined('a')
  for (let i = 0; i < 3; i++) await a.fetch({ maxRecords: 1, shareAcquireMode: 1 })
  await a.acknowledge(release(1, 1))
  const busy = broker.idle({ timeoutMs: 100 }).catch(error => error.message)
  await broker.advance(100)
  expect(await busy).toContain(
    "share group 'g': 3 records of orders-0 available; share group 'g': 2 records of orders-0 acquired by a",
  )
})

it('counts for idle a single record that a member has acquired', async () => {
  const { broker, append, joined } = scene()
  append(1)
  await (await joined('a')).fetch()
  const busy = broker.idle({ timeoutMs: 100 }).catch(error => error.message)
  await broker.advance(100)
  expect(await busy).toContain("share group 'g': 1 record of orders-0 acquired by a")
})

it('may be named to idle, as any group', async () => {
  const { broker, append, joined } = scene()
  append(1)
  await (await joined('a')).fetch()
  const busy = broker.idle({ groups: ['g'], timeoutMs: 100 }).catch(error => error.message)
  await broker.advance(100)
  expect(await busy).toContain("share group 'g': 1 record of orders-0 acquired by a")
})

it('counts for idle nothing that is gone from the log, whoever has acquired it', async () => {
  const { broker, append, joined } = scene()
  append(2)
  await (await joined('a')).fetch()
  const idle = broker.idle()
  broker.topic('orders').partitions[0]!.deleteRecords(2)
  await idle
})

it('counts for idle nothing of a group that nobody is in', async () => {
  const { broker, append, joined } = scene()
  const a = await joined('a')
  append(1)
  // Nobody works it off.
  await a.leave()
  await broker.idle()
})

it('counts for idle nothing of a group once its last member has left, has fallen silent, or has no topic any more', async () => {
  const { broker, append, joined } = scene()
  const a = await joined('a')
  append(1)
  const left = broker.idle()
  await a.leave()
  await left
  const b = await joined('b')
  const silent = broker.idle()
  await broker.advance(45_000)
  await silent
  await b.join()
  const elsewhere = broker.idle()
  await b.beat(b.memberEpoch, { subscribedTopicNames: ['nowhere'] })
  await elsewhere
})

it('answers heartbeats and acknowledgements without a look at the other members', async () => {
  const { append, joined } = scene({}, {}, { cleanupPolicy: 'consumed' })
  append(2)
  const [a] = [await joined('a'), await joined('b')]
  await a.beat()
  await a.fetch()
  const members = vi.spyOn(ShareGroup.prototype, 'members', 'get')
  expect(await a.beat()).toMatchObject({ errorCode: 0 })
  expect(await a.acknowledge(accept(0, 1))).toBe(0)
  expect(members).not.toHaveBeenCalled()
  members.mockRestore()
})

import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { start } from './consumer-group-scene.ts'

const { consumerGroupHeartbeat, leaveGroup, offsetCommit } = apis as unknown as Readonly<Record<string, Api>>

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

it('removes a member that does not give up in time, and does not know it any more', async () => {
  const { broker, beat, join, given } = start()
  await join('a', { rebalanceTimeoutMs: 30_000 })
  await join('b')
  await beat('a', 2)
  for (let i = 0; i < 3; i++) {
    await broker.advance(10_000)
    await beat('b', 3)
    if (i < 2) await beat('a', 2)
  }
  expect(await beat('a', 2)).toMatchObject({ errorCode: 25 })
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
  expect(await beat('a', 2, has(0, 1, 2, 3))).toMatchObject({ errorCode: 25 })
  expect(given(await beat('b', 3, has()))).toEqual([0, 1, 2, 3])
  // It has gone, and means to come back; until then it keeps its place.
  await beat('b', -2, { instanceId: 'inst' })
  expect(broker.group('g').members).toMatchObject([{ memberId: 'b', connected: false }])
  expect(await remove({ memberId: '', groupInstanceId: 'inst' })).toEqual([0])
  expect(broker.group('g').members).toEqual([])
  expect(await remove({ memberId: 'b', groupInstanceId: null })).toEqual([25])
})

it('has no member to let go that an administrator has sent away', async () => {
  const { client, beat, join } = start()
  const members = [{ memberId: 'a', groupInstanceId: null }]
  for (const memberEpoch of [-1, -2]) {
    await join('a', { instanceId: 'inst' })
    await client.call(leaveGroup!, 5, { groupId: 'g', members })
    expect(await beat('a', memberEpoch, { instanceId: 'inst' })).toMatchObject({ errorCode: 25 })
  }
})

it('takes no commit of a member that an administrator has sent away, whatever its version is', async () => {
  const { client, join } = start()
  await join('a')
  await client.call(leaveGroup!, 5, { groupId: 'g', members: [{ memberId: 'a', groupInstanceId: null }] })
  const partitions = [{ partitionIndex: 0, committedOffset: 0 }]
  for (const version of [8, 9]) {
    const answer = await client.call(offsetCommit!, version, {
      groupId: 'g',
      memberId: 'a',
      generationIdOrMemberEpoch: 1,
      topics: [{ name: 'orders', partitions }],
    })
    expect(answer.topics[0].partitions[0].errorCode).toBe(25)
  }
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

it('tells a member all that it has once more where it says all that it has to say', async () => {
  const { beat, join, has, given } = start()
  await join('a')
  const all = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['orders'], ...has(0, 1, 2, 3) }
  expect(given(await beat('a', 2, all))).toEqual([0, 1, 2, 3])
  expect(given(await beat('a', 2, has(0, 1, 2, 3)))).toBeUndefined()
  for (const [field, none] of [
    ['rebalanceTimeoutMs', -1],
    ['subscribedTopicNames', null],
    ['topicPartitions', null],
  ] as const) {
    expect(given(await beat('a', 2, { ...all, [field]: none }))).toBeUndefined()
  }
})

it('is not rebalanced for who subscribes to the same topics in another order', async () => {
  const { broker, beat, join } = start()
  broker.createTopic('other')
  await join('a', { subscribedTopicNames: ['orders', 'other'] })
  const { memberEpoch } = await beat('a', 2, { subscribedTopicNames: ['other', 'orders'] })
  expect(memberEpoch).toBe(2)
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

it('assigns as a member asks for', async () => {
  const { broker, beat, join, has, given } = start()
  const range = { serverAssignor: 'range' }
  await join('a', range)
  await join('b', range)
  expect(broker.group('g').assignor).toBe('range')
  expect(given(await beat('a', 2))).toEqual([0, 1])
  await beat('a', 2, has(0, 1))
  expect(given(await beat('b', 3))).toEqual([2, 3])
})

it('knows a static member that is to come back also without its instance id', async () => {
  const { broker, beat, join } = start()
  const one = { instanceId: 'one' }
  await join('a', one)
  await beat('a', -2, one)
  expect(await beat('a', -1)).toMatchObject({ errorCode: 0, memberEpoch: -1 })
  expect(broker.groups.has('g') && broker.group('g').members).toEqual([])
})

import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import type { TestBroker } from '../../src/testing/index.ts'
import { classicJoin } from '../helpers/group-requests.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { consumerGroupHeartbeat, consumerGroupDescribe, describeGroups, joinGroup, leaveGroup } =
  apis as unknown as Readonly<Record<string, Api>>
const { listGroups, offsetCommit } = apis as unknown as Readonly<Record<string, Api>>

const scene = wireScenes()
const week = 7 * 24 * 60 * 60 * 1000

function start() {
  const { broker, client } = scene()
  const commit = (memberId = '', generationIdOrMemberEpoch = -1) =>
    client.call(offsetCommit!, 9, {
      groupId: 'g',
      memberId,
      generationIdOrMemberEpoch,
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 0 }] }],
    })
  const joinClassic = async () => {
    const { memberId } = await client.call(joinGroup!, 3, classicJoin())
    return memberId as string
  }
  const leaveClassic = (memberId: string) => client.call(leaveGroup!, 2, { groupId: 'g', memberId })
  const beat = (memberEpoch: number) =>
    client.call(consumerGroupHeartbeat!, 1, {
      groupId: 'g',
      memberId: 'a',
      memberEpoch,
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: ['orders'],
      topicPartitions: [],
    })
  const list = async (typesFilter: readonly string[] = []) => {
    const { groups } = await client.call(listGroups!, 5, { statesFilter: [], typesFilter })
    return groups.map(({ groupType, protocolType }: Record<string, string>) => [groupType, protocolType])
  }
  const describeAssigning = async () =>
    (await client.call(consumerGroupDescribe!, 1, { groupIds: ['g'] })).groups[0]
  const describeClassic = async () => (await client.call(describeGroups!, 6, { groups: ['g'] })).groups[0]
  return { broker, client, commit, joinClassic, leaveClassic, beat, list, describeAssigning, describeClassic }
}

it('is classic while a classic client is in it, also once that has committed', async () => {
  const { commit, joinClassic, list, describeAssigning, describeClassic } = start()
  const memberId = await joinClassic()
  await commit(memberId, 1)
  expect(await list()).toEqual([['classic', 'consumer']])
  // Kafka's client then asks as for a classic group, and finds the member.
  expect(await describeAssigning()).toMatchObject({
    errorCode: 69,
    errorMessage: 'Group g is not a consumer group.',
  })
  expect(await describeClassic()).toMatchObject({ errorCode: 0, members: [{ memberId }] })
})

it('stays what its last members were', async () => {
  const { broker, joinClassic, leaveClassic, beat, list, describeAssigning, describeClassic } = start()
  await beat(0)
  await beat(-1)
  expect(await list()).toEqual([['consumer', 'consumer']])
  expect(await list(['classic'])).toEqual([])
  expect(await describeAssigning()).toMatchObject({ errorCode: 0, groupState: 'Empty' })
  expect((await describeClassic()).errorCode).toBe(69)
  await leaveClassic(await joinClassic())
  expect(await list()).toEqual([['classic', 'consumer']])
  expect((await describeAssigning()).errorCode).toBe(69)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  await consumer.close()
  expect(await list()).toEqual([['consumer', 'consumer']])
  expect((await describeAssigning()).errorCode).toBe(0)
})

it('is classic where nobody was ever in it', async () => {
  const { commit, list, describeAssigning, describeClassic } = start()
  await commit()
  expect(await list()).toEqual([['classic', '']])
  expect((await describeAssigning()).errorCode).toBe(69)
  expect(await describeClassic()).toMatchObject({ errorCode: 0, groupState: 'Empty', protocolType: '' })
})

it.each([
  ['is deleted in its process', (broker: TestBroker<any>) => broker.deleteGroup('g')],
  ['has been empty for too long', (broker: TestBroker<any>) => broker.advance(week)],
])('is not there any more once it %s', async (_, end) => {
  const { broker, commit, joinClassic, leaveClassic, list, describeClassic } = start()
  await commit()
  await leaveClassic(await joinClassic())
  expect(await describeClassic()).toMatchObject({
    errorCode: 0,
    protocolType: 'consumer',
    groupState: 'Empty',
  })
  await end(broker)
  expect(await list()).toEqual([])
  expect(await describeClassic()).toMatchObject({ errorCode: 69, groupState: 'Dead' })
})

it('expires a week after its last classic client has left, and not after it last committed', async () => {
  const { broker, commit, joinClassic, leaveClassic } = start()
  await commit()
  await broker.advance(1000)
  await leaveClassic(await joinClassic())
  await broker.advance(week - 1)
  expect(broker.group('g').offsets).toHaveLength(1)
  await broker.advance(1)
  expect(broker.groups.has('g')).toBe(false)
})

// In Kafka the next look for what has expired removes such a group.
it('is gone once nobody can join any more: the client that asked for a member id did not come back', async () => {
  const { broker, client, commit, list } = start()
  const ask = () => client.call(joinGroup!, 5, classicJoin({ sessionTimeoutMs: 10_000 }))
  expect(await ask()).toMatchObject({ errorCode: 79 })
  await broker.advance(5000)
  const { memberId } = await ask()
  await broker.advance(5000)
  expect(await list()).toHaveLength(1)
  await client.call(leaveGroup!, 3, { groupId: 'g', members: [{ memberId }] })
  expect(await list()).toEqual([])
  await ask()
  await broker.advance(10_000)
  expect(await list()).toEqual([])
  expect(broker.pendingTimers).toEqual([])
  expect(await client.call(joinGroup!, 5, classicJoin({ protocolType: '' }))).toMatchObject({ errorCode: 23 })
  expect(await list()).toEqual([])
  await commit()
  await ask()
  await broker.advance(10_000)
  expect(await list()).toHaveLength(1)
})

// As Kafka 4 does; its own tools ask by ConsumerGroupDescribe first.
it('does not describe a group that assigns by itself as one of classic clients', async () => {
  const { broker, client, describeClassic } = start()
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).ready()
  expect(await describeClassic()).toMatchObject({
    errorCode: 69,
    errorMessage: 'Group g is not a classic group.',
    groupState: 'Dead',
    members: [],
  })
  for (const version of [0, 1, 2, 3, 4, 5]) {
    const { groups } = await client.call(describeGroups!, version, { groups: ['g'] })
    expect(groups).toMatchObject([{ errorCode: 0, groupState: 'Dead', protocolType: '', members: [] }])
  }
})

it('says which group there is none of', async () => {
  const { describeAssigning, describeClassic } = start()
  expect(await describeAssigning()).toMatchObject({ errorCode: 69, errorMessage: 'Group g not found.' })
  expect(await describeClassic()).toMatchObject({ errorCode: 69, errorMessage: 'Group g not found.' })
})

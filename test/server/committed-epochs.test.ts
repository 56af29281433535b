import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { consumerGroupHeartbeat, endTxn, initProducerId, offsetCommit, offsetFetch, txnOffsetCommit } =
  apis as unknown as Readonly<Record<string, Api>>

const scene = wireScenes()
const place = { topic: 'orders', partition: 0 }

/** A group, the offsets of whose only partition a client commits and asks for. */
function start() {
  const { broker, client } = scene()
  const topicsOf = (committedOffset: number, more: object) => [
    { name: 'orders', partitions: [{ partitionIndex: 0, committedOffset, ...more }] },
  ]
  const commit = async (committedOffset: number, more: object, member: object = {}, version = 9) => {
    const asked = { groupId: 'g', topics: topicsOf(committedOffset, more), ...member }
    const { topics } = await client.call(offsetCommit!, version, asked)
    expect(topics[0].partitions[0].errorCode).toBe(0)
  }
  const committed = async () => {
    const groups = [{ groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [0] }] }]
    const answer = await client.call(offsetFetch!, 9, { groups })
    const { committedOffset, committedLeaderEpoch, metadata } = answer.groups[0].topics[0].partitions[0]
    return [committedOffset, committedLeaderEpoch, metadata]
  }
  return { broker, client, topicsOf, commit, committed }
}

it('tells the leader epoch that was committed with an offset, and none where there was none', async () => {
  const { broker, client, commit, committed } = start()
  expect(await committed()).toEqual([-1, -1, ''])
  await commit(5, { committedLeaderEpoch: 3 })
  expect(await committed()).toEqual([5, 3, ''])
  // Programs of the process do not see it.
  expect(broker.group('g').committed(place)).toEqual({ offset: 5 })
  expect(broker.group('g').offsets).toEqual([{ ...place, offset: 5 }])
  await commit(6, { committedLeaderEpoch: 0, committedMetadata: 'm' })
  expect(await committed()).toEqual([6, 0, 'm'])
  expect(broker.group('g').committed(place)).toEqual({ offset: 6, metadata: 'm' })
  const topics = [{ name: 'orders', partitionIndexes: [0] }]
  const older = await client.call(offsetFetch!, 5, { groupId: 'g', topics })
  expect(older.topics[0].partitions[0]).toMatchObject({ committedOffset: 6, committedLeaderEpoch: 0 })
  await commit(7, {})
  expect(await committed()).toEqual([7, -1, ''])
  await commit(8, { committedLeaderEpoch: 3 })
  // Version 5 has none.
  await commit(9, {}, {}, 5)
  expect(await committed()).toEqual([9, -1, ''])
})

it('tells the largest offset that can be committed', async () => {
  const { commit, committed } = start()
  await commit(2 ** 63, {})
  expect(await committed()).toEqual([2 ** 63, -1, ''])
})

it('tells what a member has committed last, with an epoch or without', async () => {
  const { client, commit, committed } = start()
  const joining = {
    groupId: 'g',
    memberId: 'a',
    memberEpoch: 0,
    rebalanceTimeoutMs: 1000,
    topicPartitions: [],
  }
  const { memberEpoch } = await client.call(consumerGroupHeartbeat!, 1, {
    ...joining,
    subscribedTopicNames: ['orders'],
  })
  const member = { memberId: 'a', generationIdOrMemberEpoch: memberEpoch }
  await commit(1, {}, member)
  await commit(2, { committedLeaderEpoch: 4 }, member)
  expect(await committed()).toEqual([2, 4, ''])
  await commit(3, { committedLeaderEpoch: 5 }, member)
  expect(await committed()).toEqual([3, 5, ''])
  await commit(4, {}, member)
  expect(await committed()).toEqual([4, -1, ''])
})

it('forgets it when a consumer of the process goes on from there, or the offset is set', async () => {
  const { broker, commit, committed } = start()
  for (const value of [1, 2, 3]) broker.topic('orders').append({ value })
  await commit(1, { committedLeaderEpoch: 3 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => {} })
  await broker.idle()
  expect(await committed()).toEqual([3, -1, ''])
  await consumer.close()
  await commit(2, { committedLeaderEpoch: 3 })
  broker.group('g').setOffsets([{ ...place, offset: 1 }])
  expect(await committed()).toEqual([1, -1, ''])
})

it('tells the leader epoch that was committed in a transaction', async () => {
  const { client, topicsOf, committed } = start()
  const asked = { transactionalId: 't', transactionTimeoutMs: 10_000 }
  const { producerId, producerEpoch } = await client.call(initProducerId!, 5, asked)
  const identity = { transactionalId: 't', producerId, producerEpoch }
  const topics = topicsOf(5, { committedLeaderEpoch: 7, committedMetadata: 'm' })
  await client.call(txnOffsetCommit!, 5, { ...identity, groupId: 'g', topics })
  expect(await committed()).toEqual([-1, -1, ''])
  expect(await client.call(endTxn!, 5, { ...identity, committed: true })).toMatchObject({ errorCode: 0 })
  expect(await committed()).toEqual([5, 7, 'm'])
})

import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { start } from './consumer-group-scene.ts'

const { offsetCommit, offsetFetch } = apis as unknown as Readonly<Record<string, Api>>

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

it('takes no commit under an epoch that its member was never told, nor one of a client that knows of no epochs', async () => {
  const { client, join, commit } = start()
  await join('a')
  expect([await commit('a', 3, 0, 1), await commit('a', 2, 0, 1)]).toEqual([113, 0])
  const older = async (generationIdOrMemberEpoch: number) => {
    const answer = await client.call(offsetCommit!, 8, {
      groupId: 'g',
      memberId: 'a',
      generationIdOrMemberEpoch,
      topics: [
        { name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 2, committedMetadata: '' }] },
      ],
    })
    return answer.topics[0].partitions[0].errorCode
  }
  expect([await older(2), await older(1), await older(-1)]).toEqual([35, 35, 35])
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

import { expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { start } from './consumer-group-scene.ts'

// KIP-848 members that read two topics.

function scene() {
  const { broker, beat, join, id } = start()
  const refunds = broker.createTopic('refunds', topic({ partitions: 2 }))
  const ids: Record<string, string> = { orders: id, refunds: refunds.id }
  const nameOf = (topicId: string) => Object.keys(ids).find(name => ids[name] === topicId)
  /** What an answer gives, by topic, or null if it says nothing new. */
  const given = ({ assignment }: any): Record<string, number[]> | null =>
    assignment &&
    Object.fromEntries(
      assignment.topicPartitions.map(({ topicId, partitions }: any) => [nameOf(topicId), partitions]),
    )
  const has = (places: Readonly<Record<string, number[]>>) => ({
    topicPartitions: Object.entries(places).map(([name, partitions]) => ({ topicId: ids[name], partitions })),
  })
  const reads = (...subscribedTopicNames: string[]) => ({ subscribedTopicNames })
  const both = reads('orders', 'refunds')
  return { broker, beat, join, given, has, reads, both }
}

it('tells a member of a topic that is deleted, whose partitions it need not give up', async () => {
  const { broker, beat, join, given, both } = scene()
  expect(given(await join('a', both))).toEqual({ orders: [0, 1, 2, 3], refunds: [0, 1] })
  broker.deleteTopic('orders')
  const told = await beat('a', 2)
  expect([told.memberEpoch, given(told)]).toEqual([3, { refunds: [0, 1] }])
})

it('waits for no partitions of a deleted topic that a member was told to give up', async () => {
  const { broker, beat, join, given, both } = scene()
  await join('a', both)
  await join('b')
  expect(given(await beat('a', 2))).toEqual({ orders: [0], refunds: [0, 1] })
  broker.deleteTopic('orders')
  const told = await beat('a', 2)
  expect([told.memberEpoch, given(told)]).toEqual([4, { refunds: [0, 1] }])
  await beat('b', 3)
  // By now it would have been removed for not giving up what it was told to.
  for (let i = 0; i < 3; i++) {
    await broker.advance(30_000)
    expect([await beat('a', 4), await beat('b', 4)]).toMatchObject([{ errorCode: 0 }, { errorCode: 0 }])
  }
  // Nor does it keep the member from what comes next.
  await join('c', both)
  expect(given(await beat('a', 4))).toEqual({ refunds: [0] })
})

it('tells a member at once that it no longer reads a topic, even while it has others to give up', async () => {
  const { beat, join, given, has, reads, both } = scene()
  await join('a', both)
  await join('b')
  expect(given(await beat('a', 2))).toEqual({ orders: [0], refunds: [0, 1] })
  const told = await beat('a', 2, reads('orders'))
  expect([told.memberEpoch, given(told)]).toEqual([2, { orders: [0] }])
  // Both are one revocation, which is over as a whole.
  await beat('a', 2, has({ orders: [0], refunds: [0] }))
  expect(await beat('b', 3)).toMatchObject({ memberEpoch: 4, assignment: null })
  expect(await beat('a', 2, has({ orders: [0] }))).toMatchObject({ memberEpoch: 4 })
  expect(given(await beat('b', 4))).toEqual({ orders: [1, 2] })
})

it('tells a member of a topic that was deleted and created anew since its last heartbeat', async () => {
  const { broker, beat, join } = scene()
  await join('a')
  broker.deleteTopic('orders')
  const anew = broker.createTopic('orders', topic({ partitions: 4 }))
  const { assignment } = await beat('a', 2)
  expect(assignment).toEqual({ topicPartitions: [{ topicId: anew.id, partitions: [0, 1, 2, 3] }] })
})

it('gives partitions of a topic that was created anew to another member, if the first has not heard of them', async () => {
  const { broker, beat, join } = scene()
  await join('a')
  broker.deleteTopic('orders')
  broker.createTopic('orders', topic({ partitions: 4 }))
  const partitionsOf = ({ assignment }: any) => assignment.topicPartitions[0].partitions
  expect(partitionsOf(await join('b'))).toEqual([1, 3])
  expect(partitionsOf(await beat('a', 2))).toEqual([0, 2])
})

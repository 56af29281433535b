import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { start } from './consumer-group-scene.ts'

// What a real Kafka told to members by lot, where a served broker told something else.

const { consumerGroupDescribe } = apis as unknown as Readonly<Record<string, Api>>

function scene() {
  const { client, ...rest } = start()
  const describe = async () => {
    const { groups } = await client.call(consumerGroupDescribe!, 1, { groupIds: ['g'] })
    const partitionsOf = ({ memberId, assignment }: any) => [
      memberId,
      assignment.topicPartitions.flatMap(({ partitions }: any) => partitions).sort(),
    ]
    return [groups[0].groupState, ...groups[0].members.map(partitionsOf)]
  }
  return { ...rest, describe }
}

it('revokes nothing where somebody joins and leaves between two heartbeats of a member', async () => {
  const { broker, beat, join, describe } = scene()
  await join('a')
  await join('b')
  await beat('b', -1)
  expect(await beat('a', 2)).toMatchObject({ memberEpoch: 4, assignment: null })
  expect(await describe()).toEqual(['Stable', ['a', [0, 1, 2, 3]]])
  expect(broker.group('g').members[0]!.revoking).toEqual([])
  // Nor is there a time within which it would have to give up something.
  expect(broker.pendingTimers.filter(name => name.includes('rebalance'))).toEqual([])
})

it('gives nobody less because of what another has not heard of', async () => {
  const { beat, join, has, given } = scene()
  await join('a')
  await join('b')
  await beat('a', 2)
  // What a gives up is for b, which leaves without having heard of it; then c gets it at once.
  await beat('a', 2, has(0, 2))
  await beat('b', -1)
  expect(given(await join('c'))).toEqual([1, 3])
})

it('tells of a second revocation once the first one is over, which is over as a whole', async () => {
  const { beat, join, has, given } = scene()
  await join('a')
  await join('b')
  expect(given(await beat('a', 2))).toEqual([0, 2])
  await join('c')
  await join('d')
  expect(given(await beat('a', 2))).toBeUndefined()
  expect(given(await beat('a', 2, has(0, 1, 2)))).toBeUndefined()
  expect(given(await beat('b', 3))).toBeUndefined()
  const answer = await beat('a', 2, has(0, 2))
  expect(answer.memberEpoch).toBe(2)
  expect(given(answer)).toHaveLength(1)
})

it('gives a member its rebalance timeout for each revocation, from when it is told of it', async () => {
  const { broker, beat, join, has, given } = scene()
  const memberIds = () => broker.group('g').members.map(({ memberId }) => memberId)
  await join('a', { rebalanceTimeoutMs: 1000 })
  await join('b')
  await broker.advance(1500)
  expect(given(await beat('a', 2))).toEqual([0, 2])
  await join('c')
  await join('d')
  await broker.advance(900)
  expect(given(await beat('a', 2, has(0, 2)))).toHaveLength(1)
  await broker.advance(999)
  expect(memberIds()).toEqual(['a', 'b', 'c', 'd'])
  await broker.advance(1)
  expect(memberIds()).toEqual(['b', 'c', 'd'])
})

it('shows what members were told, and is not stable before each has heard of the present epoch', async () => {
  const { beat, join, has, describe } = scene()
  await join('a')
  expect(await describe()).toEqual(['Stable', ['a', [0, 1, 2, 3]]])
  await join('b')
  await beat('a', 2)
  expect(await describe()).toEqual(['Reconciling', ['a', [0, 1, 2, 3]], ['b', []]])
  await beat('a', 2, has(0, 2))
  expect(await describe()).toEqual(['Reconciling', ['a', [0, 2]], ['b', []]])
  await beat('b', 3)
  expect(await describe()).toEqual(['Stable', ['a', [0, 2]], ['b', [1, 3]]])
  await join('c', { subscribedTopicNames: [] })
  expect((await describe())[0]).toBe('Reconciling')
  await beat('a', 3)
  await beat('b', 3)
  expect((await describe())[0]).toBe('Stable')
})

it('lets a static member join again only after it has left', async () => {
  const { beat, join } = scene()
  const one = { instanceId: 'one' }
  await join('a', one)
  expect(await join('a', one)).toMatchObject({ errorCode: 111 })
  await beat('a', -2, one)
  expect(await beat('a', 2, one)).toMatchObject({ errorCode: 110 })
  expect(await join('a', one)).toMatchObject({ errorCode: 0 })
})

it('frees what a static member was to give up when it leaves for a while', async () => {
  const { beat, join, given } = scene()
  const one = { instanceId: 'one' }
  await join('a', one)
  await join('b')
  expect(given(await beat('a', 2, one))).toEqual([0, 2])
  await beat('a', -2, one)
  expect(given(await beat('b', 3))).toEqual([1, 3])
})

it('fences a member at the epoch before that has partitions of a topic that there is not', async () => {
  const { beat, join } = scene()
  const nowhere = [{ topicId: '00000000-0000-0001-0000-000000000002', partitions: [0] }]
  await join('a')
  await join('b', { subscribedTopicNames: [] })
  expect(await beat('a', 2)).toMatchObject({ memberEpoch: 3 })
  expect(await beat('a', 2, { topicPartitions: nowhere })).toMatchObject({ errorCode: 110 })
  expect(await beat('a', 2, { topicPartitions: [] })).toMatchObject({ errorCode: 0 })
})

it('tells a member that a topic was deleted and made anew between two of its heartbeats', async () => {
  const { broker, beat, join, has } = start()
  await join('a')
  await beat('a', 2, has(0, 1, 2, 3))
  await broker.deleteTopic('orders')
  await broker.createTopic('orders', { partitions: 4 })
  const { memberEpoch, assignment } = await beat('a', 2)
  const told = [{ topicId: broker.topic('orders').id, partitions: [0, 1, 2, 3] }]
  expect(assignment).toEqual({ topicPartitions: told })
  expect(await beat('a', memberEpoch, { topicPartitions: told })).toMatchObject({ assignment: null })
})

import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { start } from './consumer-group-scene.ts'

const { consumerGroupDescribe, listGroups, offsetFetch } = apis as unknown as Readonly<Record<string, Api>>

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
    { errorCode: 69, groupId: 'other', groupState: '' },
  ])
  const wanted = { groups: [{ groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [2, 3] }] }] }
  const fetched = await client.call(offsetFetch!, 9, wanted)
  expect(fetched.groups[0].topics[0].partitions).toMatchObject([
    { committedOffset: -1 },
    { committedOffset: 9 },
  ])
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
  expect(broker.group('g').state).toBe('Stable')
  expect(await beat('a', memberEpoch)).toMatchObject({ errorCode: 0 })
  expect(broker.group('g').state).toBe('Stable')
})

import { expect, it, vi } from 'vitest'
import { GroupMember } from '../../src/group/group-member.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { StreamsGroup } from '../../src/server/streams/streams-group.ts'
import { classicJoin, consumerMembers } from '../helpers/group-requests.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { wireScenes } from '../helpers/wire-scene.ts'
import { copying, StreamsThread } from './streams/streams-scene.ts'

const { consumerGroupDescribe, createPartitions, fetch, joinGroup, leaveGroup } = apis as unknown as Readonly<
  Record<string, Api>
>

const scene = wireScenes()

// Where each member that leaves made the group look at all others, this took half a minute.
it('removes 3,000 members of a classic group by one request, which looks at each of them once', async () => {
  const { broker, client } = scene()
  const instances = Array.from({ length: 3000 }, (_, i) => `i${i}`)
  const joins = instances.map(groupInstanceId =>
    new WireClient(connect(broker)).call(joinGroup!, 9, classicJoin({ groupInstanceId })),
  )
  await joins[0]
  const { members } = await client.call(leaveGroup!, 5, {
    groupId: 'g',
    members: instances.map(groupInstanceId => ({ memberId: '', groupInstanceId, reason: null })),
  })
  expect(members.filter(({ errorCode }: { errorCode: number }) => errorCode !== 0)).toEqual([])
  expect(await Promise.all(joins)).toHaveLength(3000)
  expect(broker.group('g').state).toBe('Empty')
}, 12_000)

it('answers a heartbeat without a look at the other members of the group', async () => {
  const { client } = scene()
  const { beat, join } = consumerMembers(client)
  for (const memberId of ['a', 'b']) await join(memberId)
  const describe = vi.spyOn(GroupMember.prototype, 'describe')
  expect(await beat('b', 3)).toMatchObject({ errorCode: 0 })
  expect(describe).not.toHaveBeenCalled()
  describe.mockRestore()
})

it('answers a heartbeat of a static member of a streams group without a look at the others', async () => {
  const { client } = scene()
  const one = { instanceId: 'one' }
  const a = new StreamsThread(client, 'a')
  await a.join(copying('orders'), one)
  await new StreamsThread(client, 'b').join(copying('orders'))
  await a.owns(one)
  const members = vi.spyOn(StreamsGroup.prototype, 'members', 'get')
  expect(await a.beat(one)).toMatchObject({ errorCode: 0 })
  expect(members).not.toHaveBeenCalled()
  members.mockRestore()
})

it('describes the target of each of 300 members', async () => {
  const { client } = scene()
  await client.call(createPartitions!, 3, { topics: [{ name: 'orders', count: 600, assignments: null }] })
  const { join } = consumerMembers(client)
  for (let i = 0; i < 300; i++) await join(`m${i}`)
  const { groups } = await client.call(consumerGroupDescribe!, 1, { groupIds: ['g'] })
  const targets = groups[0].members.map(
    (each: any) => each.targetAssignment.topicPartitions[0].partitions.length,
  )
  expect(new Set(targets)).toEqual(new Set([2]))
})

// Where the fetch waited at a partition as often as it is named, this took as long.
it('waits once at a partition that a fetch names 100,000 times', async () => {
  const { broker, client } = scene()
  const partition = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }
  const fetched = client.call(fetch!, 12, {
    maxWaitMs: 10_000,
    minBytes: 1,
    maxBytes: 1000,
    sessionEpoch: -1,
    topics: [{ topic: 'orders', partitions: Array.from({ length: 100_000 }, () => partition) }],
  })
  await broker.clock.turn()
  await broker.advance(10_000)
  expect((await fetched).responses[0].partitions).toHaveLength(100_000)
}, 12_000)

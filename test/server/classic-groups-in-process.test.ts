import { createConnection } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { writeAssignment } from '../../src/server/consumer-protocol.ts'
import { serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { classicJoin, fetchOf } from '../helpers/group-requests.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { deleteGroups, fetch, joinGroup, leaveGroup, offsetCommit, syncGroup } = apis as unknown as Readonly<
  Record<string, Api>
>

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

/** Three records, and classic members that all have the same client id, one after the other. */
async function start() {
  const broker = new TestBroker({ topics: { orders: topic<number>({ partitions: 1 }) } })
  open.push(() => broker.close())
  for (const value of [1, 2, 3]) broker.topic('orders').append({ value })
  const server = await serve(broker)
  const socket = createConnection(server.port, '127.0.0.1')
  open.push(() => socket.destroy())
  const client = new WireClient(socket)
  /** Joins, and gives itself the partition. */
  const join = async (more: object = {}, version = 3) => {
    const { memberId, generationId } = await client.call(joinGroup!, version, classicJoin(more))
    const assignments = [{ memberId, assignment: writeAssignment([{ topic: 'orders', partition: 0 }]) }]
    const answer = await client.call(syncGroup!, 2, { groupId: 'g', memberId, generationId, assignments })
    expect(answer.errorCode).toBe(0)
    return memberId as string
  }
  const leave = (memberId: string) => client.call(leaveGroup!, 2, { groupId: 'g', memberId })
  const fetchFrom = (fetchOffset: number) => client.call(fetch!, 11, fetchOf(fetchOffset))
  const busy = (records: string) =>
    expect(broker.idle({ timeoutMs: 10 })).rejects.toThrow(`${records} of orders-0 delivered`)
  return { broker, server, client, join, leave, fetchFrom, busy }
}

it('is waited for because of what its client was given, and not of what was there before', async () => {
  const { broker, join, leave, fetchFrom, busy } = await start()
  const first = await join()
  await busy('3 records')
  const idle = broker.idle()
  await fetchFrom(3)
  await idle
  await leave(first)
  // Nobody knows yet where its next member begins.
  await join()
  await busy('3 records')
  await fetchFrom(2)
  await busy('1 record')
})

it('keeps the records of a topic that was deleted and made anew, which its client reads on', async () => {
  const { broker, join } = await start()
  await join()
  broker.deleteTopic('orders')
  const orders = broker.createTopic('orders', { cleanupPolicy: 'consumed' })
  orders.append({ value: 4 })
  expect(broker.group('g').lag()).toBe(1)
  broker.createGroup('other', { topics: ['orders'] }).setOffsets('latest')
  expect(orders.records()).toHaveLength(1)
})

it('is waited for no longer when its last member has left', async () => {
  const { broker, join, leave, busy } = await start()
  const member = await join()
  await busy('3 records')
  const idle = broker.idle()
  await leave(member)
  await idle
})

it('is named where a wait of real time was in vain, with the timers that could end it', async () => {
  const { broker, join } = await start()
  const member = await join()
  await expect(broker.idle({ timeoutMs: 10 })).rejects.toThrow(
    'Waited 10 ms of real time for the broker to be idle; it awaits clients of a server, whose sessions end on ' +
      `the broker's time (advance, advanceUntilIdle). Now: ${member} of group 'g': 3 records of orders-0 delivered, ` +
      `not committed; pending timers: ${broker.pendingTimers[0]} in 30000 ms, `,
  )
})

it('is waited for no longer when its last member has fallen silent', async () => {
  const { broker, join, busy } = await start()
  await join()
  await busy('3 records')
  const idle = broker.idle()
  await broker.advance(30_000)
  await idle
})

it('is gone with the last server, and so is what it had left to do', async () => {
  const { broker, server, join, busy } = await start()
  await join()
  await busy('3 records')
  const idle = broker.idle()
  await server.close()
  await idle
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => {} })
  await broker.idle()
  expect(broker.group('g').members).toMatchObject([{ memberId: consumer.memberId }])
  // The session of the member that was there ends, and offsets of a group that nobody is in.
  await broker.advance(30_000)
  await broker.advance(7 * 24 * 60 * 60 * 1000)
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 3 })
})

it('leaves nothing behind where its last server has closed', async () => {
  const { broker, server, client, join, leave } = await start()
  const { clients, events, groupCoordinator, served } = broker.engine
  const watched = ['memberJoined', 'memberLeft', 'groupDeleted'] as const
  const left = () => [
    clients.size,
    served.size,
    groupCoordinator.holders.size,
    watched.filter(name => events.listens(name)),
  ]
  await leave(await join())
  expect(clients.size).toBe(1)
  await client.call(deleteGroups!, 2, { groupsNames: ['g'] })
  expect(clients.size).toBe(0)
  await join()
  await server.close()
  expect(left()).toEqual([0, 0, 0, []])
})

it('shows its members to programs of the process, with the instance ids that they have', async () => {
  const { broker, join, leave } = await start()
  const shown = { topics: ['orders'], assignment: [{ topic: 'orders', partition: 0 }], connected: true }
  const plain = await join()
  // The client says nothing of itself.
  const expected = { ...shown, memberId: plain, clientId: '', revoking: [] }
  expect(broker.group('g').members).toEqual([expected])
  await leave(plain)
  const memberId = await join({ groupInstanceId: 'one' }, 5)
  expect(broker.group('g').members).toEqual([{ ...expected, memberId, groupInstanceId: 'one' }])
})

it('keeps the offsets of what its clients read, also where a program of the process would delete them', async () => {
  const { broker, join, leave } = await start()
  const memberId = await join()
  broker.createTopic('other')
  const orders = { topic: 'orders', partition: 0 }
  const deleted = () => broker.admin.deleteGroupOffsets('g', [{ topic: 'other', partition: 0 }, orders])
  await expect(deleted()).rejects.toMatchObject({ code: 'GROUP_SUBSCRIBED_TO_TOPIC', topic: 'orders' })
  await leave(memberId)
  await deleted()
})

it('takes no commit of a generation of a group that there is not, not even of the first that a group may have', async () => {
  const { client } = await start()
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }]
  const commit = async (generationIdOrMemberEpoch: number) => {
    const asked = { groupId: 'none', memberId: 'm', generationIdOrMemberEpoch, topics }
    return (await client.call(offsetCommit!, 8, asked)).topics[0].partitions[0].errorCode
  }
  expect([await commit(0), await commit(1)]).toEqual([25, 25])
})

it('has lag where its client was given what it has not committed, and nothing is committed yet', async () => {
  const { broker, join, fetchFrom } = await start()
  await join()
  const group = broker.group('g')
  expect(group.lag()).toBe(3)
  await fetchFrom(2)
  expect(broker.describe().groups[0]?.partitions).toMatchObject([{ partition: 0, committed: null, lag: 1 }])
  await expect(group.caughtUp({ timeoutMs: 0 })).rejects.toThrow('lag orders-0: 1')
})

it('has caught up once its first commit has come', async () => {
  const { broker, client, join, fetchFrom } = await start()
  const memberId = await join()
  let resolved = false
  const caughtUp = broker
    .group('g')
    .caughtUp()
    .then(() => {
      resolved = true
    })
  await fetchFrom(0)
  expect(resolved).toBe(false)
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 3 }] }]
  await client.call(offsetCommit!, 3, { groupId: 'g', generationIdOrMemberEpoch: 1, memberId, topics })
  await caughtUp
  expect(broker.group('g').lag()).toBe(0)
})

it('is not said never to catch up while it rebalances', async () => {
  const { broker, client, join } = await start()
  await join()
  const other = client.call(joinGroup!, 3, classicJoin())
  const idle = broker.idle({ timeoutMs: 10, groups: ['g'] })
  await expect(idle).rejects.toThrow("group 'g' of the wire is rebalancing")
  void other.catch(() => {})
})

it('is not waited for, also by its name, because of a topic that none of its members reads any more', async () => {
  const { broker, join, fetchFrom } = await start()
  const declared = broker.declare({ former: topic<number>() })
  declared.topic('former').append({ value: 1 })
  declared.createGroup('g', { topics: ['former'] })
  await join()
  await fetchFrom(3)
  await broker.idle()
  await broker.idle({ groups: ['g'], timeoutMs: 10 })
})

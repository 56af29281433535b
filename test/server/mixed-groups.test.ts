import { createConnection } from 'node:net'
import { expect, it } from 'vitest'
import { writeAssignment } from '../../src/server/consumer-protocol.ts'
import { serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { subscription } from '../helpers/consumer-protocol.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { Classic, errors, places, start } from './mixed-groups-scene.ts'

const { consumerGroupDescribe, describeGroups, listGroups, syncGroup } = apis as unknown as Readonly<
  Record<string, Api>
>

it('hands over from an eager classic client to one that cannot assign, when that has joined again', async () => {
  const { classic, beat, join } = start()
  const a = await classic().lead()
  expect(await join('k')).toEqual({ epoch: a.generationId + 1, given: [] })
  expect(await a.beat()).toBe(errors.REBALANCE_IN_PROGRESS)
  // Still its own, under the generation that it knows.
  expect(await a.commit(1)).toBe(0)
  expect(await beat('k', 2)).toEqual({ epoch: 2, given: undefined })
  expect(await a.join()).toMatchObject({
    errorCode: 0,
    generationId: 2,
    protocolType: 'consumer',
    protocolName: 'range',
    leader: '',
    members: [],
  })
  expect(await a.sync()).toEqual([0, 2])
  expect(await beat('k', 2)).toEqual({ epoch: 2, given: [1, 3] })
  expect(await a.beat()).toBe(0)
  expect(await a.commit(0)).toBe(0)
  expect(await a.commit(1)).toBe(errors.ILLEGAL_GENERATION)
})

it('counts what moves from a classic client to who comes, as from any other member', async () => {
  const { broker, classic, beat, join } = start()
  const moved: number[] = []
  broker.on('rebalanced', event => moved.push(event.moved))
  const a = await classic().lead()
  await join('k')
  await a.join()
  await a.sync()
  expect(await beat('k', 2)).toEqual({ epoch: 2, given: [1, 3] })
  expect(moved).toEqual([2])
})

it('lets a cooperative classic client keep what stays, and waits until it has said that it gave up the rest', async () => {
  const { classic, beat, join } = start()
  const a = await classic().lead()
  await join('k')
  // Until then under the generation that it had.
  expect(await a.join([0, 1, 2, 3])).toMatchObject({ generationId: 1 })
  expect(await a.sync()).toEqual([0, 2])
  expect(await beat('k', 2)).toEqual({ epoch: 2, given: undefined })
  expect(await a.beat()).toBe(errors.REBALANCE_IN_PROGRESS)
  // While it gives it up.
  expect(await a.commit(3)).toBe(0)
  expect(await a.join([0, 2])).toMatchObject({ generationId: 2 })
  expect(await a.sync()).toEqual([0, 2])
  expect(await a.beat()).toBe(0)
  expect(await beat('k', 2)).toEqual({ epoch: 2, given: [1, 3] })
})

it('tells a classic client what it is given in the version in which it subscribes', async () => {
  const { classic, client, join } = start()
  await join('k')
  const a = classic()
  const metadata = subscription(['orders'])
  metadata.writeInt16BE(3)
  await a.join([], { protocols: [{ name: 'range', metadata }] })
  const asked = { ...a.identity, protocolType: 'consumer', protocolName: 'range', assignments: [] }
  const { assignment } = await client.call(syncGroup!, 5, asked)
  expect(assignment.readInt16BE()).toBe(3)
})

it('goes back to the leader when the last one that cannot assign has left', async () => {
  const { broker, classic, own } = start()
  const a = await classic().lead()
  const consumer = own()
  const ready = consumer.ready()
  await a.join()
  expect(await a.sync()).toEqual([0, 2])
  await ready
  expect(consumer.assignment.map(({ partition }) => partition)).toEqual([1, 3])
  const mixed = a.generationId
  await consumer.close()
  expect(broker.group('g').members).toMatchObject([{ memberId: a.memberId }])
  expect(await a.commit(2)).toBe(0)
  expect(await a.beat()).toBe(errors.REBALANCE_IN_PROGRESS)
  const joined = await a.join()
  expect(joined).toMatchObject({ errorCode: 0, leader: a.memberId, members: [{ memberId: a.memberId }] })
  expect(joined.generationId).toBeGreaterThan(mixed)
  expect(await a.sync({ [a.memberId]: [0, 1, 2, 3] })).toEqual([0, 1, 2, 3])
  expect(await a.beat()).toBe(0)
  expect(broker.group('g').committed({ topic: 'orders', partition: 2 })).toEqual({ offset: 1 })
})

it('shows classic clients that have a group for themselves as its members', async () => {
  const { broker, classic } = start()
  const a = await classic().lead()
  await a.commit(1)
  const group = broker.group('g')
  const assignment = places([0, 1, 2, 3])
  expect(group.state).toBe('Stable')
  expect(group.members).toMatchObject([
    { memberId: a.memberId, topics: ['orders'], assignment, connected: true },
  ])
  expect(broker.describe().groups).toMatchObject([
    {
      state: 'Stable',
      members: [{ memberId: a.memberId, assignment }],
      partitions: assignment.map(tp => ({ ...tp, memberId: a.memberId })),
    },
  ])
  const b = classic()
  const joining = b.join()
  await expect.poll(() => group.state).toBe('PreparingRebalance')
  const stable = group.stable()
  await Promise.all([a.join(), joining])
  expect(group.state).toBe('CompletingRebalance')
  await Promise.all([a.sync({ [a.memberId]: [0, 1], [b.memberId]: [2, 3] }), b.sync()])
  await stable
  expect(group.members.map(member => member.assignment.length)).toEqual([2, 2])
  await a.leave()
  await b.leave()
  expect(group).toMatchObject({ state: 'Empty', members: [] })
})

it('knows a group of classic clients from when one has joined, and forgets it in its time where nothing was committed', async () => {
  const { broker, client, classic } = start()
  const created: string[] = []
  broker.on('groupCreated', ({ groupId }) => created.push(groupId))
  const a = await classic().lead()
  expect(created).toEqual(['g'])
  expect(broker.group('g')).toMatchObject({
    state: 'Stable',
    members: [{ memberId: a.memberId }],
    offsets: [],
  })
  expect(broker.describe().groups).toMatchObject([{ groupId: 'g', state: 'Stable' }])
  await a.leave()
  const group = broker.group('g')
  expect(group.state).toBe('Empty')
  await broker.advance(7 * 86_400_000)
  expect(group.state).toBe('Dead')
  expect((await client.call(listGroups!, 5, { statesFilter: [], typesFilter: [] })).groups).toEqual([])
})

it('waits in idle() for classic clients, and says of others that it does not', async () => {
  const { broker, classic } = start()
  const a = await classic().lead()
  broker.createGroup('other', { topics: ['orders'], from: 'end' })
  await broker.producer().send({ topic: 'orders', value: 1, partition: 0 })
  const why = `${a.memberId} of group 'g': 1 record of orders-0 delivered, not committed`
  const { message } = await rejectionOf(broker.idle({ timeoutMs: 0 }))
  expect(message).toContain(`${why}; not waited for: 'other' (empty)`)
  await a.commit(0)
  await broker.idle()
})

it('waits in idle() in real time for classic clients in a group with consumers of the process', async () => {
  const { broker, classic, own } = start()
  const a = await classic().lead()
  const consumer = own()
  const running = consumer.run({ eachRecord: () => {} })
  await a.join()
  await a.sync()
  await running
  await broker.producer().send({ topic: 'orders', value: 1, partition: 0 })
  expect((await rejectionOf(broker.idle({ timeoutMs: 0 }))).name).toBe('TimeoutError')
  const idle = broker.idle()
  await a.commit(0)
  await idle
})

it('waits for a client that is gone without a word no longer than its session lasts', async () => {
  const { broker, classic } = start()
  await classic().lead()
  await broker.producer().send({ topic: 'orders', value: 1, partition: 0 })
  await broker.advanceUntilIdle({ realTimeoutMs: 10 })
  expect(broker.group('g').state).toBe('Empty')
  expect(broker.now - Date.UTC(2020, 0, 1)).toBe(10_000)
})

it('takes classic clients into a group that assigns, and tells each only what is new for it', async () => {
  const { classic, beat, join } = start()
  await join('k')
  const a = classic()
  expect(await a.join()).toMatchObject({ errorCode: 0, leader: '', members: [] })
  expect(await a.sync()).toEqual([])
  expect(await a.beat()).toBe(0)
  expect((await beat('k', 2)).given).toEqual([0, 2])
  await beat('k', 2, [0, 2])
  expect(await a.beat()).toBe(errors.REBALANCE_IN_PROGRESS)
  await a.join()
  expect(await a.sync()).toEqual([1, 3])
  const b = classic()
  await b.join()
  // The first one keeps one of its two, and hears of it.
  expect(await a.beat()).toBe(errors.REBALANCE_IN_PROGRESS)
  expect(await b.leave()).toBe(0)
  expect(await b.beat()).toBe(errors.UNKNOWN_MEMBER_ID)
})

it('gives a client what it subscribes to when it joins again with other topics', async () => {
  const { broker, classic, join } = start()
  for (const name of ['payments', 'returns']) broker.createTopic(name)
  await join('k')
  const a = classic()
  const given = async (...topics: string[]) => {
    const protocols = [{ name: 'range', metadata: subscription(topics, []) }]
    // The second time it says that it has given up what it reads no more.
    for (let i = 0; i < 2; i++) {
      await a.join([], { protocols })
      await a.sync()
    }
    const { members } = broker.group('g')
    return members.find(({ memberId }) => memberId === a.memberId)
  }
  expect(await given('payments')).toMatchObject({
    topics: ['payments'],
    assignment: [{ topic: 'payments', partition: 0 }],
  })
  expect(await given('returns')).toMatchObject({
    topics: ['returns'],
    assignment: [{ topic: 'returns', partition: 0 }],
  })
  expect(await given('returns', 'payments')).toMatchObject({ topics: ['payments', 'returns'] })
  expect(await given('payments', 'payments')).toMatchObject({ topics: ['payments'] })
})

it('asks a client to join again where things have changed since it joined', async () => {
  const { classic, beat, join } = start()
  await join('k')
  const a = classic()
  await a.join()
  await beat('k', 2)
  await beat('k', 2, [0, 2])
  expect(await a.sync()).toBe(errors.REBALANCE_IN_PROGRESS)
  await a.join()
  expect(await a.sync()).toEqual([1, 3])
})

it('answers those who wait for a leader that will not come any more', async () => {
  const { broker, classic, join } = start()
  const a = await classic().lead()
  const b = classic()
  const waiting = b.join()
  while ((await a.beat()) === 0) await broker.advance(0)
  await join('k')
  expect(await waiting).toMatchObject({ errorCode: 0, leader: '' })
  expect(await b.sync()).toBe(errors.REBALANCE_IN_PROGRESS)
  const joined = a.join()
  await b.join()
  await joined
  expect([await a.sync(), await b.sync()].flat()).toHaveLength(3)
})

it('refuses what cannot be mixed, and leaves the group as it was', async () => {
  const { classic, join, own } = start()
  await join('k')
  const refused = { errorCode: errors.INCONSISTENT_GROUP_PROTOCOL, memberId: '' }
  const one = (name: string) => ({ protocols: [{ name, metadata: subscription(['orders']) }] })
  expect(await classic().join([], { protocolType: 'connect' })).toMatchObject(refused)
  expect(await classic().join([], { protocols: [] })).toMatchObject(refused)
  const custom = [{ name: 'custom', metadata: Buffer.from('{"topics":["orders"]}') }]
  expect(await classic().join([], { protocols: custom })).toMatchObject(refused)
  await classic().join([], one('range'))
  expect(await classic().join([], one('sticky'))).toMatchObject(refused)
  await expect(own({ assignor: 'range' }).ready()).rejects.toMatchObject({
    code: 'INCONSISTENT_GROUP_PROTOCOL',
  })
})

it.each([
  ['of another kind', { protocolType: 'connect' }],
  ['with an assigner of their own', { protocols: [{ name: 'custom', metadata: Buffer.from('{}') }] }],
])('keeps others out of a group of clients %s', async (_, more) => {
  const { broker, classic, join, own } = start()
  const a = classic()
  await a.join([], more)
  await a.sync({ [a.memberId]: [0, 1, 2, 3] })
  expect(await join('k')).toBe(errors.GROUP_ID_NOT_FOUND)
  await expect(own().ready()).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' })
  expect(await a.beat()).toBe(0)
  expect(() => broker.deleteGroup('g')).toThrow('it must be Empty')
})

it('keeps others out of a group of clients whose assignor tells them more than partitions', async () => {
  const { classic, client, join } = start()
  const a = classic()
  await a.join()
  const partitions = writeAssignment([{ topic: 'orders', partition: 0 }])
  // In place of none: the length of what follows, and a byte.
  const assignment = Buffer.concat([partitions.subarray(0, -4), Buffer.from([0, 0, 0, 1, 7])])
  const led = { protocolType: 'consumer', protocolName: 'range' }
  await client.call(syncGroup!, 5, {
    ...a.identity,
    ...led,
    assignments: [{ memberId: a.memberId, assignment }],
  })
  expect(await join('k')).toBe(errors.GROUP_ID_NOT_FOUND)
  expect(await a.beat()).toBe(0)
})

it('gives the group back where the one that came fails to join', async () => {
  const { broker, classic, own } = start()
  const a = await classic().lead()
  const assign = () => {
    throw new Error('no')
  }
  await expect(own({ assignor: { name: 'mine', assign } }).ready()).rejects.toMatchObject({
    code: 'INVALID_ASSIGNMENT',
  })
  expect(await a.commit(3)).toBe(0)
  expect(await a.beat()).toBe(errors.REBALANCE_IN_PROGRESS)
  await a.join()
  expect(await a.sync({ [a.memberId]: [0, 1, 2, 3] })).toEqual([0, 1, 2, 3])
  // The next one chooses anew.
  const consumer = own({ assignor: 'range' })
  const ready = consumer.ready()
  await a.join()
  await ready
  expect(broker.group('g').assignor).toBe('range')
})

it('describes the group as what it is at the time', async () => {
  const { client, classic, join, beat } = start()
  const show = async () => {
    const listed = (await client.call(listGroups!, 5, { statesFilter: [], typesFilter: [] })).groups[0]
    const described = (await client.call(describeGroups!, 5, { groups: ['g'] })).groups[0]
    const { members } = (await client.call(consumerGroupDescribe!, 1, { groupIds: ['g'] })).groups[0]
    return {
      listed: [listed.protocolType, listed.groupState, listed.groupType],
      described: [described.groupState, described.protocolData, described.members.length],
      types: members?.map((each: any) => [each.memberId, each.memberType, each.memberEpoch]),
    }
  }
  const a = await classic().lead()
  await a.commit(0)
  expect(await show()).toEqual({
    listed: ['consumer', 'Stable', 'classic'],
    described: ['Stable', 'range', 1],
    types: [],
  })
  await join('k')
  expect(await show()).toEqual({
    listed: ['consumer', 'Reconciling', 'consumer'],
    described: ['Dead', '', 0],
    types: [
      [a.memberId, 0, 1],
      ['k', 1, 2],
    ],
  })
  await beat('k', -1)
  expect(await show()).toEqual({
    listed: ['consumer', 'PreparingRebalance', 'classic'],
    described: ['PreparingRebalance', '', 1],
    types: [],
  })
})

it('is one group whichever of several servers its members are connected to', async () => {
  const { broker, classic } = start()
  const server = await serve(broker)
  const socket = createConnection(server.port, '127.0.0.1')
  const a = await classic().lead()
  const b = new Classic(new WireClient(socket))
  const joining = b.join()
  // Until its joining has come over TCP.
  while ((await a.beat()) === 0) await new Promise(resolve => setImmediate(resolve))
  const [joined, again] = await Promise.all([joining, a.join()])
  expect([joined.generationId, again.members]).toEqual([
    again.generationId,
    expect.objectContaining({ length: 2 }),
  ])
  const [ofB, ofA] = await Promise.all([b.sync(), a.sync({ [a.memberId]: [0, 1], [b.memberId]: [2, 3] })])
  expect([ofA, ofB]).toEqual([
    [0, 1],
    [2, 3],
  ])
  await server.close()
  expect(await a.beat()).toBe(0)
})

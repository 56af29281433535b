import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { subscription } from '../helpers/consumer-protocol.ts'
import { errors, start } from './mixed-groups-scene.ts'

const { consumerGroupDescribe, heartbeat, joinGroup, leaveGroup, syncGroup } = apis as unknown as Readonly<
  Record<string, Api>
>

const joining = {
  groupId: 'g',
  memberId: '',
  groupInstanceId: null,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: subscription(['orders']) }],
}

it('gives a classic client its id first, which counts until its session is over or it leaves (KIP-394)', async () => {
  const { broker, client, join } = start()
  await join('k')
  const ask = () => client.call(joinGroup!, 9, joining)
  const leave = async (memberId: string) => {
    const members = [{ memberId, groupInstanceId: null }]
    return (await client.call(leaveGroup!, 5, { groupId: 'g', members })).members[0].errorCode
  }
  const first = await ask()
  expect(first).toMatchObject({ errorCode: errors.MEMBER_ID_REQUIRED, memberId: expect.stringMatching(/./) })
  const joinAs = async (memberId: string) =>
    (await client.call(joinGroup!, 9, { ...joining, memberId })).errorCode
  expect([await joinAs(first.memberId), await leave(first.memberId)]).toEqual([0, 0])

  const left = await ask()
  expect([await leave(left.memberId), await leave(left.memberId)]).toEqual([0, errors.UNKNOWN_MEMBER_ID])
  expect(await joinAs(left.memberId)).toBe(errors.UNKNOWN_MEMBER_ID)

  const late = await ask()
  await broker.advance(10_000)
  expect(await joinAs(late.memberId)).toBe(errors.UNKNOWN_MEMBER_ID)
})

it('answers the joins of clients that know no ids in advance at once', async () => {
  const { client, join } = start()
  await join('k')
  expect(await client.call(joinGroup!, 3, joining)).toMatchObject({ errorCode: 0, members: [], leader: '' })
})

it('takes a classic client whose protocols changed, as long as it has one with all the others', async () => {
  const { classic, join } = start()
  await join('k')
  const as = (...names: string[]) => ({
    protocols: names.map(name => ({ name, metadata: subscription(['orders']) })),
  })
  const [a, b] = [classic(), classic()]
  await a.join([], as('range', 'sticky'))
  // Alone among classic clients it may speak what it likes.
  expect(await a.join([], as('sticky', 'roundrobin'))).toMatchObject({ errorCode: 0, protocolName: 'sticky' })
  expect(await b.join([], as('roundrobin'))).toMatchObject({ errorCode: 0, protocolName: 'roundrobin' })
  expect(await b.join([], as('range'))).toMatchObject({ errorCode: errors.INCONSISTENT_GROUP_PROTOCOL })
  const c = classic()
  expect(await c.join([], as('sticky'))).toMatchObject({ errorCode: errors.INCONSISTENT_GROUP_PROTOCOL })
  expect(await c.join([], as('sticky', 'roundrobin'))).toMatchObject({ errorCode: 0 })
})

it('gives an assignment only to a member that names itself, its generation and its protocol rightly', async () => {
  const { client, classic, join } = start()
  await join('k')
  const a = classic('one')
  await a.join()
  const sync = async (more: object) => {
    const led = { protocolType: 'consumer', protocolName: 'range', assignments: [] }
    return (await client.call(syncGroup!, 5, { ...a.identity, ...led, ...more })).errorCode
  }
  expect(await sync({ memberId: 'x' })).toBe(errors.FENCED_INSTANCE_ID)
  expect(await sync({ memberId: 'x', groupInstanceId: null })).toBe(errors.UNKNOWN_MEMBER_ID)
  expect(await sync({ groupInstanceId: 'two' })).toBe(errors.UNKNOWN_MEMBER_ID)
  expect(await sync({ generationId: a.generationId + 1 })).toBe(errors.ILLEGAL_GENERATION)
  expect(await sync({ protocolName: 'sticky' })).toBe(errors.INCONSISTENT_GROUP_PROTOCOL)
  expect(await sync({ protocolType: 'connect' })).toBe(errors.INCONSISTENT_GROUP_PROTOCOL)
  expect(await sync({})).toBe(0)
})

it('counts the session of a classic client from what it was last heard to say: joins, syncs and heartbeats', async () => {
  const { broker, classic, own } = start()
  await own().ready()
  const a = classic()
  await a.join()
  for (const say of [() => a.sync(), () => a.beat(), () => a.join(), () => a.sync()]) {
    await broker.advance(9_000)
    const said = await say()
    expect(said.errorCode ?? said).not.toBe(errors.UNKNOWN_MEMBER_ID)
  }
  await broker.advance(10_000)
  expect(await a.beat()).toBe(errors.UNKNOWN_MEMBER_ID)
})

it('takes over what a classic client says of itself when it joins again', async () => {
  const { broker, client, classic, join } = start()
  await join('k', { subscribedTopicNames: ['none'] })
  const a = classic()
  await a.join()
  await a.join([], { sessionTimeoutMs: 40_000 })
  await a.sync()
  await broker.advance(39_999)
  const shown = async () => {
    const [group] = (await client.call(consumerGroupDescribe!, 1, { groupIds: ['g'] })).groups
    return group.members.map(({ memberId }: { memberId: string }) => memberId)
  }
  expect(await shown()).toContain(a.memberId)
  await broker.advance(1)
  expect(await shown()).not.toContain(a.memberId)
})

it('lets classic clients leave by their ids or their instance ids, and no one else in their name', async () => {
  const { client, classic, join } = start()
  await join('k')
  const leave = async (memberId: string, groupInstanceId: string | null) => {
    const members = [{ memberId, groupInstanceId }]
    return (await client.call(leaveGroup!, 5, { groupId: 'g', members })).members[0].errorCode
  }
  const a = classic('one')
  await a.join()
  expect(await leave('x', 'one')).toBe(errors.FENCED_INSTANCE_ID)
  expect(await leave('', 'two')).toBe(errors.UNKNOWN_MEMBER_ID)
  expect(await leave('x', null)).toBe(errors.UNKNOWN_MEMBER_ID)
  expect(await leave('', 'one')).toBe(0)
  expect(await a.beat()).toBe(errors.UNKNOWN_MEMBER_ID)
  const b = classic()
  await b.join()
  expect(await leave(b.memberId, null)).toBe(0)
  expect(await b.beat()).toBe(errors.UNKNOWN_MEMBER_ID)
  const again = { groupId: 'g', memberId: b.memberId, generationId: b.generationId, groupInstanceId: null }
  expect((await client.call(heartbeat!, 4, again)).errorCode).toBe(errors.UNKNOWN_MEMBER_ID)
})

it('has members of both protocols leave by one request, whichever of them are left at the end', async () => {
  const { client, classic, join } = start()
  await join('k')
  const a = classic('one')
  await a.join()
  const members = [
    { memberId: 'k', groupInstanceId: null },
    { memberId: '', groupInstanceId: 'one' },
    { memberId: 'k', groupInstanceId: null },
  ]
  const left = await client.call(leaveGroup!, 5, { groupId: 'g', members })
  expect(left.members.map(({ errorCode }: { errorCode: number }) => errorCode)).toEqual([
    0,
    0,
    errors.UNKNOWN_MEMBER_ID,
  ])
})

it('leaves no timer of a classic client that has left', async () => {
  const { broker, classic, beat, join } = start()
  const mine = () => broker.pendingTimers.filter(name => name.includes('of classic'))
  await join('k')
  const [a, b] = [classic(), classic()]
  await a.join()
  await b.join()
  expect(mine().length).toBeGreaterThan(0)
  await a.leave()
  await b.leave()
  expect(mine()).toEqual([])
  a.forget()
  await a.join()
  await beat('k', -1)
  expect(mine()).toEqual([])
})

it('lets a client join with the id that it was given', async () => {
  const { broker, client, classic, join } = start()
  await join('k')
  const a = classic()
  const { memberId } = await client.call(joinGroup!, 9, {
    ...a.identity,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 30_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: subscription(['orders'], []) }],
  })
  a.memberId = memberId
  expect(await a.join()).toMatchObject({ errorCode: 0, memberId })
  expect(broker.group('g').members.map(each => each.memberId)).toEqual(['k', memberId])
})

it('removes a classic client that is silent, or that beats and does not join again', async () => {
  const { broker, classic, beat, join } = start()
  const silent = await classic().lead()
  await join('k')
  const stubborn = classic()
  await stubborn.join()
  await stubborn.sync()
  await broker.advance(10_000)
  expect(await stubborn.beat()).toBe(errors.UNKNOWN_MEMBER_ID)
  stubborn.forget()
  await stubborn.join()
  expect(await silent.beat()).toBe(errors.UNKNOWN_MEMBER_ID)
  // It has been given something, and does not ask for it.
  for (let i = 0; i < 3; i++) {
    await beat('k', 3, [0, 2])
    expect(await stubborn.beat()).not.toBe(errors.UNKNOWN_MEMBER_ID)
    await broker.advance(9999)
  }
  await stubborn.beat()
  await broker.advance(5)
  expect(await stubborn.beat()).toBe(errors.UNKNOWN_MEMBER_ID)
})

it('removes a classic client that beats and never asks for its assignment', async () => {
  const { broker, classic, join } = start()
  await join('k')
  const a = classic()
  await a.join()
  for (let i = 0; i < 3; i++) {
    await broker.advance(9999)
    expect(await a.beat()).not.toBe(errors.UNKNOWN_MEMBER_ID)
  }
  await broker.advance(3)
  expect(await a.beat()).toBe(errors.UNKNOWN_MEMBER_ID)
})

it('lets a classic client stay that has asked in time for what it was given', async () => {
  const { broker, classic, beat, join } = start()
  await join('k')
  const a = classic()
  await a.join()
  await a.sync()
  let { epoch } = (await beat('k', 2, [0, 2])) as { epoch: number }
  expect(await a.beat()).toBe(errors.REBALANCE_IN_PROGRESS)
  await a.join()
  expect(await a.sync()).toEqual([1, 3])
  for (let i = 0; i < 5; i++) {
    await broker.advance(9999)
    epoch = ((await beat('k', epoch)) as { epoch: number }).epoch
    expect(await a.beat()).toBe(0)
  }
})

it('names a static classic client by its instance id', async () => {
  const { classic, join } = start()
  await join('k')
  const a = classic('one')
  await a.join()
  expect(a.memberId).toMatch(/^one-/)
})

it('removes a classic client that has what it was given, and does not join again for what comes later', async () => {
  const { broker, classic, join } = start()
  await join('k')
  const a = classic()
  await a.join()
  expect(await a.sync()).toEqual([])
  broker.topic('orders').addPartitions(6)
  for (let i = 0; i < 4; i++) {
    expect(await a.beat()).toBe(errors.REBALANCE_IN_PROGRESS)
    await broker.advance(9999)
  }
  expect(await a.beat()).toBe(errors.UNKNOWN_MEMBER_ID)
})

it('tells one that was removed so when it joins, as others may have what it had', async () => {
  const { broker, classic, beat, join } = start()
  const a = await classic().lead()
  await join('k')
  await broker.advance(10_000)
  expect((await beat('k', 2)).given).toEqual([0, 1, 2, 3])
  expect(await a.join([0, 1, 2, 3])).toMatchObject({ errorCode: errors.UNKNOWN_MEMBER_ID })
})

it('gives the place of a static classic client to whoever comes with its instance id', async () => {
  const { classic, join } = start()
  const a = classic('one')
  await a.lead()
  expect(await join('k', { instanceId: 'one' })).toMatchObject({ given: [0, 1, 2, 3] })
  expect(await a.beat()).toBe(errors.FENCED_INSTANCE_ID)
  expect(await a.join()).toMatchObject({ errorCode: errors.FENCED_INSTANCE_ID })
  expect(await a.leave()).toBe(errors.FENCED_INSTANCE_ID)
  // One that lives is not replaced by a classic one.
  expect(await classic('one').join()).toMatchObject({ errorCode: errors.UNRELEASED_INSTANCE_ID })
})

it('assigns all to who comes with the instance id of a classic client that was given nothing yet', async () => {
  const { classic, join } = start()
  await classic('one').join()
  expect(await join('k', { instanceId: 'one' })).toMatchObject({ given: [0, 1, 2, 3] })
})

it('replaces a static classic client by its next life, and goes back where it takes the last other place', async () => {
  const { classic, beat, join } = start()
  await join('k', { instanceId: 'one' })
  const a = classic('two')
  await a.join()
  const b = classic('two')
  expect(await b.join()).toMatchObject({ errorCode: 0 })
  expect(b.memberId).not.toBe(a.memberId)
  expect(await a.beat()).toBe(errors.FENCED_INSTANCE_ID)
  expect(await b.sync()).toEqual([])
  // The other one says that it comes back, and does so as a classic one.
  await beat('k', -2, undefined, { instanceId: 'one' })
  const c = classic('one')
  await c.join()
  expect(await b.beat()).toBe(errors.REBALANCE_IN_PROGRESS)
  expect(await c.sync()).toBe(errors.REBALANCE_IN_PROGRESS)
  const joined = [b.join(), c.join()]
  const leaders = (await Promise.all(joined)).map(({ leader }) => leader)
  expect(leaders[0]).toBe(leaders[1])
  expect([b.memberId, c.memberId]).toContain(leaders[0])
})

it('passes over partitions that a leader gave and that do not exist', async () => {
  const { broker, classic, join } = start()
  const a = classic()
  await a.join()
  await a.sync({ [a.memberId]: [0, 1, 2, 3, 4] })
  await join('k')
  expect(broker.group('g').members.map(({ assignment }) => assignment.length)).toEqual([4, 0])
})

it('leaves a partition to one of its members where a leader gave it to several', async () => {
  const { broker, classic, own } = start()
  const [a, b] = [classic(), classic()]
  await a.join()
  await a.sync({ [a.memberId]: [0, 1, 2, 3] })
  const joined = b.join()
  while ((await a.beat()) === 0);
  await Promise.all([a.join(), joined])
  const given = { [a.memberId]: [0, 1, 2], [b.memberId]: [2, 3] }
  expect(await Promise.all([a.sync(given), b.sync()])).toEqual([
    [0, 1, 2],
    [2, 3],
  ])
  const consumer = own()
  const ready = consumer.ready()
  const holders = (partition: number) =>
    broker
      .group('g')
      .members.filter(member =>
        [...member.assignment, ...member.revoking].some(tp => tp.partition === partition),
      )
  for (const partition of [0, 1, 2, 3]) expect(holders(partition)).toHaveLength(1)
  // Both are told, as soon as they join again.
  await Promise.all([a.join([0, 1, 2]), b.join([2, 3])])
  const kept = [...(await a.sync()), ...(await b.sync())]
  expect(kept).toHaveLength(new Set(kept).size)
  await Promise.all([a.join(kept), b.join([])])
  await ready
})

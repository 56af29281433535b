import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { subscription } from '../helpers/consumer-protocol.ts'
import { errors, start } from './mixed-groups-scene.ts'

const { joinGroup, leaveGroup, syncGroup, heartbeat, consumerGroupDescribe } = apis as unknown as Readonly<
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

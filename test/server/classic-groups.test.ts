import { expect, it, vi } from 'vitest'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { subscription } from '../helpers/consumer-protocol.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { deleteGroups, describeGroups, joinGroup, leaveGroup, listGroups, syncGroup } =
  apis as unknown as Readonly<Record<string, Api>>

const scene = wireScenes()
const consumer = 'consumer'

function start() {
  const { broker, client } = scene()
  const join = (memberId: string, more: object = {}, version = 9) =>
    client.call(joinGroup!, version, { ...joinOf(memberId), ...more })
  const sync = (memberId: string, more: object = {}, version = 5) =>
    client.call(syncGroup!, version, {
      groupId: 'g',
      memberId,
      generationId: 1,
      groupInstanceId: null,
      protocolType: consumer,
      protocolName: 'range',
      assignments: [{ memberId, assignment: Buffer.from([1]) }],
      ...more,
    })
  const describe = async () => (await client.call(describeGroups!, 6, { groups: ['g'] })).groups[0]
  return { broker, client, join, sync, describe }
}

function joinOf(memberId: string): object {
  return {
    groupId: 'g',
    memberId,
    groupInstanceId: null,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    protocolType: consumer,
    protocols: [{ name: 'range', metadata: subscription(['orders']) }],
  }
}

it('makes no group for one that says it has been in it', async () => {
  const { client, join } = start()
  expect(await join('somebody')).toMatchObject({ errorCode: 25, memberId: 'somebody' })
  expect(await client.call(listGroups!, 5, { statesFilter: [], typesFilter: [] })).toMatchObject({
    groups: [],
  })
})

it('can be deleted while a client has only been told its member id, and never while it has members', async () => {
  const { client, join } = start()
  const remove = async () =>
    (await client.call(deleteGroups!, 2, { groupsNames: ['g'] })).results[0].errorCode
  expect(await remove()).toBe(69)
  expect(await join('')).toMatchObject({ errorCode: 79 })
  const { groups } = await client.call(listGroups!, 5, { statesFilter: [], typesFilter: [] })
  expect(groups).toMatchObject([{ groupId: 'g', groupState: 'Empty' }])
  expect([await remove(), await remove()]).toEqual([0, 69])
  await join('', {}, 3)
  expect(await remove()).toBe(68)
})

it('tells a member that is removed while it waits no member id', async () => {
  const { client, broker, join, describe } = start()
  const one = { groupInstanceId: 'one' }
  await join('', {}, 3)
  const waits = new WireClient(connect(broker))
  const joining = waits.call(joinGroup!, 5, { ...joinOf(''), ...one })
  await vi.waitFor(async () => expect((await describe()).members).toHaveLength(2))
  await client.call(leaveGroup!, 3, { groupId: 'g', members: [{ memberId: '', ...one }] })
  expect(await joining).toMatchObject({ errorCode: 25, memberId: '' })
})

it("wants to hear which protocol a member takes for its group's, from the version on that can say so (KIP-559)", async () => {
  const { join, sync } = start()
  const { memberId } = await join('', { groupInstanceId: 'one' })
  const refused = { errorCode: 23, protocolType: null, protocolName: null }
  expect(await sync(memberId, { protocolType: null })).toMatchObject(refused)
  expect(await sync(memberId, { protocolName: null })).toMatchObject(refused)
  expect(await sync(memberId, { protocolName: 'sticky' })).toMatchObject(refused)
  expect(await sync(memberId, {}, 4)).toMatchObject({ errorCode: 0, assignment: Buffer.from([1]) })
})

it('describes the protocol of a group once it is stable', async () => {
  const { join, sync, describe } = start()
  const { memberId } = await join('', { groupInstanceId: 'one' })
  const nothing = Buffer.alloc(0)
  expect(await describe()).toMatchObject({
    groupState: 'CompletingRebalance',
    protocolType: consumer,
    protocolData: '',
    members: [{ memberMetadata: nothing }],
  })
  await sync(memberId)
  expect(await describe()).toMatchObject({
    groupState: 'Stable',
    protocolData: 'range',
    members: [{ memberMetadata: subscription(['orders']), memberAssignment: Buffer.from([1]) }],
  })
})

it('tells a static leader that comes back that its assignment stays (KIP-814)', async () => {
  const { join, sync } = start()
  const { memberId } = await join('', { groupInstanceId: 'one' })
  await sync(memberId)
  const back = await join('', { groupInstanceId: 'one' })
  expect(back).toMatchObject({ generationId: 1, leader: back.memberId, skipAssignment: true })
  expect(await join('', { groupInstanceId: 'one' }, 8)).toMatchObject({ leader: back.memberId, members: [] })
})

import { expect, it } from 'vitest'
import { bytes, start } from './classic-group-scene.ts'

it('keeps the place of a static member that comes back, without a rebalance', () => {
  const { join, sync, group } = start()
  const one = { groupInstanceId: 'one' }
  const [first] = join('', one)
  sync(first!, { [first!.memberId]: 'all' })
  const [back] = join('', { ...one, canSkipAssignment: false })
  expect(back).toMatchObject({ error: undefined, generation: 1, leader: first!.memberId, members: [] })
  expect(back!.memberId).not.toBe(first!.memberId)
  expect(group.state).toBe('Stable')
  expect(sync(back!, {}, one)).toMatchObject([{ error: undefined, assignment: bytes('all') }])
  expect(group.heartbeat({ memberId: first!.memberId, generation: 1, groupInstanceId: 'one' })).toBe(
    'FENCED_INSTANCE_ID',
  )
  expect(join(first!.memberId, one)).toMatchObject([{ error: 'FENCED_INSTANCE_ID' }])
})

it('tells a static leader that comes back that it leads and assigns nothing, so that somebody watches the topics (KIP-814)', () => {
  const { join, sync } = start()
  const one = { groupInstanceId: 'one' }
  const [first] = join('', one)
  sync(first!, { [first!.memberId]: 'all' })
  const [back] = join('', one)
  expect(back).toMatchObject({ leader: back!.memberId, skipAssignment: true, generation: 1 })
  expect(back!.members.map(({ memberId }) => memberId)).toEqual([back!.memberId])
  // Before that it could not be told so, and would have assigned anew.
  const [older] = join('', { ...one, canSkipAssignment: false })
  expect(older).toMatchObject({ leader: back!.memberId, skipAssignment: false, members: [] })
})

it('takes what a static member that comes back subscribes to now for its next rebalance', () => {
  const { join, sync, group } = start()
  const one = { groupInstanceId: 'one' }
  const [first] = join('', one)
  sync(first!, { [first!.memberId]: 'all' })
  const protocols = [{ name: 'range', metadata: bytes('more') }]
  expect(join('', { ...one, protocols })).toMatchObject([{ error: undefined, generation: 1 }])
  expect(group).toMatchObject({ state: 'Stable', members: [{ metadata: bytes('more') }] })
})

it('lets all join again where a static member comes back before the leader has assigned, which knows it by its former id', () => {
  const { join, sync, group } = start()
  const [leader] = join('')
  sync(leader!, { [leader!.memberId]: 'all' })
  const former = join('', { groupInstanceId: 'one' })
  const [leading] = join(leader!.memberId)
  const waiting = sync(former[0]!, {}, { groupInstanceId: 'one' })
  const back = join('', { groupInstanceId: 'one' })
  expect(waiting).toMatchObject([{ error: 'FENCED_INSTANCE_ID' }])
  expect([back, group.state]).toEqual([[], 'PreparingRebalance'])
  expect(sync(leading!, { [former[0]!.memberId]: 'one' })).toMatchObject([{ error: 'REBALANCE_IN_PROGRESS' }])
  join(leader!.memberId)
  expect(back).toMatchObject([{ error: undefined, generation: 3 }])
})

it('tells its keeper that the former life of a static member is gone once its next one is in the group, not before', () => {
  const { join, sync, gone } = start()
  const one = { groupInstanceId: 'one' }
  const [leader] = join('')
  sync(leader!)
  const first = join('', one)
  join(leader!.memberId)
  // It comes back before the leader has assigned, and so waits until all have joined again.
  const second = join('', one)
  expect([second, gone]).toEqual([[], []])
  const [leading] = join(leader!.memberId)
  expect(gone).toEqual([first[0]!.memberId])
  sync(leading!)
  // Now that all is assigned, it is there at once.
  join('', one)
  expect(gone).toEqual([first[0]!.memberId, second[0]!.memberId])
})

it('lets a static follower come back at once, and its leader stay the leader', () => {
  const { join, sync, group } = start()
  const [leader] = join('')
  sync(leader!)
  const one = { groupInstanceId: 'one' }
  const follower = join('', one)
  const [leading] = join(leader!.memberId)
  sync(leading!, { [follower[0]!.memberId]: 'its' })
  const [back] = join('', { ...one, clientId: 'again' })
  expect(back).toMatchObject({ error: undefined, generation: 2, leader: leader!.memberId, members: [] })
  expect(back!.skipAssignment).toBe(false)
  expect(sync(back!, {}, one)).toMatchObject([{ assignment: bytes('its') }])
  expect(group.members).toMatchObject([{ clientId: 'c' }, { clientId: 'again', memberId: back!.memberId }])
})

it('is led by a static leader that came back also in the next generation', () => {
  const { join, sync } = start()
  const one = { groupInstanceId: 'one' }
  const [first] = join('', one)
  sync(first!, {}, one)
  const follower = join('')
  const [leading] = join(first!.memberId, one)
  sync(leading!, {}, one)
  const [back] = join('', one)
  const third = join('')
  join(follower[0]!.memberId)
  join(back!.memberId, one)
  expect(third).toMatchObject([{ generation: 3, leader: back!.memberId }])
})

it('rebalances where a static member comes back with what changes the protocol that most would like', () => {
  const { join, sync, group } = start()
  const one = { groupInstanceId: 'one' }
  const both = [
    { name: 'range', metadata: bytes('m') },
    { name: 'sticky', metadata: bytes('m') },
  ]
  const [first] = join('', { ...one, protocols: both })
  sync(first!, {}, one)
  const [back] = join('', { ...one, protocols: both.toReversed() })
  expect(back).toMatchObject({ generation: 2, protocol: 'sticky', leader: back!.memberId })
  expect(group.state).toBe('CompletingRebalance')
})

it('refuses a static member by an id that is not its own', () => {
  const { join, group } = start()
  const one = { groupInstanceId: 'one' }
  expect(join('x', one)).toMatchObject([{ error: 'UNKNOWN_MEMBER_ID' }])
  const [first] = join('', one)
  const { memberId } = first!
  expect(join('x', one)).toMatchObject([{ error: 'FENCED_INSTANCE_ID' }])
  const identity = { generation: 1, groupInstanceId: 'one' }
  expect(group.heartbeat({ ...identity, memberId: 'x' })).toBe('FENCED_INSTANCE_ID')
  expect(group.heartbeat({ ...identity, memberId, groupInstanceId: 'other' })).toBe('UNKNOWN_MEMBER_ID')
  expect(group.leave(memberId, 'one')).toBeUndefined()
})

it('[42] fences the former life of a static member, also while that waits to join', () => {
  const { join, sync } = start()
  const one = { groupInstanceId: 'one' }
  const [leader] = join('')
  sync(leader!)
  const former = join('', one)
  const back = join('', one)
  expect(former).toMatchObject([{ error: 'FENCED_INSTANCE_ID' }])
  join(leader!.memberId)
  expect([former.length, back.length]).toEqual([1, 1])
})

it('counts the session of a static member from when it came back', async () => {
  const { join, sync, group, clock } = start()
  const one = { groupInstanceId: 'one' }
  const [first] = join('', one)
  sync(first!, {}, one)
  await clock.advance(9_000)
  join('', one)
  await clock.advance(9_999)
  expect(group.members).toHaveLength(1)
  await clock.advance(1)
  expect(group).toMatchObject({ state: 'Empty', members: [] })
})

it('keeps a static member that does not join again in time, and is led by one that has joined', async () => {
  const { join, sync, group, clock, beat } = start()
  const away = { groupInstanceId: 'away', sessionTimeoutMs: 600_000 }
  const [first] = join('', away)
  sync(first!, {}, away)
  const second = join('')
  await clock.advance(60_000)
  expect(second).toMatchObject([{ generation: 2, leader: second[0]!.memberId }])
  expect(second[0]!.members.map(({ groupInstanceId }) => groupInstanceId)).toEqual(['away', null])
  sync(second[0]!, { [first!.memberId]: 'kept' })
  expect(beat(second[0]!)).toBeUndefined()
  expect(join('', away)).toMatchObject([{ error: undefined, generation: 2 }])
  expect(group.members[1]).toMatchObject({ groupInstanceId: 'away', assignment: bytes('kept') })
})

/** A group whose leader has the assignment of generation 2 still to make, and whose static member has gone away. */
async function withoutStatic() {
  const scene = start()
  const { join, sync, clock } = scene
  const away = { groupInstanceId: 'away', sessionTimeoutMs: 600_000 }
  const here = { sessionTimeoutMs: 600_000 }
  const [first] = join('', away)
  sync(first!, {}, away)
  const second = join('', here)
  await clock.advance(60_000)
  return { ...scene, away, here, first, second }
}

it('removes a static member that has not come back when its assignment was to be asked for', async () => {
  const { join, sync, group, clock, beat, here, second } = await withoutStatic()
  sync(second[0]!)
  await clock.advance(59_999)
  expect([beat(second[0]!), group.members.length]).toEqual([undefined, 2])
  await clock.advance(1)
  expect([beat(second[0]!), group.members.length]).toEqual(['REBALANCE_IN_PROGRESS', 1])
  expect(join(second[0]!.memberId, here)).toMatchObject([{ generation: 3 }])
})

// It is the former one whose assignment was not asked for. (Kafka: ClassicGroup.replaceStaticMember)
it('lets all join again where a static member came back before its assignment was asked for', async () => {
  const { join, sync, group, clock, beat, away, first, second } = await withoutStatic()
  sync(second[0]!, { [first!.memberId]: 'kept' })
  const [back] = join('', away)
  expect(sync(back!, {}, away)).toMatchObject([{ assignment: bytes('kept') }])
  await clock.advance(59_999)
  expect(beat(second[0]!)).toBeUndefined()
  await clock.advance(1)
  expect([beat(second[0]!), group.members.length]).toEqual(['REBALANCE_IN_PROGRESS', 2])
})

it.each(['one comes back', 'its session is over'])(
  'begins no generation while none of its static members is there, until %s',
  async end => {
    const { join, sync, group, clock } = start()
    const away = { groupInstanceId: 'away', sessionTimeoutMs: 600_000 }
    const [first] = join('', away)
    sync(first!, {}, away)
    // Somebody begins a rebalance and is gone.
    join('')
    group.leave(group.members[1]!.memberId, null)
    await clock.advance(599_999)
    expect(group).toMatchObject({ state: 'PreparingRebalance', generation: 1, members: [{}] })
    if (end === 'one comes back') {
      const [back] = join('', away)
      expect(back).toMatchObject({ error: undefined, generation: 2, leader: back!.memberId })
    } else {
      await clock.advance(1)
      expect(group).toMatchObject({ state: 'Empty', generation: 2, members: [] })
    }
  },
)

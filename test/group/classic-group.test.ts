import { expect, it } from 'vitest'
import type { ClassicJoined } from '../../src/group/classic-protocol.ts'
import { bytes, start, two } from './classic-group-scene.ts'

it('gives the first member the lead, and all members to the leader alone', () => {
  const { leader, follower, group } = two()
  expect(leader.leader).toBe(leader.memberId)
  expect(leader.members.map(({ memberId }) => memberId)).toEqual([leader.memberId, follower.memberId])
  expect(follower).toMatchObject({ leader: leader.memberId, members: [], generation: 2, protocol: 'range' })
  expect(group.state).toBe('Stable')
})

it('answers who waits for its assignment once the leader has made it', () => {
  const { waiting } = two()
  expect(waiting).toMatchObject([{ error: undefined, assignment: bytes('two') }])
})

it('[36] tells members by their heartbeat that they have to join again, and nothing before and after that', () => {
  const { join, beat, leader, follower, group } = two()
  const beats = (...members: ClassicJoined[]) => [group.state, ...members.map(beat)]
  expect(beats(leader, follower)).toEqual(['Stable', undefined, undefined])
  const [third] = [join(''), join(leader.memberId)]
  expect(beats(leader, follower)).toEqual([
    'PreparingRebalance',
    'REBALANCE_IN_PROGRESS',
    'REBALANCE_IN_PROGRESS',
  ])
  group.leave(follower.memberId, null)
  expect(beats(third[0]!, follower)).toEqual(['CompletingRebalance', undefined, 'UNKNOWN_MEMBER_ID'])
  for (const memberId of [leader.memberId, third[0]!.memberId]) group.leave(memberId, null)
  expect(beats(leader)).toEqual(['Empty', 'UNKNOWN_MEMBER_ID'])
})

it('refuses an old generation, an unknown member and a protocol that nobody else speaks', () => {
  const { group, join, leader } = two()
  const identity = { memberId: leader.memberId, groupInstanceId: null }
  expect(group.heartbeat({ ...identity, generation: 1 })).toBe('ILLEGAL_GENERATION')
  expect(group.checkCommit({ ...identity, generation: 1 })).toBe('ILLEGAL_GENERATION')
  expect(group.checkCommit({ ...identity, generation: 2 })).toBeUndefined()
  expect(group.checkCommit({ memberId: '', generation: -1, groupInstanceId: null })).toBe('UNKNOWN_MEMBER_ID')
  expect(group.heartbeat({ ...identity, memberId: 'x', generation: 2 })).toBe('UNKNOWN_MEMBER_ID')
  const protocols = [{ name: 'mine', metadata: bytes('') }]
  expect(join('', { protocols })).toMatchObject([{ error: 'INCONSISTENT_GROUP_PROTOCOL' }])
  expect(join('', { protocolType: 'connect' })).toMatchObject([{ error: 'INCONSISTENT_GROUP_PROTOCOL' }])
  expect(join('', { protocols: [] })).toMatchObject([{ error: 'INCONSISTENT_GROUP_PROTOCOL' }])
})

it('takes commits of nobody in particular while it is empty, and while it assigns only those in transactions', () => {
  const { group, join } = start()
  expect(group.checkCommit({ memberId: '', generation: -1, groupInstanceId: null })).toBeUndefined()
  const [joined] = join('')
  const identity = { memberId: joined!.memberId, generation: 1, groupInstanceId: null }
  expect(group.state).toBe('CompletingRebalance')
  expect(group.checkCommit(identity)).toBe('REBALANCE_IN_PROGRESS')
  expect(group.checkCommit(identity, true)).toBeUndefined()
  expect(group.checkCommit({ ...identity, generation: 0 }, true)).toBe('ILLEGAL_GENERATION')
})

it('chooses the protocol that most would like best of those that all speak', () => {
  const speak = (...names: string[]) => ({ protocols: names.map(name => ({ name, metadata: bytes(name) })) })
  const chosen = (...protocols: string[][]) => {
    const { join } = start({ initialRebalanceDelayMs: 0 })
    const [first] = join('', speak(...protocols[0]!))
    const others = protocols.slice(1).map(each => join('', speak(...each)))
    join(first!.memberId, speak(...protocols[0]!))
    return others.map(([joined]) => joined?.protocol)
  }
  expect(chosen(['range', 'sticky'], ['sticky', 'range'], ['sticky'])).toEqual(['sticky', 'sticky'])
  expect(chosen(['range', 'sticky'], ['sticky', 'range'], ['sticky', 'range'])).toEqual(['sticky', 'sticky'])
  expect(chosen(['range', 'sticky'], ['range', 'sticky'], ['sticky', 'range'])).toEqual(['range', 'range'])
})

it('refuses who has been in it and speaks nothing that it spoke before, also where it is alone', () => {
  const { join } = start()
  const [alone] = join('')
  const other = [{ name: 'sticky', metadata: bytes('m') }]
  const refused = [{ error: 'INCONSISTENT_GROUP_PROTOCOL', memberId: alone!.memberId }]
  expect(join(alone!.memberId, { protocols: other })).toMatchObject(refused)
  expect(join(alone!.memberId, { protocolType: 'connect' })).toMatchObject(refused)
  expect(
    join(alone!.memberId, { protocols: [...other, { name: 'range', metadata: bytes('m') }] }),
  ).toMatchObject([{ error: undefined }])
})

it('takes nobody without a kind of protocol', () => {
  const { join } = start()
  expect(join('', { protocolType: '' })).toMatchObject([{ error: 'INCONSISTENT_GROUP_PROTOCOL' }])
})

it('gives no assignment to one that takes the protocol for another, and tells nobody a protocol with an error', () => {
  const { join, sync, group } = start()
  const [alone] = join('')
  const all = { [alone!.memberId]: 'all' }
  const refused = [{ error: 'INCONSISTENT_GROUP_PROTOCOL', protocolType: null, protocol: null }]
  expect(sync(alone!, all, { protocolName: 'sticky' })).toMatchObject(refused)
  expect(sync(alone!, all, { protocolType: 'connect' })).toMatchObject(refused)
  expect(group.state).toBe('CompletingRebalance')
  // Clients of older versions do not say what they take it for.
  expect(sync(alone!, all, { protocolType: null, protocolName: null })).toMatchObject([{ error: undefined }])
})

it('lets members leave, one by its instance id, and is empty then', () => {
  const { join, sync, group } = start()
  const [first] = join('', { groupInstanceId: 'one' })
  sync(first!, {})
  expect(group.leave('', 'other')).toBe('UNKNOWN_MEMBER_ID')
  expect(group.leave('x', 'one')).toBe('FENCED_INSTANCE_ID')
  expect(group.leave('', 'one')).toBeUndefined()
  expect(group).toMatchObject({ state: 'Empty', members: [] })
  expect(group.leave('x', null)).toBe('UNKNOWN_MEMBER_ID')
})

it('interrupts who waits for an assignment when somebody joins, and answers each request once', () => {
  const { group, join, sync } = start()
  const [leader] = join('')
  sync(leader!, { [leader!.memberId]: 'a' })
  const joining = join('')
  join(leader!.memberId)
  const follower = joining[0]!
  const waiting = sync(follower)
  const third = join('')
  expect(waiting).toMatchObject([{ error: 'REBALANCE_IN_PROGRESS' }])
  expect(group.state).toBe('PreparingRebalance')
  expect(group.members.map(({ assignment }) => assignment.length)).toEqual([0, 0, 0])
  expect([join(follower.memberId), third]).toEqual([[], []])
  const [leads] = join(leader!.memberId)
  expect(leads).toMatchObject({ generation: 3, leader: leader!.memberId })
  sync(leads!, { [third[0]!.memberId]: 'c' })
  expect(waiting).toHaveLength(1)
  expect(sync(third[0]!)).toMatchObject([{ assignment: bytes('c') }])
  expect(sync({ ...follower, generation: 3 })).toMatchObject([{ assignment: bytes('') }])
})

it('[45] answers a follower that joins again as before, as long as it offers what it offered', async () => {
  const { join, sync, beat, clock, leader, follower, group } = two()
  await clock.advance(9_000)
  beat(leader)
  expect(join(follower.memberId)).toMatchObject([
    { generation: 2, leader: leader.memberId, members: [], protocol: 'range' },
  ])
  await clock.advance(9_000)
  expect(group).toMatchObject({ state: 'Stable', members: [{}, {}] })
  expect(sync(follower)).toMatchObject([{ assignment: bytes('two') }])
  beat(leader)
  await clock.advance(9_000)
  expect(group.members).toHaveLength(2)
  expect(join(follower.memberId, { protocols: [{ name: 'range', metadata: bytes('other') }] })).toEqual([])
  expect(group.state).toBe('PreparingRebalance')
})

it('[45] rebalances where a follower would like another protocol best, though with the same metadata', () => {
  const { group, join, sync } = start()
  const like = (...names: string[]) => ({ protocols: names.map(name => ({ name, metadata: bytes('m') })) })
  const [alone] = join('', like('range', 'sticky'))
  sync(alone!)
  const second = join('', like('range', 'sticky'))
  const [leader] = join(alone!.memberId, like('range', 'sticky'))
  sync(leader!)
  const { memberId } = second[0]!
  expect([join(memberId, like('range', 'sticky')), group.state]).toMatchObject([[{}], 'Stable'])
  expect([join(memberId, like('sticky', 'range')), group.state]).toEqual([[], 'PreparingRebalance'])
})

it('[45] rebalances when its leader joins again, which wants to assign anew', () => {
  const { join, leader, follower, group } = two()
  const again = join(leader.memberId)
  expect([again, group.state]).toEqual([[], 'PreparingRebalance'])
  join(follower.memberId)
  expect(again).toMatchObject([{ generation: 3, leader: leader.memberId }])
})

it('answers a join once more that comes again before the leader has assigned, and rebalances where it offers something else', () => {
  const { group, join, sync } = start()
  const [leader] = join('')
  expect(join(leader!.memberId)).toMatchObject([{ generation: 1, leader: leader!.memberId }])
  expect(group.state).toBe('CompletingRebalance')
  expect(join(leader!.memberId, { protocols: [{ name: 'range', metadata: bytes('n') }] })).toMatchObject([
    { generation: 2, members: [{ metadata: bytes('n') }] },
  ])
  expect(sync(leader!)).toMatchObject([{ error: 'ILLEGAL_GENERATION' }])
  expect(sync({ ...leader!, memberId: 'x', generation: 2 })).toMatchObject([{ error: 'UNKNOWN_MEMBER_ID' }])
})

it('is led by who leads as long as that joins, and by another one when it is gone', () => {
  const { join, sync, leader, follower, group } = two()
  const third = join('')
  expect(group.leave(leader.memberId, null)).toBeUndefined()
  join(follower.memberId)
  expect(third).toMatchObject([{ generation: 3, leader: follower.memberId, members: [] }])
  sync({ ...follower, generation: 3 })
  const fourth = join('')
  join(third[0]!.memberId)
  join(follower.memberId)
  expect(fourth).toMatchObject([{ generation: 4, leader: follower.memberId }])
})

it('takes over what a client says of itself when it joins again', async () => {
  const { group, join, sync, clock } = start()
  const [alone] = join('')
  sync(alone!)
  const more = { clientId: 'renamed', sessionTimeoutMs: 20_000, rebalanceTimeoutMs: 5_000 }
  const [again] = join(alone!.memberId, more)
  expect(group.members).toMatchObject([more])
  sync(again!)
  await clock.advance(19_999)
  expect(group.members).toHaveLength(1)
  await clock.advance(1)
  expect(group.members).toEqual([])
})

it('waits for who was given an id and has not joined, until it joins, leaves or its session is over', async () => {
  for (const [end, generation] of [
    ['joins', 2],
    ['leaves', 2],
    ['is silent', 2],
  ] as const) {
    const { group, join, sync, clock } = start()
    const [alone] = join('')
    sync(alone!)
    const [asked] = join('', { requireKnownMemberId: true })
    expect(group.state).toBe('Stable')
    const again = join(alone!.memberId)
    expect([again, group.state]).toEqual([[], 'PreparingRebalance'])
    if (end === 'joins') join(asked!.memberId)
    else if (end === 'leaves') expect(group.leave(asked!.memberId, null)).toBeUndefined()
    else await clock.advance(10_000)
    expect(again, end).toMatchObject([{ generation }])
    expect(group.leave(asked!.memberId, null), end).toBe(end === 'joins' ? undefined : 'UNKNOWN_MEMBER_ID')
  }
})

it('does not rebalance for who was given an id and is never heard of again', async () => {
  const { group, join, sync, clock, beat } = start()
  join('', { requireKnownMemberId: true })
  await clock.advance(10_000)
  expect(group).toMatchObject({ state: 'Empty', generation: 0 })
  const [alone] = join('')
  sync(alone!)
  join('', { requireKnownMemberId: true })
  await clock.advance(9_000)
  beat(alone!)
  await clock.advance(1_000)
  expect(group).toMatchObject({ state: 'Stable', generation: 1 })
})

it('forgets who led and what was spoken when it is empty, and begins a generation', () => {
  const { group, join, sync } = start()
  const [alone] = join('')
  sync(alone!)
  group.leave(alone!.memberId, null)
  expect(group).toMatchObject({ state: 'Empty', generation: 2, protocol: null, members: [] })
  const [other] = join('', { protocolType: 'connect', protocols: [{ name: 'own', metadata: bytes('') }] })
  expect(other).toMatchObject({ generation: 3, protocolType: 'connect', protocol: 'own' })
  expect(other!.leader).toBe(other!.memberId)
})

it('takes commits of who assigns by itself only while it is empty', () => {
  const { group, join } = start()
  const nobody = { memberId: '', groupInstanceId: null }
  expect(group.checkCommit({ ...nobody, generation: -1 })).toBeUndefined()
  expect(group.checkCommit({ ...nobody, generation: 0 })).toBe('UNKNOWN_MEMBER_ID')
  join('')
  expect(group.checkCommit({ ...nobody, generation: -1 })).toBe('UNKNOWN_MEMBER_ID')
})

it('tells its keeper of each change', () => {
  const { group, join, sync, states } = start()
  const told = () => states.splice(0)
  const [alone] = join('', { groupInstanceId: 'one' })
  expect(told()).toEqual(['PreparingRebalance', 'CompletingRebalance'])
  sync(alone!, {}, { groupInstanceId: 'one' })
  expect(told()).toEqual(['Stable'])
  const [back] = join('', { groupInstanceId: 'one' })
  expect(told()).toEqual(['Stable'])
  const second = join('')
  expect(told()).toEqual(['PreparingRebalance'])
  group.leave(back!.memberId, null)
  expect([second.length, told()]).toEqual([1, ['CompletingRebalance']])
  group.leave(second[0]!.memberId, null)
  expect(told()).toEqual(['Empty'])
})

it('serves nobody once it is deleted, and leaves no timer', () => {
  const { group, join, clock } = two()
  const waiting = join('')
  group.delete()
  expect(waiting).toMatchObject([{ error: 'UNKNOWN_MEMBER_ID' }])
  expect(join('')).toMatchObject([{ error: 'UNKNOWN_MEMBER_ID' }])
  expect(clock.waiting).toEqual([])
})

it('tells who waits for an assignment to join again where it hands its members over, since no leader will assign', () => {
  const { group, join, sync } = start()
  const [leader] = join('')
  const follower = join('')
  join(leader!.memberId)
  const waiting = sync(follower[0]!)
  group.handOver()
  expect(waiting).toMatchObject([{ error: 'REBALANCE_IN_PROGRESS' }])
})

it('does not wait for who was given an id before it handed its members over, when it has them back', () => {
  const { group, join } = start()
  const [leader] = join('')
  const promised = join('', { requireKnownMemberId: true })
  group.takeBack(group.handOver(), 'consumer', 1)
  expect(join(leader!.memberId)).toMatchObject([{ error: undefined, generation: 2 }])
  expect(join(promised[0]!.memberId)).toMatchObject([{ error: 'UNKNOWN_MEMBER_ID' }])
})

it('leaves no timer where it hands its members over, whatever they wait for', () => {
  const delayed = start({ initialRebalanceDelayMs: 3000 })
  delayed.join('')
  const joining = two()
  joining.join('', { requireKnownMemberId: true })
  joining.join('')
  const syncing = start()
  syncing.join('')
  for (const { group, clock } of [delayed, joining, syncing]) {
    expect(clock.waiting).not.toEqual([])
    group.handOver()
    expect(clock.waiting).toEqual([])
  }
})

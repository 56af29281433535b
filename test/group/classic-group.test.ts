import { expect, it } from 'vitest'
import { BrokerClock } from '../../src/broker-clock.ts'
import { ClassicGroup } from '../../src/group/classic-group.ts'
import type {
  ClassicJoin,
  ClassicJoined,
  ClassicSync,
  ClassicSynced,
} from '../../src/group/classic-protocol.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))

function start(options: { readonly initialRebalanceDelayMs?: number } = {}) {
  const clock = new VirtualClock()
  let ids = 0
  const group = new ClassicGroup('g', {
    clock: new BrokerClock(clock),
    initialRebalanceDelayMs: options.initialRebalanceDelayMs ?? 0,
    newMemberId: clientId => `${clientId}-${++ids}`,
    changed: () => {},
  })
  const join = (memberId: string, more: Partial<ClassicJoin> = {}) => {
    const answers: ClassicJoined[] = []
    group.join(
      {
        memberId,
        groupInstanceId: null,
        clientId: 'c',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 60_000,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: bytes('m') }],
        requireKnownMemberId: false,
        canSkipAssignment: true,
        ...more,
      },
      answer => answers.push(answer),
    )
    return answers
  }
  const sync = (
    joined: ClassicJoined,
    assignments: Record<string, string> = {},
    more: Partial<ClassicSync> = {},
  ) => {
    const answers: ClassicSynced[] = []
    group.sync(
      {
        memberId: joined.memberId,
        generation: joined.generation,
        groupInstanceId: null,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments: Object.entries(assignments).map(([memberId, text]) => ({
          memberId,
          assignment: bytes(text),
        })),
        ...more,
      },
      answer => answers.push(answer),
    )
    return answers
  }
  const beat = ({ memberId, generation }: ClassicJoined) =>
    group.heartbeat({ memberId, generation, groupInstanceId: null })
  return { group, clock, join, sync, beat }
}

/** Two members, both synced. */
function two() {
  const all = start()
  const { join, sync } = all
  const alone = join('')[0]!
  sync(alone, { [alone.memberId]: 'all' })
  const second = join('')
  const first = join(alone.memberId)
  const leader = first[0]!
  const follower = second[0]!
  const waiting = sync(follower)
  sync(leader, { [leader.memberId]: 'one', [follower.memberId]: 'two' })
  return { ...all, leader, follower, waiting }
}

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

it('tells members by their heartbeat that they have to join again', () => {
  const { join, beat, leader, follower, group } = two()
  join('')
  expect(group.state).toBe('PreparingRebalance')
  expect([beat(leader), beat(follower)]).toEqual(['REBALANCE_IN_PROGRESS', 'REBALANCE_IN_PROGRESS'])
})

it('gives a new member its id first where that is asked for (KIP-394)', async () => {
  const { join, clock, group } = start()
  const [asked] = join('', { requireKnownMemberId: true })
  expect(asked).toMatchObject({ error: 'MEMBER_ID_REQUIRED', memberId: 'c-1' })
  expect(join('c-1')).toMatchObject([{ error: undefined, memberId: 'c-1' }])
  const [other] = join('', { requireKnownMemberId: true })
  expect(group.members).toHaveLength(1)
  await clock.advance(10_000)
  expect(join(other!.memberId)).toMatchObject([{ error: 'UNKNOWN_MEMBER_ID' }])
})

it('removes a member whose session is over, and lets the others join again', async () => {
  const { clock, beat, leader, follower, group } = two()
  await clock.advance(9_000)
  beat(leader)
  await clock.advance(1_000)
  expect(group.members.map(({ memberId }) => memberId)).toEqual([leader.memberId])
  expect(beat(leader)).toBe('REBALANCE_IN_PROGRESS')
  expect(beat(follower)).toBe('UNKNOWN_MEMBER_ID')
})

it('goes on without who does not join again within the rebalance timeout', async () => {
  const { clock, join, beat, leader, follower, group } = two()
  const third = join('')
  join(leader.memberId)
  for (let i = 0; i < 7; i++) {
    beat(follower)
    await clock.advance(9_000)
  }
  expect(third).toMatchObject([{ error: undefined, generation: 3 }])
  expect(group.members.map(({ memberId }) => memberId)).not.toContain(follower.memberId)
})

it('goes on without a leader that joins and never assigns', async () => {
  const { join, clock, group } = start()
  const [first] = join('')
  expect(first!.leader).toBe(first!.memberId)
  await clock.advance(60_000)
  expect(group).toMatchObject({ state: 'Empty', members: [] })
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

it('takes commits of nobody in particular while it is empty, and none while it assigns', () => {
  const { group, join } = start()
  expect(group.checkCommit({ memberId: '', generation: -1, groupInstanceId: null })).toBeUndefined()
  const [joined] = join('')
  const identity = { memberId: joined!.memberId, generation: 1, groupInstanceId: null }
  expect(group.state).toBe('CompletingRebalance')
  expect(group.checkCommit(identity)).toBe('REBALANCE_IN_PROGRESS')
})

it('chooses the protocol that most would like best of those that all speak', () => {
  const { join } = start({ initialRebalanceDelayMs: 0 })
  const speak = (...names: string[]) => ({ protocols: names.map(name => ({ name, metadata: bytes(name) })) })
  const [first] = join('', speak('range', 'sticky'))
  const second = join('', speak('sticky', 'range'))
  const third = join('', speak('sticky'))
  join(first!.memberId, speak('range', 'sticky'))
  expect([second[0]?.protocol, third[0]?.protocol]).toEqual(['sticky', 'sticky'])
})

it('waits for others at the first join, where that is asked for', async () => {
  const { join, clock } = start({ initialRebalanceDelayMs: 3000 })
  const first = join('')
  await clock.advance(1000)
  const second = join('')
  await clock.advance(1999)
  expect([first, second]).toEqual([[], []])
  await clock.advance(1)
  expect([...first, ...second].map(({ generation }) => generation)).toEqual([1, 1])
})

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

it('interrupts who waits for an assignment when somebody joins', () => {
  const { join, sync } = two()
  const third = join('')
  expect(third).toEqual([])
  const { group, join: joinAgain, sync: syncAgain } = start()
  const [leader] = joinAgain('')
  syncAgain(leader!, { [leader!.memberId]: 'a' })
  const follower = joinAgain('')
  joinAgain(leader!.memberId)
  const waiting = syncAgain(follower[0]!)
  joinAgain('')
  expect(waiting).toMatchObject([{ error: 'REBALANCE_IN_PROGRESS' }])
  expect(group.state).toBe('PreparingRebalance')
  expect(sync).toBeDefined()
})

it('serves nobody once it is deleted, and leaves no timer', () => {
  const { group, join, clock } = two()
  const waiting = join('')
  group.delete()
  expect(waiting).toMatchObject([{ error: 'UNKNOWN_MEMBER_ID' }])
  expect(join('')).toMatchObject([{ error: 'UNKNOWN_MEMBER_ID' }])
  expect(clock.waiting).toEqual([])
})

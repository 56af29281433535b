import { expect, it } from 'vitest'
import type { ClassicJoined } from '../../src/group/classic-protocol.ts'
import { start, two } from './classic-group-scene.ts'

it('[35] gives a new member its id first where that is asked for (KIP-394)', async () => {
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

it('does not wait for others when it is not empty', async () => {
  const { join, sync, clock, group } = start({ initialRebalanceDelayMs: 3000 })
  const first = join('')
  await clock.advance(3000)
  sync(first[0]!)
  const second = join('')
  expect(join(first[0]!.memberId)).toMatchObject([{ generation: 2 }])
  expect([second.length, group.state]).toEqual([1, 'CompletingRebalance'])
})

it('is empty at once when the only one leaves that waited for others', async () => {
  const { join, clock, group } = start({ initialRebalanceDelayMs: 3000 })
  const first = join('')
  group.leave(group.members[0]!.memberId, null)
  expect(first).toMatchObject([{ error: 'UNKNOWN_MEMBER_ID' }])
  expect([group.state, clock.waiting]).toEqual(['Empty', []])
})

it('counts the rebalance timeout from when the rebalance began, however many join meanwhile', async () => {
  const { join, clock, beat, leader, follower } = two()
  const third = join('')
  join(leader.memberId)
  let fourth: readonly ClassicJoined[] = []
  for (let i = 0; i < 12; i++) {
    beat(follower)
    if (i === 9) fourth = join('')
    expect(third).toEqual([])
    await clock.advance(5000)
  }
  expect([...third, ...fourth].map(({ generation }) => generation)).toEqual([3, 3])
})

it('lets no session end while its member waits for the others to join', async () => {
  const { join, clock, beat, leader, follower, group } = two()
  join('')
  beat(leader)
  const again = join(leader.memberId)
  expect(beat(leader)).toBe('REBALANCE_IN_PROGRESS')
  for (let i = 0; i < 5; i++) {
    await clock.advance(9_000)
    beat(follower)
  }
  expect(group.members.map(({ memberId }) => memberId)).toContain(leader.memberId)
  join(follower.memberId)
  expect(again).toMatchObject([{ generation: 3 }])
  await clock.advance(10_000)
  expect(group.members).toEqual([])
})

it('lets no session end while its member waits for the leader, and counts it anew from the answer', async () => {
  const { join, sync, clock, beat, leader, follower, group } = two()
  const third = join('')
  join(leader.memberId)
  join(follower.memberId)
  const next = { ...leader, generation: 3 }
  const waiting = sync(third[0]!)
  for (let i = 0; i < 4; i++) {
    await clock.advance(9_000)
    beat(next)
    beat({ ...follower, generation: 3 })
  }
  expect(waiting).toEqual([])
  sync(next, { [third[0]!.memberId]: 'three' })
  expect(waiting).toHaveLength(1)
  await clock.advance(9_999)
  expect(group.members).toHaveLength(3)
  await clock.advance(1)
  expect(group.members).toEqual([])
})

it('removes who does not ask for its assignment in time, and lets the others join again', async () => {
  const { join, sync, clock, beat } = start()
  const [leader] = join('')
  sync(leader!)
  const joining = join('')
  join(leader!.memberId)
  const follower = joining[0]!
  const waiting = sync(follower)
  for (let i = 0; i < 12; i++) {
    expect(waiting).toEqual([])
    expect(beat({ ...leader!, generation: 2 })).toBeUndefined()
    await clock.advance(5000)
  }
  expect(waiting).toMatchObject([{ error: 'REBALANCE_IN_PROGRESS' }])
  expect(beat({ ...leader!, generation: 2 })).toBe('UNKNOWN_MEMBER_ID')
  expect(join(follower.memberId)).toMatchObject([{ generation: 3, leader: follower.memberId }])
})

it('is empty when nobody asks for its assignment in time', async () => {
  const { join, clock, beat, group } = start()
  const [alone] = join('')
  for (let i = 0; i < 12; i++) {
    expect([beat(alone!), group.state]).toEqual([undefined, 'CompletingRebalance'])
    await clock.advance(5000)
  }
  expect(group).toMatchObject({ state: 'Empty', generation: 2, members: [] })
  expect(clock.waiting).toEqual([])
})

it('removes who does not ask for its assignment in time also where it is there, and lets the others join again', async () => {
  const { join, sync, clock, beat, group } = start()
  const [leader] = join('')
  sync(leader!)
  const joining = join('')
  join(leader!.memberId)
  const next = { ...leader!, generation: 2 }
  sync(next, { [joining[0]!.memberId]: 'two' })
  // That it is there, or joins once more, is not enough.
  for (let i = 0; i < 12; i++) {
    expect([beat(next), beat(joining[0]!), group.state]).toEqual([undefined, undefined, 'Stable'])
    expect(join(joining[0]!.memberId)).toMatchObject([{ generation: 2 }])
    await clock.advance(5000)
  }
  expect([beat(next), beat(joining[0]!)]).toEqual(['REBALANCE_IN_PROGRESS', 'UNKNOWN_MEMBER_ID'])
  expect(join(leader!.memberId)).toMatchObject([{ generation: 3, members: [{}] }])
})

it('asks nobody to sync again who has done so', async () => {
  const { clock, beat, leader, follower, group } = two()
  for (let i = 0; i < 7; i++) {
    await clock.advance(9_000)
    beat(leader)
    beat(follower)
  }
  expect(group).toMatchObject({ state: 'Stable', generation: 2 })
})

it('waits five minutes at most for a client that has joined for the first time and is gone', async () => {
  const { join, clock, beat, group } = start()
  const more = { rebalanceTimeoutMs: 900_000, sessionTimeoutMs: 400_000 }
  const [leader] = join('', more)
  const gone = join('', more)
  await clock.advance(299_999)
  expect(gone).toEqual([])
  await clock.advance(1)
  expect(gone).toMatchObject([{ error: 'UNKNOWN_MEMBER_ID' }])
  expect(beat(leader!)).toBe('REBALANCE_IN_PROGRESS')
  expect(join(leader!.memberId, more)).toMatchObject([{ generation: 2 }])
  expect(group.members).toHaveLength(1)
})

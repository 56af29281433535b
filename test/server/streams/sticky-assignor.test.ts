import { expect, it, vi } from 'vitest'
import { ProcessLoad } from '../../../src/server/streams/process-load.ts'
import { type AssignableMember, assignSticky } from '../../../src/server/streams/sticky-assignor.ts'
import { noTasks, type Tasks } from '../../../src/server/streams/tasks.ts'
import { fc } from '../../helpers/fast-check.ts'

const member = (memberId: string, processId = memberId, previous: Tasks = noTasks): AssignableMember => ({
  memberId,
  processId,
  previous,
})
const part = (subtopologyId: string, tasks: number, stateful = false) => ({ subtopologyId, tasks, stateful })
const plain = (assignment: ReadonlyMap<string, Tasks>) =>
  Object.fromEntries(
    [...assignment].map(([id, { active, standby }]) => [id, [[...active].sort(), [...standby].sort()]]),
  )

const after = (members: readonly AssignableMember[], assignment: ReadonlyMap<string, Tasks>) =>
  members.map(each => ({ ...each, previous: assignment.get(each.memberId) ?? noTasks }))

it('deals all tasks out evenly, by process and then by thread', () => {
  const assignment = assignSticky([member('a1', 'a'), member('a2', 'a'), member('b')], [part('0', 6)], 0)
  expect(plain(assignment)).toEqual({
    a1: [['0_0', '0_3'], []],
    a2: [['0_2', '0_5'], []],
    b: [['0_1', '0_4'], []],
  })
})

it('moves no more than it has to when somebody comes or goes', () => {
  const members = [member('a'), member('b')]
  const first = assignSticky(members, [part('0', 6)], 0)
  const joined = assignSticky([...after(members, first), member('c')], [part('0', 6)], 0)
  for (const id of ['a', 'b'])
    expect([...joined.get(id)!.active].every(task => first.get(id)!.active.has(task))).toBe(true)
  expect([...joined.values()].map(({ active }) => active.size)).toEqual([2, 2, 2])
  const left = assignSticky(after([member('a'), member('c')], joined), [part('0', 6)], 0)
  for (const id of ['a', 'c'])
    expect([...joined.get(id)!.active].every(task => left.get(id)!.active.has(task))).toBe(true)
})

it('makes a standby active rather than anybody else', () => {
  const [a, b, c] = ['a', 'b', 'c'].map(id => member(id))
  const before = assignSticky([a!, b!, c!], [part('0', 3, true)], 1)
  for (const [gone, ...others] of [
    [a!, b!, c!],
    [b!, a!, c!],
    [c!, a!, b!],
  ]) {
    const lost = [...before.get(gone!.memberId)!.active][0]!
    const standby = others.find(({ memberId }) => before.get(memberId)!.standby.has(lost))!
    const next = assignSticky(after(others, before), [part('0', 3, true)], 1)
    expect(next.get(standby.memberId)!.active.has(lost)).toBe(true)
  }
})

it('makes a standby active rather than who says that it is further on', () => {
  const standby: Tasks = { active: new Set(), standby: new Set(['0_0']) }
  const members = [{ ...member('a'), offsets: new Map([['0_0', 100]]) }, member('b', 'b', standby)]
  expect(plain(assignSticky(members, [part('0', 1, true)], 0))).toEqual({ a: [[], []], b: [['0_0'], []] })
})

it('makes a standby of who had the task active, where another has it now', () => {
  const had: Tasks = { active: new Set(['0_0', '0_1', '0_2', '0_3']), standby: new Set() }
  const members = [member('a'), member('b', 'b', had), member('c')]
  const assignment = assignSticky(members, [part('0', 4, true)], 1)
  // It may have three tasks, as two of three members may.
  expect(plain(assignment).b).toEqual([['0_0', '0_1'], ['0_3']])
})

it.each([[[1]], [[2]], [[3]], [[1, 2]], [[1, 3]], [[2, 3]]])('leaves standbys where they are', distances => {
  const members = ['a', 'b', 'c', 'd'].map((id, at) =>
    member(id, id, {
      active: new Set([`0_${at}`]),
      standby: new Set(distances.map(distance => `0_${(at + distance) % 4}`)),
    }),
  )
  const assignment = assignSticky(members, [part('0', 4, true)], distances.length)
  expect(plain(assignment)).toEqual(
    Object.fromEntries(
      members.map(({ memberId, previous: { active, standby } }) => [
        memberId,
        [[...active], [...standby].sort()],
      ]),
    ),
  )
})

it('gives a standby to who has nothing rather than leave all of them where they are', () => {
  const members = ['a', 'b', 'c'].map((id, at) =>
    member(id, id, { active: new Set([`0_${at}`]), standby: new Set([`0_${(at + 1) % 3}`]) }),
  )
  const assignment = assignSticky([...members, member('d')], [part('0', 3, true)], 1)
  expect(assignment.get('d')!.standby.size).toBe(1)
})

it('spreads the tasks of each subtopology, and their standbys, over processes and threads', () => {
  const members = ['a1', 'a2', 'b1', 'b2'].map(id => member(id, id[0]!))
  const assignment = assignSticky(members, [part('0', 4, true), part('1', 4, true)], 1)
  for (const { active, standby } of assignment.values()) {
    expect([...active].map(task => task[0]).sort()).toEqual(['0', '1'])
    expect([...standby].map(task => task[0]).sort()).toEqual(['0', '1'])
  }
})

it('leaves to who has too many tasks those of all subtopologies evenly', () => {
  const all: Tasks = {
    active: new Set(['0_0', '0_1', '0_2', '0_3', '1_0', '1_1', '1_2', '1_3']),
    standby: new Set(),
  }
  const assignment = assignSticky([member('a', 'a', all), member('b')], [part('0', 4), part('1', 4)], 0)
  expect(plain(assignment)).toEqual({
    a: [['0_0', '0_1', '1_0', '1_1'], []],
    b: [['0_2', '0_3', '1_2', '1_3'], []],
  })
})

it('has no standby at the process of its task, nor of what has no state', () => {
  const assignment = assignSticky([member('a1', 'a'), member('a2', 'a')], [part('0', 2, true)], 1)
  expect([...assignment.values()].flatMap(({ standby }) => [...standby])).toEqual([])
  const stateless = assignSticky([member('a'), member('b')], [part('0', 2), part('1', 2, true)], 1)
  const standbys = [...stateless.values()].flatMap(({ standby }) => [...standby])
  expect(standbys.sort()).toEqual(['1_0', '1_1'])
})

it.each([
  ['processes', 'load', (i: number) => `p${i}`],
  ['threads of one process', 'countOf', () => 'p'],
] as const)('does not look at all %s for each task', (_what, looked, processOf) => {
  const look =
    looked === 'load'
      ? vi.spyOn(ProcessLoad.prototype, looked, 'get')
      : vi.spyOn(ProcessLoad.prototype, looked)
  const members = Array.from({ length: 500 }, (_, i) => member(`m${i}`, processOf(i)))
  const assignment = assignSticky(members, [part('0', 500, true)], 1)
  expect([...assignment.values()].every(({ active }) => active.size === 1)).toBe(true)
  expect(look.mock.calls.length).toBeLessThan(500 * 20)
  look.mockRestore()
})

it('is complete, balanced and settled, whatever came before', () => {
  const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 })
  fc.assert(
    fc.property(
      fc.array(ids, { minLength: 1, maxLength: 5 }),
      fc.array(fc.record({ tasks: fc.integer({ min: 1, max: 7 }), stateful: fc.boolean() }), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.integer({ min: 0, max: 2 }),
      (turns, parts, standbys) => {
        const subtopologies = parts.map((each, index) => ({ subtopologyId: String(index), ...each }))
        const total = parts.reduce((sum, { tasks }) => sum + tasks, 0)
        let assignment: ReadonlyMap<string, Tasks> = new Map()
        for (const present of turns) {
          const members = after(
            present.map(id => member(id)),
            assignment,
          )
          assignment = assignSticky(members, subtopologies, standbys)
          const active = [...assignment.values()].flatMap(each => [...each.active])
          expect(active).toHaveLength(total)
          expect(new Set(active).size).toBe(total)
          for (const each of assignment.values()) {
            expect(each.active.size).toBeLessThanOrEqual(Math.ceil(total / present.length))
            expect(each.active.size).toBeGreaterThanOrEqual(Math.floor(total / present.length))
            expect([...each.standby].some(task => each.active.has(task))).toBe(false)
          }
          const replicas = Math.min(standbys, present.length - 1)
          const stateful = parts.reduce((sum, { tasks, stateful: keeps }) => sum + (keeps ? tasks : 0), 0)
          const kept = [...assignment.values()].flatMap(each => [...each.standby])
          expect(kept).toHaveLength(stateful * replicas)
          const again = assignSticky(after(members, assignment), subtopologies, standbys)
          expect([...again].map(([id, { active: tasks }]) => [id, [...tasks].sort()])).toEqual(
            [...assignment].map(([id, { active: tasks }]) => [id, [...tasks].sort()]),
          )
        }
      },
    ),
  )
})

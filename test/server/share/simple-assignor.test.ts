import { expect, it } from 'vitest'
import { assignSimply, type ShareSubscriber } from '../../../src/server/share/simple-assignor.ts'
import { fc } from '../../helpers/fast-check.ts'

const partitionsOf = (counts: Readonly<Record<string, number>>) => (topic: string) =>
  Array.from({ length: counts[topic] ?? 0 }, (_, i) => `${topic}-${i}`)

const member = (memberId: string, topics: readonly string[], assigned: readonly string[] = []) => ({
  memberId,
  topics,
  assigned,
})

function assign(members: readonly ShareSubscriber<string>[], counts: Readonly<Record<string, number>>) {
  return Object.fromEntries(assignSimply(members, partitionsOf(counts)))
}

it('gives one member everything', () => {
  expect(assign([member('a', ['t'])], { t: 3 })).toEqual({ a: ['t-0', 't-1', 't-2'] })
})

it('lets several members read one partition', () => {
  expect(assign([member('a', ['t']), member('b', ['t'])], { t: 1 })).toEqual({ a: ['t-0'], b: ['t-0'] })
})

it('spreads partitions over members', () => {
  expect(assign([member('a', ['t']), member('b', ['t'])], { t: 4 })).toEqual({
    a: ['t-0', 't-2'],
    b: ['t-1', 't-3'],
  })
})

it('gives nothing of a topic that is not there', () => {
  expect(assign([member('a', ['none'])], {})).toEqual({ a: [] })
})

it('leaves to members what they have, as far as that is fair', () => {
  const members = [member('a', ['t'], ['t-3', 't-1', 't-0', 't-2']), member('b', ['t'])]
  expect(assign(members, { t: 4 })).toEqual({ a: ['t-3', 't-1'], b: ['t-0', 't-2'] })
})

it('spreads the partitions of several topics together where the same members subscribe to them', () => {
  const members = [member('a', ['s', 't']), member('b', ['s', 't'])]
  expect(assign(members, { s: 1, t: 1 })).toEqual({ a: ['s-0'], b: ['t-0'] })
})

it('spreads them in the same order, in whatever order members name them', () => {
  const members = [member('a', ['t', 's']), member('b', ['s', 't'])]
  expect(assign(members, { s: 1, t: 1 })).toEqual({ a: ['s-0'], b: ['t-0'] })
})

it('gives the members that come first one partition more than the others', () => {
  const members = ['a', 'b', 'c'].map(each => member(each, ['t']))
  expect(assign(members, { t: 4 })).toEqual({ a: ['t-0', 't-3'], b: ['t-1'], c: ['t-2'] })
})

it('gives members only what they subscribe to', () => {
  const members = [member('a', ['s', 't']), member('b', ['t'])]
  expect(assign(members, { s: 2, t: 2 })).toEqual({ a: ['s-0', 's-1', 't-0'], b: ['t-1'] })
})

it('lets every partition be read, by as many members as any other, and every member read as many as any other', () => {
  const assigned = fc.array(fc.nat(7), { maxLength: 8 })
  fc.assert(
    fc.property(
      fc.array(assigned, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 8 }),
      (had, count) => {
        const members = had.map((each, i) =>
          member(
            `m${i}`,
            ['t'],
            [...new Set(each)].map(p => `t-${p}`),
          ),
        )
        const given = assignSimply(members, partitionsOf({ t: count }))
        const sharing = Math.ceil(members.length / count)
        const readers = new Map<string, number>()
        const most = Math.ceil((sharing * count) / members.length)
        for (const partitions of given.values()) {
          expect(new Set(partitions).size).toBe(partitions.length)
          expect(partitions.length).toBeLessThanOrEqual(most)
          for (const partition of partitions) readers.set(partition, (readers.get(partition) ?? 0) + 1)
        }
        expect(readers.size).toBe(count)
        for (const each of readers.values()) expect(each).toBeLessThanOrEqual(sharing)
      },
    ),
    { numRuns: 300 },
  )
})

import { describe, expect, it } from 'vitest'
import type {
  AssignmentProblem,
  ProblemMember,
  TargetAssignment,
} from '../../src/group/assignment-problem.ts'
import { range } from '../../src/group/range-assignor.ts'
import { uniform } from '../../src/group/uniform-assignor.ts'
import { fc } from '../helpers/fast-check.ts'

interface Size {
  readonly members: number
  readonly topics: number
  readonly partitions: number
}

const small: Size = { members: 4, topics: 3, partitions: 3 }
const large: Size = { members: 25, topics: 12, partitions: 30 }

/** Any group in any state: partitions of nobody, of members that do not subscribe to them, all of one member. */
function problems(size: Size, equalSubscriptions: boolean): fc.Arbitrary<AssignmentProblem> {
  return fc
    .tuple(
      fc.integer({ min: 1, max: size.members }),
      fc.array(fc.integer({ min: 0, max: size.partitions }), { minLength: 1, maxLength: size.topics }),
    )
    .chain(([memberCount, partitionCounts]) => {
      const allTopics = [...partitionCounts.keys()]
      const subscriptions = equalSubscriptions
        ? fc.constant(Array.from({ length: memberCount }, () => allTopics))
        : fc
            .array(fc.subarray(allTopics), { minLength: 1, maxLength: 4 })
            .chain(choices =>
              fc.array(fc.constantFrom(...choices), { minLength: memberCount, maxLength: memberCount }),
            )
      const current = partitionCounts.map(count =>
        fc.array(fc.integer({ min: -1, max: memberCount - 1 }), { minLength: count, maxLength: count }),
      )
      return fc.tuple(subscriptions, fc.tuple(...current)).map(([subscribed, owners]) => ({
        members: subscribed.map((topics, index) => member(index, topics)),
        topics: partitionCounts.map((partitions, index) => ({ name: `t${index}`, partitions })),
        current: owners.map(row => Int32Array.from(row)),
      }))
    })
}

function member(index: number, subscribed: readonly number[]): ProblemMember {
  return { memberId: `m${index}`, groupInstanceId: undefined, subscribed }
}

interface Cost {
  /** The sum of the squares of the loads: the smaller, the more equal they are. */
  readonly imbalance: number
  readonly moves: number
}

function isMove(
  { members, current }: AssignmentProblem,
  topic: number,
  partition: number,
  owner: number,
): boolean {
  const before = current[topic]![partition]!
  return before !== -1 && before !== owner && members[before]!.subscribed.includes(topic)
}

function loadsOf(problem: AssignmentProblem, target: TargetAssignment): number[] {
  const loads = problem.members.map(() => 0)
  for (const owners of target) for (const owner of owners) if (owner !== -1) loads[owner]!++
  return loads
}

function costOf(problem: AssignmentProblem, target: TargetAssignment): Cost {
  let moves = 0
  for (const [topic, owners] of target.entries()) {
    for (const [partition, owner] of owners.entries()) {
      if (owner !== -1 && isMove(problem, topic, partition, owner)) moves++
    }
  }
  return { imbalance: loadsOf(problem, target).reduce((sum, load) => sum + load * load, 0), moves }
}

/** The best of all assignments there are: least imbalance first, then the fewest moves. */
function bestOf(problem: AssignmentProblem): Cost {
  const open = problem.topics.flatMap(({ partitions }, topic) => {
    const takers = [...problem.members.keys()].filter(index =>
      problem.members[index]!.subscribed.includes(topic),
    )
    return takers.length === 0
      ? []
      : Array.from({ length: partitions }, (_, partition) => ({ topic, partition, takers }))
  })
  const loads = problem.members.map(() => 0)
  let best: Cost = { imbalance: Number.POSITIVE_INFINITY, moves: 0 }
  const tryAll = (depth: number, imbalance: number, moves: number): void => {
    if (imbalance > best.imbalance) return
    const next = open[depth]
    if (next === undefined) {
      if (imbalance < best.imbalance || moves < best.moves) best = { imbalance, moves }
      return
    }
    for (const taker of next.takers) {
      const load = loads[taker]!++
      const moved = isMove(problem, next.topic, next.partition, taker) ? 1 : 0
      tryAll(depth + 1, imbalance + 2 * load + 1, moves + moved)
      loads[taker] = load
    }
  }
  tryAll(0, 0, 0)
  return best
}

function expectOneSubscriberEach(problem: AssignmentProblem, target: TargetAssignment): void {
  expect(target.map(owners => owners.length)).toEqual(problem.topics.map(topic => topic.partitions))
  for (const [topic, owners] of target.entries()) {
    const subscribers = [...problem.members.keys()].filter(index =>
      problem.members[index]!.subscribed.includes(topic),
    )
    const allowed = subscribers.length === 0 ? [-1] : subscribers
    for (const owner of owners) expect(allowed).toContain(owner)
  }
}

describe.each([
  ['equal subscriptions', true],
  ['different subscriptions', false],
])('uniform with %s', (_, equalSubscriptions) => {
  const smallProblems = problems(small, equalSubscriptions)
  const largeProblems = problems(large, equalSubscriptions)

  it('[26] [80] gives every partition that has a subscriber to one of its subscribers', () => {
    fc.assert(
      fc.property(largeProblems, problem => {
        expectOneSubscriberEach(problem, uniform(problem))
      }),
    )
  })

  it('is as balanced as can be and then moves as few partitions as can be', () => {
    fc.assert(
      fc.property(smallProblems, problem => {
        expect(costOf(problem, uniform(problem))).toEqual(bestOf(problem))
      }),
      { numRuns: 400 },
    )
  })

  it('gives the same answer to the same question', () => {
    fc.assert(
      fc.property(largeProblems, problem => {
        expect(uniform(problem)).toEqual(uniform(problem))
      }),
    )
  })

  it('changes nothing when asked again with its own result', () => {
    fc.assert(
      fc.property(largeProblems, problem => {
        const target = uniform(problem)
        expect(uniform({ ...problem, current: target })).toEqual(target)
      }),
    )
  })

  it('does not depend on whether equal subscriptions are one array', () => {
    fc.assert(
      fc.property(largeProblems, problem => {
        const members = problem.members.map(one => ({ ...one, subscribed: [...one.subscribed] }))
        expect(costOf(problem, uniform({ ...problem, members }))).toEqual(costOf(problem, uniform(problem)))
      }),
    )
  })

  it('never gives a member so much that a chain of moves could lower the imbalance', () => {
    fc.assert(
      fc.property(largeProblems, problem => {
        const target = uniform(problem)
        const loads = loadsOf(problem, target)
        for (const start of problem.members.keys()) {
          for (const reached of reachableFrom(problem, target, start)) {
            expect(loads[start]! - loads[reached]!).toBeLessThan(2)
          }
        }
      }),
    )
  })
})

/** All members that could get one partition more while `start` gets one less, directly or along others. */
function reachableFrom({ members }: AssignmentProblem, target: TargetAssignment, start: number): Set<number> {
  const reached = new Set([start])
  for (const giver of reached) {
    for (const [topic, owners] of target.entries()) {
      if (!owners.includes(giver)) continue
      for (const [taker, { subscribed }] of members.entries())
        if (subscribed.includes(topic)) reached.add(taker)
    }
  }
  return reached
}

describe('uniform with overlapping subscriptions', () => {
  // In each of these the shortest chain that evens out the loads moves one partition more than there is need to.
  it.each([
    {
      subscribed: [[0, 1], [1], [0, 1], [0]],
      current: [
        [0, -1],
        [1, 1, -1],
      ],
      moves: 0,
    },
    { subscribed: [[0, 2], [0, 3], [1], [0, 1, 3]], current: [[1], [2, 1], [2, 0], [2, 2, 2]], moves: 0 },
    {
      subscribed: [[0], [1], [0, 1], [0]],
      current: [
        [0, 0, 1],
        [1, 1, 1],
      ],
      moves: 1,
    },
    { subscribed: [[1], [0, 1], [0, 1]], current: [[-1, 1, 1], [2]], moves: 1 },
  ])('takes back moves that balance does not need: $subscribed', ({ subscribed, current, moves }) => {
    const problem: AssignmentProblem = {
      members: subscribed.map((topics, index) => member(index, topics)),
      topics: current.map((owners, index) => ({ name: `t${index}`, partitions: owners.length })),
      current: current.map(owners => Int32Array.from(owners)),
    }
    const cost = costOf(problem, uniform(problem))
    expect(cost.moves).toBe(moves)
    expect(cost).toEqual(bestOf(problem))
  })
})

describe('uniform with equal subscriptions', () => {
  const settled = problems(large, true).map(problem => ({ ...problem, current: uniform(problem) }))

  it('keeps loads within one partition of each other', () => {
    fc.assert(
      fc.property(problems(large, true), problem => {
        const loads = loadsOf(problem, uniform(problem))
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThan(2)
      }),
    )
  })

  it('moves only what the joiner gets when a member joins', () => {
    fc.assert(
      fc.property(settled, problem => {
        const joiner = problem.members.length
        const joined = {
          ...problem,
          members: [...problem.members, member(joiner, problem.members[0]!.subscribed)],
        }
        const target = uniform(joined)
        expect(costOf(joined, target).moves).toBe(loadsOf(joined, target)[joiner])
      }),
    )
  })

  it('moves only what the leaver had when a member leaves', () => {
    fc.assert(
      fc.property(
        settled.filter(problem => problem.members.length > 1),
        fc.nat(),
        (problem, chosen) => {
          const leaver = chosen % problem.members.length
          const left = {
            ...problem,
            members: problem.members.filter((_, index) => index !== leaver),
            current: problem.current.map(owners =>
              owners.map(owner => (owner === leaver ? -1 : owner > leaver ? owner - 1 : owner)),
            ),
          }
          expect(costOf(left, uniform(left)).moves).toBe(0)
        },
      ),
    )
  })
})

describe('range', () => {
  it('[26] [80] gives every partition that has a subscriber to one of its subscribers', () => {
    fc.assert(
      fc.property(problems(large, false), problem => {
        expectOneSubscriberEach(problem, range(problem))
      }),
    )
  })

  it('[47] gives contiguous ranges whose lengths differ by one at most and do not grow', () => {
    fc.assert(
      fc.property(problems(large, false), problem => {
        for (const [topic, owners] of range(problem).entries()) {
          const subscribers = problem.members.filter(({ subscribed }) => subscribed.includes(topic)).length
          if (subscribers === 0) continue
          const lengths = runLengths(owners)
          expect(new Set(owners).size).toBe(lengths.length)
          expect(lengths.length).toBe(Math.min(subscribers, owners.length))
          expect(lengths).toEqual([...lengths].sort((a, b) => b - a))
          if (lengths.length > 0) expect(lengths[0]! - lengths.at(-1)!).toBeLessThan(2)
        }
      }),
    )
  })
})

function runLengths(owners: Int32Array): number[] {
  const lengths: number[] = []
  for (const [partition, owner] of owners.entries()) {
    if (partition > 0 && owners[partition - 1] === owner) lengths[lengths.length - 1]!++
    else lengths.push(1)
  }
  return lengths
}

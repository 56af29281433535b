import { describe, expect, it } from 'vitest'
import type { Assignor, AssignorInput } from '../../src/assignor.ts'
import { InvalidAssignmentError } from '../../src/errors.ts'
import { computeWith } from '../../src/group/custom-assignor.ts'
import { names } from '../helpers/behaviours.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { GroupModel } from './group-model.ts'

type Result = ReturnType<Assignor['assign']>

const custom = (assign: (input: AssignorInput) => unknown): Assignor => ({
  name: 'custom',
  assign: input => assign(input) as Result,
})

/** A group of a (orders, payments) and b (orders), with two partitions of each topic and a topic that nobody reads. */
function groupWith(assign: (input: AssignorInput) => unknown): GroupModel {
  return new GroupModel(computeWith(custom(assign)), { orders: 2, payments: 1, unread: 1 })
    .join('a', ['orders', 'payments'], 'instance-a')
    .join('b', ['orders'])
}

const orders1 = { topic: 'orders', partition: 1 }
const payments0 = { topic: 'payments', partition: 0 }

/** The error that a result, or a function that throws, leads to. */
function refusalOf(assign: (input: AssignorInput) => unknown): InvalidAssignmentError {
  try {
    groupWith(assign).assign()
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidAssignmentError)
    return error as InvalidAssignmentError
  }
  throw new Error('nothing was refused')
}

describe('a custom assignor', () => {
  it('decides who gets what', () => {
    const group = groupWith(() => new Map([['a', [orders1, payments0]], ['b', [orders0]]])) // biome-ignore format: one line
    group.assign()
    expect(group.owned).toEqual({ a: ['orders-1', 'payments-0'], b: ['orders-0'] })
  })

  it('may leave a member out, who then gets nothing', () => {
    const group = groupWith(() => new Map([['a', [orders0, orders1, payments0]]]))
    group.assign()
    expect(group.owned).toEqual({ a: ['orders-0', 'orders-1', 'payments-0'], b: [] })
  })

  it('sees members in order of joining, their topics and assignments, and the size of each topic', () => {
    const seen: AssignorInput[] = []
    const group = groupWith(input => {
      seen.push(input)
      return new Map([['a', [orders1, payments0]], ['b', [orders0]]]) // biome-ignore format: one line
    })
    group.assign()
    group.assign()
    expect(seen[0]!.topics).toEqual(new Map([['orders', 2], ['payments', 1], ['unread', 1]])) // biome-ignore format: one line
    expect(seen[0]!.members.map(member => member.assignment)).toEqual([[], []])
    expect(seen[1]!.members).toEqual([
      {
        memberId: 'a',
        groupInstanceId: 'instance-a',
        topics: ['orders', 'payments'],
        assignment: [orders1, payments0],
      },
      { memberId: 'b', topics: ['orders'], assignment: [orders0] },
    ])
    expect(Object.hasOwn(seen[1]!.members[1]!, 'groupInstanceId')).toBe(false)
  })

  it('that throws is refused with what it threw as cause', () => {
    const cause = new TypeError('no idea')
    const error = refusalOf(() => {
      throw cause
    })
    expect(error.cause).toBe(cause)
    expect(error).toMatchObject({ assignor: 'custom', message: "Assignor 'custom' threw: no idea" })
  })

  it.each([
    ['undefined', undefined],
    ['an object', {}],
    ['a promise', Promise.resolve(new Map())],
  ])('that returns %s instead of a Map is refused', (_, result) => {
    expect(refusalOf(() => result).message).toContain('expected a Map of partitions by member id')
  })

  it('that throws something other than an error is refused with that as cause', () => {
    const error = refusalOf(() => {
      throw 'no idea'
    })
    expect(error.cause).toBe('no idea')
    expect(error.message).toContain('no idea')
  })

  it('that names an unknown member is refused', () => {
    const error = refusalOf(() => new Map([['nobody', [orders0]]]))
    expect(error).toMatchObject({ memberId: 'nobody' })
    expect(error.message).toContain('unknown member')
  })

  it('that names a member by something other than its id is refused', () => {
    const error = refusalOf(({ members }) => new Map([[members[0], [orders0]]]))
    expect(error).not.toHaveProperty('memberId')
    expect(error.message).toContain('unknown member')
  })

  it('that gives something other than an array is refused', () => {
    const error = refusalOf(() => new Map([['a', 'orders-0']]))
    expect(error).toMatchObject({ memberId: 'a' })
    expect(error.message).toContain('expected an array of partitions')
  })

  it.each([['orders-0'], [null], [{ topic: 'orders' }], [{ topic: 3, partition: 0 }]])(
    'that gives %o where a partition belongs is refused',
    given => {
      const error = refusalOf(() => new Map([['a', [given]]]))
      expect(error).toMatchObject({ memberId: 'a' })
      expect(error.message).toContain('expected { topic, partition }')
    },
  )

  it('that names an unknown topic is refused', () => {
    const error = refusalOf(() => new Map([['a', [{ topic: 'ordres', partition: 0 }]]]))
    expect(error).toMatchObject({ memberId: 'a', topic: 'ordres', partition: 0 })
  })

  it.each([[-1], [2], [0.5], [Number.NaN]])('that gives partition %d of two is refused', partition => {
    const error = refusalOf(() => new Map([['a', [{ topic: 'orders', partition }]]]))
    expect(error).toMatchObject({ memberId: 'a', topic: 'orders', partition })
    expect(error.message).toContain('2 partitions')
  })

  it('[80] that gives a member a topic it did not subscribe to is refused', () => {
    const error = refusalOf(() => new Map([['b', [payments0]]]))
    expect(error).toMatchObject({ memberId: 'b', ...payments0 })
    expect(error.message).toContain('does not subscribe to')
  })

  it('[26] that gives one partition to two members is refused', () => {
    const error = refusalOf(() => new Map([['a', [orders0]], ['b', [orders0]]])) // biome-ignore format: one line
    expect(error).toMatchObject({ memberId: 'b', ...orders0 })
    expect(error.message).toContain("member 'a' too")
  })

  it('[26] that gives one partition to one member twice is refused', () => {
    const error = refusalOf(() => new Map([['a', [orders0, orders0]]]))
    expect(error).toMatchObject({ memberId: 'a', ...orders0 })
    expect(error.message).toContain('twice')
  })

  it('that leaves out partitions that somebody subscribes to is refused with the first and how many', () => {
    const error = refusalOf(() => new Map([['b', [orders0]]]))
    expect(error).toMatchObject(orders1)
    expect(error.message).toBe(
      "Assignor 'custom' left out partition 1 of topic 'orders' and 1 more, to which a member subscribes",
    )
    const one = refusalOf(() => new Map([['a', [orders0, payments0]]]))
    expect(one.message).toBe(
      "Assignor 'custom' left out partition 1 of topic 'orders', to which a member subscribes",
    )
  })
})

it("a custom assignor that has failed sees later what nobody has as nobody's", async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions: 2 })
  broker.on('error', () => {})
  let fails = false
  const seen: string[][] = []
  const assignor = custom(({ members }) => {
    if (fails) throw new Error('failed')
    seen.push(members.map(({ assignment }) => String(names(assignment))))
    const [first, second = first!] = members
    return new Map([
      [first!.memberId, second === first ? [orders0, orders1] : [orders0]],
      [second.memberId, second === first ? [orders0, orders1] : [orders1]],
    ])
  })
  const options = { groupId: 'g', topics: ['orders'], assignor }
  const [stays, leaves, comes] = [1, 2, 3].map(() => broker.consumer(options))
  await stays!.ready()
  await leaves!.ready()
  fails = true
  await leaves!.close()
  fails = false
  await comes!.ready()
  await clock.settle()
  expect(seen).toEqual([[''], ['orders-0,orders-1', ''], ['orders-0', '']])
})

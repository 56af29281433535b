import { describe, expect, it } from 'vitest'
import { assignors } from '../../src/group/assignors.ts'
import { GroupModel } from './group-model.ts'

const { uniform, range } = assignors

describe('uniform', () => {
  it('[26] gives each partition to exactly one member, consecutive ones to different members', () => {
    const group = new GroupModel(uniform, { orders: 6 }).join('a').join('b').join('c')
    group.assign()
    expect(group.owned).toEqual({
      a: ['orders-0', 'orders-3'],
      b: ['orders-1', 'orders-4'],
      c: ['orders-2', 'orders-5'],
    })
  })

  it('[27] leaves members beyond the number of partitions empty', () => {
    const group = new GroupModel(uniform, { orders: 2 }).join('a').join('b').join('c').join('d')
    group.assign()
    expect(group.loads).toEqual({ a: 1, b: 1, c: 0, d: 0 })
  })

  it('[27] moves nothing when a member joins that there is no partition for', () => {
    const group = new GroupModel(uniform, { orders: 2 }).join('a').join('b')
    group.assign()
    group.join('c')
    expect(group.assign()).toEqual([])
    expect(group.loads).toEqual({ a: 1, b: 1, c: 0 })
  })

  it('balances over all topics together, and goes round from one topic to the next', () => {
    const group = new GroupModel(uniform, { orders: 1, payments: 1, refunds: 1 })
      .join('a')
      .join('b')
      .join('c')
    group.assign()
    expect(group.owned).toEqual({ a: ['orders-0'], b: ['payments-0'], c: ['refunds-0'] })
  })

  it('moves exactly three partitions when a fourth member joins three on twelve partitions', () => {
    const group = new GroupModel(uniform, { orders: 12 }).join('a').join('b').join('c')
    group.assign()
    group.join('d')
    expect(group.assign()).toHaveLength(3)
    expect(group.loads).toEqual({ a: 3, b: 3, c: 3, d: 3 })
  })

  it('lets a joiner have a part of every topic', () => {
    const group = new GroupModel(uniform, { busy: 6, quiet: 6 }).join('a').join('b')
    group.assign()
    group.join('c')
    expect(group.assign()).toHaveLength(4)
    expect(group.owned.c!.filter(name => name.startsWith('busy'))).toHaveLength(2)
  })

  it('moves nothing but what the leaver had when a member leaves', () => {
    const group = new GroupModel(uniform, { orders: 12 }).join('a').join('b').join('c').join('d')
    group.assign()
    const { a, b, c, d } = group.owned
    group.leave('b')
    expect(group.assign()).toEqual([])
    expect(group.owned.a).toEqual(expect.arrayContaining(a!))
    expect(group.owned.c).toEqual(expect.arrayContaining(c!))
    expect(group.owned.d).toEqual(expect.arrayContaining(d!))
    expect([...group.owned.a!, ...group.owned.c!, ...group.owned.d!]).toEqual(expect.arrayContaining(b!))
    expect(group.loads).toEqual({ a: 4, c: 4, d: 4 })
  })

  it('gives partitions that were added to those with the fewest and moves none', () => {
    const group = new GroupModel(uniform, { orders: 4 }).join('a').join('b').join('c')
    group.assign()
    expect(group.loads).toEqual({ a: 2, b: 1, c: 1 })
    group.resize('orders', 6)
    expect(group.assign()).toEqual([])
    expect(group.loads).toEqual({ a: 2, b: 2, c: 2 })
  })

  it('lets the member that has one more than the others keep it, whoever joined first', () => {
    const problem = new GroupModel(uniform, { orders: 5 }).join('a').join('b').problem()
    const current = [Int32Array.of(1, 0, 1, 0, 1)]
    expect(uniform({ ...problem, current })).toEqual(current)
  })

  it('[80] gives each member only topics that it subscribed to', () => {
    const group = new GroupModel(uniform, { orders: 4, payments: 2 })
      .join('a', ['orders'])
      .join('b', ['payments'])
    group.assign()
    expect(group.owned).toEqual({
      a: ['orders-0', 'orders-1', 'orders-2', 'orders-3'],
      b: ['payments-0', 'payments-1'],
    })
  })

  it('[80] evens out loads through members in between whose topics overlap', () => {
    const group = new GroupModel(uniform, { left: 2, middle: 4, right: 0 })
    group.join('a', ['left', 'middle']).join('b', ['middle', 'right']).join('c', ['right'])
    group.assign()
    expect(group.loads).toEqual({ a: 3, b: 3, c: 0 })
    group.resize('right', 3)
    expect(group.assign()).toEqual([])
    expect(group.loads).toEqual({ a: 3, b: 3, c: 3 })
    group.leave('a').join('d', ['left', 'middle', 'right'])
    group.assign()
    expect(group.loads).toEqual({ b: 3, c: 3, d: 3 })
  })

  it('[80] hands partitions on along a chain of members when no direct move helps', () => {
    const group = new GroupModel(uniform, { left: 4, right: 2 })
      .join('a', ['left'])
      .join('b', ['left', 'right'])
    group.assign()
    expect(group.loads).toEqual({ a: 3, b: 3 })
    group.join('c', ['right'])
    group.assign()
    expect(group.loads).toEqual({ a: 2, b: 2, c: 2 })
  })

  it('[80] takes back a partition whose owner no longer subscribes to its topic', () => {
    const group = new GroupModel(uniform, { orders: 2, payments: 2 }).join('a').join('b')
    group.assign()
    group.join('a', ['payments'])
    group.assign()
    expect(group.owned.b).toEqual(expect.arrayContaining(['orders-0', 'orders-1']))
    expect(group.owned.a).toEqual(['payments-0', 'payments-1'])
  })

  it('leaves a topic that nobody subscribes to with nobody', () => {
    const problem = new GroupModel(uniform, { orders: 2, unread: 2 }).join('a', ['orders']).problem()
    expect(uniform(problem)).toEqual([Int32Array.of(0, 0), Int32Array.of(-1, -1)])
  })

  it('has nothing to give to an empty group', () => {
    const group = new GroupModel(uniform, { orders: 3 })
    expect(group.assign()).toEqual([])
    expect(uniform(group.problem())).toEqual([Int32Array.of(-1, -1, -1)])
  })

  it('has nothing to give to members without topics', () => {
    const group = new GroupModel(uniform, { orders: 2 }).join('a', []).join('b', [])
    group.assign()
    expect(group.owned).toEqual({ a: [], b: [] })
  })

  it('does not mind a current assignment that is shorter than a topic that has grown', () => {
    const problem = new GroupModel(uniform, { orders: 4 }).join('a').join('b').problem()
    expect(uniform({ ...problem, current: [Int32Array.of(1)] })).toEqual([Int32Array.of(1, 0, 1, 0)])
  })

  it('does not touch what it is given', () => {
    const problem = new GroupModel(uniform, { orders: 4 }).join('a').join('b').problem()
    const current = Int32Array.of(0, 0, 0, 0)
    uniform({ ...problem, current: [current] })
    expect(current).toEqual(Int32Array.of(0, 0, 0, 0))
  })
})

describe('range', () => {
  it('[47] gives two members on two topics of three partitions the ranges that Kafka gives', () => {
    const group = new GroupModel(range, { t0: 3, t1: 3 }).join('C0').join('C1')
    group.assign()
    expect(group.owned).toEqual({
      C0: ['t0-0', 't0-1', 't1-0', 't1-1'],
      C1: ['t0-2', 't1-2'],
    })
  })

  it('[47] orders members by member id, not by when they joined', () => {
    const group = new GroupModel(range, { orders: 3 }).join('b').join('a')
    group.assign()
    expect(group.owned).toEqual({ b: ['orders-2'], a: ['orders-0', 'orders-1'] })
  })

  it('[47] puts members with an instance id first, in the order of those ids', () => {
    const group = new GroupModel(range, { orders: 4 })
      .join('a')
      .join('z', ['orders'], 'instance-2')
      .join('y', ['orders'], 'instance-10')
      .join('b')
    group.assign()
    expect(group.owned).toEqual({ y: ['orders-0'], z: ['orders-1'], a: ['orders-2'], b: ['orders-3'] })
  })

  it('[27] leaves members beyond the number of partitions of a topic empty', () => {
    const group = new GroupModel(range, { orders: 2 }).join('a').join('b').join('c')
    group.assign()
    expect(group.owned).toEqual({ a: ['orders-0'], b: ['orders-1'], c: [] })
  })

  it('[80] divides each topic among its own subscribers', () => {
    const group = new GroupModel(range, { orders: 5, payments: 2, refunds: 1 })
      .join('a', ['orders', 'payments'])
      .join('b', ['orders'])
    group.assign()
    expect(group.owned).toEqual({
      a: ['orders-0', 'orders-1', 'orders-2', 'payments-0', 'payments-1'],
      b: ['orders-3', 'orders-4'],
    })
  })

  it('leaves a topic that nobody subscribes to with nobody', () => {
    const problem = new GroupModel(range, { orders: 2, unread: 2 }).join('a', ['orders']).problem()
    expect(range(problem)).toEqual([Int32Array.of(0, 0), Int32Array.of(-1, -1)])
  })
})

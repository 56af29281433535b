import { expect, it } from 'vitest'
import type { ConsumerOptions } from '../../src/consumer/consumer-options.ts'
import { type Broker, TimeoutError, type Topic, topic } from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { fill, gate, names, owners, range } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

const orders1 = { topic: 'orders', partition: 1 } as const
// --- a fourth consumer ------------------------------------------------------------------------------------------------

/** Three consumers on twelve partitions; `slow` is what giving up, or handling, takes from when a test sets it. */
async function threeOnTwelve() {
  const { broker, clock } = brokerWithOrders(0, 12)
  const handled: string[] = []
  const slow: { hook?: Promise<void>; handler?: (partition: number) => Promise<void> | undefined } = {}
  const run = async (clientId: string) => {
    const consumer = broker.consumer({
      groupId: 'g',
      topics: ['orders'],
      clientId,
      onRevoked: () => slow.hook,
    })
    await consumer.run({
      eachRecord: async ({ partition }) => {
        handled.push(`${clientId} ${partition}`)
        await slow.handler?.(partition)
      },
    })
  }
  for (const i of range(0, 3)) await run(`c${i}`)
  await broker.group('g').stable()
  const revoking = () => broker.group('g').members.flatMap(member => names(member.revoking))
  const appendToAll = async () => {
    handled.length = 0
    for (const partition of range(0, 12)) fill(broker, 'orders', 1, partition)
    await clock.settle()
  }
  const handledBy = (dealt: Record<string, string[]>) =>
    Object.entries(dealt).flatMap(([id, own]) => own.map(name => `${id} ${name.replace('orders-', '')}`))
  return { broker, clock, run, slow, handled, handledBy, revoking, appendToAll }
}

it('moves exactly 3 of 12 partitions to a fourth consumer, and the other 9 do not pause for it', async () => {
  const { broker, clock, run, slow, handled, handledBy, revoking, appendToAll } = await threeOnTwelve()
  const rebalanced: unknown[] = []
  broker.on('rebalanced', event => rebalanced.push(event))
  const before = owners(broker, 'g')
  expect(Object.values(before).map(own => own.length)).toEqual([4, 4, 4])

  const { opened, open } = gate()
  slow.hook = opened
  const running = run('c3')
  await clock.settle()
  const moving = revoking()
  expect(moving).toHaveLength(3)
  await appendToAll()
  const staying = Object.fromEntries(
    Object.entries(before).map(([id, own]) => [id, own.filter(name => !moving.includes(name))]),
  )
  expect(Object.values(staying).map(own => own.length)).toEqual([3, 3, 3])
  expect([...handled].sort()).toEqual(handledBy(staying).sort())
  expect(broker.group('g').state).toBe('Reconciling')
  expect(rebalanced).toEqual([])

  open()
  await running
  await broker.idle()
  const after = owners(broker, 'g')
  expect(after).toEqual({ ...staying, c3: names(moving.map(toPartition)) })
  expect([...handled].sort()).toEqual(handledBy(after).sort())
  expect(rebalanced).toEqual([{ groupId: 'g', epoch: 5, members: 4, moved: 3 }])
})

it('waits for a slow handler with the one partition that it is about, and with no other member', async () => {
  // The same seed moves the same partitions: which one c0 has to give up is seen beforehand.
  const rehearsal = await threeOnTwelve()
  const { c0 } = owners(rehearsal.broker, 'g')
  await rehearsal.run('c3')
  const held = toPartition(owners(rehearsal.broker, 'g').c3!.find(name => c0!.includes(name))!).partition

  const { broker, clock, run, slow, handled, revoking, appendToAll } = await threeOnTwelve()
  const { opened, open } = gate()
  slow.handler = partition => (partition === held ? opened : undefined)
  fill(broker, 'orders', 1, held)
  await clock.settle()
  const running = run('c3')
  await clock.settle()
  expect(revoking()).toEqual([`orders-${held}`])
  expect(owners(broker, 'g').c3).toHaveLength(2)
  await appendToAll()
  const others = handled.map(each => each.split(' ')[0])
  expect(others.filter(id => id === 'c1')).toHaveLength(3)
  expect(others.filter(id => id === 'c2')).toHaveLength(3)
  expect(others.filter(id => id === 'c3')).toHaveLength(2)
  expect(others.filter(id => id === 'c0')).toHaveLength(0)

  open()
  await running
  await broker.idle()
  expect(owners(broker, 'g').c3).toContain(`orders-${held}`)
  expect(handled.filter(each => each === `c3 ${held}`)).toHaveLength(1)
  expect(handled).toHaveLength(12)
})

function toPartition(name: string): { topic: string; partition: number } {
  return { topic: 'orders', partition: Number(name.replace('orders-', '')) }
}

// --- states -----------------------------------------------------------------------------------------------------------

it('goes through Empty, Stable and Reconciling, and is Dead once deleted', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 0 }])
  const group = broker.group('g')
  const states = [[group.state, group.epoch]]
  const note = () => states.push([group.state, group.epoch])
  const { opened, open } = gate()
  const first = broker.consumer({ groupId: 'g', topics: ['orders'], onRevoked: () => opened })
  await first.ready()
  note()
  const second = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const ready = second.ready()
  await clock.settle()
  note()
  open()
  await ready
  note()
  await Promise.all([first.close(), second.close()])
  note()
  broker.deleteGroup('g')
  note()
  expect(states).toEqual([
    ['Empty', 1],
    ['Stable', 2],
    ['Reconciling', 3],
    ['Stable', 3],
    ['Empty', 5],
    ['Dead', 5],
  ])
})

it('is Assigning while its assignor fails, and goes on once it works again', async () => {
  const { broker, clock } = brokerWithOrders(0, 4)
  let failing = false
  const boom = new Error('no idea')
  const errors: unknown[] = []
  broker.on('error', error => errors.push(error))
  const assignor: ConsumerOptions['assignor'] = {
    name: 'mine',
    assign: ({ members, topics }) => {
      if (failing) throw boom
      const all = [...topics].flatMap(([name, count]) =>
        range(0, count).map(partition => ({ topic: name, partition })),
      )
      const rank = (partition: number) => partition % members.length
      return new Map(
        members.map(({ memberId }, i) => [memberId, all.filter(({ partition }) => rank(partition) === i)]),
      )
    },
  }
  const make = () => broker.consumer({ groupId: 'g', topics: ['orders'], assignor })
  const [first, second] = [make(), make()]
  await first.ready()
  await second.ready()
  const group = broker.group('g')
  expect([group.state, group.assignor]).toEqual(['Stable', 'mine'])
  failing = true
  await second.close()
  expect(group.state).toBe('Assigning')
  expect(errors).toHaveLength(1)
  // What is left of the target stands.
  await clock.settle()
  expect(names(first.assignment)).toEqual(['orders-0', 'orders-2'])
  const stable = group.stable()
  failing = false
  await clock.settle()
  broker.topic('orders').addPartitions(5)
  await stable
  expect(group.state).toBe('Stable')
  expect(first.assignment).toHaveLength(5)
})

it('asks no assignor when the last member has left', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const errors: unknown[] = []
  broker.on('error', error => errors.push(error))
  const asked: number[] = []
  const assignor: ConsumerOptions['assignor'] = {
    name: 'first-takes-all',
    assign({ members }) {
      asked.push(members.length)
      return new Map([[members[0]!.memberId, [orders0, orders1]]])
    },
  }
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], assignor })
  await consumer.ready()
  expect(names(consumer.assignment)).toEqual(['orders-0', 'orders-1'])
  await consumer.close()
  await clock.settle()
  expect([asked, errors, broker.group('g').state]).toEqual([[1], [], 'Empty'])
})

it('leaves a member what it reads where its assignor fails on something else', async () => {
  const { broker, clock } = testBroker()
  for (const name of ['orders', 'payments']) broker.createTopic(name, {})
  const assignor: ConsumerOptions['assignor'] = {
    name: 'mine',
    assign: ({ members, topics }) => {
      if (topics.has('payments')) throw new Error('no idea')
      const partitions = range(0, topics.get('orders')!).map(partition => ({ topic: 'orders', partition }))
      return new Map([[members[0]!.memberId, partitions]])
    },
  }
  const topics: string[] = ['orders']
  const consumer = broker.consumer({ groupId: 'g', topics, assignor })
  await consumer.ready()
  expect(await rejectionOf(consumer.subscribe(['payments']))).toMatchObject({ code: 'INVALID_ASSIGNMENT' })
  expect(broker.group('g').members[0]!.topics).toEqual(['orders'])
  broker.topic('orders').addPartitions(2)
  await clock.settle()
  expect(broker.group('g').members[0]).toMatchObject({ topics: ['orders'], assignment: [orders0, orders1] })
})

it('shows its members with what they read, have and are to give up', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const first = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    clientId: 'a',
    groupInstanceId: 'one',
    onRevoked: () => new Promise(() => {}),
  })
  await first.ready()
  const second = broker.consumer({ groupId: 'g', topics: /^ord/, clientId: 'b' })
  second.ready().catch(() => {})
  await clock.settle()
  expect(broker.group('g').members).toEqual([
    {
      memberId: first.memberId,
      groupInstanceId: 'one',
      clientId: 'a',
      topics: ['orders'],
      assignment: [orders0, orders1],
      revoking: [orders1],
      connected: true,
    },
    {
      memberId: second.memberId,
      clientId: 'b',
      topics: ['orders'],
      assignment: [],
      revoking: [],
      connected: true,
    },
  ])
})

// --- lag and waiting --------------------------------------------------------------------------------------------------

it('counts lag by partition from what is committed, or from where the reset policy would begin', async () => {
  const { broker } = brokerWithOrders(5, 2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await consumer.ready()
  await consumer.commit([{ ...orders0, offset: 2 }])
  const group = broker.group('g')
  expect(group.lagByPartition()).toEqual([
    { ...orders0, lag: 3 },
    { ...orders1, lag: 5 },
  ])
  expect(group.lag()).toBe(8)
  broker.topic('orders').partitions[0]!.deleteRecords(4)
  expect(group.lagByPartition()[0]).toEqual({ ...orders0, lag: 1 })

  const latest = broker.consumer({ groupId: 'latest', topics: ['orders'], autoOffsetReset: 'latest' })
  await latest.ready()
  fill(broker, 'orders', 1)
  expect(broker.group('latest').lag()).toBe(1)

  const byHand = {
    groupId: 'by hand',
    topics: ['orders'],
    autoOffsetReset: 'latest',
    autoCommit: false,
  } as const
  await broker.consumer(byHand).ready()
  expect(broker.group('by hand').lag()).toBe(0)
})

it('resolves stable when no rebalance is under way, and says who keeps it from that', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const { opened, open } = gate()
  const first = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'a', onRevoked: () => opened })
  await first.ready()
  const group = broker.group('g')
  await group.stable()
  const second = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'b' })
  const ready = second.ready()
  await clock.settle()
  const error = rejectionOf(group.stable({ timeoutMs: 100 }))
  const stable = group.stable()
  await clock.advance(100)
  expect(await error).toBeInstanceOf(TimeoutError)
  expect((await error).message).toBe(
    "Waited 100 ms for group 'g' to be stable: state Reconciling, 2 members; " +
      `'${first.memberId}' has not released orders-1 for '${second.memberId}'`,
  )
  open()
  await Promise.all([stable, ready])
})

it('is stable again once a topic is gone of which a partition was being given up', async () => {
  const { broker, clock } = brokerWithOrders(1, 2)
  const { opened, open } = gate()
  const read = { groupId: 'g', topics: ['orders'] } as const
  await broker.consumer(read).run({ eachRecord: () => opened, concurrency: 2 })
  await clock.settle()
  const second = broker.consumer(read).run({ eachRecord: () => {} })
  await clock.settle()
  expect(broker.group('g').state).toBe('Reconciling')
  broker.deleteTopic('orders')
  await broker.group('g').stable()
  open()
  await second
  expect(broker.group('g').members.map(({ assignment }) => assignment)).toEqual([[], []])
})

it('has lag only where it has committed something, while no member reads the topic', async () => {
  const { broker } = testBroker()
  const log = broker.createTopic('log', { partitions: 2 })
  for (const partition of [0, 1]) log.append({ value: 1, partition })
  const log1 = { topic: 'log', partition: 1 }
  await broker.admin.setGroupOffsets('g', [{ ...log1, offset: 0 }])
  expect(broker.group('g').lagByPartition()).toEqual([{ ...log1, lag: 1 }])
})

it('resolves caughtUp with lag 0, and says what lags when its time is up', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  fill(broker, 'orders', 2)
  await broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ eachRecord: () => broker.clock.sleep(100) })
  const group = broker.group('g')
  await clock.settle()
  const error = rejectionOf(group.caughtUp({ timeoutMs: 50 }))
  const caughtUp = group.caughtUp()
  await clock.advance(50)
  expect((await error).message).toBe(
    "Waited 50 ms for group 'g' to catch up: state Stable, 1 member; lag orders-0: 1",
  )
  await clock.advance(50)
  await caughtUp
})

it.each<[string, TopicOptions, (topic: Topic) => unknown]>([
  ['time', { retentionMs: 1000 }, () => {}],
  ['deleteRecords', {}, ({ partitions }) => partitions[0]!.deleteRecords(1)],
  ['compaction', { cleanupPolicy: 'compact', deleteRetentionMs: 0 }, log => [log.compact(), log.compact()]],
])('has caught up once what it has not read is gone by %s', async (_, options, drop) => {
  const { broker, clock } = testBroker()
  broker.on('recordsDropped', () => {})
  const log = broker.createTopic('log', options)
  log.append({ key: 'a', value: null })
  const group = broker.createGroup('g', { topics: ['log'] })
  const caughtUp = group.caughtUp()
  await clock.advance(1001)
  drop(log)
  await clock.advance(1)
  expect(group.lag()).toBe(0)
  await caughtUp
})

it.each<[string, number, (broker: Broker) => unknown]>([
  ['have expired', 1000, () => {}],
  ['are deleted', 1, ({ admin }) => admin.deleteGroupOffsets('g', [{ topic: 'log', partition: 0 }])],
])('has caught up once its offsets %s, since it reads nothing any more', async (_, ms, drop) => {
  const { broker, clock } = testBroker({ offsetsRetentionMs: 1000 })
  broker.createTopic('log').append({ value: 1 })
  const group = broker.createGroup('g', { topics: ['log'] })
  const caughtUp = group.caughtUp()
  await clock.settle()
  await drop(broker)
  await clock.advance(ms)
  expect(group.lag()).toBe(0)
  await caughtUp
})

// --- offsets ----------------------------------------------------------------------------------------------------------

it('moves an empty group to given offsets, to either end and to a time', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll()
  await consumer.close()
  const group = broker.group('g')
  const offsets = () => group.offsets.map(({ partition, offset }) => [partition, offset])
  await clock.advance(1000)
  const time = clock.now()
  fill(broker, 'orders', 2)
  group.setOffsets([{ ...orders0, offset: 1, metadata: 'by hand' }])
  expect(offsets()).toEqual([
    [0, 1],
    [1, 3],
  ])
  expect(group.committed(orders0)).toEqual({ offset: 1, metadata: 'by hand' })
  group.setOffsets('earliest')
  expect(offsets()).toEqual([
    [0, 0],
    [1, 0],
  ])
  group.setOffsets('latest')
  expect(offsets()).toEqual([
    [0, 5],
    [1, 3],
  ])
  // Where nothing is that late, the end.
  group.setOffsets({ timestamp: time })
  expect(offsets()).toEqual([
    [0, 3],
    [1, 3],
  ])
})

it('refuses to move a group that has members', async () => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  expect(thrownBy(() => broker.group('g').setOffsets('earliest'))).toMatchObject({
    code: 'NON_EMPTY_GROUP',
    groupId: 'g',
    message:
      "Group 'g' has 1 member; it must be Empty before its offsets can be set: close its consumers first",
  })
})

it('refuses to move a group that was deleted, or has expired: one of the same id that comes later begins anew', async () => {
  const { broker, clock } = testBroker({ topics: { orders: topic() }, offsetsRetentionMs: 1000 })
  fill(broker, 'orders', 3)
  const deleted = broker.createGroup('deleted', { topics: ['orders'] })
  const expired = broker.createGroup('expired', { topics: ['orders'] })
  broker.deleteGroup('deleted')
  await clock.advance(2000)
  for (const group of [deleted, expired]) {
    for (const to of ['latest', [{ ...orders0, offset: 2 }]] as const) {
      expect(thrownBy(() => group.setOffsets(to))).toMatchObject({
        code: 'GROUP_ID_NOT_FOUND',
        groupId: group.id,
        message: `There is no group '${group.id}' any more`,
      })
    }
    const seen: number[] = []
    const consumer = broker.consumer({ groupId: group.id, topics: ['orders'] })
    await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
    await broker.idle()
    expect(seen).toEqual([0, 1, 2])
  }
})

it('is found by its id, with near matches for a misspelt one', async () => {
  const { broker } = brokerWithOrders(0)
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).ready()
  expect(broker.group('billing')).toBe(broker.groups.get('billing'))
  expect([...broker.groups.keys()]).toEqual(['billing'])
  expect(thrownBy(() => broker.group('biling'))).toMatchObject({
    code: 'GROUP_ID_NOT_FOUND',
    errno: 69,
    suggestions: ['billing'],
  })
})

it('tells at once who waits for a group whose broker closes', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const group = broker.createGroup('g', { topics: ['orders'] })
  const waiting = rejectionOf(group.caughtUp({ timeoutMs: 60_000 }))
  await clock.settle()
  await broker.close()
  expect(await waiting).toMatchObject({
    name: 'ClosedError',
    code: 'CLOSED',
    message: 'The broker is closed',
  })
  expect(clock.waiting).toEqual([])
  expect(await rejectionOf(group.caughtUp())).toMatchObject({ code: 'CLOSED' })
})

it('tells nothing of a group of its id that came later, once it is Dead', async () => {
  const { broker } = testBroker({ topics: { orders: topic<number>() } })
  for (let i = 0; i < 3; i++) broker.topic('orders').append({ value: i })
  const dead = broker.createGroup('g', { topics: ['orders'] })
  expect(dead.lag()).toBe(3)
  await broker.admin.deleteGroup('g')
  broker.createGroup('g', { topics: ['orders'], from: 'end' })
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).ready()
  expect(broker.group('g').offsets).toHaveLength(1)
  expect(dead).toMatchObject({ state: 'Dead', members: [], offsets: [] })
  expect([dead.committed({ topic: 'orders', partition: 0 }), dead.lagByPartition()]).toEqual([null, []])
})

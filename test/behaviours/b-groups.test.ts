// Kafka's behaviours, section B: groups and subscriptions. The numbers are the lines of the list of behaviours.
import { expect, it } from 'vitest'
import {
  CommitFailedError,
  IllegalStateError,
  InconsistentGroupProtocolError,
  InvalidOptionError,
  UnknownTopicOrPartitionError,
} from '../../src/index.ts'
import { at, fill, names, offsets, owners, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

const orders1 = { topic: 'orders', partition: 1 } as const

function orders(partitions: number) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions })
  const join = async (clientId: string, options: Partial<Parameters<typeof broker.consumer>[0]> = {}) => {
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], clientId, ...options })
    await consumer.ready()
    return consumer
  }
  return { broker, clock, join }
}

it('[26] gives each partition to one member of a group, and all records to every group', async () => {
  const { broker } = orders(6)
  const seen: Record<string, string[]> = {}
  for (const [groupId, clientId] of [
    ['a', 'a1'],
    ['a', 'a2'],
    ['a', 'a3'],
    ['b', 'b1'],
  ] as const) {
    const records: string[] = []
    seen[clientId] = records
    const consumer = broker.consumer({ groupId, clientId, topics: ['orders'] })
    await consumer.run({ eachRecord: record => void records.push(at(record)) })
  }
  await broker.idle()
  for (let partition = 0; partition < 6; partition++) fill(broker, 'orders', 5, partition)
  await broker.idle()

  const owned = owners(broker, 'a')
  expect(Object.values(owned).map(({ length }) => length)).toEqual([2, 2, 2])
  expect(Object.values(owned).flat().sort()).toEqual(range(0, 6).map(partition => `orders-${partition}`))
  for (const member of ['a1', 'a2', 'a3']) {
    const its = owned[member]!.flatMap(name => range(0, 5).map(offset => `${name}@${offset}`))
    expect([...seen[member]!].sort()).toEqual(its)
  }
  const all = Object.values(owned).flat().sort()
  expect([...seen.b1!].sort()).toEqual(all.flatMap(name => range(0, 5).map(offset => `${name}@${offset}`)))
})

it('[27] a member too many gets an empty assignment, and takes over when another leaves', async () => {
  const { broker, clock, join } = orders(2)
  const first = await join('first')
  await join('second')
  const third = await join('third')
  expect(third.assignment).toEqual([])
  expect(owners(broker, 'g')).toEqual({ first: ['orders-0'], second: ['orders-1'], third: [] })
  await first.close()
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ second: ['orders-1'], third: ['orders-0'] })
  expect(names(third.assignment)).toEqual(['orders-0'])
})

it('[28] rebalances when a member joins, leaves or fails', async () => {
  const { broker, clock, join } = orders(4)
  const rebalanced: [number, number][] = []
  broker.on('rebalanced', ({ members, moved }) => rebalanced.push([members, moved]))
  await join('first')
  const second = await join('second')
  await second.close()
  await clock.settle()

  const third = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'third' })
  third.on('crashed', () => {})
  const eachRecord = () => Promise.reject(new Error('broken'))
  await third.run({ eachRecord, onFailure: 'stop', retry: { attempts: 1 } })
  await clock.settle()
  for (const { partition } of third.assignment) fill(broker, 'orders', 1, partition)
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ first: range(0, 4).map(partition => `orders-${partition}`) })
  expect(rebalanced).toEqual([
    [1, 0],
    [2, 2],
    [1, 2],
    [2, 2],
    [1, 2],
  ])
})

it('[28] rebalances when a subscribed topic grows, is deleted or is made again', async () => {
  const { broker, clock, join } = orders(1)
  broker.createTopic('other')
  const rebalanced: number[] = []
  await join('first')
  await join('second')
  await clock.settle()
  broker.on('rebalanced', ({ epoch }) => rebalanced.push(epoch))
  const { epoch } = broker.group('g')

  broker.topic('orders').addPartitions(2)
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ first: ['orders-0'], second: ['orders-1'] })
  broker.deleteTopic('orders')
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ first: [], second: [] })
  expect(broker.group('g').state).toBe('Stable')
  broker.createTopic('orders', { partitions: 4 })
  await clock.settle()
  expect(Object.values(owners(broker, 'g')).map(({ length }) => length)).toEqual([2, 2])
  expect(rebalanced).toEqual([epoch + 1, epoch + 2, epoch + 3])

  // Nobody here reads this one.
  broker.topic('other').addPartitions(2)
  broker.deleteTopic('other')
  expect(broker.group('g').epoch).toBe(epoch + 3)
})

it('[29] subscribe replaces the former list', async () => {
  const { broker, clock, join } = orders(1)
  broker.createTopic('payments')
  fill(broker, 'orders', 2)
  fill(broker, 'payments', 2)
  const consumer = await join('first', { topics: ['orders'] })
  await consumer.poll()
  await consumer.subscribe(['payments'])
  expect((await consumer.poll()).map(at)).toEqual(['payments-0@0', 'payments-0@1'])
  expect(names(consumer.assignment)).toEqual(['payments-0'])
  expect(broker.group('g').members[0]!.topics).toEqual(['payments'])
  await clock.settle()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('[29] ready() after subscribe waits for what is read now, also where another must give it up first', async () => {
  const { broker, clock, join } = orders(2)
  broker.createTopic('payments', { partitions: 2 })
  const assigned: string[][] = []
  await join('first', { topics: ['payments'], onRevoked: () => broker.clock.sleep(1000) })
  const second = await join('second', { onAssigned: partitions => void assigned.push(names(partitions)) })
  await second.subscribe(['payments'])
  let ready = false
  const waiting = second.ready().then(() => {
    ready = true
  })
  await clock.advance(999)
  expect([ready, second.assignment]).toEqual([false, []])
  await clock.advance(1)
  await waiting
  expect(names(second.assignment)).toEqual(['payments-1'])
  expect(assigned).toEqual([['orders-0', 'orders-1'], ['payments-1']])

  // A refused one changes nothing.
  expect(await rejectionOf(second.subscribe(['nowhere']))).toBeInstanceOf(UnknownTopicOrPartitionError)
  await second.ready()
  expect(names(second.assignment)).toEqual(['payments-1'])
})

it('[29] an empty list gives everything up to the others', async () => {
  const { clock, join } = orders(2)
  const log: string[] = []
  const first = await join('first', {
    onRevoked: partitions => void log.push(`revoked ${names(partitions)}`),
  })
  const second = await join('second')
  await first.subscribe([])
  await clock.settle()
  expect(log).toEqual(['revoked orders-1', 'revoked orders-0'])
  expect(first.assignment).toEqual([])
  expect(names(second.assignment)).toEqual(['orders-0', 'orders-1'])
  await first.subscribe(['orders'])
  await clock.settle()
  expect([first.assignment.length, second.assignment.length]).toEqual([1, 1])
})

it('[30] refuses to mix assign and subscribe', async () => {
  const { broker } = orders(2)
  expect(() => broker.consumer({ groupId: 'g', topics: ['orders'], assign: [orders0] })).toThrow(
    InvalidOptionError,
  )
  const assigned = broker.consumer({ groupId: 'g', assign: [orders0] })
  expect(await rejectionOf(assigned.subscribe(['orders']))).toBeInstanceOf(IllegalStateError)
  const subscribed = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect(await rejectionOf(subscribed.assign([orders0]))).toBeInstanceOf(IllegalStateError)
  await assigned.ready()
  expect(names(assigned.assignment)).toEqual(['orders-0'])
})

it('[31] consumers with assign share a group id without any rebalance, and commit under it', async () => {
  const { broker, clock } = orders(2)
  fill(broker, 'orders', 3)
  const revoked: string[][] = []
  const onRevoked = (partitions: Parameters<typeof names>[0]) => void revoked.push(names(partitions))
  const first = broker.consumer({ groupId: 'g', assign: [orders0], onRevoked })
  const second = broker.consumer({ groupId: 'g', assign: [orders0, orders1], onRevoked, autoCommit: false })
  expect(offsets(await first.poll())).toEqual([0, 1, 2])
  expect(offsets(await second.poll())).toEqual([0, 1, 2])
  await first.commit()
  expect(broker.group('g').members).toEqual([])
  expect(broker.group('g').offsets).toEqual([{ ...orders0, offset: 3 }])

  // A member gets everything none the less, and from then on only members commit.
  const member = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await member.ready()
  broker.topic('orders').addPartitions(3)
  await clock.settle()
  expect([names(first.assignment), names(second.assignment)]).toEqual([
    ['orders-0'],
    ['orders-0', 'orders-1'],
  ])
  expect(names(member.assignment)).toEqual(['orders-0', 'orders-1', 'orders-2'])
  expect(revoked).toEqual([])
  expect(await rejectionOf(second.commit())).toBeInstanceOf(CommitFailedError)
  await member.close()
  await second.commit([{ ...orders0, offset: 1 }])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
})

it('[31] a consumer with assign starts where its group left off', async () => {
  const { broker } = orders(2)
  fill(broker, 'orders', 5)
  await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 3 }])
  const consumer = broker.consumer({ groupId: 'g', assign: [orders0] })
  expect(offsets(await consumer.poll())).toEqual([3, 4])
})

it('[31] a consumer with assign loses nothing by a slow handler: nobody waits for its partitions', async () => {
  const { broker, clock } = orders(1)
  fill(broker, 'orders', 2)
  const log: string[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    assign: [orders0],
    maxPollIntervalMs: 1000,
    onLost: () => void log.push('lost'),
  })
  const eachRecord = async ({ offset }: { offset: number }) => {
    await broker.clock.sleep(60_000)
    log.push(`handled ${offset}`)
  }
  await consumer.run({ eachRecord })
  await clock.advance(120_000)
  expect(log).toEqual(['handled 0', 'handled 1'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('[32] a pattern picks up topics that are made later', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders.eu')
  broker.createTopic('payments.eu')
  const assigned: string[][] = []
  const seen: string[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: /^orders\./,
    onAssigned: partitions => void assigned.push(names(partitions)),
  })
  await consumer.run({ eachRecord: record => void seen.push(at(record)) })
  broker.createTopic('orders.us', { partitions: 2 })
  fill(broker, 'orders.us', 2, 1)
  broker.createTopic('payments.us')
  fill(broker, 'payments.us', 1)
  await broker.idle()
  expect(assigned).toEqual([['orders.eu-0'], ['orders.us-0', 'orders.us-1']])
  expect(seen).toEqual(['orders.us-1@0', 'orders.us-1@1'])
  broker.deleteTopic('orders.us')
  await clock.settle()
  expect(names(consumer.assignment)).toEqual(['orders.eu-0'])
})

it('[32] a topic that is made and deleted in one breath does no harm', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders.eu')
  const seen: string[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: /^orders\./g,
  })
  await consumer.run({ eachRecord: record => void seen.push(at(record)) })
  broker.createTopic('orders.us')
  broker.deleteTopic('orders.us')
  await clock.settle()
  broker.createTopic('orders.us')
  broker.deleteTopic('orders.us')
  broker.createTopic('orders.us', { partitions: 2 })
  fill(broker, 'orders.eu', 1)
  fill(broker, 'orders.us', 1, 1)
  await broker.idle()
  expect(seen.sort()).toEqual(['orders.eu-0@0', 'orders.us-1@0'])
  expect(names(consumer.assignment)).toEqual(['orders.eu-0', 'orders.us-0', 'orders.us-1'])
})

it('[33] assigns at once, without an initial delay', async () => {
  const { broker, clock, join } = orders(3)
  for (const clientId of ['first', 'second', 'third']) await join(clientId)
  await broker.group('g').stable()
  expect(clock.monotonic()).toBe(0)
  expect(Object.values(owners(broker, 'g')).map(({ length }) => length)).toEqual([1, 1, 1])
})

it('[46] refuses a member that wants another assignor than its group has', async () => {
  const { broker, clock, join } = orders(2)
  await join('first', { assignor: 'range' })
  const second = broker.consumer({ groupId: 'g', topics: ['orders'], assignor: 'uniform' })
  const error = await rejectionOf(second.ready())
  expect(error).toBeInstanceOf(InconsistentGroupProtocolError)
  expect(error).toMatchObject({ code: 'INCONSISTENT_GROUP_PROTOCOL', groupId: 'g', assignor: 'range' })
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ first: ['orders-0', 'orders-1'] })

  // One that names none takes the group's.
  await join('third')
  expect(owners(broker, 'g')).toEqual({ first: ['orders-0'], third: ['orders-1'] })
})

it('[47] range gives contiguous ranges of each topic, by instance id, else by member id', async () => {
  const { broker, clock } = testBroker()
  for (const topic of ['t0', 't1']) broker.createTopic(topic, { partitions: 3 })
  const options = { topics: ['t0', 't1'], assignor: 'range' } as const
  for (const clientId of ['C1', 'C0']) {
    await broker.consumer({ ...options, groupId: 'dynamic', clientId }).ready()
    const groupInstanceId = clientId === 'C1' ? 'i0' : 'i1'
    await broker.consumer({ ...options, groupId: 'static', clientId, groupInstanceId }).ready()
  }
  await clock.settle()
  expect(owners(broker, 'dynamic')).toEqual({
    C0: ['t0-0', 't0-1', 't1-0', 't1-1'],
    C1: ['t0-2', 't1-2'],
  })
  expect(owners(broker, 'static')).toEqual({
    C1: ['t0-0', 't0-1', 't1-0', 't1-1'],
    C0: ['t0-2', 't1-2'],
  })
})

it('[48] assigns by uniform unless told otherwise: balanced, and moving as little as it can', async () => {
  const { broker, clock, join } = orders(12)
  for (const clientId of ['a', 'b', 'c']) await join(clientId)
  await clock.settle()
  expect(broker.group('g').assignor).toBe('uniform')
  const before = owners(broker, 'g')
  await join('d')
  await clock.settle()
  const after = owners(broker, 'g')
  expect(Object.values(after).map(({ length }) => length)).toEqual([3, 3, 3, 3])
  for (const clientId of ['a', 'b', 'c'])
    expect(before[clientId]).toEqual(expect.arrayContaining(after[clientId]!))
})

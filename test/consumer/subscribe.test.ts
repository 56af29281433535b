import { expect, it } from 'vitest'
import { type Consumer, IllegalStateError, InvalidOptionError } from '../../src/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { fill, gate, names, offsets } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

it('replaces its topics at run time; what stays does not stop, and what goes is committed', async () => {
  const { broker } = brokerWithOrders(1)
  broker.createTopic('payments')
  broker.createTopic('refunds')
  const events: string[] = []
  const seen: string[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders', 'payments'],
    onRevoked: partitions => void events.push(`revoked ${names(partitions)}`),
    onAssigned: partitions => void events.push(`assigned ${names(partitions)}`),
  })
  await consumer.run({ eachRecord: ({ topic, offset }) => void seen.push(`${topic}@${offset}`) })
  await broker.idle()
  await consumer.subscribe(['payments', 'refunds' as 'payments'])
  await broker.group('g').stable()
  for (const name of ['orders', 'payments', 'refunds']) fill(broker, name, 1)
  await broker.idle()
  expect(seen).toEqual(['orders@0', 'payments@0', 'refunds@0'])
  expect(events).toEqual(['assigned orders-0,payments-0', 'revoked orders-0', 'assigned refunds-0'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })

  await consumer.subscribe(/^ref/)
  await broker.group('g').stable()
  expect(names(consumer.assignment)).toEqual(['refunds-0'])
  await consumer.subscribe([])
  await broker.group('g').stable()
  expect(consumer.assignment).toEqual([])
})

it('replaces its topics without a group, too', async () => {
  const { broker } = brokerWithOrders(1)
  broker.createTopic('payments')
  fill(broker, 'payments', 1)
  const events: string[] = []
  const consumer = broker.consumer({
    topics: ['orders'],
    onRevoked: partitions => void events.push(`revoked ${names(partitions)}`),
    onAssigned: partitions => void events.push(`assigned ${names(partitions)}`),
  })
  await consumer.run({ eachRecord: ({ topic, offset }) => void events.push(`${topic}@${offset}`) })
  await broker.idle()
  await consumer.subscribe(['payments' as 'orders'])
  await broker.idle()
  fill(broker, 'orders', 1)
  await consumer.subscribe(['orders', 'payments' as 'orders'])
  await broker.idle()
  expect(events).toEqual([
    'assigned orders-0',
    'orders@0',
    'revoked orders-0',
    'assigned payments-0',
    'payments@0',
    'assigned orders-0',
    'orders@0',
    'orders@1',
  ])
})

it('replaces its topics without a group, however long a handler takes', async () => {
  const { broker, clock } = brokerWithOrders(1)
  broker.createTopic('other', { partitions: 1 })
  const lost: unknown[] = []
  const reader: Consumer<any> = broker.consumer({ topics: ['orders'], rebalanceTimeoutMs: 1000 })
  reader.on('lost', ({ reason }) => lost.push(reason))
  let handled = 0
  await reader.run({ eachRecord: () => broker.clock.sleep(5000).then(() => handled++) })
  await clock.settle()
  await reader.subscribe(['other'])
  await clock.advance(10_000)
  expect([names(reader.assignment), handled, lost]).toEqual([['other-0'], 1, []])
  await reader.close()
  expect(clock.pending.map(({ name }) => name).filter(name => name.startsWith('group'))).toEqual([])
})

it('reads what it was told, whatever becomes of the list that said so', async () => {
  const { broker } = brokerWithOrders(1)
  const topics = ['orders']
  const consumer = broker.consumer({ topics })
  await consumer.run({ eachRecord: () => {} })
  topics.push('payments')
  broker.createTopic('payments')
  await broker.idle()
  expect(names(consumer.assignment)).toEqual(['orders-0'])
})

it('keeps its topics where a subscribe is refused', async () => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  const error = await rejectionOf(consumer.subscribe(['nothing' as 'orders']))
  expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  expect(names(consumer.assignment)).toEqual(['orders-0'])
  fill(broker, 'orders', 1)
  expect(offsets(await consumer.poll())).toEqual([0, 1])
})

it('keeps its topics where two are refused in one turn: a run does not take its dead letters for what it reads', async () => {
  const { broker } = brokerWithOrders(1)
  broker.createTopic('dead')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  const refused = [1, 2].map(() => rejectionOf(consumer.subscribe(['dead', 'missing'] as never)))
  expect(await Promise.all(refused)).toHaveLength(2)
  await consumer.run({ eachRecord: () => {}, onFailure: { deadLetter: 'dead' as never } })
})

it('reads what it was told before a subscribe that is refused in the same turn, whatever it read at first', async () => {
  const { broker } = brokerWithOrders(1)
  broker.createTopic('dead')
  const consumer = broker.consumer({ groupId: 'g', topics: ['dead'] })
  await consumer.ready()
  const told = consumer.subscribe(['orders'] as never)
  await rejectionOf(consumer.subscribe(['missing'] as never))
  await told
  await consumer.run({ eachRecord: () => {}, onFailure: { deadLetter: 'dead' as never } })
})

it('is not ready because a subscribe was refused, while another member has yet to give up its partitions', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const { opened, open } = gate()
  const member = (options: object) => broker.consumer({ groupId: 'g', topics: ['orders'], ...options })
  await member({ onRevoked: () => opened }).ready()
  const consumer = member({})
  let ready = false
  const joined = consumer.ready().then(() => (ready = true))
  await clock.settle()
  expect(await rejectionOf(consumer.subscribe(['missing' as 'orders']))).toMatchObject({ topic: 'missing' })
  await clock.settle()
  expect(ready).toBe(false)
  open()
  await joined
  expect(names(consumer.assignment)).toEqual(['orders-1'])
})

it('subscribes before it joins', async () => {
  const { broker } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g' })
  await consumer.subscribe(['orders'])
  expect(offsets(await consumer.poll())).toEqual([0, 1])
})

it('refuses to consume where nobody said what, until it subscribes', async () => {
  const { broker } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g' })
  const waysToStart: (() => Promise<unknown>)[] = [
    () => consumer.ready(),
    () => consumer.caughtUp(),
    () => consumer.run({ eachRecord: () => {} }),
    () => consumer.poll(),
    () => consumer[Symbol.asyncIterator]().next(),
    () => consumer.batches().next(),
  ]
  for (const start of waysToStart) {
    const error = await rejectionOf((async () => start())())
    expect(error).toBeInstanceOf(IllegalStateError)
    expect(error.message).toBe(
      "Consumer 'consumer' of group 'g' has nothing to read: give it 'topics' or 'assign', or let it subscribe",
    )
  }
  expect(broker.groups.size).toBe(0)
  await consumer.subscribe(['orders'])
  expect(offsets(await consumer.poll())).toEqual([0, 1])
})

it('refuses to mix topics and assign', async () => {
  const { broker } = brokerWithOrders(0)
  const subscribed = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const assigned = broker.consumer({ assign: [orders0] })
  expect(await rejectionOf(subscribed.assign([orders0]))).toBeInstanceOf(IllegalStateError)
  expect(await rejectionOf(assigned.subscribe(['orders']))).toBeInstanceOf(IllegalStateError)
  const both = thrownBy(() => broker.consumer({ topics: ['orders'], assign: [orders0] }))
  expect(both).toBeInstanceOf(InvalidOptionError)
  const from = thrownBy(() => broker.consumer({ groupId: 'g', topics: ['orders'], from: 'end' }))
  expect(from.message).toContain("option 'from' is for a reader without groupId")
})

it('is ready with what was granted, though a later subscribe was under way when its partitions came, and is refused', async () => {
  const broker = new TestBroker()
  for (const name of ['one', 'two']) broker.createTopic(name)
  broker.faults.delay({ operation: 'subscribe' }, 10, { always: true })
  broker.faults.delay({ operation: 'commit' }, 10, { always: true })
  const consumer: Consumer<any> = broker.consumer({ groupId: 'g', topics: ['one'] as never })
  await consumer.ready()
  void consumer.subscribe(['two'])
  const refused = rejectionOf(consumer.subscribe(['missing']))
  const ready = consumer.ready()
  await broker.advance(100)
  expect(await refused).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await ready
  expect(consumer.assignment).toEqual([{ topic: 'two', partition: 0 }])
  await broker.close()
})

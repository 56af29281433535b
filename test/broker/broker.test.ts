import { expect, it } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import { fill, gate } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'

// --- events -----------------------------------------------------------------------------------------------------------

it('tells of topics, partitions, groups, members and rebalances, in order and with payloads', async () => {
  const { broker, clock } = testBroker()
  const events: unknown[] = []
  for (const name of [
    'topicCreated',
    'topicDeleted',
    'partitionsAdded',
    'groupCreated',
    'groupDeleted',
    'memberJoined',
    'memberLeft',
    'rebalanced',
    'closed',
  ] as const) {
    broker.on(name, event => events.push([name, event]))
  }
  broker.createTopic('orders', { partitions: 2 })
  const first = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'a' })
  await first.ready()
  const a = first.memberId!
  const second = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'b' })
  await second.ready()
  await broker.group('g').stable()
  const b = second.memberId!
  broker.topic('orders').addPartitions(3)
  await clock.settle()
  await second.close()
  await first.close()
  broker.deleteGroup('g')
  broker.deleteTopic('orders')
  await broker.close()
  expect(events).toEqual([
    ['topicCreated', { topic: 'orders', partitions: 2 }],
    ['groupCreated', { groupId: 'g' }],
    ['memberJoined', { groupId: 'g', memberId: a }],
    ['rebalanced', { groupId: 'g', epoch: 2, members: 1, moved: 0 }],
    ['memberJoined', { groupId: 'g', memberId: b }],
    ['rebalanced', { groupId: 'g', epoch: 3, members: 2, moved: 1 }],
    ['partitionsAdded', { topic: 'orders', from: 2, to: 3 }],
    ['rebalanced', { groupId: 'g', epoch: 4, members: 2, moved: 0 }],
    ['memberLeft', { groupId: 'g', memberId: b, reason: 'left' }],
    ['rebalanced', { groupId: 'g', epoch: 5, members: 1, moved: 1 }],
    ['memberLeft', { groupId: 'g', memberId: a, reason: 'left' }],
    ['rebalanced', { groupId: 'g', epoch: 6, members: 0, moved: 0 }],
    ['groupDeleted', { groupId: 'g', reason: 'deleted' }],
    ['topicDeleted', { topic: 'orders' }],
    ['closed', {}],
  ])
})

it('tells of a group that expired', async () => {
  const { broker, clock } = testBroker({ offsetsRetentionMs: 1000, topics: { orders: topic() } })
  const events: unknown[] = []
  broker.on('groupDeleted', event => events.push(event))
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  await consumer.close()
  await clock.advance(999)
  expect(events).toEqual([])
  await clock.advance(1)
  expect(events).toEqual([{ groupId: 'g', reason: 'expired' }])
  expect(broker.groups.size).toBe(0)
})

it('does not show readers without a group among groups and events', async () => {
  const { broker } = brokerWithOrders(1)
  const events: unknown[] = []
  for (const name of ['groupCreated', 'memberJoined', 'rebalanced', 'memberLeft'] as const) {
    broker.on(name, event => events.push([name, event]))
  }
  const reader = broker.consumer({ topics: ['orders'] })
  await reader.ready()
  await reader.close()
  expect(events).toEqual([])
})

// --- describe ---------------------------------------------------------------------------------------------------------

it('describes topics, partitions, groups, members and lag as plain JSON', async () => {
  const { broker } = brokerWithOrders(3, 2)
  const consumer = broker.consumer({
    groupId: 'billing',
    topics: ['orders'],
    clientId: 'biller',
    groupInstanceId: 'one',
  })
  await consumer.poll({ maxRecords: 3 })
  await consumer.commit()
  broker.topic('orders').partitions[0]!.deleteRecords(1)
  const description = broker.describe()
  expect(JSON.parse(JSON.stringify(description))).toEqual(description)
  const { memberId } = consumer
  const partition = { highWatermark: 3, lastStableOffset: 3, bytes: 0 }
  expect(description).toEqual({
    closed: false,
    // The deleted one is in a segment that is still there.
    records: 6,
    maxRecords: 1_000_000,
    bytes: 0,
    maxBytes: -1,
    topics: [
      {
        name: 'orders',
        id: broker.topic('orders').id,
        partitions: [
          { ...partition, partition: 0, logStartOffset: 1, records: 2 },
          { ...partition, partition: 1, logStartOffset: 0, records: 3 },
        ],
      },
    ],
    groups: [
      {
        groupId: 'billing',
        state: 'Stable',
        epoch: 2,
        assignor: 'uniform',
        lag: 3,
        members: [
          {
            memberId,
            clientId: 'biller',
            groupInstanceId: 'one',
            connected: true,
            assignment: [orders0, { topic: 'orders', partition: 1 }],
          },
        ],
        partitions: [
          { ...orders0, committed: 3, lag: 0, memberId },
          { topic: 'orders', partition: 1, committed: 0, lag: 3, memberId },
        ],
      },
    ],
  })
})

it('describes a snapshot: what happens later does not change it', async () => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  const description = broker.describe()
  const before = JSON.stringify(description)
  fill(broker, 'orders', 2)
  await consumer.close()
  broker.createTopic('payments')
  expect(JSON.stringify(description)).toBe(before)
  await broker.close()
  expect(broker.describe().closed).toBe(true)
})

// --- close ------------------------------------------------------------------------------------------------------------

it('closes every consumer, and resolves to what they left', async () => {
  const { broker } = brokerWithOrders(3, 2)
  const done: string[] = []
  const polled = broker.consumer({ groupId: 'poll', topics: ['orders'] })
  await polled.poll({ maxRecords: 2 })
  const ran = broker.consumer({ groupId: 'run', topics: ['orders'] })
  await ran.run({ eachRecord: () => {} })
  const reader = broker.consumer({ topics: ['orders'], from: 'end' })
  await reader.ready()
  for (const [name, consumer] of Object.entries({ polled, ran, reader }))
    consumer.done.then(() => done.push(name))
  await broker.idle({ groups: ['run'] })
  const left = await broker.close()
  expect(left).toEqual([
    { group: 'poll', ...orders0, from: 2, count: 1 },
    { group: 'poll', topic: 'orders', partition: 1, from: 0, count: 3 },
  ])
  expect(done.sort()).toEqual(['polled', 'ran', 'reader'])
})

it('drains first where it is told to, through several groups', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const seen: number[] = []
  for (const groupId of ['a', 'b']) {
    await broker.consumer({ groupId, topics: ['orders'] }).run({
      eachRecord: async ({ offset }) => {
        await broker.clock.sleep(10)
        seen.push(offset)
      },
    })
  }
  const closed = broker.close({ drain: true })
  await clock.advance(50)
  expect(await closed).toEqual([])
  expect(seen).toHaveLength(10)
})

it('always ends, whatever hangs', async () => {
  const { broker, clock } = brokerWithOrders(2, 3)
  const never = () => new Promise<void>(() => {})
  await broker.consumer({ groupId: 'handler', topics: ['orders'] }).run({ eachRecord: never })
  broker
    .consumer({ groupId: 'assigned', topics: ['orders'], onAssigned: never })
    .ready()
    .catch(() => {})
  await broker.consumer({ groupId: 'revoked', topics: ['orders'], onRevoked: never }).ready()
  const loop = broker.consumer({ groupId: 'loop', topics: ['orders'] })
  void (async () => {
    for await (const _ of loop) await never()
  })()
  await clock.settle()
  const closed = broker.close({ timeoutMs: 700 })
  await clock.advance(700)
  const left = await closed
  expect(new Set(left.map(({ group }) => group))).toEqual(new Set(['handler', 'assigned', 'revoked', 'loop']))
  expect(broker.describe().closed).toBe(true)
})

it('closes who began while the others ended, too', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const { opened, open } = gate()
  await broker.consumer({ groupId: 'slow', topics: ['orders'] }).run({ eachRecord: () => opened })
  await clock.settle()
  const closed = broker.close()
  const late = broker.consumer({ groupId: 'late', topics: ['orders'] })
  const seen: number[] = []
  const loop = (async () => {
    for await (const { offset } of late) seen.push(offset)
  })()
  await clock.settle()
  open()
  const left = await closed
  await loop
  await late.done
  expect(seen).toEqual([0, 1])
  expect(left).toEqual([{ group: 'slow', ...orders0, from: 1, count: 1 }])
  expect(clock.waiting).toEqual([])
})

it('waits for sends that are under way', async () => {
  const { broker, clock } = testBroker({
    topics: {
      orders: topic({
        schema: schemaOf(async (value: unknown) => {
          await broker.clock.sleep(100)
          return { value }
        }),
      }),
    },
  })
  const sent = broker.producer().send({ topic: 'orders', value: 1 })
  const closed = broker.close()
  await clock.advance(100)
  await closed
  expect(await sent).toMatchObject({ offset: 0 })
})

it('gives up waiting for sends when its time is up, too', async () => {
  const { broker, clock } = testBroker({
    topics: {
      orders: topic({
        schema: schemaOf(() => new Promise<never>(() => {})),
      }),
    },
  })
  const refused = rejectionOf(broker.producer().send({ topic: 'orders', value: 1 }))
  const closed = broker.close({ timeoutMs: 100 })
  await clock.advance(100)
  expect(await closed).toEqual([])
  expect(await refused).toMatchObject({ code: 'CLOSED' })
})

it('closes once, and gives everybody the same answer', async () => {
  const { broker } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  const events: unknown[] = []
  broker.on('closed', event => events.push(event))
  const [first, second] = await Promise.all([broker.close(), broker.close({ drain: true })])
  expect(first).toEqual([{ group: 'g', ...orders0, from: 0, count: 2 }])
  expect(second).toBe(first)
  expect(events).toHaveLength(1)
})

it.each([true, false])('ends sooner when it is closed again with less time (drain: %s)', async drain => {
  const { broker, clock } = brokerWithOrders(2)
  await broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ eachRecord: () => new Promise<void>(() => {}) })
  await clock.settle()
  const first = broker.close({ drain, timeoutMs: 60_000 })
  await clock.settle()
  const second = broker.close({ timeoutMs: 0 })
  await clock.settle()
  expect(broker.describe().closed).toBe(true)
  expect(await second).toBe(await first)
})

it('goes on draining when it is told so once more, within the time that ends first', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => broker.clock.sleep(100) })
  const closing = [2000, 60_000, 250].map(timeoutMs => broker.close({ drain: true, timeoutMs }))
  await clock.advance(249)
  expect(broker.describe().closed).toBe(false)
  await clock.advance(1)
  const left = [{ group: 'g', ...orders0, from: 2, count: 3 }]
  expect(await Promise.all(closing)).toEqual([left, left, left])
  expect(clock.waiting).toEqual(['sleep'])
})

it('waits for an open transaction, and aborts it when its time is up', async () => {
  for (const [answers, values] of [
    [true, [1]],
    [false, []],
  ] as const) {
    const { broker, clock } = brokerWithOrders(0)
    const { opened, open } = gate()
    const producer = broker.producer({ transactionalId: 'tx' })
    const transaction = producer.transaction(async tx => {
      await tx.send({ topic: 'orders', value: 1 })
      await opened
    })
    transaction.catch(() => {})
    await clock.settle()
    const orders = broker.topic('orders')
    const closed = broker.close({ timeoutMs: 100 })
    await clock.advance(99)
    expect(broker.describe().closed).toBe(false)
    if (answers) open()
    await clock.advance(1)
    await closed
    expect(orders.records().map(({ value }) => value)).toEqual(values)
  }
})

it('reports what came while it closed, to topics whose readers had closed by then', async () => {
  const { broker, clock } = testBroker({ topics: { orders: topic(), payments: topic() } })
  fill(broker, 'orders', 1)
  const { opened, open } = gate()
  const producer = broker.producer()
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: async () => {
      await opened
      await producer.send({ topic: 'payments', value: 1 })
    },
  })
  await broker.consumer({ groupId: 'booking', topics: ['payments'] }).run({ eachRecord: () => {} })
  await clock.settle()
  const closed = broker.close()
  await clock.settle()
  open()
  expect(await closed).toEqual([{ group: 'booking', topic: 'payments', partition: 0, from: 0, count: 1 }])
})

it('reports the records of a transaction that commits while it closes, and those that waited for its end', async () => {
  for (const [commits, count] of [
    [true, 3],
    [false, 2],
  ] as const) {
    const { broker, clock } = brokerWithOrders(0)
    await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => {} })
    const { opened, open } = gate()
    const transaction = broker.producer({ transactionalId: 'tx' }).transaction(async tx => {
      await tx.send({ topic: 'orders', value: 1 })
      await opened
      if (!commits) throw new Error('no')
    })
    transaction.catch(() => {})
    await clock.settle()
    fill(broker, 'orders', 2)
    const closed = broker.close()
    await clock.settle()
    open()
    expect(await closed).toMatchObject([{ group: 'g', ...orders0, count }])
  }
})

it('refuses wrong options without closing', async () => {
  const { broker } = brokerWithOrders(0)
  expect(await rejectionOf(broker.close({ timeoutMs: 'soon' } as never))).toMatchObject({
    option: 'timeoutMs',
  })
  broker.topic('orders').append({ value: 1 })
  await broker.close()
})

it('refuses everything once it is closed', async () => {
  const { broker } = brokerWithOrders(1)
  const producer = broker.producer()
  const orders = broker.topic('orders')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await broker.close()
  const closed = { code: 'CLOSED', message: 'The broker is closed' }
  for (const call of [
    () => broker.createTopic('a'),
    () => broker.topic('orders'),
    () => broker.deleteTopic('orders'),
    () => broker.producer(),
    () => broker.consumer({ groupId: 'g', topics: ['orders'] }),
    () => orders.append({ value: 1 }),
  ]) {
    expect(thrownBy(call)).toMatchObject(closed)
  }
  expect(await rejectionOf(producer.send({ topic: 'orders', value: 1 }))).toMatchObject(closed)
  expect(await rejectionOf(consumer.run({ eachRecord: () => {} }))).toMatchObject({ code: 'CLOSED' })
})

it('leaves no timer behind', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const failing = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await failing.run({ eachRecord: () => Promise.reject(new Error('boom')) })
  await broker.consumer({ groupId: 'p', topics: ['orders'], groupInstanceId: 'one' }).poll()
  await broker
    .consumer({ groupId: 'b', topics: ['orders'] })
    .run({ eachBatch: () => {}, batch: { lingerMs: 1000 } })
  await clock.settle()
  await broker.close()
  expect(clock.waiting).toEqual([])
})

it('is closed by await using', async () => {
  let done: Promise<void>
  {
    await using broker = new Broker({ topics: { orders: topic() } })
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    done = consumer.done
    await consumer.run({ eachRecord: () => {} })
  }
  await done
})

import { describe, expect, it } from 'vitest'
import { type ConsumerControl, IllegalStateError, type RunOptions, TimeoutError } from '../../src/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { fill, gate, names, offsets, range } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

// --- seek -------------------------------------------------------------------------------------------------------------

it.each([
  ['forward', 4, [0, 1, 4, 5]],
  ['back', 0, [0, 1, 0, 1, 2, 3, 4, 5]],
  ['to its own record', 1, [0, 1, 1, 2, 3, 4, 5]],
  ['to the end', 'end', [0, 1]],
] as const)('makes the sought offset the next one after a seek %s in a handler', async (_, to, expected) => {
  const { broker } = brokerWithOrders(6)
  const seen: number[] = []
  let sought = false
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ offset }, context) => {
      seen.push(offset)
      if (offset === 1 && !sought) {
        sought = true
        context.consumer.seek(orders0, to)
      }
    },
  })
  await broker.idle()
  expect(seen).toEqual(expected)
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 6 })
})

it('does the same in a handler that answers at once, and in one of batches', async () => {
  const { broker } = brokerWithOrders(6)
  const seen: unknown[] = []
  const sync = broker.consumer({ groupId: 'sync', topics: ['orders'] })
  await sync.run({
    eachRecord: ({ offset }) => {
      seen.push(offset)
      if (offset === 1) sync.seek(orders0, 4)
    },
  })
  await broker.idle()
  const batches = broker.consumer({ groupId: 'batches', topics: ['orders'] })
  await batches.run({
    batch: { maxRecords: 2 },
    eachBatch: async ({ records }) => {
      seen.push(offsets(records))
      if (records[0]!.offset === 0) batches.seek(orders0, 3)
    },
  })
  await broker.idle()
  expect(seen).toEqual([0, 1, 4, 5, [0, 1], [3, 4], [5]])
})

it('lets the last of several seeks in one handler win', async () => {
  const { broker } = brokerWithOrders(6)
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ offset }) => {
      seen.push(offset)
      if (offset > 0) return
      consumer.seek(orders0, 3)
      consumer.seek(orders0, 5)
    },
  })
  await broker.idle()
  expect(seen).toEqual([0, 5])
})

it('seeks outside of a handler, by offset, end and time', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const later = clock.now() + 1000
  await clock.advance(1000)
  fill(broker, 'orders', 3)
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await broker.idle()
  for (const to of [5, { timestamp: later }, 'end', 'beginning'] as const) {
    seen.length = 0
    consumer.seek(orders0, to)
    await broker.idle()
    expect(seen).toEqual(to === 5 ? [5] : to === 'end' ? [] : to === 'beginning' ? range(0, 6) : [3, 4, 5])
  }
})

it('commits the sought offset as what is done, and a crash of the next handler does not undo it', async () => {
  const { broker, clock } = brokerWithOrders(6)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('crashed', () => {})
  await consumer.run({
    retry: { attempts: 1 },
    onFailure: 'stop',
    eachRecord: async ({ offset }) => {
      if (offset === 0) consumer.seek(orders0, 4)
      if (offset === 4) throw new Error('boom')
    },
  })
  await clock.settle()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
})

it.each(['seek', 'position'] as const)('refuses %s of a partition that is not assigned', async method => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const call = (partition: number) => () => consumer[method]({ topic: 'orders', partition }, 0)
  expect(thrownBy(call(0))).toBeInstanceOf(IllegalStateError)
  await consumer.ready()
  call(0)()
  const error = thrownBy(call(7))
  expect(error).toBeInstanceOf(IllegalStateError)
  expect(error.message).toBe(`${method}: orders-7 is not assigned to Consumer 'consumer' of group 'g'`)
})

describe.each<[string, Partial<RunOptions>]>([
  ['one handler', {}],
  ['several', { concurrency: 2 }],
  ['several, in the order of keys', { concurrency: 2, ordering: 'key' }],
])('a seek to a place that takes its time to be found, with %s', (_, options) => {
  async function running(eachRecord: (offset: number, consumer: ConsumerControl) => void) {
    const broker = new TestBroker()
    broker.createTopic('orders')
    const seen: number[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({
      ...options,
      eachRecord: async ({ offset }, context) => {
        seen.push(offset)
        eachRecord(offset, context.consumer)
      },
    } as RunOptions)
    broker.faults.delay({ operation: 'offsets' }, 100, { times: 2 })
    fill(broker, 'orders', 5)
    return { broker, consumer, seen }
  }

  it('in a handler makes the sought offset the next one, and the last of several wins', async () => {
    let sought = false
    const { broker, seen } = await running((offset, consumer) => {
      if (offset !== 2 || sought) return
      sought = true
      consumer.seek(orders0, 'end')
      consumer.seek(orders0, 'beginning')
    })
    await broker.advance(99)
    expect(seen).toEqual([0, 1, 2])
    await broker.advance(1)
    expect(seen).toEqual([0, 1, 2, 0, 1, 2, 3, 4])
    expect(broker.group('g').committed(orders0)).toEqual({ offset: 5 })
    await broker.close()
  })

  it('lets the last of several win outside of a handler, too', async () => {
    const { broker, consumer, seen } = await running(() => {})
    await broker.advance(0)
    for (const place of ['beginning', 'end'] as const) consumer.seek(orders0, place)
    await broker.advance(1000)
    expect([seen.length, consumer.position(orders0)]).toEqual([5, 5])
    broker.faults.delay({ operation: 'offsets' }, 100)
    consumer.seek(orders0, 'beginning')
    consumer.seek(orders0, 4)
    await broker.advance(1000)
    expect(seen).toEqual([0, 1, 2, 3, 4, 4])
    await broker.close()
  })
})

// --- pause ------------------------------------------------------------------------------------------------------------

it('hands out nothing more of a partition that is paused in the middle of a batch, until resume', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: ({ offset }, context) => {
      seen.push(offset)
      if (offset === 1) context.consumer.pause([orders0])
    },
  })
  await clock.advance(1000)
  expect(seen).toEqual([0, 1])
  expect(names(consumer.paused)).toEqual(['orders-0'])
  expect(consumer.position(orders0)).toBe(2)
  consumer.resume([orders0])
  await broker.idle()
  expect(seen).toEqual([0, 1, 2, 3, 4])
  expect(consumer.paused).toEqual([])
})

it('pauses in onAssigned what it was just assigned, so that it begins paused', async () => {
  const { broker } = brokerWithOrders(2, 2)
  const seen: number[] = []
  const paused: string[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onAssigned: () => {
      consumer.pause()
      paused.push(...names(consumer.paused))
    },
  })
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await broker.idle()
  expect(paused).toEqual(['orders-0', 'orders-1'])
  expect(seen).toEqual([])
  consumer.resume()
  await broker.idle()
  expect(seen.sort()).toEqual([0, 0, 1, 1])
})

it('pauses all of its partitions, and resumes some', async () => {
  const { broker, clock } = brokerWithOrders(2, 3)
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  consumer.pause()
  await consumer.run({ eachRecord: ({ partition }) => void seen.push(partition) })
  await clock.settle()
  expect(seen).toEqual([])
  consumer.resume([{ topic: 'orders', partition: 1 }])
  await clock.settle()
  expect(seen).toEqual([1, 1])
  expect(names(consumer.paused)).toEqual(['orders-0', 'orders-2'])
  consumer.resume()
  await broker.idle()
  expect(seen.sort()).toEqual([0, 0, 1, 1, 2, 2])
})

it('loses no record that arrives while it is paused and resumed many times', async () => {
  const { broker, clock } = brokerWithOrders(0)
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: async ({ offset }) => void seen.push(offset) })
  for (const i of range(0, 20)) {
    if (i % 3 === 0) consumer.pause()
    fill(broker, 'orders', 2)
    if (i % 2 === 0) await clock.settle()
    if (i % 3 === 1) consumer.resume()
  }
  consumer.resume()
  await broker.idle()
  expect(seen).toEqual(range(0, 40))
})

// --- lag, caughtUp, committed -----------------------------------------------------------------------------------------

it('counts as lag what it has not finished', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const { opened, open } = gate()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect(consumer.lag()).toBe(0)
  let handled = 0
  await consumer.run({
    eachRecord: () => (++handled === 3 ? opened : undefined),
  })
  await clock.settle()
  expect(consumer.lag()).toBe(4)
  open()
  await broker.idle()
  expect(consumer.lag()).toBe(0)
})

it('resolves caughtUp once it has read to the end as it was then', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const seen: unknown[] = []
  const consumer = broker.consumer({ topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ offset }) => {
      await broker.clock.sleep(10)
      seen.push(offset)
      fill(broker, 'orders', 1)
    },
  })
  consumer.caughtUp().then(() => seen.push('caught up'))
  await clock.advance(50)
  expect(seen).toEqual([0, 1, 2, 'caught up', 3, 4])
})

it('joins on caughtUp, and says where it is when its time is up', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const error = rejectionOf(consumer.caughtUp({ timeoutMs: 100 }))
  await clock.advance(100)
  expect(await error).toBeInstanceOf(TimeoutError)
  expect((await error).message).toBe(
    "Waited 100 ms for Consumer 'consumer' of group 'g' to catch up: orders-0 is at 0 of 3",
  )
})

it('rejects caughtUp when it is closed before', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const error = rejectionOf(consumer.caughtUp())
  await clock.settle()
  await consumer.close()
  expect(await error).toMatchObject({ code: 'CLOSED' })
})

it('is ready when joined, assigned and positioned, with nothing handed out', async () => {
  const { broker } = brokerWithOrders(3, 2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoOffsetReset: 'latest' })
  expect(consumer.memberId).toBe(undefined)
  await consumer.ready()
  expect(consumer.memberId).toMatch(/^consumer-/)
  expect(consumer.groupId).toBe('g')
  expect(names(consumer.assignment)).toEqual(['orders-0', 'orders-1'])
  expect(consumer.position(orders0)).toBe(3)
  expect(await consumer.committed(orders0)).toBe(null)
})

it('rejects ready where a topic does not exist, unless topics are made automatically', async () => {
  const { broker } = brokerWithOrders(0)
  const error = await rejectionOf(broker.consumer({ groupId: 'g', topics: ['order' as 'orders'] }).ready())
  expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'order', suggestions: ['orders'] })

  const auto = testBroker({ autoCreateTopics: { partitions: 2 } }).broker
  const consumer = auto.consumer({ groupId: 'g', topics: ['order'] })
  await consumer.ready()
  expect(names(consumer.assignment)).toEqual(['order-0', 'order-1'])
})

it('commits given offsets of its partitions only, all or nothing', async () => {
  const { broker } = brokerWithOrders(3, 2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await consumer.ready()
  const error = await rejectionOf(
    consumer.commit([
      { ...orders0, offset: 2 },
      { topic: 'orders', partition: 9, offset: 1 },
    ]),
  )
  expect(error).toMatchObject({ name: 'CommitFailedError', code: 'STALE_MEMBER_EPOCH' })
  expect(broker.group('g').offsets).toEqual([])
  await consumer.commit([{ ...orders0, offset: 2, metadata: 'why' }])
  expect(await consumer.committed(orders0)).toEqual({ offset: 2, metadata: 'why' })
})

it('knows what its group has committed while it is no member, too', async () => {
  const { broker } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect(await consumer.committed(orders0)).toBe(null)
  await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 2 }])
  expect(await consumer.committed(orders0)).toEqual({ offset: 2 })
  await consumer.run({ eachRecord: () => {} })
  await broker.idle()
  await consumer.close()
  expect(await consumer.committed(orders0)).toEqual({ offset: 3 })
})

it('refuses to read anything else once it is closed', async () => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const given = broker.consumer({ assign: [orders0] })
  await Promise.all([consumer.close(), given.close()])
  expect(await rejectionOf(consumer.subscribe(['orders']))).toMatchObject({ name: 'ClosedError' })
  expect(await rejectionOf(given.assign([orders0]))).toMatchObject({ name: 'ClosedError' })
})

it('refuses a commit before it has joined, and without a group', async () => {
  const { broker } = brokerWithOrders(3)
  const early = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect(await rejectionOf(early.commit())).toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
  const reader = broker.consumer({ topics: ['orders'] })
  await reader.ready()
  expect(await rejectionOf(reader.commit())).toBeInstanceOf(IllegalStateError)
})

it('controls no partition whose place is still looked up', async () => {
  await using broker = new TestBroker()
  broker.createTopic('orders')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  broker.faults.delay({ operation: 'committed' }, 100)
  const ready = consumer.ready()
  await broker.advance(99)
  for (const call of [() => consumer.position(orders0), () => consumer.seek(orders0, 0)])
    expect(thrownBy(call)).toMatchObject({ name: 'IllegalStateError', ...orders0 })
  await broker.advance(1)
  await ready
  expect(consumer.position(orders0)).toBe(0)
})

import { expect, it } from 'vitest'
import { BatchError, json, topic } from '../../src/index.ts'
import { fill, gate, offsets, range } from '../helpers/behaviours.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()

it('hands out batches of one partition with where the log goes on and what comes after', async () => {
  const { broker } = brokerWithOrders(0, 2)
  fill(broker, 'orders', 5)
  fill(broker, 'orders', 1, 1)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    batch: { maxRecords: 2 },
    eachBatch: ({ records, ...batch }) => void seen.push({ ...batch, records: offsets(records) }),
  })
  await broker.idle()
  const common = { topic: 'orders' }
  expect(seen.filter(batch => (batch as { partition: number }).partition === 0)).toEqual([
    { ...common, partition: 0, records: [0, 1], nextOffset: 2, highWatermark: 5, lag: 3 },
    { ...common, partition: 0, records: [2, 3], nextOffset: 4, highWatermark: 5, lag: 1 },
    { ...common, partition: 0, records: [4], nextOffset: 5, highWatermark: 5, lag: 0 },
  ])
  expect(seen.filter(batch => (batch as { partition: number }).partition === 1)).toEqual([
    { ...common, partition: 1, records: [0], nextOffset: 1, highWatermark: 1, lag: 0 },
  ])
})

it('hands out at most 500 records at once by default', async () => {
  const { broker } = brokerWithOrders(1200)
  const sizes: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachBatch: ({ records }) => void sizes.push(records.length) })
  await broker.idle()
  expect(sizes).toEqual([500, 500, 200])
})

it('commits a batch when its handler has ended, and not before', async () => {
  const { broker, clock } = brokerWithOrders(4)
  const committed: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    batch: { maxRecords: 2 },
    eachBatch: async () => {
      await broker.clock.sleep(10)
      committed.push(broker.group('g').committed(orders0))
    },
  })
  await clock.advance(20)
  expect(committed).toEqual([null, { offset: 2 }])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
})

it('decodes each record of a batch', async () => {
  const { broker } = testBroker({ topics: { orders: topic<{ at: Date }>({ codec: json }) } })
  broker.topic('orders').append({ value: { at: new Date(0) } })
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachBatch: ({ records }) => void seen.push(records.map(({ value }) => value)) })
  await broker.idle()
  expect(seen).toEqual([[{ at: '1970-01-01T00:00:00.000Z' }]])
})

// --- lingerMs ---------------------------------------------------------------------------------------------------------

function lingering(records = 0, lingerMs = 100) {
  const { broker, clock } = brokerWithOrders(records)
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const run = (handler: (seenOffsets: number[]) => unknown = () => {}) =>
    consumer.run({
      batch: { maxRecords: 3, lingerMs },
      eachBatch: ({ records: batch }) => {
        seen.push(offsets(batch).join())
        return handler(offsets(batch))
      },
    })
  return { broker, clock, seen, consumer, run }
}

it('fills a batch of as many records as it may have, and were they a million', async () => {
  const { broker, clock } = brokerWithOrders(1_000_000)
  const sizes: number[] = []
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    batch: { maxRecords: 1_000_000, lingerMs: 100 },
    eachBatch: ({ records }) => void sizes.push(records.length),
  })
  await clock.settle()
  expect(sizes).toEqual([1_000_000])
})

it('waits for a batch to fill', async () => {
  const { broker, clock, seen, run } = lingering()
  await run()
  for (const _ of range(0, 2)) {
    fill(broker, 'orders', 1)
    await clock.advance(40)
  }
  expect(seen).toEqual([])
  fill(broker, 'orders', 1)
  await clock.settle()
  expect(seen).toEqual(['0,1,2'])
})

it('hands out what there is when the linger time is over, counted from the first record', async () => {
  const { broker, clock, seen, run } = lingering()
  await run()
  fill(broker, 'orders', 1)
  await clock.advance(60)
  fill(broker, 'orders', 1)
  await clock.advance(39)
  expect(seen).toEqual([])
  await clock.advance(1)
  expect(seen).toEqual(['0,1'])
})

it('hands out full batches at once and lets the rest linger', async () => {
  const { clock, seen, run } = lingering(7)
  await run()
  await clock.settle()
  expect(seen).toEqual(['0,1,2', '3,4,5'])
  await clock.advance(100)
  expect(seen).toEqual(['0,1,2', '3,4,5', '6'])
})

it.each([{ groupId: 'g' }, {}])(
  'is not idle while records linger that are read again, with %j',
  async options => {
    const { broker, clock } = brokerWithOrders(3)
    const seen: string[] = []
    const consumer = broker.consumer({ ...options, topics: ['orders'] })
    await consumer.run({
      batch: { maxRecords: 3, lingerMs: 100 },
      eachBatch: ({ records }) => void seen.push(offsets(records).join()),
    })
    await broker.idle()
    consumer.seek(orders0, 1)
    broker.idle().then(() => seen.push('idle'))
    await clock.advance(100)
    expect(seen).toEqual(['0,1,2', '1,2', 'idle'])
  },
)

it('lets nothing linger where its end is reached', async () => {
  const { broker, clock } = brokerWithOrders(4)
  const seen: string[] = []
  await broker.consumer({ topics: ['orders'], until: 'end' }).run({
    batch: { maxRecords: 3, lingerMs: 100 },
    eachBatch: ({ records }) => void seen.push(offsets(records).join()),
  })
  await clock.settle()
  expect(seen).toEqual(['0,1,2', '3'])
})

it('forgets a half-filled batch when its partition is revoked, and its next owner gets the records', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  for (const partition of range(0, 2)) fill(broker, 'orders', 2, partition)
  const seen: string[] = []
  const consumers = ['a', 'b'].map(clientId =>
    broker.consumer({ groupId: 'g', topics: ['orders'], clientId }),
  )
  const run = (i: number) =>
    consumers[i]!.run({
      batch: { maxRecords: 3, lingerMs: 100 },
      eachBatch: ({ partition, records }) => {
        seen.push(`${clock.monotonic()}: ${'ab'[i]} ${partition} ${offsets(records)}`)
      },
    })
  await run(0)
  await clock.advance(50)
  await run(1)
  await clock.advance(1000)
  const moved = consumers[1]!.assignment[0]!.partition
  expect(seen).toEqual([`100: a ${1 - moved} 0,1`, `150: b ${moved} 0,1`])
})

it('forgets a half-filled batch on a seek, and fills again from there', async () => {
  const { broker, clock, seen, consumer, run } = lingering(2)
  await run()
  await clock.advance(50)
  consumer.seek(orders0, 1)
  await clock.advance(99)
  expect(seen).toEqual([])
  fill(broker, 'orders', 2)
  await clock.settle()
  expect(seen).toEqual(['1,2,3'])
})

it('keeps a half-filled batch over a pause until resume', async () => {
  const { clock, seen, consumer, run } = lingering(2)
  await run()
  await clock.advance(50)
  consumer.pause()
  await clock.advance(1000)
  expect(seen).toEqual([])
  consumer.resume()
  await clock.advance(100)
  expect(seen).toEqual(['0,1'])
})

it('hands out nothing past a lingered batch that waits for its retry', async () => {
  const { broker, clock, seen, run } = lingering(2, 10)
  let failures = 1
  await run(() => {
    if (failures-- > 0) throw new Error('once more')
  })
  await clock.advance(10)
  fill(broker, 'orders', 4)
  await clock.advance(50)
  expect(seen).toEqual(['0,1'])
  await clock.advance(60)
  expect(seen).toEqual(['0,1', '0,1', '2,3,4', '5'])
})

it('hands out nothing past a lingered batch that is in hand', async () => {
  const { broker, clock, seen, run } = lingering(2, 10)
  const { opened, open } = gate()
  await run(() => opened)
  await clock.advance(10)
  fill(broker, 'orders', 4)
  await clock.advance(50)
  expect(seen).toEqual(['0,1'])
  open()
  await clock.advance(50)
  expect(seen).toEqual(['0,1', '2,3,4', '5'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 6 })
})

// --- BatchError -------------------------------------------------------------------------------------------------------

it('finishes what came before the record that a BatchError names, and tries again from there', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const seen: unknown[] = []
  const cause = new Error('the third')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('retrying', ({ record, error, attempt }) => seen.push([record.offset, error, attempt]))
  await consumer.run({
    eachBatch: ({ records }, { attempt }) => {
      seen.push([offsets(records), attempt])
      if (records[0]!.offset === 0) throw new BatchError(cause, { failedAt: records[2]! })
    },
  })
  await clock.settle()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
  await clock.advance(100)
  expect(seen).toEqual([
    [[0, 1, 2, 3, 4], 1],
    [2, cause, 1],
    [[2, 3, 4], 2],
  ])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 5 })
})

it('skips only the record that a BatchError names', async () => {
  const { broker, clock } = brokerWithOrders(4)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('skipped', ({ record }) => seen.push(`skipped ${record.offset}`))
  await consumer.run({
    retry: { attempts: 1 },
    onFailure: 'skip',
    eachBatch: ({ records }) => {
      seen.push(offsets(records))
      const failedAt = records.find(({ offset }) => offset === 1)
      if (failedAt) throw new BatchError('no', { failedAt })
    },
  })
  await clock.settle()
  expect(seen).toEqual([[0, 1, 2, 3], 'skipped 1', [2, 3]])
  expect(warnings).toEqual([])
})

it.each([
  ['batch', { topic: 'orders', partition: 0, offset: 9 }],
  ['partition', { topic: 'orders', partition: 1, offset: 1 }],
  ['topic', { topic: 'bills', partition: 0, offset: 1 }],
])(
  'takes a BatchError that names a record of another %s as a failure of the whole batch',
  async (_, failedAt) => {
    const { broker, clock } = brokerWithOrders(3)
    const seen: unknown[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({
      eachBatch: ({ records }, { attempt }) => {
        seen.push(offsets(records))
        if (attempt === 1) throw new BatchError('no', { failedAt })
      },
    })
    await clock.advance(100)
    expect(seen).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ])
  },
)

it('begins the attempts anew for a later record that fails', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    retry: { attempts: 2, delayMs: 10 },
    onFailure: 'stop',
    eachBatch: ({ records }, { attempt }) => {
      seen.push([offsets(records), attempt])
      if (records.length > 1) throw new BatchError('no', { failedAt: records[1]! })
    },
  })
  await clock.advance(1000)
  expect(seen).toEqual([
    [[0, 1, 2], 1],
    [[1, 2], 2],
    [[2], 2],
  ])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 3 })
})

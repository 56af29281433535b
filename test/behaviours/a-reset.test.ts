// Kafka's behaviours, section A: where to begin, and what is out of range. The numbers are the lines of the list.
import { expect, it } from 'vitest'
import { NoOffsetForPartitionError, OffsetOutOfRangeError } from '../../src/index.ts'
import { at, fill, offsets, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

const group = { groupId: 'g', topics: ['orders'] }

function tenOrders() {
  const { broker, clock } = testBroker()
  broker.createTopic('orders')
  fill(broker, 'orders', 10)
  return { broker, clock, log: broker.topic('orders').partitions[0]! }
}

it('[6] begins at the earliest record where nothing is committed', async () => {
  const { broker, log } = tenOrders()
  log.deleteRecords(3)
  const consumer = broker.consumer(group)
  expect(offsets(await consumer.poll())).toEqual(range(3, 10))
})

it.each(['earliest', 'latest'] as const)(
  '[6] to begin by %s is no reset, and is not told as one',
  async autoOffsetReset => {
    const { broker, log } = tenOrders()
    log.deleteRecords(3)
    const consumer = broker.consumer({ ...group, autoOffsetReset })
    const resets: unknown[] = []
    consumer.on('offsetReset', event => resets.push(event))
    await consumer.poll({ timeoutMs: 0 })
    expect(resets).toEqual([])
  },
)

it('[6] latest begins at what is written after it was positioned', async () => {
  const { broker } = tenOrders()
  const consumer = broker.consumer({ ...group, autoOffsetReset: 'latest' })
  await consumer.ready()
  expect(consumer.position(orders0)).toBe(10)
  fill(broker, 'orders', 2)
  expect(offsets(await consumer.poll())).toEqual([10, 11])
})

it.each(['earliest', 'latest', 'none'] as const)(
  '[6] %s does not matter where something is committed',
  async autoOffsetReset => {
    const { broker } = tenOrders()
    await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 4 }])
    const consumer = broker.consumer({ ...group, autoOffsetReset })
    expect(offsets(await consumer.poll())).toEqual(range(4, 10))
  },
)

it('[7] none is an error where nothing is committed, to whoever polls, runs or loops', async () => {
  const { broker } = tenOrders()
  const options = { ...group, autoOffsetReset: 'none' } as const
  const expected = { code: 'NO_OFFSET_FOR_PARTITION', groupId: 'g', ...orders0 }

  const polling = broker.consumer(options)
  polling.on('crashed', () => {})
  const error = await rejectionOf(polling.poll())
  expect(error).toBeInstanceOf(NoOffsetForPartitionError)
  expect(error).toMatchObject(expected)
  expect(await rejectionOf(polling.done)).toBe(error)

  const running = broker.consumer(options)
  running.on('crashed', () => {})
  expect(await rejectionOf(running.run({ eachRecord: () => {} }))).toMatchObject(expected)
  expect(await rejectionOf(running.done)).toMatchObject(expected)

  const looping = broker.consumer(options)
  looping.on('crashed', () => {})
  expect(await rejectionOf(looping[Symbol.asyncIterator]().next())).toMatchObject(expected)
  expect(broker.group('g').state).toBe('Empty')
})

it('[8] latest skips what is written to a new partition before its consumer has looked', async () => {
  const { broker, clock } = tenOrders()
  const seen: Record<string, string[]> = { earliest: [], latest: [] }
  for (const autoOffsetReset of ['earliest', 'latest'] as const) {
    const consumer = broker.consumer({ ...group, groupId: autoOffsetReset, autoOffsetReset })
    await consumer.run({ eachRecord: record => void seen[autoOffsetReset]!.push(at(record)) })
  }
  await clock.settle()
  broker.topic('orders').addPartitions(2)
  fill(broker, 'orders', 2, 1)
  await broker.idle()
  fill(broker, 'orders', 1, 1)
  await broker.idle()
  expect(seen.earliest!.slice(10)).toEqual(['orders-1@0', 'orders-1@1', 'orders-1@2'])
  expect(seen.latest).toEqual(['orders-1@2'])
})

it('[10] a position past the end is reset by the policy', async () => {
  const { broker } = tenOrders()
  const resets: unknown[] = []
  const earliest = broker.consumer(group)
  earliest.on('offsetReset', event => resets.push(event))
  await earliest.poll()
  earliest.seek(orders0, 11)
  expect(offsets(await earliest.poll())).toEqual(range(0, 10))

  const latest = broker.consumer({ ...group, groupId: 'latest', autoOffsetReset: 'latest' })
  latest.on('offsetReset', event => resets.push(event))
  await latest.ready()
  latest.seek(orders0, 1000)
  const polled = latest.poll()
  await broker.clock.turn()
  fill(broker, 'orders', 1)
  expect(offsets(await polled)).toEqual([10])
  const reason = 'out of range'
  expect(resets).toEqual([
    { ...orders0, from: 11, to: 0, reason },
    { ...orders0, from: 1000, to: 10, reason },
  ])
})

it('[10] a position below the log start is reset by the policy: latest goes to the end', async () => {
  const { broker, clock, log } = tenOrders()
  const seen: Record<string, number[]> = { earliest: [], latest: [] }
  for (const autoOffsetReset of ['earliest', 'latest'] as const) {
    await broker.admin.setGroupOffsets(autoOffsetReset, [{ ...orders0, offset: 0 }])
    const consumer = broker.consumer({
      ...group,
      groupId: autoOffsetReset,
      autoOffsetReset,
      maxPollRecords: 2,
    })
    const eachRecord = async ({ offset }: { offset: number }) => {
      seen[autoOffsetReset]!.push(offset)
      await broker.clock.sleep(10)
    }
    await consumer.run({ eachRecord })
  }
  await clock.settle()
  broker.on('recordsDropped', () => {})
  log.deleteRecords(5)
  // Each has record 0 in hand already, and finishes with it.
  await clock.advance(100)
  fill(broker, 'orders', 1)
  await clock.advance(10)
  expect(seen).toEqual({ earliest: [0, 5, 6, 7, 8, 9, 10], latest: [0, 10] })
})

it('[10] with none a position out of range is an error, and the consumer ends', async () => {
  const { broker, log } = tenOrders()
  await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 4 }])
  broker.on('recordsDropped', () => {})
  log.deleteRecords(6)
  const consumer = broker.consumer({ ...group, autoOffsetReset: 'none' })
  consumer.on('crashed', () => {})
  const error = await rejectionOf(consumer.poll())
  expect(error).toBeInstanceOf(OffsetOutOfRangeError)
  expect(error).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', ...orders0, offset: 4 })
  expect(await rejectionOf(consumer.done)).toBe(error)
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
})

it('[11] the end of the log is a valid position: nothing is reset, the consumer waits', async () => {
  const { broker, clock } = tenOrders()
  const consumer = broker.consumer(group)
  const resets: unknown[] = []
  consumer.on('offsetReset', event => resets.push(event))
  await consumer.ready()
  consumer.seek(orders0, 10)
  const first = consumer.poll({ timeoutMs: 1000 })
  await clock.advance(1000)
  expect(await first).toEqual([])
  expect(consumer.position(orders0)).toBe(10)
  fill(broker, 'orders', 1)
  expect(offsets(await consumer.poll())).toEqual([10])
  expect(resets).toEqual([])
})

it('[12] a seek back into range before the fetch leaves nothing to reset', async () => {
  const { broker } = tenOrders()
  const consumer = broker.consumer(group)
  const resets: unknown[] = []
  consumer.on('offsetReset', event => resets.push(event))
  await consumer.poll()
  consumer.seek(orders0, 5000)
  consumer.seek(orders0, 8)
  expect(offsets(await consumer.poll())).toEqual([8, 9])
  expect(resets).toEqual([])
})

it('[13] a reset to earliest goes to the real start of the log', async () => {
  const { broker, log } = tenOrders()
  broker.on('recordsDropped', () => {})
  await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 2 }])
  log.deleteRecords(6)
  const resets: unknown[] = []
  const consumer = broker.consumer(group)
  consumer.on('offsetReset', event => resets.push(event))
  expect(offsets(await consumer.poll())).toEqual(range(6, 10))
  expect(resets).toEqual([{ ...orders0, from: 2, to: 6, reason: 'out of range' }])
})

it('[13] also where the log is empty, and no longer begins at 0', async () => {
  const { broker, log } = tenOrders()
  log.deleteRecords(10)
  const consumer = broker.consumer(group)
  await consumer.ready()
  expect(consumer.position(orders0)).toBe(10)
  consumer.seek(orders0, 3)
  fill(broker, 'orders', 1)
  expect(offsets(await consumer.poll())).toEqual([10])
})

it('[14] a gap in what a consumer sees does not disturb its position, commits and lag', async () => {
  const { broker, log } = tenOrders()
  broker.on('recordsDropped', () => {})
  const consumer = broker.consumer(group)
  const seen: number[] = []
  for await (const record of consumer) {
    seen.push(record.offset)
    if (record.offset === 9) break
    if (record.offset === 2) {
      consumer.seek(orders0, 3)
      log.deleteRecords(8)
      expect(broker.group('g').lag()).toBe(2)
    }
  }
  expect(seen).toEqual([0, 1, 2, 8, 9])
  expect(broker.group('g').offsets).toEqual([{ ...orders0, offset: 9 }])
})

it('[14] nor does one within the log: the end of a transaction, and what was aborted', async () => {
  const { broker } = tenOrders()
  const producer = broker.producer({ transactionalId: 'tx' })
  await producer.transaction(tx => tx.send({ topic: 'orders', value: 10 }))
  await rejectionOf(
    producer.transaction(async tx => {
      await tx.send({ topic: 'orders', value: 12 })
      throw new Error('no')
    }),
  )
  fill(broker, 'orders', 1)
  const consumer = broker.consumer({ ...group, autoCommit: false })
  expect(offsets(await consumer.poll())).toEqual([...range(0, 11), 14])
  expect(consumer.position(orders0)).toBe(15)
  await consumer.commit([{ ...orders0, offset: 10 }])
  expect([consumer.lag(), broker.group('g').lag()]).toEqual([12, 2])
  consumer.seek(orders0, 11)
  expect(consumer.position(orders0)).toBe(11)
  expect(offsets(await consumer.poll())).toEqual([14])
  await consumer.commit()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 15 })
})

it("[15] after a batch the position is the batch's next offset", async () => {
  const { broker } = tenOrders()
  const batches: unknown[] = []
  const consumer = broker.consumer({ ...group, maxPollRecords: 4 })
  for await (const { records, nextOffset } of consumer.batches()) {
    batches.push([offsets(records), nextOffset, consumer.position(orders0)])
    if (nextOffset === 10) break
  }
  expect(batches).toEqual([
    [[0, 1, 2, 3], 4, 4],
    [[4, 5, 6, 7], 8, 8],
    [[8, 9], 10, 10],
  ])
})

it.each(['batches', 'loop', 'poll'] as const)(
  '[15] that is past the end of a transaction, which nobody gets (%s)',
  async how => {
    const { broker } = tenOrders()
    const producer = broker.producer({ transactionalId: 'tx' })
    await producer.transaction(tx => tx.send({ topic: 'orders', value: 10 }))
    const consumer = broker.consumer(group)
    const last: unknown[] = []
    const note = (records: Parameters<typeof offsets>[0], nextOffset?: number) =>
      last.splice(0, 3, offsets(records).at(-1), consumer.position(orders0), nextOffset)
    if (how === 'poll') note(await consumer.poll())
    else if (how === 'loop') {
      for await (const record of consumer) {
        note([record])
        if (record.offset === 10) break
      }
    } else {
      for await (const { records, nextOffset } of consumer.batches()) {
        note(records, nextOffset)
        break
      }
    }
    expect(last).toEqual([10, 12, how === 'batches' ? 12 : undefined])
  },
)

it('[15] so it is, too, once the last record of a run is done', async () => {
  const { broker } = tenOrders()
  const producer = broker.producer({ transactionalId: 'tx' })
  await producer.transaction(tx => tx.send({ topic: 'orders', value: 10 }))
  const consumer = broker.consumer(group)
  await consumer.run({ eachRecord: () => {} })
  await broker.idle()
  expect(consumer.position(orders0)).toBe(12)
  expect(await consumer.committed(orders0)).toEqual({ offset: 12 })
})

it('[15] and so it is while a handler of batches runs', async () => {
  const { broker } = tenOrders()
  const batches: unknown[] = []
  const consumer = broker.consumer(group)
  await consumer.run({
    batch: { maxRecords: 4 },
    eachBatch: ({ nextOffset }) => void batches.push([nextOffset, consumer.position(orders0)]),
  })
  await broker.idle()
  expect(batches).toEqual([
    [4, 4],
    [8, 8],
    [10, 10],
  ])
})

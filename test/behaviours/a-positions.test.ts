// Kafka's behaviours, section A: positions and offsets. The numbers are the lines of the list of behaviours.
import { expect, it } from 'vitest'
import { IllegalStateError, InvalidArgumentError, OffsetMetadataTooLargeError } from '../../src/index.ts'
import { fill, gate, offsets, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

const orders1 = { topic: 'orders', partition: 1 } as const

function tenOrders(partitions = 1) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions })
  fill(broker, 'orders', 10)
  return { broker, clock }
}

it('[1] hands out the record at the position next', async () => {
  const { broker } = tenOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })

  expect(offsets(await consumer.poll({ maxRecords: 5 }))).toEqual(range(0, 5))
  expect(consumer.position(orders0)).toBe(5)
  expect(offsets(await consumer.poll({ maxRecords: 1 }))).toEqual([5])
  expect(consumer.position(orders0)).toBe(6)
})

it('[1] has, while a handler runs, the position after its record', async () => {
  const { broker } = tenOrders()
  const seen: [number, number][] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: record => void seen.push([record.offset, consumer.position(orders0)]),
  })
  await broker.idle()

  expect(seen).toEqual(range(0, 10).map(offset => [offset, offset + 1]))
})

it('[1] has, in a loop, the position after the record in hand', async () => {
  const { broker } = tenOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const seen: [number, number][] = []
  for await (const record of consumer) {
    seen.push([record.offset, consumer.position(orders0)])
    if (record.offset === 9) break
  }
  expect(seen).toEqual(range(0, 10).map(offset => [offset, offset + 1]))
})

it('[2] commits the offset after the last record that is done, and goes on there after a restart', async () => {
  const { broker } = tenOrders()
  const first = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await first.poll()
  await first.commit([{ ...orders0, offset: 3 + 1 }])
  await first.close()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })

  const second = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect(offsets(await second.poll())).toEqual(range(4, 10))
})

it('[2] after the handler of record n commits n + 1', async () => {
  const { broker } = tenOrders()
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: async record => void seen.push(record.offset) })
  await broker.idle()
  expect(await consumer.committed(orders0)).toEqual({ offset: 10 })
  await consumer.close()

  fill(broker, 'orders', 1)
  const next = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await next.run({ eachRecord: record => void seen.push(record.offset) })
  await broker.idle()
  expect(seen).toEqual(range(0, 11))
})

it('[3] commit() commits the positions after the last poll, of all assigned partitions', async () => {
  const { broker } = tenOrders(3)
  fill(broker, 'orders', 2, 1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await consumer.poll({ maxRecords: 12 })
  await consumer.commit()
  expect(broker.group('g').offsets).toEqual([
    { ...orders0, offset: 10 },
    { ...orders1, offset: 2 },
    { topic: 'orders', partition: 2, offset: 0 },
  ])
})

it('[3] in run commit() covers only what is finished, not the record in hand', async () => {
  const { broker, clock } = tenOrders()
  const committed: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await consumer.run({
    eachRecord: async record => {
      if (record.offset < 2) return
      await consumer.commit()
      committed.push(await consumer.committed(orders0))
      consumer.pause()
    },
  })
  await clock.settle()
  expect(committed).toEqual([{ offset: 2 }])
})

it('[4] a commit does not move the position; it counts for whoever starts next', async () => {
  const { broker } = tenOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await consumer.poll({ maxRecords: 5 })
  await consumer.commit([{ ...orders0, offset: 2 }])
  expect(consumer.position(orders0)).toBe(5)
  expect(offsets(await consumer.poll({ maxRecords: 3 }))).toEqual([5, 6, 7])
  await consumer.close()

  const next = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect(offsets(await next.poll({ maxRecords: 1 }))).toEqual([2])
})

it('[5] committed is null until something is committed, and keeps metadata', async () => {
  const { broker } = tenOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await consumer.ready()
  expect(await consumer.committed(orders0)).toBe(null)

  await consumer.commit([{ ...orders0, offset: 3, metadata: 'half way' }])
  expect(await consumer.committed(orders0)).toEqual({ offset: 3, metadata: 'half way' })
  await consumer.commit([{ ...orders0, offset: 4 }])
  expect(await consumer.committed(orders0)).toEqual({ offset: 4 })
})

it('[5] refuses metadata of more than 4096 bytes, and commits nothing then', async () => {
  const { broker } = tenOrders(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await consumer.ready()
  await consumer.commit([{ ...orders0, offset: 1, metadata: 'é'.repeat(2048) }])

  const error = await rejectionOf(
    consumer.commit([
      { ...orders0, offset: 2 },
      { ...orders1, offset: 0, metadata: `${'é'.repeat(2048)}x` },
    ]),
  )
  expect(error).toBeInstanceOf(OffsetMetadataTooLargeError)
  expect(error).toMatchObject({ code: 'OFFSET_METADATA_TOO_LARGE', topic: 'orders', partition: 1 })
  expect(broker.group('g').offsets).toEqual([{ ...orders0, offset: 1, metadata: 'é'.repeat(2048) }])
})

it('[16] the offset for a time is the first whose timestamp is at least that, or null', async () => {
  const { broker, clock } = testBroker()
  const topic = broker.createTopic('orders')
  const now = clock.now()
  for (const ms of [10, 30, 20, 40]) topic.append({ value: ms, timestamp: now + ms })
  const find = async (ms: number) => {
    const [found] = await broker.admin.listOffsets([orders0], { timestamp: now + ms })
    expect(topic.partitions[0]!.offsetForTimestamp(now + ms)).toBe(found!.offset)
    return found!.offset
  }
  expect([
    await find(0),
    await find(10),
    await find(11),
    await find(20),
    await find(31),
    await find(40),
  ]).toEqual([0, 0, 1, 1, 3, 3])
  expect(await find(41)).toBe(null)
})

it('[16] a seek to a time goes to that offset, or to the end', async () => {
  const { broker, clock } = testBroker()
  const topic = broker.createTopic('orders')
  const now = clock.now()
  for (const ms of [10, 20, 30]) topic.append({ value: ms, timestamp: now + ms })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  consumer.seek(orders0, { timestamp: now + 15 })
  expect(consumer.position(orders0)).toBe(1)
  consumer.seek(orders0, { timestamp: now + 31 })
  expect(consumer.position(orders0)).toBe(3)
})

it('[17] the end offset is the last one plus 1, and 0 if nothing was ever written', async () => {
  const { broker } = tenOrders(2)
  const end = () => broker.admin.listOffsets([orders0, orders1], 'end')
  expect(await end()).toEqual([
    { ...orders0, offset: 10 },
    { ...orders1, offset: 0 },
  ])
  broker.topic('orders').partitions[0]!.deleteRecords(10)
  expect((await end())[0]).toEqual({ ...orders0, offset: 10 })
  expect(broker.topic('orders').partitions.map(({ lastStableOffset }) => lastStableOffset)).toEqual([10, 0])
})

it('[17] for read_committed it is where the first open transaction begins', async () => {
  const { broker, clock } = tenOrders()
  const { opened, open: end } = gate()
  const transaction = broker.producer({ transactionalId: 'tx' }).transaction(async tx => {
    await tx.send({ topic: 'orders', value: 10 })
    await opened
  })
  await clock.settle()
  fill(broker, 'orders', 1)
  const ends = async () => {
    const found: number[] = []
    for (const isolationLevel of ['read_committed', 'read_uncommitted'] as const) {
      const reader = broker.consumer({ topics: ['orders'], from: 'end', isolationLevel })
      await reader.ready()
      found.push(reader.position(orders0))
      reader.seek(orders0, 0)
      reader.seek(orders0, 'end')
      found.push(reader.position(orders0))
    }
    return found
  }
  expect(await ends()).toEqual([10, 10, 12, 12])
  end()
  await transaction
  expect(await ends()).toEqual([13, 13, 13, 13])
})

it('[18] the last of two seeks wins, and the next record has exactly that offset', async () => {
  const { broker } = tenOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll({ maxRecords: 2 })
  consumer.seek(orders0, 1)
  consumer.seek(orders0, 7)
  expect(consumer.position(orders0)).toBe(7)
  expect(offsets(await consumer.poll())).toEqual([7, 8, 9])
})

it('[19] a handler that seeks gets nothing more of what was fetched before', async () => {
  const { broker } = tenOrders()
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: (record, context) => {
      seen.push(record.offset)
      if (record.offset === 2 && seen.length === 3) context.consumer.seek(orders0, 8)
      if (record.offset === 9 && seen.length === 5) context.consumer.seek(orders0, 5)
    },
  })
  await broker.idle()
  expect(seen).toEqual([0, 1, 2, 8, 9, 5, 6, 7, 8, 9])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 10 })
})

it('[19] so does a loop, and its seek is what is committed', async () => {
  const { broker } = tenOrders()
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  for await (const record of consumer) {
    seen.push(record.offset)
    if (record.offset === 4) break
    if (record.offset === 1) consumer.seek(orders0, 3)
  }
  expect(seen).toEqual([0, 1, 3, 4])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
})

it('[19] a seek while an asynchronous handler runs takes hold when that has ended', async () => {
  const { broker, clock } = tenOrders()
  const log: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async record => {
      log.push(`begin ${record.offset}`)
      await broker.clock.sleep(10)
      log.push(`end ${record.offset}`)
    },
  })
  await clock.advance(15)
  consumer.seek(orders0, 8)
  await clock.advance(40)
  expect(log).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1', 'begin 8', 'end 8', 'begin 9', 'end 9'])
})

it('[20] refuses a negative offset and a partition that is not assigned', async () => {
  const { broker } = tenOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect(() => consumer.seek(orders0, 0)).toThrow(IllegalStateError)
  await consumer.ready()
  for (const offset of [-1, 1.5, Number.NaN]) {
    expect(() => consumer.seek(orders0, offset)).toThrow(InvalidArgumentError)
  }
  expect(() => consumer.seek(orders1, 0)).toThrow(IllegalStateError)
  expect(consumer.position(orders0)).toBe(0)
})

it('[20] and one that was just lost, before anybody was told of it', async () => {
  const { broker } = tenOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  broker.deleteTopic('orders')
  expect(() => consumer.seek(orders0, 0)).toThrow(IllegalStateError)
  expect(() => consumer.position(orders0)).toThrow(IllegalStateError)
  expect(consumer.assignment).toEqual([])
})

it("[21] a seek to the beginning or the end means the log's as it is at the call", async () => {
  const { broker } = tenOrders()
  broker.topic('orders').partitions[0]!.deleteRecords(4)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll({ maxRecords: 3 })
  consumer.seek(orders0, 'beginning')
  expect(consumer.position(orders0)).toBe(4)
  consumer.seek(orders0, 'end')
  fill(broker, 'orders', 1)
  expect(offsets(await consumer.poll())).toEqual([10])
})

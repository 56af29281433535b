import {
  BatchError,
  GroupIdNotFoundError,
  json,
  OffsetOutOfRangeError,
  topic,
  UnknownTopicOrPartitionError,
} from 'brokerlet'
import { assertNoCommitPastProcessed, TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill, gate, offsets } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'

const topics = { orders: topic({ partitions: 1 }) }
const again = (offset: number) => ({ group: 'billing', ...orders0, offset })

async function billing(handler: (offset: number) => unknown = () => {}) {
  const broker = new TestBroker({ topics })
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({
    eachRecord: ({ offset }) => {
      seen.push(offset)
      return handler(offset)
    },
  })
  return { broker, consumer, seen }
}

it('brings exactly that record once more, and what is committed stays', async () => {
  const { broker, seen } = await billing()
  fill(broker, 'orders', 4)
  await broker.idle()
  broker.redeliver(again(1))
  await broker.idle()
  expect(seen).toEqual([0, 1, 2, 3, 1])
  expect(broker.group('billing').committed(orders0)).toEqual({ offset: 4 })
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(seen).toEqual([0, 1, 2, 3, 1, 4])
})

it('brings it before what comes next, where the handler is at work', async () => {
  const { broker, seen } = await billing(() => broker2.clock.sleep(10))
  const broker2 = broker
  fill(broker, 'orders', 3)
  await broker.advance(15)
  broker.redeliver(again(0))
  await broker.advanceUntilIdle()
  expect(seen).toEqual([0, 1, 0, 2])
})

it.each(['partition', 'key', 'none'] as const)(
  'brings a record that has not come yet twice, and nothing is committed past another one (%s)',
  async ordering => {
    const broker = new TestBroker({ topics })
    const seen: number[] = []
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    await consumer.run({
      concurrency: 3,
      ordering,
      eachRecord: ({ offset }) => {
        seen.push(offset)
        return broker.clock.sleep(10)
      },
    })
    fill(broker, 'orders', 6)
    broker.redeliver(again(4))
    await broker.advance(15)
    expect(broker.group('billing').committed(orders0)).toEqual({ offset: ordering === 'partition' ? 1 : 3 })
    await broker.advanceUntilIdle()
    expect(seen.toSorted()).toEqual([0, 1, 2, 3, 4, 4, 5])
    assertNoCommitPastProcessed(broker, 'billing')
  },
)

it('brings several, in the order in which they were asked for', async () => {
  const { broker, seen } = await billing()
  fill(broker, 'orders', 3)
  await broker.idle()
  for (const offset of [2, 0, 2]) broker.redeliver(again(offset))
  await broker.idle()
  expect(seen).toEqual([0, 1, 2, 2, 0, 2])
})

it('is tried again like any record where its handler fails', async () => {
  let failing = false
  const { broker, seen } = await billing(() => {
    if (failing) {
      failing = false
      throw new Error('no')
    }
  })
  fill(broker, 'orders', 2)
  await broker.idle()
  failing = true
  broker.redeliver(again(0))
  await broker.advanceUntilIdle()
  expect(seen).toEqual([0, 1, 0, 0])
  expect(broker.group('billing').committed(orders0)).toEqual({ offset: 2 })
})

it('waits for whoever reads the partition next', async () => {
  const { broker, consumer, seen } = await billing()
  fill(broker, 'orders', 2)
  await broker.idle()
  await consumer.close()
  broker.redeliver(again(1))
  const next: number[] = []
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: ({ offset }) => void next.push(offset),
  })
  await broker.idle()
  expect(seen).toEqual([0, 1])
  expect(next).toEqual([1])
})

it('waits while the partition is paused', async () => {
  const { broker, consumer, seen } = await billing()
  fill(broker, 'orders', 1)
  await broker.idle()
  consumer.pause()
  broker.redeliver(again(0))
  await broker.advance(0)
  expect(seen).toEqual([0])
  consumer.resume()
  await broker.idle()
  expect(seen).toEqual([0, 0])
})

it('comes to poll and to loops', async () => {
  const broker = new TestBroker({ topics })
  fill(broker, 'orders', 2)
  const polling = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  expect(offsets(await polling.poll())).toEqual([0, 1])
  broker.redeliver(again(0))
  expect(offsets(await polling.poll())).toEqual([0])

  const looping = broker.consumer({ groupId: 'loop', topics: ['orders'] })
  const loop = looping[Symbol.asyncIterator]()
  await loop.next()
  broker.redeliver({ ...again(0), group: 'loop' })
  const seen = [await loop.next(), await loop.next()].map(({ value }) => value!.offset)
  expect(seen.sort()).toEqual([0, 1])
  await loop.return!()
})

it('comes to a handler of batches, as a batch of its own', async () => {
  const broker = new TestBroker({ topics })
  fill(broker, 'orders', 2)
  const batches: number[][] = []
  await broker.consumer({ groupId: 'batches', topics: ['orders'] }).run({
    eachBatch: ({ records }) => void batches.push(offsets(records)),
  })
  await broker.idle()
  broker.redeliver({ ...again(1), group: 'batches' })
  await broker.idle()
  expect(batches).toEqual([[0, 1], [1]])
  expect(broker.group('batches').committed(orders0)).toEqual({ offset: 2 })
})

it('takes nothing back that is committed, where the batch that it has come in fails after it', async () => {
  const broker = new TestBroker({ topics })
  const batches: number[][] = []
  await broker.consumer({ groupId: 'batches', topics: ['orders'] }).run({
    eachBatch: ({ records }) => {
      batches.push(offsets(records))
      if (batches.length === 2) throw new BatchError(new Error('no'), { failedAt: records[1]! })
    },
    batch: { maxRecords: 10, lingerMs: 50 },
  })
  fill(broker, 'orders', 3)
  await broker.advanceUntilIdle()
  broker.redeliver({ ...again(0), group: 'batches' })
  fill(broker, 'orders', 1)
  await broker.advance(60)
  expect(batches).toEqual([
    [0, 1, 2],
    [0, 3],
  ])
  expect(broker.group('batches').committed(orders0)).toEqual({ offset: 3 })
  await broker.advanceUntilIdle()
  expect(broker.group('batches').committed(orders0)).toEqual({ offset: 4 })
})

it('is decoded as it was the first time', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1, codec: json }) } })
  const values: unknown[] = []
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: ({ value }) => void values.push(value),
  })
  await broker.producer().send({ topic: 'orders', value: { id: 1 } })
  await broker.idle()
  broker.redeliver(again(0))
  await broker.idle()
  expect(values).toEqual([{ id: 1 }, { id: 1 }])
  expect(values[0]).not.toBe(values[1])
})

it('does not come to a member that has lost the partition', async () => {
  const { opened, open } = gate()
  const { broker, consumer, seen } = await billing(() => opened)
  fill(broker, 'orders', 1)
  await broker.advance(0)
  broker.redeliver(again(0))
  broker.crash(consumer)
  open()
  const next: number[] = []
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: ({ offset }) => void next.push(offset),
  })
  await broker.advance(45_000)
  expect(seen).toEqual([0])
  expect(next.sort()).toEqual([0, 0])
})

it('refuses a group, a partition or a record that is not there', async () => {
  const { broker } = await billing()
  fill(broker, 'orders', 3)
  await broker.idle()
  const refused = (what: object) => rejectionOf((async () => broker.redeliver({ ...again(0), ...what }))())
  expect(await refused({ group: 'other' })).toBeInstanceOf(GroupIdNotFoundError)
  expect(await refused({ topic: 'other' })).toBeInstanceOf(UnknownTopicOrPartitionError)
  expect(await refused({ partition: 9 })).toBeInstanceOf(UnknownTopicOrPartitionError)
  expect(await refused({ offset: 3 })).toBeInstanceOf(OffsetOutOfRangeError)
  broker.topic('orders').partitions[0]!.deleteRecords(2)
  expect((await refused({ offset: 1 })).message).toBe(
    'redeliver: orders-0 holds no record at offset 1; it holds 2 to 3',
  )
})

it.each([undefined, null, {}, again(-1), { ...again(0), group: '' }])('refuses %j', async what => {
  const { broker } = await billing()
  expect(thrownBy(() => broker.redeliver(what as never))).toMatchObject({
    name: 'InvalidArgumentError',
    message: expect.stringMatching(
      /^redeliver: expected \{ group, topic, partition, offset \} with whole numbers, 0 or more, received /,
    ),
  })
})

it('takes nothing back of what is committed where a pause comes between the record and its handler', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], maxPollRecords: 5000 })
  const seen: number[] = []
  const commits: number[] = []
  // A commit is made, too, when the event loop is to have its turn before the next record, which is in hand by then.
  consumer.once('committed', () => consumer.pause())
  consumer.on('committed', ({ offsets: committed }) => commits.push(...offsets(committed)))
  fill(broker, 'orders', 1500)
  await consumer.run({
    eachRecord: ({ offset }) => {
      if (commits.length > 0) consumer.pause()
      seen.push(offset)
      if (seen.length === 1000) for (let i = 0; i < 100; i++) broker.redeliver(again(i))
    },
  })
  for (let i = 0; i < 5; i++) {
    await broker.advance(1)
    consumer.resume()
  }
  await broker.advance(1)
  expect(commits).toEqual([1000])
})

it('waits for a batch that lingered, also where another handler would be free', async () => {
  const broker = new TestBroker({ topics })
  const { opened, open } = gate()
  const batches: number[][] = []
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({
    concurrency: 2,
    batch: { maxRecords: 100, lingerMs: 10 },
    eachBatch: ({ records }) => {
      batches.push(records.map(({ offset }) => offset))
      return opened
    },
  })
  fill(broker, 'orders', 2)
  await broker.advance(10)
  broker.redeliver(again(0))
  await broker.advance(10)
  expect(batches).toEqual([[0, 1]])
  open()
  await broker.advance(10)
  expect(batches).toEqual([[0, 1], [0]])
})

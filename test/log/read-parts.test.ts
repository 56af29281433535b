import { expect, it } from 'vitest'
import { json, QueueFullError, type Topic } from '../../src/index.ts'
import type { EncodedBatch } from '../../src/log/encoded-batch.ts'
import { BatchReader } from '../../src/server/batch-reader.ts'
import { LogSizes } from '../../src/server/log-sizes.ts'
import { readBatches, readRecords, writeBatch } from '../../src/server/protocol/record-batch.ts'
import { toEncodedBatch } from '../../src/server/wire-batch.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** A broker of 20 records whose partitions have one segment each, and a group that reads them. */
function fullBroker(options: TopicOptions = {}, limits: { maxRecords?: number; maxBytes?: number } = {}) {
  const { broker, clock } = testBroker({ maxRecords: 20, ...limits })
  const log = broker.createTopic('log', { partitions: 2, segmentRecords: 20, ...options })
  const group = broker.createGroup('g', { topics: ['log'] })
  const dropped: object[] = []
  broker.on('recordsDropped', event => dropped.push(event))
  const append = (partition: number, count: number) => {
    for (let i = 0; i < count; i++) {
      const value = log.partitions[partition]!.highWatermark
      log.append({ partition, key: `k${value}`, value, headers: { n: `${value}` } })
    }
  }
  const commit = (...offsets: number[]) =>
    group.setOffsets(offsets.map((offset, partition) => ({ topic: 'log', partition, offset })))
  const starts = () => log.partitions.map(({ logStartOffset }) => logStartOffset)
  return { broker, clock, log, group, dropped, append, commit, starts }
}

function wireBatch(log: Topic, values: readonly string[], at: number): EncodedBatch {
  const records = values.map((value, offset) => {
    return { offset, timestamp: at + offset, key: null, value: Buffer.from(value), headers: [] }
  })
  return toEncodedBatch(log, readBatches(writeBatch(records))[0]!, at)
}

/** The values that a client on the wire gets of the first partition, from an offset on. */
function onTheWire(log: Topic, from: number, reader: BatchReader = new BatchReader(0)): string[] {
  const none = () => expect.unreachable('nothing is compressed')
  const { pieces } = reader.read(log.partitions[0]!, from, 1e6, true)
  const records = readBatches(Buffer.concat(pieces)).flatMap(batch => readRecords(batch, none))
  return records.filter(({ offset }) => offset >= from).map(({ value }) => `${value}`)
}

it('where no segment is read as a whole, the read part of one goes, and nothing that is unread', () => {
  const { broker, log, dropped, append, commit, starts } = fullBroker()
  append(0, 10)
  append(1, 10)
  commit(9, 8)
  append(0, 1)
  expect([starts(), broker.describe().records, dropped]).toEqual([[9, 0], 12, []])
  append(0, 9)
  expect([starts(), broker.describe().records, dropped]).toEqual([[9, 8], 13, []])
  expect(log.partitions.map(each => each.read(each.logStartOffset).map(({ value }) => value))).toEqual([
    [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
    [8, 9],
  ])
  expect(log.partitions[0]!.read(9, { maxRecords: 1 })).toMatchObject([{ key: 'k9', headers: { n: '9' } }])
})

it('a read part that is less than an eighth of its segment stays: the oldest segment goes, unread or not', () => {
  const { starts, dropped, append, commit } = fullBroker()
  append(0, 17)
  append(1, 3)
  commit(2, 0)
  append(1, 1)
  expect(starts()).toEqual([17, 0])
  expect(dropped).toMatchObject([{ partition: 0, from: 0, to: 17, groups: [{ groupId: 'g', count: 15 }] }])
})

it('an eighth goes', () => {
  const { starts, dropped, append, commit } = fullBroker()
  append(0, 16)
  append(1, 4)
  commit(2, 0)
  append(1, 1)
  expect([starts(), dropped]).toEqual([[2, 0], []])
})

it('of records that were deleted, which no group has read, the memory is used before anything unread goes', () => {
  const { log, starts, dropped, append } = fullBroker()
  append(0, 10)
  append(1, 10)
  log.partitions[1]!.deleteRecords(6)
  append(0, 6)
  expect(starts()).toEqual([0, 6])
  expect(dropped).toMatchObject([{ from: 0, to: 6, reason: 'deleteRecords' }])
})

it.each([
  ['of the broker', { maxBytes: 1000 }, {}],
  ['of the partition', {}, { retentionBytes: 1000 }],
])(
  'the bytes %s that deleted records had are free at once, though others of their segment stay',
  (_, limits, options) => {
    const { broker } = testBroker(limits)
    const log = broker.createTopic('log', { segmentBytes: 1000, whenFull: 'reject', ...options })
    const [partition] = log.partitions
    const value = Buffer.alloc(100)
    for (let i = 0; i < 10; i++) log.append({ value })
    expect(() => log.append({ value })).toThrow(QueueFullError)
    for (const before of [2, 3, 9]) partition!.deleteRecords(before)
    expect([partition!.bytes, broker.describe().bytes]).toEqual([100, 100])
    for (let i = 0; i < 9; i++) log.append({ value })
    expect(() => log.append({ value })).toThrow(QueueFullError)
    expect([partition!.bytes, broker.describe().bytes]).toEqual([1000, 1000])
    partition!.deleteRecords(19)
    expect([partition!.bytes, broker.describe().bytes]).toEqual([0, 0])
  },
)

it('a send that waits for the bytes of records that are then deleted goes on', async () => {
  const { broker } = testBroker({ maxBytes: 1000 })
  const log = broker.createTopic('log', { segmentBytes: 1000, whenFull: 'wait' })
  const value = Buffer.alloc(500)
  const producer = broker.producer()
  await producer.sendBatch([
    { topic: 'log', value },
    { topic: 'log', value },
  ])
  const sent = producer.send({ topic: 'log', value })
  log.partitions[0]!.deleteRecords(1)
  expect(await sent).toMatchObject({ offset: 2 })
})

it('of records from the wire, whole batches go', () => {
  const { broker, log, dropped, commit, starts } = fullBroker()
  for (let i = 0; i < 5; i++) {
    void broker.engine.appendEncoded(
      { topic: log, partition: 0 },
      wireBatch(log, ['0', '1', '2', '3'], 100 * i),
    )
  }
  // So that they are decoded already.
  expect(log.records()).toHaveLength(20)
  commit(7, 0)
  log.append({ partition: 1, value: 'new' })
  expect([starts(), broker.describe().records, dropped]).toEqual([[4, 0], 17, []])
  const [partition] = log.partitions
  expect(partition!.read(4, { maxRecords: 6 }).map(({ offset, value }) => [offset, value])).toEqual([
    [4, 0],
    [5, 1],
    [6, 2],
    [7, 3],
    [8, 0],
    [9, 1],
  ])
  expect([0, 102, 201, 500].map(time => partition!.offsetForTimestamp(time))).toEqual([4, 6, 9, null])
})

it('records from the wire that stay keep their bytes, in their batches and among records of the process', () => {
  for (const before of [0, 2]) {
    const { broker, log, append, commit, starts } = fullBroker()
    append(0, before)
    const texts = Array.from({ length: 18 }, (_, i) => `${i}${' '.repeat(i)}`)
    for (let i = 0; i < 18; i += 2) {
      void broker.engine.appendEncoded({ topic: log, partition: 0 }, wireBatch(log, texts.slice(i, i + 2), i))
    }
    append(1, 2 - before)
    // Also asks for the originals of a batch.
    expect(onTheWire(log, before)).toEqual(texts)
    expect(log.partitions[0]!.segments[0]!.originalAt(before + 6)).toBeDefined()
    commit(before + 10, 0)
    append(1, 1)
    expect(starts()[0]).toBe(before + 10)
    expect(onTheWire(log, before + 10)).toEqual(texts.slice(10))
    const kept = log.partitions[0]!.segments[0]!
    const originals = Array.from(
      { length: 8 },
      (_, i) => kept.originalAt(7 - i) as { value: Buffer } | undefined,
    )
    expect(originals.map(each => `${each?.value}`)).toEqual(texts.slice(10).toReversed())
  }
})

it('a time is looked up among the records that are kept, also where the log starts within a batch', () => {
  const { broker, log } = fullBroker()
  void broker.engine.appendEncoded({ topic: log, partition: 0 }, wireBatch(log, ['0', '1', '2'], 100))
  const [partition] = log.partitions
  partition!.deleteRecords(1)
  expect([0, 102, 103].map(time => partition!.offsetForTimestamp(time))).toEqual([1, 2, null])
})

it('the size of what stays is measured anew, though it has grown to as many records as before', () => {
  const { log, append, commit, starts } = fullBroker()
  const sizes = new LogSizes()
  append(0, 10)
  append(1, 10)
  // Values from 0 to 9, their keys, and the name and the value of a header.
  expect(sizes.of(log.partitions[0]!)).toBe(10 * (1 + 2 + 2))
  commit(9, 0)
  append(0, 9)
  expect(starts()).toEqual([9, 0])
  expect(sizes.of(log.partitions[0]!)).toBe(1 + 2 + 2 + 9 * (2 + 3 + 3))
})

it('a segment that a compaction pass is reading stays whole until the pass is over', () => {
  const options = { cleanupPolicy: 'compact,delete', segmentRecords: 4, minCleanableDirtyRatio: 1 } as const
  const { broker, log, append, commit, starts } = fullBroker(options, { maxRecords: 40 })
  const [partition] = log.partitions
  append(0, 32)
  // A pass is due, and begins with the next segment; its first step comes as far as its first segments.
  log.alter({ minCleanableDirtyRatio: 0 })
  append(0, 1)
  commit(2, 0)
  append(1, 8)
  expect(starts()).toEqual([4, 0])
  log.compact()
  expect(broker.describe().records).toBe(log.records().length)
  commit(6, 0)
  append(1, 4)
  expect(starts()).toEqual([6, 0])
  expect(broker.describe().records).toBe(log.records().length)
  expect(partition!.read(6, { maxRecords: 2 }).map(({ offset, key }) => [offset, key])).toEqual([
    [6, 'k6'],
    [7, 'k7'],
  ])
})

it('what was decoded of batches that went is not shown in the place of others', () => {
  const { broker, log, append, commit, starts } = fullBroker()
  const write = (...values: string[]) =>
    void broker.engine.appendEncoded({ topic: log, partition: 0 }, wireBatch(log, values, 0))
  write('0', '1')
  expect(log.records()).toHaveLength(2)
  for (let i = 2; i < 18; i += 2) write(`${i}`, `${i + 1}`)
  append(1, 2)
  commit(4, 0)
  append(1, 1)
  expect(starts()[0]).toBe(4)
  expect(log.partitions[0]!.read(4).map(({ value }) => value)).toEqual(
    Array.from({ length: 14 }, (_, i) => i + 4),
  )
})

it.each(['of the process', 'from the wire'])(
  'records %s that stay keep their times, go by them, and leave no bytes',
  async kind => {
    const options = { retentionMs: 10_000, codec: json, segmentBytes: -1 }
    const { broker, clock, log, append, commit, starts } = fullBroker(options)
    const now = clock.now()
    for (let i = 0; i < 10; i++) {
      const timestamp = i === 0 ? now + 5000 : i === 5 ? now + 2000 : now - i
      if (kind === 'of the process') log.append({ partition: 0, value: i, timestamp })
      else void broker.engine.appendEncoded({ topic: log, partition: 0 }, wireBatch(log, [`${i}`], timestamp))
    }
    append(1, 10)
    commit(5, 0)
    append(1, 1)
    expect(starts()).toEqual([5, 0])
    const times = log.partitions[0]!.read(5).map(({ timestamp }) => now - timestamp)
    expect(times).toEqual([-2000, 6, 7, 8, 9])
    await clock.advance(12_000)
    expect(log.records()).toHaveLength(5)
    await clock.advance(1)
    expect([log.records(), broker.describe().bytes, log.partitions.map(each => each.bytes)]).toEqual([
      [],
      0,
      [0, 0],
    ])
  },
)

it('where compaction has left gaps, the records that stay keep their offsets', () => {
  const { log, append, commit, starts } = fullBroker({ partitions: 2, cleanupPolicy: 'compact' })
  for (const key of ['a', 'b', 'a', 'c', 'd', 'c', 'e', 'f']) log.append({ partition: 0, key, value: key })
  log.compact()
  log.alter({ cleanupPolicy: 'delete', whenFull: 'drop-oldest' })
  append(1, 14)
  commit(4, 0)
  append(1, 1)
  expect(starts()).toEqual([4, 0])
  const [partition] = log.partitions
  expect(partition!.read(4).map(({ offset, key }) => `${offset}${key}`)).toEqual(['4d', '5c', '6e', '7f'])
  expect(partition!.read(6, { maxRecords: 1 })).toMatchObject([{ offset: 6, key: 'e' }])
})

it('what a transaction took back stays hidden in the part that stays', async () => {
  const { broker, log, commit, append, starts } = fullBroker()
  append(0, 8)
  const producer = broker.producer({ transactionalId: 't' })
  const taken = producer.transaction(async tx => {
    for (const value of ['x', 'y']) await tx.send({ topic: 'log', partition: 0, value })
    throw new Error('taken back')
  })
  await expect(taken).rejects.toThrow('taken back')
  append(0, 2)
  commit(8, 0)
  append(1, 10)
  expect(starts()).toEqual([8, 0])
  expect(log.partitions[0]!.read(8).map(({ offset }) => offset)).toEqual([11, 12])
  expect(broker.group('g').lag()).toBe(12)
})

it('whoever waits for the broker goes on once a part of a segment is read', async () => {
  const { broker, clock, commit, append, starts } = fullBroker({ whenFull: 'wait' })
  append(0, 19)
  append(1, 1)
  const told: string[] = []
  void broker
    .producer()
    .send({ topic: 'log', partition: 1, value: 'waits' })
    .then(() => told.push('sent'))
  await clock.settle()
  expect(told).toEqual([])
  commit(3, 0)
  await clock.settle()
  expect([told, starts()]).toEqual([['sent'], [3, 0]])
})

it('it goes by bytes, too, to the byte', () => {
  const { broker, log, dropped, commit, starts } = fullBroker(
    { codec: json, segmentBytes: 40 },
    { maxBytes: 40 },
  )
  const append = (partition: number, values: readonly string[]) => {
    for (const value of values) log.append({ partition, value })
  }
  // Each takes two bytes more as JSON.
  append(0, ['a', 'bbb', 'cc', 'ddddd'])
  append(1, ['e'.repeat(16)])
  expect(broker.describe().bytes).toBe(37)
  commit(2, 0)
  append(1, ['ffffffff'])
  expect([starts(), broker.describe().bytes, log.partitions.map(each => each.bytes), dropped]).toEqual([
    [2, 0],
    39,
    [11, 28],
    [],
  ])
})

it('batches from the wire go with just their bytes', () => {
  const batchesOf = (log: Topic) =>
    ['a', 'bb', 'c'.repeat(30), 'd', 'e'].map((value, at) => wireBatch(log, [value, value], at))
  const sizes = batchesOf(fullBroker().log).map(({ size }) => size)
  const sum = (from: number) => sizes.slice(from).reduce((total, size) => total + size, 0)
  const { broker, log, dropped, commit, starts } = fullBroker(
    { codec: json, segmentBytes: -1 },
    { maxBytes: sum(0) },
  )
  for (const batch of batchesOf(log)) void broker.engine.appendEncoded({ topic: log, partition: 0 }, batch)
  expect(broker.describe().bytes).toBe(sum(0))
  commit(7, 0)
  log.append({ partition: 1, value: 1 })
  expect([starts(), dropped]).toEqual([[6, 0], []])
  expect([log.partitions[0]!.bytes, broker.describe().bytes]).toEqual([sum(3), sum(3) + 1])
})

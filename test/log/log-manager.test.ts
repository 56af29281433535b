import { describe, expect, it, vi } from 'vitest'
import { RecordListTooLargeError, topic } from '../../src/index.ts'
import { Partition } from '../../src/log/partition.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { fc } from '../helpers/fast-check.ts'
import { testBroker } from '../helpers/test-broker.ts'

const small = { retentionMs: -1, segmentRecords: 2 }

describe('maxRecords', () => {
  it('drops the oldest segment of all topics, and never what was just written', () => {
    const { broker } = testBroker({
      maxRecords: 6,
      topics: { a: topic<string>(small), b: topic<string>({ ...small, partitions: 2 }) },
    })
    const a = broker.topic('a')
    const b = broker.topic('b')
    const held = () => [...a.records(), ...b.records()].map(record => record.value).join(' ')
    a.append({ value: 'a0' })
    b.append({ value: 'b0', partition: 1 })
    a.append({ value: 'a1' })
    b.append({ value: 'b1', partition: 0 })
    a.append({ value: 'a2' })
    b.append({ value: 'b2', partition: 1 })
    expect(held()).toBe('a0 a1 a2 b0 b1 b2')
    b.append({ value: 'b3', partition: 0 })
    // a's first segment was begun first; then comes the one of b-1, which is still written to.
    expect(held()).toBe('a2 b0 b1 b2 b3')
    a.append({ value: 'a3' })
    expect(held()).toBe('a2 a3 b0 b1 b2 b3')
    b.append({ value: 'b4', partition: 1 })
    expect(held()).toBe('a2 a3 b1 b3 b4')
    expect(b.partitions.map(each => [each.logStartOffset, each.highWatermark])).toEqual([
      [0, 2],
      [2, 3],
    ])
  })

  it('asks one partition, and not all of them, where the groups keep up', async () => {
    const { broker } = testBroker({ maxRecords: 300 })
    const log = broker.createTopic('log', { partitions: 300, segmentRecords: 1 })
    for (let partition = 0; partition < 300; partition++) log.append({ partition, value: 0 })
    const offsets = log.partitions.map(({ index }) => ({ topic: 'log', partition: index, offset: 1 }))
    await broker.admin.setGroupOffsets('g', offsets)
    const asked = vi.spyOn(Partition.prototype, 'consumedBefore', 'get')
    log.append({ partition: 299, value: 1 })
    expect([asked.mock.calls.length, log.partitions[0]!.logStartOffset]).toEqual([1, 1])
    asked.mockRestore()
  })

  it('drops a segment that is written to, when it is the only one, and goes on at the next offset', () => {
    const { broker } = testBroker({ maxRecords: 3, topics: { log: topic<number>({ segmentRecords: 3 }) } })
    const log = broker.topic('log')
    const held: string[] = []
    for (let i = 0; i < 7; i++) {
      expect(log.append({ value: i }).offset).toBe(i)
      held.push(
        log
          .records()
          .map(record => record.value)
          .join(''),
      )
    }
    expect(held).toEqual(['0', '01', '012', '3', '34', '345', '6'])
  })

  it('drops old segments, and the one that is written to is filled as before', () => {
    const { broker } = testBroker({ maxRecords: 6, topics: { log: topic<number>({ segmentRecords: 4 }) } })
    const log = broker.topic('log')
    for (let i = 0; i < 10; i++) log.append({ value: i })
    expect(log.records().map(record => record.value)).toEqual([4, 5, 6, 7, 8, 9])
    log.append({ value: 10 })
    expect(log.records().map(record => record.value)).toEqual([8, 9, 10])
  })

  it('takes a batch whole, up to what fits at all, and refuses a larger one before anything is dropped', async () => {
    const { broker } = testBroker({ maxRecords: 4, topics: { log: topic<number>({ segmentRecords: 1 }) } })
    const producer = broker.producer()
    const batch = (count: number) =>
      Array.from({ length: count }, (_, value) => ({ topic: 'log' as const, value }))
    await producer.sendBatch(batch(3))
    const error = await rejectionOf(producer.sendBatch(batch(5)))
    expect(error).toBeInstanceOf(RecordListTooLargeError)
    expect(error).toMatchObject({
      code: 'RECORD_LIST_TOO_LARGE',
      errno: 18,
      retriable: false,
      expected: 'at most 4 records',
      received: 5,
    })
    expect(
      broker
        .topic('log')
        .records()
        .map(record => record.offset),
    ).toEqual([0, 1, 2])
    await producer.sendBatch(batch(4))
    expect(
      broker
        .topic('log')
        .records()
        .map(record => record.offset),
    ).toEqual([3, 4, 5, 6])
  })

  it('is no limit where it is -1', () => {
    const { broker } = testBroker({ maxRecords: -1, topics: { log: topic<number>() } })
    for (let i = 0; i < 5000; i++) broker.topic('log').append({ value: i })
    expect(broker.describe()).toMatchObject({ records: 5000, maxRecords: -1 })
  })

  it('is 1,000,000 where nothing else is said', () => {
    expect(testBroker().broker.describe().maxRecords).toBe(1_000_000)
  })

  it('makes room again when a topic is deleted', () => {
    const { broker } = testBroker({
      maxRecords: 4,
      topics: { a: topic<number>(small), b: topic<number>(small) },
    })
    for (let i = 0; i < 3; i++) broker.topic('a').append({ value: i })
    broker.topic('b').append({ value: 0 })
    broker.deleteTopic('a')
    for (let i = 1; i < 4; i++) broker.topic('b').append({ value: i })
    expect(broker.topic('b').records()).toHaveLength(4)
    expect(broker.describe().records).toBe(4)
  })

  it('drops what was compacted before what came after it, also where both began in the same millisecond', async () => {
    const { broker } = testBroker({
      maxRecords: 9,
      topics: { log: topic<number>({ cleanupPolicy: 'compact,delete', segmentRecords: 4 }) },
    })
    const send = (keys: readonly string[]) =>
      broker.producer().sendBatch(keys.map((key, value) => ({ topic: 'log' as const, key, value })))
    const held = () =>
      broker
        .topic('log')
        .records()
        .map(({ key }) => key)
    await send(['a', 'a', 'a', 'a'])
    await send(['b', 'c', 'd', 'e'])
    // The third segment begins, so the first one is compacted, and then stands behind the second.
    await send(['f'])
    expect(held()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    await send(['g', 'h', 'i', 'j', 'k', 'l', 'm'])
    expect(held()).toEqual(['f', 'g', 'h', 'i', 'j', 'k', 'l', 'm'])
    expect(broker.describe().records).toBe(8)
  })

  it('holds for any writes to any topics: each partition keeps an unbroken end of its log', () => {
    const write = fc.record({ topic: fc.constantFrom('a', 'b', 'c'), count: fc.integer({ min: 1, max: 4 }) })
    fc.assert(
      fc.property(
        fc.array(write, { maxLength: 60 }),
        fc.integer({ min: 4, max: 12 }),
        (writes, maxRecords) => {
          const { broker } = testBroker({
            maxRecords,
            topics: {
              a: topic<number>({ segmentRecords: 1 }),
              b: topic<number>({ segmentRecords: 3 }),
              c: topic<number>({ segmentRecords: 4, retentionRecords: 5 }),
            },
          })
          for (const { topic: name, count } of writes) {
            const log = broker.topic(name as 'a')
            const partition = log.partitions[0]!
            for (let i = 0; i < count; i++) {
              const { offset } = log.append({ value: partition.highWatermark })
              const held = partition.read(partition.logStartOffset).map(record => record.value)
              const from = partition.logStartOffset
              expect(held).toEqual(Array.from({ length: offset + 1 - from }, (_, k) => from + k))
              expect(held.at(-1)).toBe(offset)
            }
            const kept = [...broker.topics.values()].flatMap(each => each.records())
            expect(kept.length).toBeLessThanOrEqual(maxRecords)
            expect(broker.describe().records).toBeLessThanOrEqual(maxRecords)
          }
        },
      ),
      { numRuns: 100 },
    )
  })
})

import { describe, expect, it } from 'vitest'
import { string, topic } from '../../src/index.ts'
import { offsets } from '../helpers/behaviours.ts'
import { thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

describe('retention by count', () => {
  it('keeps exactly the last records of each partition', () => {
    const { broker } = testBroker({ topics: { log: topic<number>({ partitions: 2, retentionRecords: 3 }) } })
    const log = broker.topic('log')
    const starts: number[] = []
    for (let i = 0; i < 6; i++) {
      log.append({ value: i, partition: 0 })
      starts.push(log.partitions[0]!.logStartOffset)
    }
    log.append({ value: 6, partition: 1 })
    expect(starts).toEqual([0, 0, 0, 1, 2, 3])
    expect(log.records().map(record => record.value)).toEqual([3, 4, 5, 6])
  })

  it('is exact whatever the segments are', () => {
    const { broker } = testBroker({
      topics: { log: topic<number>({ retentionRecords: 5, segmentRecords: 4 }) },
    })
    const log = broker.topic('log')
    for (let i = 0; i < 23; i++) log.append({ value: i })
    expect(log.records().map(record => record.offset)).toEqual([18, 19, 20, 21, 22])
    expect(log.partitions[0]!.read(18, { maxRecords: 2 }).map(record => record.value)).toEqual([18, 19])
  })

  it('goes on from the same offset when a batch is larger than what is kept', async () => {
    const { broker } = testBroker({ topics: { log: topic<number>({ retentionRecords: 2 }) } })
    const written = await broker
      .producer()
      .sendBatch(Array.from({ length: 5 }, (_, value) => ({ topic: 'log' as const, value })))
    expect(written.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4])
    expect(
      broker
        .topic('log')
        .records()
        .map(record => record.value),
    ).toEqual([3, 4])
  })
})

describe('retention by size', () => {
  it('counts key, value and headers in UTF-8 bytes', () => {
    const { broker } = testBroker({ topics: { log: topic<string>({ codec: string }) } })
    const log = broker.topic('log')
    log.append({ key: 'ä', value: 'abc', headers: { né: 'x', raw: new Uint8Array([255, 254]) } })
    expect(log.partitions[0]!.bytes).toBe(2 + 3 + (3 + 1) + (3 + 2))
    log.append({ value: 'z' })
    expect(broker.describe().topics[0]!.partitions[0]!.bytes).toBe(15)
  })

  it('counts each record of a batch, in its partition', async () => {
    const { broker } = testBroker({ topics: { log: topic<string>({ codec: string, partitions: 2 }) } })
    const [first, second] = broker.topic('log').partitions
    const batch = ['a', 'bc', 'def'].map((value, i) => ({ topic: 'log' as const, value, partition: i % 2 }))
    await broker.producer().sendBatch(batch)
    expect([first!.bytes, second!.bytes, broker.describe().bytes]).toEqual([4, 2, 6])
    first!.deleteRecords(2)
    expect([first!.bytes, second!.bytes, broker.describe().bytes]).toEqual([0, 2, 2])
  })

  it('counts nothing for the end of a transaction, and takes nothing away for it', async () => {
    const { broker } = testBroker({ topics: { log: topic<string>({ codec: string }) } })
    const { partitions } = broker.topic('log')
    const bytes = () => [partitions[0]!.bytes, broker.describe().bytes]
    const producer = broker.producer({ transactionalId: 'shop' })
    await producer.transaction(tx => tx.send({ topic: 'log', value: 'abc' }))
    expect(bytes()).toEqual([3, 3])
    partitions[0]!.deleteRecords(2)
    expect(bytes()).toEqual([0, 0])
  })

  it('bounds a partition, and a record, also where no segment is closed for its size', () => {
    const { broker } = testBroker()
    const value = Buffer.from('abcde')
    const log = broker.createTopic('log', { retentionBytes: 10, segmentBytes: -1, segmentRecords: 2 })
    for (let i = 0; i < 5; i++) log.append({ value })
    expect([log.partitions[0]!.bytes, offsets(log.records())]).toEqual([15, [2, 3, 4]])
    const short = broker.createTopic('short', { maxMessageBytes: 4, segmentBytes: -1 })
    expect(thrownBy(() => short.append({ value }))).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    short.append({ value: value.subarray(1) })
    expect(offsets(short.records())).toEqual([0])
  })

  it('counts nothing where values are kept by reference', () => {
    const { broker } = testBroker({ topics: { log: topic<string>() } })
    broker.topic('log').append({ value: 'abc' })
    expect(broker.topic('log').partitions[0]!.bytes).toBe(0)
  })
})

describe('retention by age', () => {
  it('is punctual for each topic, whenever the topic is written to', async () => {
    const { broker, clock } = testBroker({
      topics: {
        short: topic<number>({ retentionMs: 1000, segmentMs: 100 }),
        long: topic<number>({ retentionMs: 5000, segmentMs: 1000 }),
      },
    })
    const held = () => [...broker.topics.values()].map(each => each.partitions[0]!.logStartOffset)
    broker.topic('long').append({ value: 0 })
    await clock.advance(200)
    broker.topic('short').append({ value: 0 })
    await clock.advance(300)
    broker.topic('short').append({ value: 1 })
    await clock.advance(700)
    expect(held()).toEqual([0, 0])
    await clock.advance(1)
    expect(held()).toEqual([1, 0])
    await clock.advance(299)
    expect(held()).toEqual([1, 0])
    await clock.advance(1)
    expect(held()).toEqual([2, 0])
    await clock.advance(5000 - 1501)
    expect(held()).toEqual([2, 0])
    await clock.advance(1)
    expect(held()).toEqual([2, 1])
    expect(broker.describe().records).toBe(0)
    expect(clock.waiting).toEqual([])
  })

  it('leaves a record of exactly that age when it looks for another one’s sake', async () => {
    const { broker, clock } = testBroker({
      topics: { log: topic<number>({ retentionMs: 1000, partitions: 2 }) },
    })
    const log = broker.topic('log')
    log.append({ value: 0, partition: 0 })
    log.append({ value: 1, partition: 1, timestamp: clock.now() + 1 })
    await clock.advance(1001)
    expect(log.records().map(record => record.value)).toEqual([1])
    await clock.advance(1)
    expect(log.records()).toEqual([])
  })

  it('goes by the record’s own time; what comes in too old stays for five minutes', async () => {
    const hour = 60 * 60 * 1000
    const { broker, clock } = testBroker({
      topics: { log: topic<number>({ retentionMs: 2 * hour, partitions: 3 }) },
    })
    const log = broker.topic('log')
    const now = clock.now()
    log.append({ value: 0, partition: 0, timestamp: now - hour })
    log.append({ value: 1, partition: 1, timestamp: now - 3 * hour })
    log.append({ value: 2, partition: 2, timestamp: now + hour })
    const held = () => log.records().map(record => record.value)
    await clock.advance(300_000)
    expect(held()).toEqual([0, 1, 2])
    await clock.advance(1)
    expect(held()).toEqual([0, 2])
    await clock.advance(hour - 300_001)
    expect(held()).toEqual([0, 2])
    await clock.advance(1)
    expect(held()).toEqual([2])
    await clock.advance(2 * hour - 1)
    expect(held()).toEqual([2])
    await clock.advance(1)
    expect(held()).toEqual([])
  })

  it('lets what comes in too old stay for five minutes, whatever else is due or altered meanwhile', async () => {
    const { broker, clock } = testBroker({
      topics: { old: topic<number>({ retentionMs: 3_600_000 }), short: topic<number>({ retentionMs: 1000 }) },
    })
    const old = broker.topic('old')
    old.append({ value: 0, timestamp: clock.now() - 7_200_000 })
    broker.topic('short').append({ value: 1 })
    await clock.advance(1001)
    expect(broker.topic('short').records()).toEqual([])
    old.alter({ retentionMs: 3_000_000 })
    await clock.advance(300_000 - 1001)
    expect(old.records()).toHaveLength(1)
    await clock.advance(1)
    expect(old.records()).toEqual([])
    expect(clock.waiting).toEqual([])
  })
})

it('counts the end of a transaction as a record once more is written, and drops nothing for it', async () => {
  const { broker } = testBroker({ topics: { log: topic<number>({ retentionRecords: 2 }) } })
  const log = broker.topic('log')
  const kept = () => log.records().map(({ value }) => value)
  const producer = broker.producer({ transactionalId: 'shop' })
  await producer.transaction(tx => tx.sendBatch([1, 2].map(value => ({ topic: 'log', value }))))
  expect([kept(), log.partitions[0]!.highWatermark]).toEqual([[1, 2], 3])
  log.append({ value: 3 })
  expect([kept(), log.partitions[0]!.logStartOffset]).toEqual([[3], 2])
})

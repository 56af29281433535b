import { describe, expect, it } from 'vitest'
import { InvalidOptionError, InvalidRecordError, string, topic } from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { offsets } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

describe('the options', () => {
  it.each([
    [{ cleanupPolicy: 'compact', retentionMs: 1000 }, 'retentionMs'],
    [{ cleanupPolicy: 'compact', retentionBytes: 1000, codec: string }, 'retentionBytes'],
    [{ cleanupPolicy: 'compact', retentionRecords: 10 }, 'retentionRecords'],
    [{ cleanupPolicy: 'compact,delete', retentionRecords: 10 }, 'retentionRecords'],
    [{ deleteRetentionMs: 10 }, 'deleteRetentionMs'],
    [{ minCompactionLagMs: 10 }, 'minCompactionLagMs'],
    [{ minCleanableDirtyRatio: 0.1 }, 'minCleanableDirtyRatio'],
    [{ cleanupPolicy: 'compact', minCleanableDirtyRatio: 1.1 }, 'minCleanableDirtyRatio'],
    [{ cleanupPolicy: 'compress' }, 'cleanupPolicy'],
  ] as const)('%o is refused for its %s', (options, option) => {
    const { broker } = testBroker()
    const error = thrownBy(() => broker.createTopic('t', options as TopicOptions))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ option })
    expect(broker.topics.size).toBe(0)
  })

  it('fills in the defaults', () => {
    const { broker } = testBroker({ topics: { table: topic({ cleanupPolicy: 'compact' }) } })
    expect(broker.topic('table').options).toMatchObject({
      cleanupPolicy: 'compact',
      retentionMs: -1,
      minCompactionLagMs: 0,
      deleteRetentionMs: 86_400_000,
      minCleanableDirtyRatio: 0.5,
    })
  })
})

describe('a compacted topic', () => {
  it('keeps keys of bytes apart by what is in them', () => {
    const { broker } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact', keys: 'bytes' })
    for (const key of [[1], [255], [1], [1, 2], [255]])
      log.append({ key: Uint8Array.from(key), value: key.length })
    expect(log.compact()).toBe(2)
    expect(offsets(log.records())).toEqual([2, 3, 4])
  })

  it('counts the bytes that are left, and the records that count toward maxRecords', () => {
    const { broker } = testBroker({
      topics: { table: topic<string>({ cleanupPolicy: 'compact', codec: string }) },
    })
    const log = broker.topic('table')
    for (const value of ['x', 'xx', 'xxx', 'xxxx']) log.append({ key: 'k', value, headers: { h: 'v' } })
    expect([log.partitions[0]!.bytes, broker.describe().records]).toEqual([10 + 4 * 3, 4])
    log.compact()
    expect([log.partitions[0]!.bytes, broker.describe().records]).toEqual([7, 1])
    expect(log.records()[0]).toMatchObject({ offset: 3, key: 'k', value: 'xxxx', headers: { h: 'v' } })
  })

  it('counts a tombstone by its key and headers alone', () => {
    const { broker } = testBroker({
      topics: { table: topic<string | null>({ cleanupPolicy: 'compact', codec: string }) },
    })
    const log = broker.topic('table')
    for (const value of ['x', 'xxxx']) log.append({ key: 'k', value })
    log.append({ key: 'a key that is gone', value: null })
    log.compact()
    expect(log.partitions[0]!.bytes).toBe('k'.length + 'xxxx'.length + 'a key that is gone'.length)
  })

  it('counts whole bytes, also of records that have no sizes of their own', () => {
    const { broker } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact' })
    for (const [key, value] of ['ax', 'bxx', 'axx'].map(text => [text[0]!, text.slice(1)]))
      log.append({ key, value })
    // 14 bytes as JSON, of which each record counts as a third.
    log.alter({ maxMessageBytes: 100 })
    expect(broker.describe().bytes).toBe(14)
    log.compact()
    expect([log.partitions[0]!.bytes, broker.describe().bytes]).toEqual([10, 10])
  })

  it('finds the first record of a time, also where that is in a gap', () => {
    const { broker, clock } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact', segmentRecords: 2 })
    const now = clock.now()
    const put = (key: string, ms: number) => log.append({ key, value: 1, timestamp: now + ms })
    put('a', 0)
    put('b', 10)
    put('a', 20)
    put('c', 900)
    put('c', 30)
    put('d', 40)
    log.compact()
    const [partition] = log.partitions
    expect(offsets(log.records())).toEqual([1, 2, 4, 5])
    expect([0, 10, 11, 20, 21, 40, 41, 900].map(ms => partition!.offsetForTimestamp(now + ms))).toEqual([
      1,
      1,
      2,
      2,
      4,
      5,
      null,
      null,
    ])
  })

  it('shows the records of several partitions in the order of their appends', () => {
    const { broker } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact', partitions: 2 })
    for (const [i, key] of ['a', 'b', 'a', 'c', 'b', 'd'].entries())
      log.append({ key: `${i % 2}${key}`, value: i, partition: i % 2 })
    log.append({ key: '0a', value: 6, partition: 0 })
    log.compact()
    expect(log.records().map(({ value }) => value)).toEqual([1, 3, 4, 5, 6])
  })

  it('reads on through the gaps of many segments, from every offset', () => {
    const { broker } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact', segmentRecords: 3 })
    for (let i = 0; i < 60; i++) log.append({ key: `k${(i * i) % 17}`, value: i })
    log.compact()
    const [partition] = log.partitions
    const all = offsets(log.records())
    for (let from = 0; from <= 60; from++) {
      for (const maxRecords of [1, 2, 100]) {
        const expected = all.filter(offset => offset >= from).slice(0, maxRecords)
        expect(offsets(partition!.read(from, { maxRecords }))).toEqual(expected)
      }
      expect(partition!.countFrom(from, 50)).toBe(all.filter(offset => offset >= from && offset < 50).length)
    }
  })

  it.each([
    ['within a segment', ['a', 'b', 'b', 'c', 'd', 'd', 'd', 'e'], [0, 2, 3, 6, 7]],
    ['before a segment without gaps', ['a', 'b', 'a', 'b', 'c'], [2, 3, 4]],
  ])('hands every record out once, one by one, through the gaps %s', async (_where, keys, expected) => {
    const { broker } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact' })
    for (const key of keys) log.append({ key, value: key })
    log.compact()
    const read: number[] = []
    await broker
      .consumer({ groupId: 'g', topics: ['table'] })
      .run({ eachRecord: ({ offset }) => void read.push(offset) })
    await broker.idle()
    expect(read).toEqual(expected)
  })

  it('with compact,delete drops old segments, too, whatever pass is under way', async () => {
    const { broker, clock } = testBroker()
    const log = broker.createTopic('table', {
      cleanupPolicy: 'compact,delete',
      retentionMs: 1000,
      segmentMs: 100,
      segmentRecords: 3000,
    })
    const [partition] = log.partitions
    for (let i = 0; i < 4000; i++) log.append({ key: `k${i}`, value: i })
    // The first piece of a pass over 3,000 records is done, and then they go.
    await clock.advance(1)
    partition!.deleteRecords(3500)
    expect(offsets(log.records())[0]).toBe(3500)
    await clock.advance(1000)
    expect([log.records().length, broker.describe().records]).toEqual([0, 0])
    log.append({ key: 'k', value: 1 })
    expect([log.compact(), offsets(log.records()), broker.describe().records]).toEqual([0, [4000], 1])
  })

  it('has a pass read on in a segment that was deleted meanwhile, whatever is written in its place', async () => {
    const { broker, clock } = testBroker()
    // So large that what closes the next segment does not pay for the whole pass.
    const segmentRecords = 20_000
    const log = broker.createTopic('table', { cleanupPolicy: 'compact', segmentRecords })
    const write = (count: number) => {
      for (let i = 0; i < count; i++)
        log.append({ key: `k${log.partitions[0]!.highWatermark % 10}`, value: i })
    }
    write(segmentRecords + 1)
    await clock.advanceToNext(1)
    log.partitions[0]!.deleteRecords(segmentRecords)
    write(segmentRecords)
    await clock.advance(1000)
    // The last one of each key, and the first one of the open segment.
    expect(offsets(log.records())).toEqual(Array.from({ length: 11 }, (_, i) => 2 * segmentRecords - 10 + i))
  })

  it('forgets what deleteRecords deleted, and is done with when its topic is deleted', async () => {
    const { broker, clock } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact', deleteRetentionMs: 100 })
    for (const key of ['a', 'b', 'c', 'd']) log.append({ key, value: key === 'd' ? null : key })
    log.partitions[0]!.deleteRecords(2)
    expect([log.compact(), offsets(log.records())]).toEqual([2, [2, 3]])
    expect(log.partitions[0]!.logStartOffset).toBe(2)
    broker.deleteTopic('table')
    expect(broker.describe().records).toBe(0)
    expect(clock.waiting).not.toContain('compaction')
    await clock.advance(1000)
    expect(thrownBy(() => log.compact())).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  it('begins to be compacted once so much of it as minCleanableDirtyRatio says is dirty', async () => {
    const { broker, clock } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact', segmentRecords: 10 })
    const append = (count: number, key: (i: number) => string) => {
      for (let i = 0; i < count; i++) log.append({ key: key(i), value: i })
    }
    append(101, i => `k${i}`)
    log.compact()
    append(110, () => 'k0')
    await clock.advance(1000)
    expect(log.records().length).toBe(211)
    // 110 of 211 are dirty now, and in segments that are closed.
    append(10, () => 'k0')
    await clock.advance(1000)
    expect(log.records().length).toBe(111)
  })

  it('is compacted once, and no more by itself, where all of it has to be dirty', async () => {
    const { broker, clock } = testBroker()
    const options = { cleanupPolicy: 'compact', segmentRecords: 10, minCleanableDirtyRatio: 1 } as const
    const log = broker.createTopic('table', options)
    const append = (count: number) => {
      for (let i = 0; i < count; i++) log.append({ key: 'k', value: i })
    }
    append(11)
    await clock.advance(1000)
    expect(offsets(log.records())).toEqual([9, 10])
    append(40)
    await clock.advance(1000)
    expect(log.records().length).toBe(42)
  })

  it('works on while nobody appends, in steps of no more than the work budget', async () => {
    const { broker, clock } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact', segmentRecords: 5000 })
    for (let i = 0; i < 20_001; i++) log.append({ key: `k${i % 10}`, value: i })
    expect(log.partitions[0]!.countFrom(0)).toBeLessThan(15_100)
    await clock.advance(1000)
    expect(log.partitions[0]!.countFrom(0)).toBe(11)
  })

  it('works on by itself after another compacted topic was deleted', async () => {
    const { broker, clock } = testBroker()
    const options = { cleanupPolicy: 'compact', segmentRecords: 1, minCompactionLagMs: 1000 } as const
    const write = (name: string) => {
      const log = broker.createTopic(name, options)
      for (let i = 0; i < 4; i++) log.append({ key: 'k', value: i })
      return log
    }
    write('deleted')
    expect(clock.waiting).toContain('compaction')
    broker.deleteTopic('deleted')
    const log = write('later')
    await clock.advance(1001)
    expect(offsets(log.records())).toEqual([2, 3])
  })

  it('is compacted on demand also where a pass is under way, and says all that went', async () => {
    const { broker } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact', segmentRecords: 10_000 })
    // What closes the second segment does not pay for a whole pass over the first.
    for (let i = 0; i < 20_001; i++) log.append({ key: `k${i % 10}`, value: i })
    expect(log.partitions[0]!.countFrom(0)).toBe(20_001)
    expect(log.compact()).toBe(19_991)
    expect(log.partitions[0]!.countFrom(0)).toBe(10)
  })

  it('is compacted on demand as often as asked, though nothing is left to do', () => {
    const { broker } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact' })
    for (const key of ['a', 'a', 'b']) log.append({ key, value: key })
    expect([log.compact(), log.compact(), offsets(log.records())]).toEqual([1, 0, [1, 2]])
  })

  it('gives up tombstones by itself in their time, and together those due within an eighth of it', async () => {
    const { broker, clock } = testBroker()
    const log = broker.createTopic('table', { cleanupPolicy: 'compact', deleteRetentionMs: 800 })
    log.append({ key: 'a', value: null })
    log.compact()
    await clock.advance(50)
    log.append({ key: 'b', value: null })
    log.compact()
    await clock.advance(749)
    expect(offsets(log.records())).toEqual([0, 1])
    await clock.advance(1)
    expect(offsets(log.records())).toEqual([1])
    // 850 ms after the start it is due, and 900 ms after it an eighth has passed since the last one.
    await clock.advance(99)
    expect(offsets(log.records())).toEqual([1])
    await clock.advance(1)
    expect(offsets(log.records())).toEqual([])
    // With the last one gone, nothing is left to look for.
    expect(clock.waiting).not.toContain('compaction')
  })

  it('goes on after the time of a tombstone that was deleted with all the rest', async () => {
    const { broker, clock } = testBroker()
    const options = { cleanupPolicy: 'compact', deleteRetentionMs: 100, segmentRecords: 2 } as const
    const log = broker.createTopic('table', options)
    log.append({ key: 'a', value: 1 })
    log.append({ key: 'a', value: null })
    log.compact()
    log.partitions[0]!.deleteRecords(2)
    await clock.advance(1000)
    for (let i = 0; i < 5; i++) log.append({ key: 'b', value: i })
    await clock.advance(1000)
    expect(offsets(log.records())).toEqual([5, 6])
  })

  it('refuses to be compacted on demand where it is not compacted at all', () => {
    const { broker } = testBroker({ topics: { log: topic() } })
    expect(thrownBy(() => broker.topic('log').compact())).toMatchObject({
      name: 'InvalidOptionError',
      option: 'cleanupPolicy',
      topic: 'log',
    })
  })

  it('takes no part of a batch with a record without a key', async () => {
    const { broker } = testBroker({
      topics: { table: topic<number>({ cleanupPolicy: 'compact' }), log: topic<number>() },
    })
    const batch = [
      { topic: 'log', value: 1 },
      { topic: 'table', key: 'k', value: 1 },
      { topic: 'table', value: 2 },
    ] as const
    const error = await rejectionOf(broker.producer().sendBatch(batch))
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error).toMatchObject({ topic: 'table', field: 'key' })
    expect(broker.describe().records).toBe(0)
  })
})

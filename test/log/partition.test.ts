import { describe, expect, it } from 'vitest'
import {
  InvalidArgumentError,
  InvalidOptionError,
  OffsetOutOfRangeError,
  string,
  topic,
} from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

const start = Date.UTC(2020, 0, 1)

/** A topic of one partition, and what a test needs to write and look at it. */
function oneLog(options: TopicOptions = {}) {
  const { broker, clock } = testBroker()
  broker.createTopic('log', options)
  const log = broker.topic('log')
  const partition = log.partitions[0]!
  return {
    broker,
    clock,
    log,
    partition,
    append: (...values: unknown[]) => values.map(value => log.append({ value }).offset),
    values: () => partition.read(partition.logStartOffset).map(record => record.value),
    bounds: () => [partition.logStartOffset, partition.highWatermark],
  }
}

describe('append', () => {
  it('gives each record the next offset of its partition and says where it went', async () => {
    const { broker, clock } = testBroker({ topics: { log: topic<string>({ partitions: 2 }) } })
    const log = broker.topic('log')
    const first = log.append({ value: 'a', partition: 1 })
    await clock.advance(5)
    const written = [
      first,
      log.append({ value: 'b', partition: 0 }),
      log.append({ value: 'c', partition: 1 }),
    ]
    expect(written).toEqual([
      { topic: 'log', partition: 1, offset: 0, timestamp: start },
      { topic: 'log', partition: 0, offset: 0, timestamp: start + 5 },
      { topic: 'log', partition: 1, offset: 1, timestamp: start + 5 },
    ])
    expect(
      log.partitions.map(each => [each.logStartOffset, each.highWatermark, each.lastStableOffset]),
    ).toEqual([
      [0, 1, 1],
      [0, 2, 2],
    ])
  })

  it('keeps the timestamp that its message carries', () => {
    const { log, partition } = oneLog()
    log.append({ value: 'a', timestamp: start - 10 })
    log.append({ value: 'b', timestamp: 0 })
    expect(partition.read(0).map(record => record.timestamp)).toEqual([start - 10, 0])
  })

  it('keeps a value by reference where there is no codec', () => {
    const { append, values } = oneLog()
    const value = { id: 1 }
    append(value, null, 0, false, '')
    expect(values()[0]).toBe(value)
    expect(values().slice(1)).toEqual([null, 0, false, ''])
  })
})

describe('read', () => {
  it('gives plain records with all their fields', () => {
    const { log, partition } = oneLog()
    log.append({ key: 'k', value: { id: 1 }, headers: { trace: 't-1' } })
    log.append({ value: null })
    expect(partition.read(0)).toEqual([
      {
        topic: 'log',
        partition: 0,
        offset: 0,
        timestamp: start,
        key: 'k',
        value: { id: 1 },
        headers: { trace: 't-1' },
      },
      { topic: 'log', partition: 0, offset: 1, timestamp: start, key: null, value: null, headers: {} },
    ])
  })

  it('begins at the offset, goes on over segments and stops after maxRecords', () => {
    const { append, partition } = oneLog({ segmentRecords: 3 })
    append(...Array.from({ length: 10 }, (_, i) => `v${i}`))
    const read = (offset: number, maxRecords?: number) =>
      partition.read(offset, maxRecords === undefined ? {} : { maxRecords }).map(record => record.offset)
    expect(read(0)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(read(2, 5)).toEqual([2, 3, 4, 5, 6])
    expect(read(3, 3)).toEqual([3, 4, 5])
    expect(read(8, 5)).toEqual([8, 9])
    expect(read(9)).toEqual([9])
    expect(read(10)).toEqual([])
    expect(partition.read(7).map(record => record.value)).toEqual(['v7', 'v8', 'v9'])
  })

  it('gives 500 records where nothing else is said', () => {
    const { append, partition } = oneLog()
    append(...Array.from({ length: 501 }, (_, i) => i))
    expect(partition.read(0)).toHaveLength(500)
    expect(partition.read(500)).toHaveLength(1)
  })

  it('[76] stops before maxBytes, but gives the first record whatever its size', () => {
    const { append, partition } = oneLog({ codec: string, segmentBytes: 8 })
    append('aaaa', 'bbbb', 'cccc', 'd'.repeat(20), 'e')
    const read = (offset: number, maxBytes: number) =>
      partition.read(offset, { maxBytes }).map(record => record.value)
    expect(read(0, 12)).toEqual(['aaaa', 'bbbb', 'cccc'])
    expect(read(0, 11)).toEqual(['aaaa', 'bbbb'])
    expect(read(0, 1)).toEqual(['aaaa'])
    expect(read(3, 5)).toEqual(['d'.repeat(20)])
    expect(read(3, 21)).toEqual(['d'.repeat(20), 'e'])
  })

  it('refuses an offset below the start or past the end, and names the range', () => {
    const { append, partition } = oneLog()
    append('a', 'b', 'c')
    partition.deleteRecords(1)
    for (const offset of [0, 4]) {
      const error = thrownBy(() => partition.read(offset))
      expect(error).toBeInstanceOf(OffsetOutOfRangeError)
      expect(error).toMatchObject({
        code: 'OFFSET_OUT_OF_RANGE',
        errno: 1,
        topic: 'log',
        partition: 0,
        offset,
      })
      expect(error.message).toBe(`Offset ${offset} is out of range of log-0, which holds 1 to 3`)
    }
    expect(partition.read(3)).toEqual([])
  })

  it.each([-1, 1.5, Number.NaN, '0', null, undefined])('refuses the offset %s', offset => {
    const { partition, append } = oneLog()
    append('a')
    const error = thrownBy(() => partition.read(offset as never))
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error).toMatchObject({ code: 'INVALID_REQUEST', errno: 42, field: 'offset' })
    expect(error.message).toMatch(/^offset expected a whole number of at least 0, received /)
  })

  it('refuses options that it does not know or that cannot be', () => {
    const { partition } = oneLog()
    for (const [options, option] of [
      [{ maxRecords: 0 }, 'maxRecords'],
      [{ maxBytes: '1' }, 'maxBytes'],
      [{ maxRecord: 1 }, 'maxRecord'],
    ] as const) {
      const error = thrownBy(() => partition.read(0, options as never))
      expect(error).toBeInstanceOf(InvalidOptionError)
      expect(error).toMatchObject({ code: 'INVALID_CONFIG', option })
    }
    expect(thrownBy(() => partition.read(0, null as never))).toBeInstanceOf(InvalidOptionError)
  })
})

describe('a look-up by time', () => {
  it('gives the first offset at that time or after it, over segments', async () => {
    const { append, clock, partition } = oneLog({ segmentRecords: 2 })
    for (let i = 0; i < 7; i++) {
      append(i)
      await clock.advance(10)
    }
    const found = [-1, 0, 1, 10, 11, 59, 60, 61].map(ms => partition.offsetForTimestamp(start + ms))
    expect(found).toEqual([0, 0, 1, 1, 2, 6, 6, null])
    expect(
      [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY].map(ms => partition.offsetForTimestamp(ms)),
    ).toEqual([0, null])
  })

  it('gives null in an empty log', () => {
    expect(oneLog().partition.offsetForTimestamp(0)).toBeNull()
  })

  it('gives the first in offset order where timestamps go up and down, in a segment and between them', () => {
    const { log, partition } = oneLog({ segmentRecords: 3 })
    // Segments: 50 10 30 | 20 20 40 | 60 5 55
    for (const ms of [50, 10, 30, 20, 20, 40, 60, 5, 55]) log.append({ value: ms, timestamp: ms })
    const found = [0, 10, 30, 50, 51, 56, 60, 61].map(ms => partition.offsetForTimestamp(ms))
    expect(found).toEqual([0, 0, 0, 0, 6, 6, 6, null])
  })

  it('does not find what is deleted', () => {
    const { log, partition } = oneLog({ segmentRecords: 3 })
    for (const ms of [50, 10, 30, 20, 20, 40, 60, 5, 55]) log.append({ value: ms, timestamp: ms })
    partition.deleteRecords(2)
    expect([0, 20, 31, 41].map(ms => partition.offsetForTimestamp(ms))).toEqual([2, 2, 5, 6])
    partition.deleteRecords(7)
    expect([0, 6, 60].map(ms => partition.offsetForTimestamp(ms))).toEqual([7, 8, null])
  })

  it('keeps timestamps that are more than 24 days apart exact, forwards and backwards', () => {
    const { log, partition } = oneLog({ messageTimestampAfterMaxMs: -1 })
    const times = [start, start + 2 ** 31 - 1, start + 2 ** 31, start - 2 ** 31 - 1, 1, 2 ** 43, start + 1]
    for (const timestamp of times) log.append({ value: 'a', timestamp })
    expect(partition.read(0).map(record => record.timestamp)).toEqual(times)
    const found = [start, start + 1, start + 2 ** 31, start + 2 ** 31 + 1].map(ms =>
      partition.offsetForTimestamp(ms),
    )
    expect(found).toEqual([0, 1, 2, 5])
  })

  it.each([undefined, null, '5', Number.NaN, new Date(0)])('refuses %s', timestamp => {
    const error = thrownBy(() => oneLog().partition.offsetForTimestamp(timestamp as never))
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error).toMatchObject({ field: 'timestamp' })
    expect(error.message).toMatch(/^timestamp expected epoch milliseconds, received /)
  })
})

describe('deleteRecords', () => {
  it('moves the start exactly, within a segment and over several', () => {
    const { append, partition, values, bounds } = oneLog({ segmentRecords: 3 })
    append('a', 'b', 'c', 'd', 'e', 'f', 'g')
    partition.deleteRecords(1)
    expect([bounds(), values()]).toEqual([
      [1, 7],
      ['b', 'c', 'd', 'e', 'f', 'g'],
    ])
    partition.deleteRecords(5)
    expect([bounds(), values()]).toEqual([
      [5, 7],
      ['f', 'g'],
    ])
    partition.deleteRecords(2)
    expect(bounds()).toEqual([5, 7])
    partition.deleteRecords(7)
    expect([bounds(), values()]).toEqual([[7, 7], []])
    expect(append('h')).toEqual([7])
    expect(values()).toEqual(['h'])
  })

  it('drops the segments that it has emptied at once', () => {
    const { broker, append, partition } = oneLog({ segmentRecords: 4, codec: string })
    append('aa', 'bb', 'cc', 'dd', 'ee')
    partition.deleteRecords(4)
    expect([broker.describe().records, partition.bytes]).toEqual([1, 2])
    partition.deleteRecords(5)
    expect([broker.describe().records, partition.bytes]).toEqual([0, 0])
  })

  it('refuses an offset past the end and one that is none, and deletes nothing', () => {
    const { append, partition, bounds } = oneLog()
    append('a', 'b')
    const error = thrownBy(() => partition.deleteRecords(3))
    expect(error).toBeInstanceOf(OffsetOutOfRangeError)
    expect(error).toMatchObject({ errno: 1, topic: 'log', partition: 0, offset: 3 })
    for (const offset of [-1, 0.5, '1', undefined]) {
      expect(thrownBy(() => partition.deleteRecords(offset as never))).toMatchObject({
        name: 'InvalidArgumentError',
        field: 'beforeOffset',
        received: offset,
      })
    }
    expect(bounds()).toEqual([0, 2])
  })
})

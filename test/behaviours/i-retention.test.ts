import { describe, expect, it } from 'vitest'
import { json, string, topic } from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

const day = 24 * 60 * 60 * 1000

function oneLog(options: TopicOptions) {
  const { broker, clock } = testBroker()
  broker.createTopic('log', options)
  const log = broker.topic('log')
  const partition = log.partitions[0]!
  const began = clock.now()
  return {
    broker,
    clock,
    log,
    partition,
    /** Appends values whose timestamps are that many milliseconds after the beginning. */
    at: (...times: number[]) => {
      for (const ms of times) log.append({ value: `v${ms}`, timestamp: began + ms })
    },
    /** Goes on to that many milliseconds after the beginning, and gives the log's bounds there. */
    boundsAt: async (ms: number) => {
      await clock.advance(began + ms - clock.now())
      return [partition.logStartOffset, partition.highWatermark]
    },
  }
}

describe('I. retention', () => {
  it('[103] deletes whole segments, oldest first, by their largest timestamp', async () => {
    const { at, boundsAt } = oneLog({ retentionMs: 1000, segmentRecords: 2, segmentMs: 1000 })
    at(0, 10, 20, 100, 200, 210)
    expect(await boundsAt(1010)).toEqual([0, 6])
    expect(await boundsAt(1011)).toEqual([2, 6])
    // Not 1,021: its segment holds a record of 100, too.
    expect(await boundsAt(1100)).toEqual([2, 6])
    expect(await boundsAt(1101)).toEqual([4, 6])
    expect(await boundsAt(1210)).toEqual([4, 6])
    expect(await boundsAt(1211)).toEqual([6, 6])
  })

  it('[103] stops at the first segment that does not qualify', async () => {
    const { at, boundsAt } = oneLog({ retentionMs: 1000, segmentRecords: 2, segmentMs: 1000 })
    at(0, 500, 20, 100, 200, 210, 600, 900)
    expect(await boundsAt(1500)).toEqual([0, 8])
    expect(await boundsAt(1501)).toEqual([6, 8])
    expect(await boundsAt(1901)).toEqual([8, 8])
  })

  it('[104] deletes what a slow group has not read; the reader then starts at the new beginning', async () => {
    const { broker, clock, at } = oneLog({ retentionMs: 1000, segmentRecords: 1, segmentMs: 1000 })
    at(0, 10, 800, 900)
    const read: string[] = []
    const resets: object[] = []
    const slow = broker.consumer({ groupId: 'slow', topics: ['log'] })
    slow.on('offsetReset', event => resets.push(event))
    await slow.ready()
    slow.pause()
    await slow.run({ eachRecord: record => void read.push(record.value) })
    broker.on('recordsDropped', () => {})
    await clock.advance(1500)
    expect(read).toEqual([])
    slow.resume()
    await broker.idle()
    expect(read).toEqual(['v800', 'v900'])
    expect(resets).toEqual([{ topic: 'log', partition: 0, from: 0, to: 2, reason: 'out of range' }])
    expect(broker.group('slow').committed({ topic: 'log', partition: 0 })).toEqual({ offset: 4 })
  })

  it("[104] with 'latest' the reader goes to the end, and with 'none' it stops with OFFSET_OUT_OF_RANGE", async () => {
    for (const autoOffsetReset of ['latest', 'none'] as const) {
      const { broker, log, partition, at } = oneLog({})
      at(0, 1, 2, 3)
      const read: string[] = []
      await broker.admin.setGroupOffsets('g', [{ topic: 'log', partition: 0, offset: 1 }])
      broker.on('recordsDropped', () => {})
      partition.deleteRecords(2)
      const reader = broker.consumer({ groupId: 'g', topics: ['log'], autoOffsetReset })
      reader.on('crashed', () => {})
      await reader.run({ eachRecord: record => void read.push(record.value) })
      if (autoOffsetReset === 'latest') {
        await broker.idle()
        log.append({ value: 'new' })
        await broker.idle()
        expect(read).toEqual(['new'])
      } else {
        expect(await rejectionOf(reader.done)).toMatchObject({
          name: 'OffsetOutOfRangeError',
          code: 'OFFSET_OUT_OF_RANGE',
          errno: 1,
          topic: 'log',
          partition: 0,
          offset: 1,
        })
        expect(read).toEqual([])
        expect(broker.group('g').committed({ topic: 'log', partition: 0 })).toEqual({ offset: 1 })
      }
    }
  })

  it('[105] by bytes each partition deletes a segment only if at least that much stays', () => {
    const { broker } = testBroker()
    broker.createTopic('log', { partitions: 2, codec: string, retentionBytes: 10, segmentBytes: 4 })
    const log = broker.topic('log')
    const starts: string[] = []
    for (let i = 0; i < 9; i++) {
      log.append({ value: 'xx', partition: 0 })
      starts.push(`${log.partitions[0]!.logStartOffset}:${log.partitions[0]!.bytes}`)
    }
    // Segments of two records, four bytes: the first goes when ten are left without it.
    expect(starts).toEqual(['0:2', '0:4', '0:6', '0:8', '0:10', '0:12', '2:10', '2:12', '4:10'])
    log.append({ value: 'x'.repeat(50), partition: 1 })
    log.append({ value: 'y', partition: 1 })
    expect(log.partitions.map(each => [each.logStartOffset, each.highWatermark, each.bytes])).toEqual([
      [4, 9, 10],
      [0, 2, 51],
    ])
  })

  it('[105] by bytes needs a topic that keeps bytes, and says so', async () => {
    const { broker } = testBroker()
    broker.createTopic('log', { retentionBytes: 10 })
    broker.topic('log').append({ value: new Uint8Array(4) })
    const error = await rejectionOf(broker.producer().send({ topic: 'log', value: { id: 1 } }))
    expect(error).toMatchObject({ name: 'InvalidRecordError', topic: 'log', field: 'value' })
    expect(error.message).toContain('value expected bytes, since the topic counts them (retentionBytes')
    expect(broker.topic('log').records()).toHaveLength(1)
  })

  it('[106] a record from the future keeps its segment and all later ones', async () => {
    const { at, boundsAt } = oneLog({
      retentionMs: 1000,
      segmentRecords: 2,
      segmentMs: 1000,
      messageTimestampAfterMaxMs: -1,
    })
    at(0, 1, 2, 10 * day, 3, 4)
    expect(await boundsAt(5000)).toEqual([2, 6])
    expect(await boundsAt(10 * day + 1000)).toEqual([2, 6])
    expect(await boundsAt(10 * day + 1001)).toEqual([6, 6])
  })

  it('[107] offsets are never used again, even when everything is gone', async () => {
    const { log, partition, at, boundsAt, clock } = oneLog({ retentionMs: 1000, segmentMs: 1000 })
    at(0, 1, 2)
    expect(await boundsAt(1003)).toEqual([3, 3])
    expect(partition.read(3)).toEqual([])
    expect(partition.offsetForTimestamp(0)).toBeNull()
    expect(log.append({ value: 'next' }).offset).toBe(3)
    partition.deleteRecords(4)
    await clock.advance(day)
    expect(log.append({ value: 'last' }).offset).toBe(4)
    expect(partition.read(4).map(record => record.value)).toEqual(['last'])
  })

  it('[108] keeps records for seven days where nothing else is said, and for ever with -1', async () => {
    const week = oneLog({})
    week.at(0)
    const ever = oneLog({ retentionMs: -1 })
    ever.at(0)
    expect(week.log.options).toMatchObject({ retentionMs: 7 * day, retentionBytes: -1, retentionRecords: -1 })
    expect(await week.boundsAt(7 * day)).toEqual([0, 1])
    expect(await week.boundsAt(7 * day + 1)).toEqual([1, 1])
    expect(await ever.boundsAt(3650 * day)).toEqual([0, 1])
  })

  it('[109] deleteRecords moves the start, and a group committed below it is reset by its policy', async () => {
    const { broker } = testBroker({ topics: { log: topic<number>({ partitions: 2, codec: json }) } })
    for (let i = 0; i < 5; i++)
      for (const partition of [0, 1]) broker.topic('log').append({ value: i, partition })
    await broker.admin.setGroupOffsets('g', [
      { topic: 'log', partition: 0, offset: 1 },
      { topic: 'log', partition: 1, offset: 4 },
    ])
    broker.on('recordsDropped', () => {})
    await broker.admin.deleteRecords([
      { topic: 'log', partition: 0, offset: 3 },
      { topic: 'log', partition: 1, offset: 3 },
    ])
    expect(
      broker
        .group('g')
        .lagByPartition()
        .map(({ lag }) => lag),
    ).toEqual([2, 1])
    const resets: object[] = []
    const read: string[] = []
    const reader = broker.consumer({ groupId: 'g', topics: ['log'] })
    reader.on('offsetReset', event => resets.push(event))
    await reader.run({ eachRecord: record => void read.push(`${record.partition}:${record.value}`) })
    await broker.idle()
    // Never to offset 0 or -1, but to the real beginning of the log.
    expect(resets).toEqual([{ topic: 'log', partition: 0, from: 1, to: 3, reason: 'out of range' }])
    expect(read.sort()).toEqual(['0:3', '0:4', '1:4'])
  })
})

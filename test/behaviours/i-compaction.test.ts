import { describe, expect, it } from 'vitest'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { offsets } from '../helpers/behaviours.ts'
import { testBroker } from '../helpers/test-broker.ts'

const day = 24 * 60 * 60 * 1000

/** A compacted topic of one partition. */
function table(options: TopicOptions = {}) {
  const { broker, clock } = testBroker()
  broker.createTopic('table', { cleanupPolicy: 'compact', ...options })
  const log = broker.topic('table')
  const partition = log.partitions[0]!
  return {
    broker,
    clock,
    log,
    partition,
    /** Appends `k=v`; `k=` is a tombstone. */
    put: (...updates: string[]) => {
      for (const update of updates) {
        const [key, value] = update.split('=')
        log.append({ key: key!, value: value === '' ? null : value })
      }
    },
    /** What is kept, as `offset:key=value`. */
    kept: () => log.records().map(({ offset, key, value }) => `${offset}:${key}=${value ?? ''}`),
  }
}

describe('I. compaction', () => {
  it('[110] keeps at least the last value of each key, at its offset and in its order', () => {
    const { log, partition, put, kept } = table()
    put('a=1', 'b=1', 'a=2', 'c=1', 'b=2', 'a=3')
    expect(log.compact()).toBe(3)
    expect(kept()).toEqual(['3:c=1', '4:b=2', '5:a=3'])
    put('c=2')
    expect(kept()).toEqual(['3:c=1', '4:b=2', '5:a=3', '6:c=2'])
    expect([log.compact(), kept()]).toEqual([1, ['4:b=2', '5:a=3', '6:c=2']])
    // The log begins where it began, and no offset is used again.
    expect([partition.logStartOffset, partition.highWatermark]).toEqual([0, 7])
  })

  it('[110] works by itself, a piece with every closed segment, and keeps the last value of every key', () => {
    const { log, partition, put } = table({ segmentRecords: 50 })
    const last = new Map<string, string>()
    let most = 0
    for (let i = 0; i < 10_000; i++) {
      const key = `k${(i * 7919) % 40}`
      put(`${key}=${i}`)
      last.set(key, String(i))
      most = Math.max(most, partition.countFrom(0))
    }
    expect(most).toBeLessThan(400)
    const read = new Map(log.records().map(({ key, value }) => [key, value]))
    expect(read).toEqual(last)
    const seen = offsets(log.records())
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  it('[111] a read at an offset that was compacted away goes on at the next record, without an error', async () => {
    const { broker, log, partition, put } = table()
    put('a=1', 'b=1', 'a=2', 'a=3', 'b=2', 'a=4')
    log.compact()
    expect([0, 3, 4, 5, 6].map(offset => offsets(partition.read(offset)))).toEqual([
      [4, 5],
      [4, 5],
      [4, 5],
      [5],
      [],
    ])
    const read: number[] = []
    const reader = broker.consumer({ groupId: 'g', topics: ['table'] })
    const resets: object[] = []
    reader.on('offsetReset', event => resets.push(event))
    await reader.run({ eachRecord: record => void read.push(record.offset) })
    await broker.idle()
    expect([read, resets]).toEqual([[4, 5], []])
    expect(broker.group('g').committed({ topic: 'table', partition: 0 })).toEqual({ offset: 6 })
  })

  it('[111] in batches, with poll and in loops, too', async () => {
    const { broker, log, put } = table()
    put('a=1', 'a=2', 'b=1')
    log.compact()
    put('a=3', 'a=4', 'c=1', 'd=1', 'd=2')
    log.compact()
    const batches: unknown[] = []
    const batched = broker.consumer({ groupId: 'batch', topics: ['table'] })
    await batched.run({
      eachBatch: ({ records, nextOffset, lag }) => void batches.push([offsets(records), nextOffset, lag]),
      batch: { maxRecords: 2 },
    })
    await broker.idle()
    expect(batches).toEqual([
      [[2, 4], 5, 2],
      [[5, 7], 8, 0],
    ])
    const polled = broker.consumer({ groupId: 'poll', topics: ['table'] })
    expect(offsets(await polled.poll({ maxRecords: 1 }))).toEqual([2])
    expect([offsets(await polled.poll()), polled.position({ topic: 'table', partition: 0 })]).toEqual([
      [4, 5, 7],
      8,
    ])
    const looped: number[] = []
    for await (const { offset } of broker.consumer({ topics: ['table'], until: 'end' })) looped.push(offset)
    expect(looped).toEqual([2, 4, 5, 7])
  })

  it('[111] lag counts the records that are there, and a tail without any is passed over', async () => {
    const { broker, log, partition, put } = table({ deleteRetentionMs: 0 })
    put('a=1', 'a=2', 'a=3', 'b=1', 'c=1', 'c=')
    await broker.admin.setGroupOffsets('g', [{ topic: 'table', partition: 0, offset: 0 }])
    log.compact()
    log.compact()
    expect(offsets(log.records())).toEqual([2, 3])
    expect([broker.group('g').lag(), broker.describe().topics[0]!.partitions[0]!.records]).toEqual([2, 2])
    for (const way of ['eachRecord', 'eachBatch'] as const) {
      const reader = broker.consumer({ groupId: 'g', topics: ['table'] })
      await reader.run({ [way]: () => {} } as never)
      await broker.idle()
      expect(broker.group('g').committed({ topic: 'table', partition: 0 })).toEqual({ offset: 6 })
      await reader.close()
      broker.group('g').setOffsets([{ topic: 'table', partition: 0, offset: 4 }])
      expect(broker.group('g').lag()).toBe(0)
    }
    expect(partition.highWatermark).toBe(6)
  })

  it('[112] a tombstone removes the values before it, and goes itself after deleteRetentionMs', async () => {
    const { clock, log, put, kept } = table()
    put('a=1', 'b=1', 'a=')
    log.compact()
    expect(kept()).toEqual(['1:b=1', '2:a='])
    await clock.advance(day - 1)
    log.compact()
    expect(kept()).toEqual(['1:b=1', '2:a='])
    // By itself, too: nobody appends, and nobody asks.
    await clock.advance(2)
    expect(kept()).toEqual(['1:b=1'])
  })

  it('[112] its time counts from the first pass that saw it, whatever passes follow', async () => {
    const { clock, log, put, kept } = table({ deleteRetentionMs: 1000 })
    put('a=1', 'a=')
    await clock.advance(5000)
    log.compact()
    expect(kept()).toEqual(['1:a='])
    for (let i = 0; i < 4; i++) {
      await clock.advance(240)
      put(`b=${i}`)
      log.compact()
      expect(kept()[0]).toBe('1:a=')
    }
    await clock.advance(200)
    expect(kept()).toEqual(['5:b=3'])
  })

  it('[112] compact() takes what is due at once, where the broker by itself waits for more', async () => {
    const { clock, log, put, kept } = table({ deleteRetentionMs: 1000 })
    put('a=1', 'a=')
    log.compact()
    await clock.advance(950)
    put('b=1')
    log.compact()
    await clock.advance(60)
    expect(kept()).toEqual(['1:a=', '2:b=1'])
    expect(log.compact()).toBe(1)
    expect(kept()).toEqual(['2:b=1'])
  })

  it('[112] a reader that comes later than that misses it, and a key that comes back is there', async () => {
    const { broker, clock, log, put } = table({ deleteRetentionMs: 1000 })
    put('a=1', 'b=1', 'a=')
    log.compact()
    await clock.advance(2000)
    put('a=9')
    const seen: unknown[] = []
    for await (const { key, value } of broker.consumer({ topics: ['table'], until: 'end' }))
      seen.push([key, value])
    expect(seen).toEqual([
      ['b', '1'],
      ['a', '9'],
    ])
  })

  it('[113] the open segment is never compacted: who stays in the head sees every record', async () => {
    const { broker, clock, partition, put } = table({ segmentRecords: 10 })
    const seen: unknown[] = []
    const reader = broker.consumer({ groupId: 'g', topics: ['table'] })
    await reader.run({ eachRecord: record => void seen.push(record.value) })
    for (let i = 0; i < 95; i++) {
      put(`a=${i}`)
      if (i % 5 === 0) await clock.settle()
    }
    await clock.advance(1000)
    await broker.idle()
    expect(seen).toEqual(Array.from({ length: 95 }, (_, i) => String(i)))
    expect(offsets(partition.read(90))).toEqual([90, 91, 92, 93, 94])
    expect(partition.countFrom(0)).toBeLessThan(20)
  })

  it('[113] minCompactionLagMs protects young records, and when they are old enough they are compacted', async () => {
    const { clock, log, put, kept } = table({ minCompactionLagMs: 1000, segmentRecords: 2 })
    put('a=1', 'a=2')
    await clock.advance(600)
    put('a=3', 'a=4')
    expect([log.compact(), kept().length]).toEqual([0, 4])
    await clock.advance(400)
    expect(kept()).toEqual(['1:a=2', '2:a=3', '3:a=4'])
    await clock.advance(600)
    expect(kept()).toEqual(['3:a=4'])
  })
})

import { describe, expect, it, vi } from 'vitest'
import { gate } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { transactional } from './transaction-scene.ts'

describe('transaction', () => {
  it.each(['committed', 'aborted'])(
    'ends %s in all partitions that it has written to, in whatever order that was',
    async result => {
      const { broker, producer, out } = transactional({ partitions: 2 })
      const other = broker.createTopic('other', {})
      const done = producer.transaction(async tx => {
        for (const [name, partition] of [
          ['out', 0],
          ['other', 0],
          ['out', 1],
          ['out', 0],
        ] as const)
          await tx.send({ topic: name as 'out', value: 1, partition })
        if (result === 'aborted') throw new Error('enough')
      })
      await done.catch(() => {})
      for (const { lastStableOffset, highWatermark } of [...out.partitions, ...other.partitions])
        expect(lastStableOffset).toBe(highWatermark)
      const counts = [out, other].map(log => log.records().length)
      expect(counts).toEqual(result === 'aborted' ? [0, 0] : [3, 1])
    },
  )

  it('a full log counts what an open one wrote, and says so', async () => {
    const { broker, producer } = transactional({ whenFull: 'wait', retentionRecords: 2 })
    broker.createGroup('g', { topics: ['out'] })
    const error = await rejectionOf(
      producer.transaction(async tx => {
        for (const value of [1, 2, 3]) await tx.send({ topic: 'out', value })
      }),
    )
    expect(error.message).toBe(
      "No room: out-0 keeps 2 records, and its retentionRecords is 2; group 'g' has not committed 2 of them",
    )
  })

  it.each(['commit', 'abort'])('leaves nothing in the partitions that it did not write to: %s', async end => {
    const { producer, out } = transactional({ partitions: 3 })
    const ended = producer.transaction(async tx => {
      await tx.send({ topic: 'out', partition: 1, value: 1 })
      if (end === 'abort') throw new Error('no')
    })
    await ended.catch(() => {})
    expect(out.partitions.map(({ highWatermark }) => highWatermark)).toEqual([0, 2, 0])
  })

  it('limits nothing any more once it has ended', async () => {
    const { clock, producer } = transactional()
    const limits = () => clock.waiting.filter(name => name === "transaction of 'producer'")
    const { opened, open } = gate()
    const ended = producer.transaction(() => opened)
    await clock.settle()
    expect(limits()).toHaveLength(1)
    open()
    await ended
    await clock.settle()
    expect(limits()).toEqual([])
  })

  it('an open one whose topic is deleted ends without a trace of it', async () => {
    const { broker, producer } = transactional()
    broker.createTopic('other' as 'out', {})
    await producer.transaction(async tx => {
      await tx.send({ topic: 'out', value: 1 })
      await tx.send({ topic: 'other' as 'out', value: 2 })
      broker.deleteTopic('out')
    })
    expect(
      broker
        .topic('other' as 'out')
        .records()
        .map(({ value }) => value),
    ).toEqual([2])
    expect(broker.describe().records).toBe(2)
  })

  it('records of an aborted one are gone from a compacted topic, and count for nothing there', async () => {
    const { producer, out, values } = transactional({ cleanupPolicy: 'compact' })
    const put = (key: string, value: number, fail = false) =>
      producer
        .transaction(async tx => {
          await tx.send({ topic: 'out', key, value })
          if (fail) throw new Error('no')
        })
        .catch(() => {})
    await put('a', 1)
    await put('a', 2, true)
    await put('b', 3)
    await put('b', 4)
    expect(out.compact()).toBe(6)
    expect(values()).toEqual([1, 4])
    expect(
      out.partitions[0]!.read(0, { isolationLevel: 'read_uncommitted' }).map(({ value }) => value),
    ).toEqual([1, 4])
  })

  it('nothing at or after an open one is compacted', async () => {
    const { broker, out, stayOpen } = transactional({ cleanupPolicy: 'compact' })
    out.append({ key: 'a', value: 0 })
    const end = await stayOpen(1)
    await broker.producer().send({ topic: 'out', key: 'a', value: 2 })
    expect(out.compact()).toBe(0)
    await end()
    expect(out.compact()).toBe(3)
  })

  it('what an open one kept from being compacted is compacted by itself once it has ended', async () => {
    const { out, values, clock, stayOpen } = transactional({ cleanupPolicy: 'compact', segmentRecords: 10 })
    const end = await stayOpen(0)
    for (let value = 1; value <= 40; value++) out.append({ key: 'a', value })
    await clock.advance(1000)
    await end()
    expect(values()).toHaveLength(41)
    await clock.advance(1000)
    // The open segment is not compacted.
    expect(values()).toEqual([39, 40])
  })

  it('one that ends beside an earlier one looks for nothing to compact, since nothing is decided by that', async () => {
    const { broker, out, stayOpen } = transactional({ cleanupPolicy: 'compact', segmentRecords: 10 })
    const end = await stayOpen(0)
    for (let value = 1; value <= 40; value++) out.append({ key: 'a', value })
    const looks = vi.spyOn(Object.getPrototypeOf(out.partitions[0]), 'closedSegments', 'get')
    const other = broker.producer({ transactionalId: 'other' })
    for (const key of ['b', 'c']) await other.transaction(tx => tx.send({ topic: 'out', key, value: 0 }))
    const { length } = looks.mock.calls
    looks.mockRestore()
    await end()
    expect(length).toBe(0)
  })

  it('one whose records were dropped meanwhile still ends well', async () => {
    const { producer, out, values, clock } = transactional({ segmentRecords: 2 })
    const { opened, open } = gate()
    const slow = rejectionOf(
      producer.transaction(async tx => {
        for (const value of [1, 2, 3]) await tx.send({ topic: 'out', value })
        await opened
        throw new Error('no')
      }),
    )
    await clock.settle()
    out.partitions[0]!.deleteRecords(2)
    expect([out.partitions[0]!.lastStableOffset, values()]).toEqual([2, []])
    open()
    await slow
    await producer.transaction(tx => tx.send({ topic: 'out', value: 4 }))
    expect([out.partitions[0]!.lastStableOffset, values()]).toEqual([6, [4]])
  })
})

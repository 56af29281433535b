import { expect, it } from 'vitest'
import type { OffsetSpan } from '../../../src/server/share/offset-span.ts'
import { SharePartition } from '../../../src/server/share/share-partition.ts'
import { acquire, generous, pairs, say, ten } from './share-partition-scene.ts'
import { accept, reject, release, renew } from './share-scene.ts'

it('acquires whole batches, until there are as many records as were asked for', () => {
  const partition = new SharePartition(0)
  const batches = [
    { first: 0, last: 3 },
    { first: 4, last: 7 },
    { first: 8, last: 11 },
  ]
  expect(acquire(partition, { batches, maxRecords: 5 })).toBe('0-7 x1')
  expect([partition.startOffset, partition.endOffset]).toEqual([0, 8])
})

it('acquires no batch more than it takes to have as many records, new ones or once more', () => {
  const partition = new SharePartition(0)
  const batches = [0, 4, 8].map(first => ({ first, last: first + 3 }))
  expect(acquire(partition, { batches, maxRecords: 4 })).toBe('0-3 x1')
  expect(acquire(partition, { batches, maxRecords: 500, batchSize: 1 })).toBe('4-7 x1, 8-11 x1')
  partition.release('a', generous)
  expect(acquire(partition, { batches, maxRecords: 4 })).toBe('0-3 x2')
  expect(acquire(partition, { batches, maxRecords: 3 })).toBe('4-7 x2')
})

it('acquires no batch more than that, wherever there are offsets without a record, and however small the pieces are', () => {
  const batches = [0, 4, 8, 12].map(first => ({ first, last: first + 3 }))
  const afterGap = new SharePartition(0)
  expect(acquire(afterGap, { batches, without: [4], maxRecords: 4 })).toBe('0-3 x1')
  expect(afterGap.endOffset).toBe(4)
  const inPieces = new SharePartition(0)
  expect(acquire(inPieces, { batches, batchSize: 1, maxRecords: 4 })).toBe('0-3 x1')
  expect(inPieces.inFlight).toMatchObject([{ first: 0, last: 3 }])
})

it('counts the records on both sides of offsets without one', () => {
  const partition = new SharePartition(0)
  const batches = Array.from({ length: 8 }, (_, first) => ({ first, last: first }))
  acquire(partition, { batches, without: [2], maxRecords: 4 })
  expect(partition.endOffset).toBe(5)
})

it('acquires no more than that where it is a limit', () => {
  const partition = new SharePartition(0)
  expect(acquire(partition, { maxRecords: 4, exact: true })).toBe('0-3 x1')
  expect(acquire(partition, { maxRecords: 4, exact: true, memberId: 'b' })).toBe('4-7 x1')
  say(partition, 'a', accept(2, 2), release(0, 1), release(3, 3))
  expect(acquire(partition, { maxRecords: 2, exact: true })).toBe('0-1 x2')
})

it('counts records to that limit, and no offsets without one', () => {
  const wish = { without: [2, 3, 6], maxRecords: 5, exact: true }
  expect(acquire(new SharePartition(0), wish)).toBe('0-1 x1, 4-5 x1, 7-7 x1')
})

it('tells of it in one piece then, whatever the client likes', () => {
  const batches = [0, 2, 4].map(first => ({ first, last: first + 1 }))
  const wish = { batches, batchSize: 1, maxRecords: 5, exact: true }
  expect(acquire(new SharePartition(0), wish)).toBe('0-4 x1')
})

it('goes on after what it has delivered, though it read only what comes before that', () => {
  const partition = new SharePartition(0)
  const batches = [...ten, { first: 10, last: 19 }]
  acquire(partition, { batches })
  say(partition, 'a', release(0, 4))
  expect(acquire(partition)).toBe('0-4 x2')
  expect([partition.endOffset, acquire(partition, { batches })]).toEqual([20, ''])
})

it('delivers again no more than what was read', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  partition.release('a', generous)
  expect(acquire(partition, { batches: [{ first: 0, last: 4 }] })).toBe('0-4 x2')
  expect(acquire(partition)).toBe('5-9 x2')
})

it('tells of what it acquires in pieces of whole batches, each of as many records as the client likes', () => {
  const partition = new SharePartition(0)
  const batches = [0, 2, 4, 6, 8].map(first => ({ first, last: first + 1 }))
  expect(acquire(partition, { batches, batchSize: 3 })).toBe('0-3 x1, 4-7 x1, 8-9 x1')
})

it('begins in the middle of a batch where it stands there', () => {
  expect(acquire(new SharePartition(6))).toBe('6-9 x1')
})

it('finishes offsets without a record that the group gets, and acquires what is around them', () => {
  const partition = new SharePartition(0)
  expect(acquire(partition, { without: [0, 1, 5] })).toBe('2-4 x1, 6-9 x1')
  expect(partition.startOffset).toBe(2)
  expect(say(partition, 'a', accept(2, 4))).toBeUndefined()
  expect(partition.startOffset).toBe(6)
})

it('finishes offsets without a record at the end of what was read', () => {
  const partition = new SharePartition(0)
  expect(acquire(partition, { without: [8, 9] })).toBe('0-7 x1')
  expect(say(partition, 'a', accept(0, 7))).toBeUndefined()
  expect([partition.startOffset, partition.endOffset]).toEqual([10, 10])
})

it('moves its start past what is finished, in order', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  expect(say(partition, 'a', accept(3, 5))).toBeUndefined()
  expect(partition.startOffset).toBe(0)
  expect(say(partition, 'a', accept(0, 1), reject(2, 2))).toBeUndefined()
  expect(partition.startOffset).toBe(6)
})

it('has no more offsets in flight than it may, but gives out again what was released', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, maxRecordLocks: 4 }
  expect(acquire(partition, { batches: pairs }, limits)).toBe('0-3 x1')
  expect(partition.nextFetchOffset(limits)).toBeUndefined()
  expect(acquire(partition, { batches: pairs }, limits)).toBe('')
  say(partition, 'a', release(2, 2))
  expect(partition.nextFetchOffset(limits)).toBe(2)
  expect(acquire(partition, { batches: pairs }, limits)).toBe('2-2 x2')
  say(partition, 'a', accept(0, 1))
  expect(acquire(partition, { batches: pairs }, limits)).toBe('4-5 x1')
  say(partition, 'a', release(2, 5))
  expect(acquire(partition, { batches: pairs }, limits)).toBe('2-2 x3, 3-3 x2, 4-5 x2')
})

it('gives out no more at once than it may have in flight beside what is in flight', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, maxRecordLocks: 6 }
  expect(acquire(partition, { batches: pairs.slice(0, 2) }, limits)).toBe('0-3 x1')
  say(partition, 'a', release(0, 3))
  expect(acquire(partition, { batches: pairs, exact: true }, limits)).toBe('0-1 x2')
})

it('has room at once for as many offsets as compaction has taken', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, maxRecordLocks: 4 }
  acquire(partition, { batches: pairs }, limits)
  partition.release('a', limits)
  expect(acquire(partition, { batches: pairs, without: [0, 1, 2, 3] }, limits)).toBe('4-7 x1')
})

it('has the rest of a batch in flight, too, where a limit lets a member have only a part', () => {
  const partition = new SharePartition(0)
  acquire(partition, { maxRecords: 4, exact: true })
  expect(partition.endOffset).toBe(10)
  expect(say(partition, 'a', accept(2, 6))).toBe('INVALID_RECORD_STATE')
  expect(say(partition, 'a', accept(2, 10))).toBe('INVALID_REQUEST')
  expect(partition.nextFetchOffset(generous)).toBe(4)
  expect(acquire(partition, { batches: [...ten, { first: 10, last: 11 }] })).toBe('4-9 x1, 10-11 x1')
})

it('gives back all that one member has, and nothing of others', () => {
  const partition = new SharePartition(0)
  acquire(partition, { maxRecords: 5, exact: true })
  acquire(partition, { maxRecords: 5, exact: true, memberId: 'b' })
  expect(partition.release('a', generous)).toBe(true)
  expect(partition.release('a', generous)).toBe(false)
  expect(acquire(partition, { memberId: 'c' })).toBe('0-4 x2')
})

it('gives back what all members have, and that once', () => {
  const partition = new SharePartition(0)
  acquire(partition, { maxRecords: 5, exact: true })
  acquire(partition, { maxRecords: 5, exact: true, memberId: 'b' })
  expect(partition.releaseAll(generous)).toBe(true)
  expect(partition.releaseAll(generous)).toBe(false)
  expect(acquire(partition, { memberId: 'c' })).toBe('0-9 x2')
})

it('tells what is alike in a batch as one, however it was said, and no more than that', () => {
  const partition = new SharePartition(0)
  acquire(partition, { batches: [...ten, { first: 10, last: 11 }], batchSize: 10 })
  say(partition, 'a', release(0, 0), release(1, 2), accept(3, 3), release(4, 11))
  expect(acquire(partition, { batches: [...ten, { first: 10, last: 11 }] })).toBe('0-2 x2, 4-9 x2, 10-11 x2')
})

it('gives back what is locked no longer', () => {
  const partition = new SharePartition(0)
  acquire(partition, { maxRecords: 5, exact: true, lockedUntil: 100 })
  acquire(partition, { maxRecords: 5, exact: true, lockedUntil: 200 })
  expect(partition.nextExpiry).toBe(100)
  expect(partition.expire(99, generous)).toBe(false)
  expect(partition.expire(100, generous)).toBe(true)
  expect(partition.nextExpiry).toBe(200)
  expect(say(partition, 'a', accept(0, 4))).toBe('INVALID_RECORD_STATE')
  expect(say(partition, 'a', accept(5, 9))).toBeUndefined()
  expect(partition.nextExpiry).toBe(Number.POSITIVE_INFINITY)
})

it('locks what is renewed for longer, and leaves it to its member', () => {
  const partition = new SharePartition(0)
  acquire(partition, { lockedUntil: 100 })
  expect(say(partition, 'a', renew(0, 9))).toBeUndefined()
  expect(partition.nextExpiry).toBe(60_000)
  expect(say(partition, 'a', accept(0, 9))).toBeUndefined()
})

it('lets nobody keep a record for longer where that is not allowed', () => {
  const partition = new SharePartition(0)
  acquire(partition, { lockedUntil: 100 })
  const limits = { ...generous, renews: false }
  expect(partition.acknowledge('a', [accept(0, 1), renew(2, 9)], limits, 60_000)).toBe('INVALID_RECORD_STATE')
  expect([partition.startOffset, partition.nextExpiry]).toEqual([0, 100])
  expect(partition.acknowledge('a', [accept(0, 9)], limits, 60_000)).toBeUndefined()
})

it('takes what is said of records by their member only, while it has them', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  expect(say(partition, 'b', accept(0, 9))).toBe('INVALID_RECORD_STATE')
  expect(say(partition, 'a', accept(0, 4))).toBeUndefined()
  // Finished before: nothing is left to say.
  expect(say(partition, 'a', accept(0, 4))).toBeUndefined()
  expect(say(partition, 'a', accept(7, 7))).toBeUndefined()
  expect(say(partition, 'a', accept(7, 7))).toBe('INVALID_RECORD_STATE')
  expect(say(partition, 'a', accept(5, 9))).toBe('INVALID_RECORD_STATE')
})

it('refuses what is said of records that were never delivered', () => {
  const partition = new SharePartition(0)
  expect(say(partition, 'a', accept(0, 4))).toBe('INVALID_RECORD_STATE')
  acquire(partition)
  expect(say(partition, 'a', accept(5, 10))).toBe('INVALID_REQUEST')
  const each = { firstOffset: 5, lastOffset: 10, acknowledgeTypes: [1, 1, 1, 1, 3, 3] }
  expect(say(partition, 'b', each)).toBe('INVALID_REQUEST')
})

it('does nothing of what is said where a part of it is refused', () => {
  const partition = new SharePartition(0)
  acquire(partition, { maxRecords: 5, exact: true })
  expect(say(partition, 'a', accept(0, 2), accept(4, 12))).toBe('INVALID_REQUEST')
  expect(partition.startOffset).toBe(0)
  expect(say(partition, 'a', accept(0, 4))).toBeUndefined()
})

it('takes what is said of each record of a range', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  const types = [1, 1, 2, 2, 3, 0, 1, 1, 1, 2]
  const batch = { firstOffset: 0, lastOffset: 9, acknowledgeTypes: types }
  expect(partition.acknowledge('a', [batch], generous, 0)).toBeUndefined()
  expect(acquire(partition)).toBe('2-3 x2, 9-9 x2')
})

it('archives what is gone from the log, acquired or not, and lets it be acknowledged', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  say(partition, 'a', release(0, 2))
  partition.archiveBefore(5)
  expect(partition.startOffset).toBe(5)
  expect(say(partition, 'a', accept(3, 9))).toBeUndefined()
  expect(partition.startOffset).toBe(10)
  partition.archiveBefore(50)
  expect([partition.startOffset, partition.endOffset]).toEqual([50, 50])
})

it('lets what is gone be acknowledged where nothing is left', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  partition.archiveBefore(10)
  expect(say(partition, 'a', accept(0, 9))).toBeUndefined()
})

it('archives what was compacted away before it came again', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  partition.release('a', generous)
  expect(acquire(partition, { without: [0, 1, 2, 4] })).toBe('3-3 x2, 5-9 x2')
  expect(partition.startOffset).toBe(3)
})

it('leaves a member what was compacted away while it has it', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  say(partition, 'a', release(0, 4))
  expect(acquire(partition, { memberId: 'b', without: [2, 7] })).toBe('0-1 x2, 3-4 x2')
  expect(say(partition, 'a', accept(5, 9))).toBeUndefined()
})

it('passes over what is nothing to the group', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  say(partition, 'a', release(0, 4), accept(5, 9))
  partition.passOver(12)
  expect([partition.startOffset, partition.endOffset]).toEqual([12, 12])
})

it('passes over nothing that a member has', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  partition.passOver(12)
  expect([partition.startOffset, partition.endOffset]).toEqual([0, 12])
  expect(say(partition, 'a', accept(0, 9))).toBeUndefined()
  expect(partition.startOffset).toBe(12)
})

it('passes over no more than it is told, and never goes back', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  partition.release('a', generous)
  partition.passOver(6)
  expect([partition.startOffset, partition.endOffset]).toEqual([6, 10])
  expect(acquire(partition)).toBe('6-9 x2')
})

it('looks for records from the first one on that may be delivered, not at all that are acquired', () => {
  const partition = new SharePartition(0)
  const asked: [from: number, to: number][] = []
  const wish = (read: OffsetSpan) => ({
    memberId: 'a',
    batches: [read],
    readable: (from: number, to: number) => {
      if (from >= to) return []
      asked.push([from, to])
      return [{ first: from, last: to - 1 }]
    },
    maxRecords: 500,
    exact: false,
    batchSize: 500,
    lockedUntil: 30_000,
  })
  for (const first of [0, 10]) partition.acquire(wish({ first, last: first + 9 }), generous)
  say(partition, 'a', release(5, 6))
  partition.acquire(wish({ first: 0, last: 9 }), generous)
  expect(asked).toEqual([
    [0, 10],
    [10, 20],
    [5, 10],
  ])
})

import { expect, it } from 'vitest'
import type { AcknowledgementBatch } from '../../../src/server/share/acknowledgement.ts'
import {
  type AcquiredRecords,
  type OffsetSpan,
  type ShareLimits,
  SharePartition,
} from '../../../src/server/share/share-partition.ts'
import { accept, reject, release, renew } from './share-scene.ts'

interface Wish {
  readonly memberId?: string
  readonly maxRecords?: number
  readonly exact?: boolean
  readonly batchSize?: number
  readonly lockedUntil?: number
  /** Batches that were read; by default one of ten records. */
  readonly batches?: readonly OffsetSpan[]
  /** Offsets without a record that the group gets. */
  readonly without?: readonly number[]
}

const generous: ShareLimits = { deliveryCountLimit: 5, maxRecordLocks: 2000, renews: true }
const ten = [{ first: 0, last: 9 }]
const pairs = [0, 2, 4, 6, 8].map(first => ({ first, last: first + 1 }))

function acquire(partition: SharePartition, wish: Wish = {}, limits: ShareLimits = generous): string {
  const { without = [], batches = ten } = wish
  const acquired = partition.acquire(
    {
      memberId: 'a',
      maxRecords: 500,
      exact: false,
      batchSize: 500,
      lockedUntil: 30_000,
      ...wish,
      batches,
      readable: (from, to) => runsWithout(from, to, without),
    },
    limits,
  )
  return text(acquired)
}

function runsWithout(from: number, to: number, without: readonly number[]): OffsetSpan[] {
  const runs: { first: number; last: number }[] = []
  for (let offset = from; offset < to; offset++) {
    if (without.includes(offset)) continue
    const run = runs.at(-1)
    if (run?.last === offset - 1) run.last = offset
    else runs.push({ first: offset, last: offset })
  }
  return runs
}

const text = (acquired: readonly AcquiredRecords[]) =>
  acquired.map(({ first, last, deliveryCount }) => `${first}-${last} x${deliveryCount}`).join(', ')

const say = (partition: SharePartition, memberId: string, ...batches: AcknowledgementBatch[]) =>
  partition.acknowledge(memberId, batches, generous, 60_000)

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

it('gives what was released to whoever comes next, and counts how often', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  say(partition, 'a', accept(0, 3), release(4, 5), accept(6, 9))
  expect(partition.nextFetchOffset(generous)).toBe(4)
  expect(acquire(partition, { memberId: 'b' })).toBe('4-5 x2')
})

it('delivers again exactly as many as are asked for, of several batches', () => {
  const partition = new SharePartition(0)
  const batches = [0, 4, 8].map(first => ({ first, last: first + 3 }))
  acquire(partition, { batches, batchSize: 1 })
  partition.release('a', generous)
  expect(acquire(partition, { batches, exact: true, maxRecords: 7 })).toBe('0-3 x2, 4-6 x2')
  expect(acquire(partition, { batches, exact: true, maxRecords: 7 })).toBe('7-7 x2, 8-11 x2')
})

it('archives what was delivered as often as it may be', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, deliveryCountLimit: 2 }
  acquire(partition, {}, limits)
  partition.acknowledge('a', [release(0, 9)], limits, 0)
  expect(acquire(partition, {}, limits)).toBe('0-9 x2')
  partition.acknowledge('a', [release(0, 9)], limits, 0)
  expect(partition.startOffset).toBe(10)
  expect(partition.inFlight).toEqual([])
})

it('delivers what came often in smaller pieces, and alone for the last time', () => {
  const partition = new SharePartition(0)
  const deliveries: string[] = []
  for (let i = 0; i < 10; i++) {
    const acquired = acquire(partition, { batches: [{ first: 0, last: 3 }] })
    deliveries.push(acquired)
    partition.release('a', generous)
  }
  expect(deliveries).toEqual([
    '0-3 x1',
    '0-3 x2',
    '0-3 x3',
    '0-1 x4',
    '0-0 x5',
    '1-1 x5',
    '2-3 x4',
    '2-2 x5',
    '3-3 x5',
    '',
  ])
  expect(partition.startOffset).toBe(4)
})

it('delivers a record alone for the last time where that is the third', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, deliveryCountLimit: 3 }
  for (const deliveries of ['0-9 x1', '0-9 x2', '0-0 x3', '1-1 x3']) {
    expect(acquire(partition, {}, limits)).toBe(deliveries)
    partition.release('a', limits)
  }
})

it('delivers half as many with each time', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, deliveryCountLimit: 10 }
  const batches = [{ first: 0, last: 15 }]
  const deliveries: string[] = []
  for (let i = 0; i < 11; i++) {
    deliveries.push(acquire(partition, { batches }, limits))
    partition.release('a', limits)
  }
  expect(deliveries.slice(4)).toEqual([
    '0-15 x5',
    '0-7 x6',
    '0-3 x7',
    '0-1 x8',
    '0-0 x9',
    '0-0 x10',
    '1-1 x9',
  ])
})

it('delivers as few as what came most often allows, with what came less often after it', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, deliveryCountLimit: 10 }
  const batches = [{ first: 0, last: 15 }]
  for (let times = 1; times <= 5; times++) {
    partition.release('b', limits)
    acquire(partition, { batches, memberId: 'b' }, limits)
  }
  partition.acknowledge('b', [release(0, 0)], limits, 0)
  for (const times of [6, 7]) {
    expect(acquire(partition, { batches }, limits)).toBe(`0-0 x${times}`)
    partition.release('a', limits)
  }
  partition.release('b', limits)
  expect(acquire(partition, { batches }, limits)).toBe('0-0 x8, 1-1 x6')
})

it('delivers as many as the first of what came often allows, with what came more often after it', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, deliveryCountLimit: 6 }
  const batches = [{ first: 0, last: 7 }]
  for (let times = 1; times <= 3; times++) {
    partition.release('b', limits)
    acquire(partition, { batches, memberId: 'b' }, limits)
  }
  partition.acknowledge('b', [release(1, 7)], limits, 0)
  expect(acquire(partition, { batches }, limits)).toBe('1-4 x4')
  partition.release('a', limits)
  partition.release('b', limits)
  expect(acquire(partition, { batches }, limits)).toBe('0-0 x4, 1-3 x5')
})

it('delivers a record alone for the last time, however large its batch was', () => {
  const partition = new SharePartition(0)
  const batches = [{ first: 0, last: 99 }]
  for (let i = 0; i < 4; i++) {
    acquire(partition, { batches })
    partition.release('a', generous)
  }
  expect(acquire(partition, { batches })).toBe('0-0 x5')
})

it('delivers what came less often before what comes for the last time, of one batch', () => {
  const partition = new SharePartition(0)
  const batches = [{ first: 0, last: 15 }]
  acquire(partition, { batches })
  partition.release('a', generous)
  expect(acquire(partition, { batches, exact: true, maxRecords: 8, memberId: 'b' })).toBe('0-7 x2')
  for (const times of [2, 3, 4]) {
    expect(acquire(partition, { batches })).toBe(`8-15 x${times}`)
    partition.release('a', generous)
  }
  partition.release('b', generous)
  expect(acquire(partition, { batches })).toBe('0-7 x3')
  expect(acquire(partition, { batches })).toBe('8-8 x5')
})

it('delivers all that came less often with a part of what came often, of one batch', () => {
  const partition = new SharePartition(0)
  const batches = [{ first: 0, last: 15 }]
  acquire(partition, { batches, memberId: 'b' })
  say(partition, 'b', release(4, 15))
  for (const times of [2, 3]) {
    expect(acquire(partition, { batches })).toBe(`4-15 x${times}`)
    partition.release('a', generous)
  }
  partition.release('b', generous)
  // Half of the batch, of which four came less often.
  expect(acquire(partition, { batches })).toBe('0-3 x2, 4-7 x4')
})

it('delivers one record at least of what came often, however small its batch is', () => {
  const limits = { ...generous, deliveryCountLimit: 10 }
  const partition = new SharePartition(0)
  const batches = [{ first: 0, last: 1 }]
  for (let times = 1; times <= 5; times++) {
    expect(acquire(partition, { batches }, limits)).toBe(`0-1 x${times}`)
    partition.release('a', limits)
  }
  for (let times = 6; times <= 8; times++) {
    expect(acquire(partition, { batches }, limits)).toBe(`0-0 x${times}`)
    expect(acquire(partition, { batches }, limits)).toBe(`1-1 x${times}`)
    partition.release('a', limits)
  }
})

it('delivers nothing else together with what came often', () => {
  const partition = new SharePartition(0)
  const batches = [
    { first: 0, last: 1 },
    { first: 2, last: 3 },
  ]
  for (let i = 0; i < 3; i++) {
    acquire(partition, { batches: batches.slice(0, 1) })
    partition.release('a', generous)
  }
  expect(acquire(partition, { batches })).toBe('0-0 x4')
  expect(acquire(partition, { batches })).toBe('1-1 x4')
  expect(acquire(partition, { batches })).toBe('2-3 x1')
})

it('delivers what came often after what comes before it, and not with it', () => {
  const partition = new SharePartition(0)
  const batches = [
    { first: 0, last: 1 },
    { first: 2, last: 3 },
  ]
  acquire(partition, { batches, batchSize: 1, memberId: 'b' })
  for (let i = 0; i < 3; i++) {
    say(partition, 'b', release(2, 3))
    if (i < 2) acquire(partition, { batches, memberId: 'b' })
  }
  partition.release('b', generous)
  expect(acquire(partition, { batches })).toBe('0-1 x2')
  expect(acquire(partition, { batches })).toBe('2-2 x4')
})

it('delivers nothing new while what came often is still to come', () => {
  const partition = new SharePartition(0)
  const batches = [0, 2, 4].map(first => ({ first, last: first + 1 }))
  const delivered = batches.slice(0, 2)
  acquire(partition, { batches: delivered, batchSize: 1, memberId: 'b' })
  for (const times of [2, 3]) {
    say(partition, 'b', release(2, 3))
    expect(acquire(partition, { batches: delivered, memberId: 'b' })).toBe(`2-3 x${times}`)
  }
  partition.release('b', generous)
  expect(acquire(partition, { batches })).toBe('0-1 x2')
  expect(acquire(partition, { batches })).toBe('2-2 x4')
  expect(acquire(partition, { batches })).toBe('3-3 x4')
  expect(acquire(partition, { batches })).toBe('4-5 x1')
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

import { describe, expect, it } from 'vitest'
import { toRecords } from '../../src/kafka/fetched-records.ts'
import type { FetchedPartition, ReadBatch } from '../../src/kafka/library-messages.ts'

const source = { topic: 'orders', partition: 0, keys: 'string' } as const

/** A batch of records whose values are their offsets. */
function batch(firstOffset: number, count: number, attributes = 0, producerId = -1): ReadBatch {
  const records = Array.from({ length: count }, (_, n) => ({
    offsetDelta: n,
    timestampDelta: BigInt(n),
    key: null,
    value: Buffer.from(String(firstOffset + n)),
    headers: [],
  }))
  return {
    firstOffset: BigInt(firstOffset),
    lastOffsetDelta: count - 1,
    attributes,
    partitionLeaderEpoch: 0,
    producerId: BigInt(producerId),
    firstTimestamp: 1000n,
    maxTimestamp: BigInt(1000 + count - 1),
    records,
  }
}

const transactional = 0x10
const inTransaction = (firstOffset: number, count: number, producerId: number) =>
  batch(firstOffset, count, transactional, producerId)

/** The marker with which a transaction ends: its key is a version and a type, 0 for an abort and 1 for a commit. */
function marker(offset: number, producerId: number, end: 'aborted' | 'committed'): ReadBatch {
  const made = batch(offset, 1, transactional | 0x20, producerId)
  const key = Buffer.from([0, 0, 0, end === 'aborted' ? 0 : 1])
  return { ...made, records: [{ ...made.records[0]!, key }] }
}

function fetched(records: readonly ReadBatch[], aborted: readonly (readonly [number, number])[] = []) {
  const abortedTransactions = aborted.map(([producerId, firstOffset]) => ({
    producerId: BigInt(producerId),
    firstOffset: BigInt(firstOffset),
  }))
  return { records, abortedTransactions } as unknown as FetchedPartition
}

const offsets = (partition: FetchedPartition, from = 0, committed = true) => {
  const { records, nextOffset } = toRecords(source, partition, from, committed)
  return { offsets: records.map(({ offset }) => offset), nextOffset }
}

describe('what a fetch brings', () => {
  const mixed = fetched(
    [
      inTransaction(0, 2, 1),
      inTransaction(2, 2, 2),
      batch(4, 1),
      marker(5, 1, 'aborted'),
      marker(6, 2, 'committed'),
      inTransaction(7, 1, 1),
      marker(8, 1, 'committed'),
    ],
    [[1, 0]],
  )

  it('is without aborted records, up to the marker that ends their transaction', () => {
    expect(offsets(mixed)).toEqual({ offsets: [2, 3, 4, 7], nextOffset: 9 })
  })

  it('is with them, and without markers, for a reader of what is not committed', () => {
    expect(offsets(mixed, 0, false)).toEqual({ offsets: [0, 1, 2, 3, 4, 7], nextOffset: 9 })
  })

  it('is without each of several transactions that were aborted, in whatever order they are named', () => {
    const records = [
      inTransaction(0, 1, 1),
      marker(1, 1, 'aborted'),
      inTransaction(2, 1, 1),
      inTransaction(3, 1, 2),
      marker(4, 2, 'aborted'),
      inTransaction(5, 1, 2),
    ]
    const aborted = [
      [2, 3],
      [1, 2],
      [1, 0],
    ] as const
    expect(offsets(fetched(records, aborted))).toEqual({ offsets: [5], nextOffset: 6 })
  })

  it('begins at the offset that was asked for, and ends after the last batch, whatever that shows', () => {
    const records = [batch(0, 4), inTransaction(4, 2, 1), marker(6, 1, 'aborted')]
    expect(offsets(fetched(records, [[1, 4]]), 2)).toEqual({ offsets: [2, 3], nextOffset: 7 })
  })

  it('says from which offset on batches are of another leader epoch, also of batches that show nothing', () => {
    const under = (partitionLeaderEpoch: number, made: ReadBatch) => ({ ...made, partitionLeaderEpoch })
    const records = [
      under(0, batch(0, 2)),
      under(0, batch(2, 1)),
      under(3, inTransaction(3, 2, 1)),
      under(4, marker(5, 1, 'aborted')),
    ]
    expect(toRecords(source, fetched(records, [[1, 3]]), 1, true).epochs).toEqual([
      { from: 0, epoch: 0 },
      { from: 3, epoch: 3 },
      { from: 5, epoch: 4 },
    ])
  })

  it('has the time of the log where the batch says so', () => {
    const times = (attributes: number) =>
      toRecords(source, fetched([batch(0, 3, attributes)]), 0, true).records.map(({ timestamp }) => timestamp)
    expect(times(0)).toEqual([1000, 1001, 1002])
    expect(times(0x08)).toEqual([1002, 1002, 1002])
  })
})

import { errorCodes } from '../../error-codes.ts'
import type { Partition } from '../../log/partition.ts'
import type { Wire } from '../wire.ts'
import { type BatchSpan, batchSpans } from './batch-spans.ts'
import type { AcquiredRecords } from './share-partition.ts'
import type { SharePartitions, ShareWish } from './share-partitions.ts'

/** What a fetch would like to have, of all partitions together. */
export interface ShareFetchWish extends ShareWish {
  readonly minBytes: number
  readonly maxBytes: number
}

/** What a member has acquired of one partition, and the batches that have it. */
export interface SharedRecords {
  readonly log: Partition
  readonly records: readonly Uint8Array[]
  readonly acquired: readonly AcquiredRecords[]
  /** Or why its records cannot be read. */
  readonly errorCode: number
}

interface Read {
  readonly log: Partition
  readonly batches: readonly BatchSpan[]
  readonly bytes: number
  readonly failed?: boolean
}

const unreadable = errorCodes.UNKNOWN_SERVER_ERROR.errno

/**
 * Acquires records of some partitions, where there are as many bytes as are wanted at least; none where there are fewer.
 * `anyway`: what there is.
 */
export function fetchShared(
  wire: Wire,
  partitions: SharePartitions,
  logs: readonly Partition[],
  wish: ShareFetchWish,
  anyway: boolean,
): SharedRecords[] {
  const reads = readAll(wire, partitions, logs, wish)
  const bytes = reads.reduce((sum, read) => sum + read.bytes, 0)
  // An error is an answer at once.
  const failed = reads.filter(read => read.failed)
  if (bytes < wish.minBytes && !anyway && failed.length === 0) return []
  const fetched: SharedRecords[] = failed.map(({ log }) => ({
    log,
    records: [],
    acquired: [],
    errorCode: unreadable,
  }))
  let { maxRecords } = wish
  for (const { log, batches } of reads) {
    if (maxRecords <= 0) break
    const acquired = partitions.acquire(log, batches, { ...wish, maxRecords })
    if (acquired.length === 0) continue
    for (const { first, last } of acquired) maxRecords -= last - first + 1
    const records = batches
      .filter(batch => acquired.some(({ first, last }) => first <= batch.last && last >= batch.first))
      .map(batch => batch.bytes)
    fetched.push({ log, records, acquired, errorCode: 0 })
  }
  return fetched
}

function readAll(
  wire: Wire,
  partitions: SharePartitions,
  logs: readonly Partition[],
  { maxBytes }: ShareFetchWish,
): Read[] {
  const reads: Read[] = []
  let left = maxBytes
  for (const log of logs) {
    if (left <= 0) break
    const read = readOne(wire, partitions, log, left)
    left -= read.bytes
    reads.push(read)
  }
  return reads
}

function readOne(wire: Wire, partitions: SharePartitions, log: Partition, maxBytes: number): Read {
  const { committed } = partitions
  const from = partitions.nextFetchOffset(log)
  const end = log.endFor(committed)
  if (from === undefined || from >= end) return { log, batches: [], bytes: 0 }
  try {
    const { pieces, bytes } = wire.batches.read(log, from, maxBytes, committed)
    // Nothing is left but what was compacted, aborted or only ends a transaction.
    if (bytes === 0) partitions.passOver(log, end)
    return { log, batches: batchSpans(pieces), bytes }
  } catch (error) {
    wire.failed(error)
    return { log, batches: [], bytes: 0, failed: true }
  }
}

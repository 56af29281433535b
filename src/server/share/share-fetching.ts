import { errnos } from '../../error-codes.ts'
import type { Partition } from '../../log/partition.ts'
import type { Wire } from '../wire.ts'
import type { AcquiredRecords } from './acquisition.ts'
import { type BatchSpan, batchSpans } from './batch-spans.ts'
import { countOffsets } from './offset-span.ts'
import type { SharePartitions, ShareWish } from './share-partitions.ts'

/** What a share fetch asks for, of all partitions together. */
export interface ShareFetchWish extends ShareWish {
  readonly minBytes: number
  readonly maxBytes: number
}

/** The records that a member has acquired of one partition, and the batches that hold them. */
export interface SharedRecords {
  readonly log: Partition
  readonly records: readonly Uint8Array[]
  readonly acquired: readonly AcquiredRecords[]
  /** Why the partition's records cannot be read; 0 if they can. */
  readonly errorCode: number
}

interface Read {
  readonly log: Partition
  readonly batches: readonly BatchSpan[]
  readonly bytes: number
  readonly failed?: boolean
}

const pieceBytes = 64 * 1024
const unreadable = errnos.UNKNOWN_SERVER_ERROR

/**
 * Acquires records of some partitions if they have at least `minBytes`, else none. `anyway`: acquires what there is.
 */
export function fetchShared(
  wire: Wire,
  partitions: SharePartitions,
  logs: readonly Partition[],
  wish: ShareFetchWish,
  anyway: boolean,
): SharedRecords[] {
  // A request for no records does not look for some either.
  if (wish.maxRecords <= 0 || partitions.closed) return []
  const reads = readAll(wire, partitions, logs, wish)
  const bytes = reads.reduce((sum, read) => sum + read.bytes, 0)
  // An error is answered at once.
  if (bytes < wish.minBytes && !anyway && !reads.some(({ failed }) => failed)) return []
  const fetched: SharedRecords[] = []
  let { maxRecords } = wish
  for (const read of reads) {
    const shared = acquireOf(wire, partitions, read, { ...wish, maxRecords })
    if (shared === undefined) continue
    maxRecords -= countOffsets(shared.acquired)
    fetched.push(shared)
  }
  return fetched
}

// Where compaction has taken what was to come again, and others have what was read in its place, there may be more behind.
// But a member that may have no more records reads none: that would look like a log that has none.
function acquireOf(
  wire: Wire,
  partitions: SharePartitions,
  first: Read,
  wish: ShareFetchWish,
): SharedRecords | undefined {
  const { log } = first
  let read = first
  while (read.batches.length > 0 && wish.maxRecords > 0) {
    const { batches, bytes } = read
    const from = partitions.nextFetchOffset(log)
    const acquired = partitions.acquire(log, batches, wish)
    if (acquired.length > 0) return { log, records: having(acquired, batches), acquired, errorCode: 0 }
    if (partitions.nextFetchOffset(log) === from) return undefined
    read = readOne(wire, partitions, log, { ...wish, maxBytes: bytes })
  }
  return read.failed ? { log, records: [], acquired: [], errorCode: unreadable } : undefined
}

function readAll(
  wire: Wire,
  partitions: SharePartitions,
  logs: readonly Partition[],
  wish: ShareFetchWish,
): Read[] {
  const reads: Read[] = []
  let left = wish.maxBytes
  for (const log of logs) {
    if (left <= 0) break
    const read = readOne(wire, partitions, log, { ...wish, maxBytes: left })
    left -= read.bytes
    reads.push(read)
  }
  return reads
}

function readOne(wire: Wire, partitions: SharePartitions, log: Partition, wish: ShareFetchWish): Read {
  const { committed } = partitions
  const from = partitions.nextFetchOffset(log)
  const end = log.endFor(committed)
  if (from === undefined || from >= end) return { log, batches: [], bytes: 0 }
  try {
    const { batches, bytes } = readBatches(wire, log, from, committed, wish)
    // All that is left was compacted, was aborted, or only ends a transaction.
    if (bytes === 0) partitions.passOver(log, end)
    return { log, batches, bytes }
  } catch (error) {
    wire.failed(error)
    return { log, batches: [], bytes: 0, failed: true }
  }
}

// Reads in small pieces: mostly a client wants few of the records that would fit.
function readBatches(
  wire: Wire,
  log: Partition,
  from: number,
  committed: boolean,
  { minBytes, maxBytes, maxRecords }: ShareFetchWish,
): Pick<Read, 'batches' | 'bytes'> {
  const batches: BatchSpan[] = []
  const enough = from + maxRecords
  let bytes = 0
  for (let at = from; bytes < maxBytes && (at < enough || bytes < minBytes); ) {
    const read = wire.batches.read(log, at, Math.min(pieceBytes, maxBytes - bytes), committed)
    // The first batch is read however large it is (KIP-74), no other is.
    if (read.bytes === 0 || (bytes > 0 && bytes + read.bytes > maxBytes)) break
    batches.push(...batchSpans(read.pieces))
    bytes += read.bytes
    at = batches.at(-1)!.last + 1
  }
  return { batches, bytes }
}

/** The batches that hold acquired records; both lists are in order. */
function having(acquired: readonly AcquiredRecords[], batches: readonly BatchSpan[]): Uint8Array[] {
  let at = 0
  return batches.flatMap(({ first, last, bytes }) => {
    while (at < acquired.length && acquired[at]!.last < first) at++
    return at < acquired.length && acquired[at]!.first <= last ? [bytes] : []
  })
}

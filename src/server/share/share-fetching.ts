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

const pieceBytes = 64 * 1024
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
  // Who wants nothing has not looked whether there is something.
  if (wish.maxRecords <= 0 || wish.maxBytes <= 0) return []
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
    const acquired = partitions.acquire(log, batches, { ...wish, maxRecords })
    if (acquired.length === 0) continue
    for (const { first, last } of acquired) maxRecords -= last - first + 1
    fetched.push({ log, records: having(acquired, batches), acquired, errorCode: 0 })
  }
  return fetched
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
    // Nothing is left but what was compacted, aborted or only ends a transaction.
    if (bytes === 0) partitions.passOver(log, end)
    return { log, batches, bytes }
  } catch (error) {
    wire.failed(error)
    return { log, batches: [], bytes: 0, failed: true }
  }
}

// Little by little: mostly a client wants few records of all that would fit.
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
    // The first batch comes whatever it takes (KIP-74), no other does.
    if (read.bytes === 0 || (bytes > 0 && bytes + read.bytes > maxBytes)) break
    batches.push(...batchSpans(read.pieces))
    bytes += read.bytes
    at = batches.at(-1)!.last + 1
  }
  return { batches, bytes }
}

/** The batches that have something of what was acquired; both are in order. */
function having(acquired: readonly AcquiredRecords[], batches: readonly BatchSpan[]): Uint8Array[] {
  let at = 0
  return batches.flatMap(({ first, last, bytes }) => {
    while (at < acquired.length && acquired[at]!.last < first) at++
    return at < acquired.length && acquired[at]!.first <= last ? [bytes] : []
  })
}

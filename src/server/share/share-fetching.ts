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
}

interface Read {
  readonly log: Partition
  readonly batches: readonly BatchSpan[]
}

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
  const { reads, bytes } = readAll(wire, partitions, logs, wish)
  if (bytes === 0 || (bytes < wish.minBytes && !anyway)) return []
  const fetched: SharedRecords[] = []
  let { maxRecords } = wish
  for (const { log, batches } of reads) {
    if (maxRecords <= 0) break
    const acquired = partitions.acquire(log, batches, { ...wish, maxRecords })
    if (acquired.length === 0) continue
    for (const { first, last } of acquired) maxRecords -= last - first + 1
    const records = batches
      .filter(batch => acquired.some(({ first, last }) => first <= batch.last && last >= batch.first))
      .map(batch => batch.bytes)
    fetched.push({ log, records, acquired })
  }
  return fetched
}

function readAll(
  wire: Wire,
  partitions: SharePartitions,
  logs: readonly Partition[],
  { maxBytes }: ShareFetchWish,
): { readonly reads: readonly Read[]; readonly bytes: number } {
  const reads: Read[] = []
  let bytes = 0
  for (const log of logs) {
    if (bytes >= maxBytes) break
    const read = readOne(wire, partitions, log, maxBytes - bytes)
    if (read === undefined) continue
    reads.push({ log, batches: batchSpans(read.pieces) })
    bytes += read.bytes
  }
  return { reads, bytes }
}

function readOne(wire: Wire, partitions: SharePartitions, log: Partition, maxBytes: number) {
  const { committed } = partitions
  const from = partitions.nextFetchOffset(log)
  const end = log.endFor(committed)
  if (from === undefined || from >= end) return undefined
  const read = wire.batches.read(log, from, maxBytes, committed)
  if (read.bytes > 0) return read
  // Nothing is left but what was compacted, aborted or only ends a transaction.
  partitions.passOver(log, end)
  return undefined
}

import type { InFlightRecords } from './in-flight-records.ts'
import { countOffsets, type OffsetSpan } from './offset-span.ts'

/** Records that a member has acquired, as it is told of them. */
export interface AcquiredRecords extends OffsetSpan {
  readonly deliveryCount: number
}

/** A request to acquire records that were read. */
export interface Acquisition {
  readonly memberId: string
  /** The record batches that were read, from the next fetch offset on. */
  readonly batches: readonly OffsetSpan[]
  /** The runs of offsets, from one to before another, at which there are records for the group. */
  readable(from: number, to: number): readonly OffsetSpan[]
  readonly maxRecords: number
  /** Whether `maxRecords` may not be exceeded; else whole batches are acquired (KIP-1206). */
  readonly exact: boolean
  /** How many records the client prefers in one range that it is told. */
  readonly batchSize: number
  readonly lockedUntil: number
}

/** The records to deliver at once, of a batch with records that were delivered often. */
export function thinned(
  runs: readonly InFlightRecords[],
  throttledFrom: number,
  deliveryCountLimit: number,
): OffsetSpan[] {
  const spans: OffsetSpan[] = []
  let most = Number.POSITIVE_INFINITY
  for (const { first, last, deliveryCount, batch } of runs) {
    const lastTime = deliveryCount === deliveryCountLimit - 1
    if (lastTime) return spans.length > 0 ? spans : [{ first, last: first }]
    // The first one that was delivered so often decides.
    if (deliveryCount >= throttledFrom && most === Number.POSITIVE_INFINITY) {
      most = Math.max(1, batch.size >> (deliveryCount - throttledFrom + 1))
    }
    const left = most - countOffsets(spans)
    if (left <= 0) break
    spans.push({ first, last: Math.min(last, first + left - 1) })
  }
  return spans
}

/** The last offset of the batch with the last of so many records; undefined if there are fewer. */
export function lastOf(
  readable: readonly OffsetSpan[],
  records: number,
  { batches }: Acquisition,
): number | undefined {
  let left = records
  for (const { first, last } of readable) {
    const size = last - first + 1
    if (size < left) {
      left -= size
      continue
    }
    const at = first + left - 1
    return batches.find(batch => batch.last >= at)!.last
  }
  return undefined
}

/** Cuts a span into pieces of whole batches, as large as a client prefers. (Kafka: SharePartition.createBatches) */
export function pieces(
  { first, last }: OffsetSpan,
  { exact, batches, batchSize }: Acquisition,
): OffsetSpan[] {
  const cut: OffsetSpan[] = []
  let from = first
  for (const batch of exact ? [] : batches) {
    if (batch.first > last || batch.first - from < Math.max(1, batchSize)) continue
    cut.push({ first: from, last: batch.first - 1 })
    from = batch.first
  }
  return [...cut, { first: from, last }]
}

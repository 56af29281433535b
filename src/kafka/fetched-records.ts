import { type ConsumerRecord, noHeaders, type RecordHeaders, toRecordHeaders } from '../record.ts'
import type { FetchedPartition, ReadBatch } from './library-messages.ts'
import type { EpochStart } from './read-epochs.ts'

const timestampTypeBit = 1 << 3
const transactionalBit = 1 << 4
const controlBit = 1 << 5
const abortMarker = 0

// Most answers of a topic that is seldom written: those of many partitions should cost little.
const none: readonly never[] = []

/** The partition that records come from, and the type of the topic's keys. */
export interface FetchSource {
  readonly topic: string
  readonly partition: number
  readonly keys: 'string' | 'bytes'
}

/** Consecutive records, the offset that follows them, and the leader epochs under which they were appended. */
export interface Fetched {
  readonly records: readonly ConsumerRecord[]
  readonly nextOffset: number
  readonly epochs: readonly EpochStart[]
}

/**
 * Returns the records of a response that a reader gets, from an offset on. A batch may begin before the offset that was
 * asked for. Transaction markers are left out, and with `committed` the records of aborted transactions, too.
 */
export function toRecords(
  source: FetchSource,
  { records: batches, abortedTransactions }: FetchedPartition,
  from: number,
  committed: boolean,
): Fetched {
  if (!batches?.length) return { records: none, nextOffset: from, epochs: none }
  const aborted = committed ? new Aborted(abortedTransactions) : undefined
  const records: ConsumerRecord[] = []
  const epochs: EpochStart[] = []
  let nextOffset = from
  for (const batch of batches) {
    nextOffset = Math.max(nextOffset, Number(batch.firstOffset) + batch.lastOffsetDelta + 1)
    const epoch = batch.partitionLeaderEpoch
    if (epoch !== epochs.at(-1)?.epoch) epochs.push({ from: Number(batch.firstOffset), epoch })
    const hidden = aborted?.hides(batch) ?? false
    if (hidden || (batch.attributes & controlBit) !== 0) continue
    addRecords(source, batch, from, records)
  }
  return { records, nextOffset, epochs }
}

/** The aborted transactions: the response names where each begins, and its marker ends it. */
class Aborted {
  readonly #upcoming: { readonly producerId: bigint; readonly firstOffset: bigint }[]
  readonly #open = new Set<bigint>()

  constructor(transactions: FetchedPartition['abortedTransactions']) {
    this.#upcoming = [...(transactions ?? [])].sort((a, b) => Number(a.firstOffset - b.firstOffset))
  }

  hides(batch: ReadBatch): boolean {
    if ((batch.attributes & transactionalBit) === 0) return false
    const lastOffset = batch.firstOffset + BigInt(batch.lastOffsetDelta)
    while (this.#upcoming.length > 0 && this.#upcoming[0]!.firstOffset <= lastOffset) {
      this.#open.add(this.#upcoming.shift()!.producerId)
    }
    if ((batch.attributes & controlBit) === 0) return this.#open.has(batch.producerId)
    // A marker's key is its version and its type, 16 bits each.
    if (batch.records[0]?.key?.readInt16BE(2) === abortMarker) this.#open.delete(batch.producerId)
    return true
  }
}

function addRecords(
  { topic, partition, keys }: FetchSource,
  batch: ReadBatch,
  from: number,
  records: ConsumerRecord[],
): void {
  const firstOffset = Number(batch.firstOffset)
  const firstTimestamp = Number(batch.firstTimestamp)
  const appendTime = (batch.attributes & timestampTypeBit) !== 0 ? Number(batch.maxTimestamp) : undefined
  for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
    const offset = firstOffset + offsetDelta
    if (offset < from) continue
    records.push({
      topic,
      partition,
      offset,
      timestamp: appendTime ?? firstTimestamp + Number(timestampDelta),
      key: key === null ? null : keys === 'bytes' ? new Uint8Array(key) : key.toString('utf8'),
      value,
      headers: headers.length === 0 ? noHeaders : toHeaders(topic, headers),
    })
  }
}

// A header without a value has nothing to decode.
function toHeaders(
  topic: string,
  headers: readonly (readonly [Buffer | null, Buffer | null])[],
): RecordHeaders {
  return toRecordHeaders(
    topic,
    headers.map(([name, value]) => [name?.toString('utf8') ?? '', value ?? new Uint8Array(0)]),
  )
}

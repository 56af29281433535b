import type { ColumnSegment } from './column-segment.ts'
import type { DecodedRecord, OriginalRecord } from './decoded-record.ts'
import type { Segment } from './segment.ts'

/** A segment of batches. */
export interface BatchSegment extends Segment {
  /** The bytes of its batches. */
  readonly size: number
  /** Whether another batch may be appended. */
  takes(batch: EncodedBatch): boolean
  append(batch: EncodedBatch, sequence: number, size: number, appendTime: number | undefined): void
  /** Appends a control record: it ends a transaction, has no bytes, and is never read. */
  appendControl(timestamp: number, sequence: number): void
}

/** Where a segment of batches begins, and what it decodes them into. */
export interface BatchSegmentStart {
  readonly baseOffset: number
  readonly createdAt: number
  readonly runningMaxTimestamp: number
  /** The initial capacity in bytes, where the previous segment shows how many will come. */
  readonly expected: number
  /** Begins the segment of decoded records. */
  columns(baseOffset: number, createdAt: number, runningMaxTimestamp: number, count: number): ColumnSegment
}

/** Keeps and decodes batches of one kind; the log does not look into them. */
export interface BatchDecoder {
  /** Begins a segment of batches. A server brings this along, so that a program without one need not load it. */
  segment(start: BatchSegmentStart): BatchSegment
  /** Decodes each record when it is asked for. */
  decode(batch: Uint8Array): Iterable<DecodedRecord>
  /**
   * Returns the originals of records that encoding would not restore to the same bytes; undefined for any other record.
   */
  originals(batch: Uint8Array): readonly (OriginalRecord | undefined)[]
}

/** Records in the encoding in which they came, checked by their creator. (Kafka: RecordBatch) */
export interface EncodedBatch {
  /** How many records it has, one offset each. */
  readonly count: number
  /** The size in bytes. */
  readonly size: number
  /** The size of its records in bytes, without compression. */
  readonly unpackedSize: number
  readonly minTimestamp: number
  readonly maxTimestamp: number
  /** When the batch came, on its writer's clock, which may be years from the broker's. Milliseconds since the epoch. */
  readonly receivedAt: number
  /** Whether every record has a key. */
  readonly keyed: boolean
  readonly decoder: BatchDecoder
  /** The records to keep in place of the bytes, where a schema has changed them. */
  readonly records: readonly DecodedRecord[] | undefined

  /**
   * Copies the batch to a place in larger memory, with the offset of its first record; `appendTime`
   * becomes the timestamp of all records.
   */
  copy(target: Uint8Array, at: number, baseOffset: number, appendTime: number | undefined): void
  /**
   * Returns its own bytes, adjusted to be kept; undefined where their memory holds more than the batch,
   * which would stay alive with it.
   */
  own(baseOffset: number, appendTime: number | undefined): Uint8Array | undefined
}

import type { RecordHeaders, RecordKey } from '../record.ts'

/** A record of an encoded batch, as the log keeps records. */
export interface DecodedRecord {
  readonly key: RecordKey | null
  readonly value: unknown
  readonly headers: RecordHeaders
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** A record as it came, to be returned to clients unchanged; the log only asks whether it is a tombstone. */
export interface OriginalRecord {
  /** Null for a tombstone. */
  readonly value: unknown
}

/** Decodes batches of one kind; the log does not look into them. */
export interface BatchDecoder {
  decode(batch: Uint8Array): readonly DecodedRecord[]
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
   * Copies the batch into a slab, with the offset of its first record; `appendTime`
   * becomes the timestamp of all records.
   */
  copy(target: Uint8Array, at: number, baseOffset: number, appendTime: number | undefined): void
  /**
   * Returns its own bytes, adjusted to be kept; undefined where their memory holds more than the batch,
   * which would stay alive with it.
   */
  own(baseOffset: number, appendTime: number | undefined): Uint8Array | undefined
}

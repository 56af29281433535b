import type { RecordHeaders, RecordKey } from '../record.ts'

/** A record of an encoded batch, as the log keeps records. */
export interface DecodedRecord {
  readonly key: RecordKey | null
  readonly value: unknown
  readonly headers: RecordHeaders
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** A record as it came, for whoever sent it to be given back; the log only asks whether it is a tombstone. */
export interface OriginalRecord {
  /** Null for a tombstone. */
  readonly value: unknown
}

/** Reads batches of one kind; the log does not look into them. */
export interface BatchDecoder {
  decode(batch: Uint8Array): readonly DecodedRecord[]
  /** Those records of which what `decode` gives would not become the same bytes again; undefined for any other. */
  originals(batch: Uint8Array): readonly (OriginalRecord | undefined)[]
}

/** Records in the form in which they came, checked by who made it. (Kafka: RecordBatch) */
export interface EncodedBatch {
  /** How many records it has, one offset each. */
  readonly count: number
  /** Bytes. */
  readonly size: number
  readonly minTimestamp: number
  readonly maxTimestamp: number
  /** When it came, by the clock that its writer goes by: a broker's own may stand years from it. Milliseconds since the epoch. */
  readonly receivedAt: number
  /** Whether every record has a key. */
  readonly keyed: boolean
  readonly decoder: BatchDecoder
  /** Its records, where they are to be kept in place of its bytes: they are not what the bytes say, since a schema made them. */
  readonly records: readonly DecodedRecord[] | undefined

  /** Copies it to where it is kept, with the offset of its first record; `appendTime` becomes the time of all. */
  copy(target: Uint8Array, at: number, baseOffset: number, appendTime: number | undefined): void
  /** Its own bytes, made what is kept; undefined where more than it lies in that memory, which would stay with it. */
  own(baseOffset: number, appendTime: number | undefined): Uint8Array | undefined
}

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

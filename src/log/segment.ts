import type { ConsumerRecord, RecordHeaders, RecordKey } from '../record.ts'
import type { OriginalRecord } from './encoded-batch.ts'

/** Why readers do not get a record: its transaction was aborted, or it only says how one ended. */
export type Hidden = 'aborted' | 'control'

/**
 * A run of records of one partition, which have indexes from 0 on. Records of this process are kept as columns, what came
 * over the wire as it came.
 */
export interface Segment {
  readonly baseOffset: number
  /** The offset after its last record. */
  readonly endOffset: number
  /** When its first record was appended, on the clock's `now()`. */
  readonly createdAt: number
  readonly count: number
  /** Whether every offset from the first to the last is a record that every reader gets: nothing need be looked for then. */
  readonly plain: boolean
  /** What its records take, where the topic counts bytes. */
  bytes: number
  readonly maxTimestamp: number
  /** The largest timestamp of this segment and all before it in its partition: it makes a search by time binary. */
  runningMaxTimestamp: number

  /** Gives back the room that growing left over; nothing is appended after it. */
  seal(): void
  /** Lets go of keys, values and headers below an offset; nobody reads there again. */
  forget(beforeOffset: number): void
  /** Keeps a record from readers: from all of them, or only from those who read what is committed. */
  hide(index: number, why: Hidden): void
  /** Whether a reader gets a record: `committed` is one who reads only what is committed. */
  visible(index: number, committed: boolean): boolean
  /** How many records a reader gets from one index on and before another one. */
  countVisible(from: number, to: number, committed: boolean): number

  /** The index of the first record at or after an offset; `count` where there is none. */
  indexFrom(offset: number): number
  /** The first offset, from `fromOffset` on, whose timestamp is at least `timestamp`. */
  offsetForTimestamp(timestamp: number, fromOffset: number): number | null

  /** The record at an index, as the log keeps it. */
  record(topic: string, partition: number, index: number): ConsumerRecord
  offsetAt(index: number): number
  keyAt(index: number): RecordKey | null
  valueAt(index: number): unknown
  headersAt(index: number): RecordHeaders
  /** The record as it came, where what is kept of it is not as much; undefined for any other. */
  originalAt(index: number): OriginalRecord | undefined
  timestampAt(index: number): number
  /** The place of a record in its topic's order of appends. */
  sequenceAt(index: number): number
  /** What a record takes, where the topic counts bytes. */
  sizeAt(index: number): number
  /** What its records take, where the topic has not counted bytes. @throws where a value has no size */
  measure(topic: string): number
}

import type { ConsumerRecord, RecordHeaders, RecordKey } from '../record.ts'
import type { BatchCollector } from './batch-collector.ts'
import type { OriginalRecord } from './decoded-record.ts'

/**
 * Why a record is hidden from readers: its transaction was aborted, or it is a control record that
 * only says how a transaction ended.
 */
export type Hidden = 'aborted' | 'control'

/**
 * A run of records of one partition, with indexes from 0 on. Records of this process are kept as columns, records from
 * the wire as the batches in which they came.
 */
export interface Segment {
  /** The offset of its first record. */
  readonly baseOffset: number
  /** The offset after its last record. */
  readonly endOffset: number
  /** When its first record was appended, on the clock's `now()`. */
  readonly createdAt: number
  readonly count: number
  /**
   * Whether every offset from the first to the last holds a record that every reader gets,
   * so that none has to be skipped.
   */
  readonly plain: boolean
  /** The bytes of its records, where the topic counts bytes. */
  bytes: number
  readonly maxTimestamp: number
  /** The largest timestamp of this segment and all earlier ones of its partition: it allows a binary search by time. */
  runningMaxTimestamp: number

  /** Frees the spare capacity; nothing is appended afterwards. */
  seal(): void
  /**
   * How many of its first records can go without the others, where nobody needs those before an offset within it.
   */
  droppable(beforeOffset: number): number
  /** Drops so many of its first records; the others keep their offsets, and get other indexes. */
  dropFirst(count: number): void
  /** The bytes of so many of its first records, where the topic counts bytes. */
  bytesOfFirst(count: number): number
  /**
   * Releases keys, values and headers below an offset that is no longer read; returns how many bytes fewer that makes.
   */
  forget(beforeOffset: number): number
  /** Hides a record: a control record from all readers, an aborted one from `read_committed` readers. */
  hide(index: number, why: Hidden): void
  /** Whether a reader gets a record; `committed` for a `read_committed` reader. */
  visible(index: number, committed: boolean): boolean
  /** How many records a reader gets, from one index up to, but not including, another. */
  countVisible(from: number, to: number, committed: boolean): number

  /** The index of the first record at or after an offset; `count` where there is none. */
  indexFrom(offset: number): number
  /** The first offset, from `fromOffset` on, whose timestamp is at least `timestamp`. */
  offsetForTimestamp(timestamp: number, fromOffset: number): number | null

  /** Returns the record at an index, as the log keeps it. */
  record(topic: string, partition: number, index: number): ConsumerRecord
  offsetAt(index: number): number
  keyAt(index: number): RecordKey | null
  valueAt(index: number): unknown
  headersAt(index: number): RecordHeaders
  /** Returns the record as it came, where the log keeps less than that; undefined for any other. */
  originalAt(index: number): OriginalRecord | undefined
  timestampAt(index: number): number
  /** The position of a record in its topic's order of appends. */
  sequenceAt(index: number): number
  /** The bytes of a record, where the topic counts bytes. */
  sizeAt(index: number): number
  /** The bytes of its records, where the topic has not counted them yet. @throws where a value has no size */
  measure(topic: string): number

  /**
   * Collects batches as they came, from the one that holds an offset, as long as they end at or before `end`. Records of
   * this process came in none.
   */
  collect?(from: number, end: number, committed: boolean, collector: BatchCollector): void
}

import { InvalidArgumentError, OffsetOutOfRangeError, UnknownTopicOrPartitionError } from '../errors.ts'
import type { Outbox } from '../outbox.ts'
import type { ConsumerRecord, RecordHeaders, RecordKey } from '../record.ts'
import type { Serde } from '../serde.ts'
import { describeValue } from '../value-text.ts'
import type { EncodedBatch } from './encoded-batch.ts'
import type { LogCleaner } from './log-cleaner.ts'
import { compacts, type PartitionConfig } from './log-config.ts'
import { type OffsetRange, OpenTransactions } from './open-transactions.ts'
import { PartitionCleaner } from './partition-cleaner.ts'
import { PartitionRoom } from './partition-room.ts'
import type { ProducerStates } from './producer-states.ts'
import { checkReadOptions, type ReadOptions, requireOffset, upToBytes } from './read-options.ts'
import { shareOf } from './record-size.ts'
import { expiredByAge, expiredBySize, keptUntil } from './retention.ts'
import type { Segment } from './segment.ts'
import { SegmentList } from './segment-list.ts'
import { countRecords, hideAborted, offsetForTimestamp, readRecords, segmentIndex } from './segments.ts'

/** Why records left a log. */
export type TrimReason = 'retention' | 'limit' | 'deleteRecords'

/** What a partition needs of its broker. */
export interface PartitionHost {
  readonly outbox: Outbox
  readonly cleaner: LogCleaner
  /** A segment was begun, for a record with this timestamp. */
  segmentAdded(partition: Partition, segment: Segment, timestamp: number): void
  segmentsDropped(partition: Partition, segments: readonly Segment[]): void
  /** The first records of a segment were dropped, so many of them and their bytes. */
  recordsFreed(records: number, bytes: number): void
  /** Compaction has replaced some segments by others. */
  segmentsReplaced(partition: Partition, segments: readonly Segment[], compacted: readonly Segment[]): void
  /** These bytes are kept, but were not counted before. */
  bytesCounted(bytes: number): void
  /** The offset after the last record that every group reading the topic has committed past, or 0. */
  consumedBefore(partition: Partition): number
  /** A group committed an offset of a partition that keeps unread records. */
  offsetCommitted(partition: Partition): void
  /** Records went from a partition that keeps unread records. */
  freed(partition: Partition): void
  /** The log start moved past records that some reader may not have read. */
  trimmed(partition: Partition, from: number, to: number, reason: TrimReason): void
  now(): number
}

/** A reader of a partition, to be told of new records. */
export interface PartitionReader {
  signal(): void
}

/** One partition of a topic: a log of records in memory. It exists only in this process, not on a cluster. */
export class Partition {
  readonly topic: string
  readonly index: number
  #config: PartitionConfig
  readonly #serde: Serde
  readonly #host: PartitionHost
  readonly #segments: SegmentList
  #start = 0
  #end = 0
  #deleted = false
  readonly #readers: PartitionReader[] = []
  #transactions: OpenTransactions | undefined
  /** The offset of the first record of an open transaction, or -1: always a whole number, or V8 would box it. @internal */
  openFrom = -1
  // Whether an offset between start and end may have no record, or a hidden one.
  #gaps = false
  #cleaner: PartitionCleaner | undefined
  /** The room of a partition that keeps unread records; undefined where they may go. @internal */
  room: PartitionRoom | undefined
  /** Called for every commit, only where records wait for commits: elsewhere a commit costs nothing here. @internal */
  offsetCommitted: (() => void) | undefined
  /** The idempotent producers that write here, once there was one. @internal */
  producers: ProducerStates | undefined
  // Records before this offset may go without asking whether every group has read them.
  #harmlessBefore = 0

  /** @hidden */
  constructor(topic: string, index: number, config: PartitionConfig, serde: Serde, host: PartitionHost) {
    this.topic = topic
    this.index = index
    this.#config = config
    this.#serde = serde
    this.#host = host
    this.#segments = new SegmentList(this)
    this.#followConfig()
  }

  #followConfig(): void {
    if (!compacts(this.#config)) this.#cleaner = undefined
    else this.#cleaner ??= new PartitionCleaner(this)
    const holdsBack = this.#config.whenFull !== 'drop-oldest'
    this.room = holdsBack ? new PartitionRoom(this) : undefined
    this.offsetCommitted = holdsBack ? () => this.#host.offsetCommitted(this) : undefined
  }

  /** @internal */
  get config(): PartitionConfig {
    return this.#config
  }

  /** The offset of the oldest record that is kept; the high watermark where none is. */
  get logStartOffset(): number {
    return this.#start
  }

  /** The offset that the next record will get. */
  get highWatermark(): number {
    return this.#end
  }

  /**
   * The offset of the first record of an open transaction, or the high watermark: all records before it are decided.
   */
  get lastStableOffset(): number {
    return this.openFrom === -1 ? this.#end : Math.max(this.#start, this.openFrom)
  }

  /** The end of the log for a reader. @internal */
  endFor(committed: boolean): number {
    return committed ? this.lastStableOffset : this.#end
  }

  /** The bytes that are kept, where the topic counts bytes. */
  get bytes(): number {
    return this.#segments.bytes
  }

  /** Whether the topic was deleted. */
  get deleted(): boolean {
    return this.#deleted
  }

  /** How many records a reader gets, from an offset up to, but not including, another. @internal */
  countFrom(offset: number, end: number = this.#end, committed: boolean = true): number {
    return this.#count(offset, Math.min(end, this.endFor(committed)), committed)
  }

  /**
   * How many records a reader that has read up to an offset has not got, up to, but not including, another. What is
   * undecided counts, too: it may be committed after it is gone. @internal
   */
  countUnread(offset: number, end: number, committed: boolean = true): number {
    return this.#count(offset, Math.min(end, this.#end), committed)
  }

  #count(offset: number, end: number, committed: boolean): number {
    const from = Math.max(offset, this.#start)
    if (end <= from) return 0
    return this.#gaps ? countRecords(this.#segments.all, from, end, committed) : end - from
  }

  /** Appends one record, and wakes the readers that wait for it. @internal */
  append(
    key: RecordKey | null,
    value: unknown,
    headers: RecordHeaders,
    timestamp: number,
    sequence: number,
    size: number,
    now: number,
  ): number {
    const segment = this.#segments.forRecord(timestamp, size, now)
    const offset = this.#end
    segment.append(key, value, headers, timestamp, sequence, size)
    this.#end = offset + 1
    this.#appended(size)
    return offset
  }

  /**
   * Appends a batch as it is, and wakes the readers that wait for it; `appendTime` becomes the timestamp of its
   * records. Returns the offset of the first. @internal
   */
  appendBatch(
    batch: EncodedBatch,
    appendTime: number | undefined,
    sequence: number,
    size: number,
    now: number,
  ): number {
    const offset = this.#end
    const timestamp = appendTime ?? batch.maxTimestamp
    const segment =
      batch.records === undefined ? this.#segments.forBatch(batch, timestamp, size, now) : undefined
    if (segment === undefined) {
      this.#appendRecords(batch, appendTime, sequence, size, now)
      return offset
    }
    segment.append(batch, sequence, size, appendTime)
    this.#end = offset + batch.count
    this.#appended(size)
    return offset
  }

  #appendRecords(
    batch: EncodedBatch,
    appendTime: number | undefined,
    sequence: number,
    size: number,
    now: number,
  ): void {
    const bytes = copyOf(batch)
    const records = batch.records ?? [...batch.decoder.decode(bytes)]
    const originals = batch.decoder.originals(bytes)
    for (let i = 0; i < records.length; i++) {
      const { key, value, headers, timestamp } = records[i]!
      const share = shareOf(size, i, records.length)
      this.append(key, value, headers, appendTime ?? timestamp, sequence + i, share, now)
      const { active } = this.#segments
      if (active !== undefined) active.setOriginal(active.count - 1, originals[i])
    }
  }

  #appended(size: number): void {
    const { retentionRecords, retentionBytes } = this.#config
    if (retentionRecords !== -1 && this.#end - this.#start > retentionRecords) {
      const to = this.#end - retentionRecords
      // Usually only the number moves; the costly steps run once per segment, and where a group
      // may not have read the records.
      if (to >= this.#segments.oldestEnd || to > this.#harmlessBefore) this.#advance(to, 'retention')
      else this.#start = to
    }
    if (size > 0) {
      this.#segments.bytes += size
      if (retentionBytes !== -1) this.#dropOversize(retentionBytes)
    }
    for (let i = 0; i < this.#readers.length; i++) this.#readers[i]!.signal()
  }

  #dropOversize(retentionBytes: number): void {
    const { all, bytes } = this.#segments
    this.#dropOldest(expiredBySize(all, retentionBytes, bytes), 'retention')
  }

  /** @internal */
  segmentAdded(segment: Segment, timestamp: number): void {
    this.#host.segmentAdded(this, segment, timestamp)
  }

  /** @internal */
  segmentClosed({ count }: Segment): void {
    if (this.#cleaner !== undefined) this.#host.cleaner.rolled(this.#cleaner, count)
  }

  /**
   * Returns the retained records from `offset` on.
   *
   * @throws OffsetOutOfRangeError below `logStartOffset` or past `highWatermark`.
   * @throws InvalidRecordError where a record cannot be decoded, or only by an asynchronous schema.
   */
  read(offset: number, options: ReadOptions = {}): readonly ConsumerRecord[] {
    requireOffset('offset', offset)
    checkReadOptions(options)
    const { maxRecords = 500, maxBytes } = options
    if (offset < this.#start || offset > this.#end) {
      throw new OffsetOutOfRangeError(
        `Offset ${offset} is out of range of ${this.topic}-${this.index}, which holds ${this.#start} to ${this.#end}`,
        { topic: this.topic, partition: this.index, offset },
      )
    }
    let records = this.fetch(offset, maxRecords, options.isolationLevel !== 'read_uncommitted')
    if (maxBytes !== undefined) records = upToBytes(records, maxBytes)
    if (!this.#serde.encodes) return records
    return records.map(record => ({ ...record, value: this.#serde.deserializeSync(record.value, record) }))
  }

  /** Returns records as the log keeps them, from an offset that is in range. @internal */
  fetch(offset: number, maxRecords: number, committed: boolean = true): ConsumerRecord[] {
    const end = this.endFor(committed)
    return readRecords(this.#segments.all, this.topic, this.index, offset, end, maxRecords, committed)
  }

  /**
   * Returns the segment of the first record at or after an offset; undefined where there is no such record, or the
   * offset is out of range. @internal
   */
  segmentFrom(offset: number): Segment | undefined {
    if (offset < this.#start || offset >= this.#end) return undefined
    const { all } = this.#segments
    let i = segmentIndex(all, offset)
    let segment = all[i]
    while (segment !== undefined && segment.endOffset <= offset) segment = all[++i]
    return segment
  }

  /**
   * Returns the first offset whose timestamp is at least `timestamp` (epoch milliseconds), or null where there is
   * none. (Kafka: offsetsForTimes)
   *
   * @throws InvalidArgumentError where `timestamp` is no number
   */
  offsetForTimestamp(timestamp: number): number | null {
    if (typeof timestamp !== 'number' || Number.isNaN(timestamp)) {
      const expected = 'epoch milliseconds'
      throw new InvalidArgumentError(`timestamp expected ${expected}, received ${describeValue(timestamp)}`, {
        field: 'timestamp',
        expected,
        received: timestamp,
      })
    }
    return offsetForTimestamp(this.#segments.all, timestamp, this.#start)
  }

  /**
   * Deletes the records before an offset; a group that has not read them is reset by its policy. (Kafka: DeleteRecords)
   *
   * @throws OffsetOutOfRangeError past `highWatermark`, UnknownTopicOrPartitionError where the topic was deleted.
   */
  deleteRecords(beforeOffset: number): void {
    this.requireDeletable(beforeOffset)
    if (beforeOffset > this.#start) {
      this.#advance(beforeOffset, 'deleteRecords')
      this.#forget()
    }
    this.#host.outbox.flush()
  }

  // Only the segment in which the log starts has records from before.
  #forget(): void {
    const bytes = this.#segments.forget(this.#start)
    if (bytes > 0) this.#host.recordsFreed(0, bytes)
  }

  /** Throws as `deleteRecords` would. @internal */
  requireDeletable(beforeOffset: number): void {
    if (this.#deleted) throw topicDeleted(this.topic)
    requireOffset('beforeOffset', beforeOffset)
    if (beforeOffset > this.#end) {
      throw new OffsetOutOfRangeError(
        `Offset ${beforeOffset} is past the end (${this.#end}) of ${this.topic}-${this.index}`,
        { topic: this.topic, partition: this.index, offset: beforeOffset },
      )
    }
  }

  /** Drops segments that are too old now; returns when the next one will be, or `Infinity`. @internal */
  expire(now: number): number {
    const { retentionMs } = this.#config
    this.#dropOldest(expiredByAge(this.#segments.all, retentionMs, now), 'retention')
    const { oldest } = this.#segments
    if (retentionMs === -1 || oldest === undefined || oldest.count === 0) return Number.POSITIVE_INFINITY
    return keptUntil(oldest, retentionMs) + 1
  }

  // --- altered options ----------------------------------------------------------------------------------------------

  /**
   * Returns the bytes of each segment, for a topic that begins to count them.
   *
   * @throws InvalidRecordError where a record has no size
   * @internal
   */
  measure(): number[] {
    return this.#segments.measure(this.topic)
  }

  /** Continues under other options; records that they do not keep are dropped at once. @internal */
  alter(config: PartitionConfig, sizes: readonly number[] | undefined): void {
    const before = this.#cleaner
    this.#config = config
    this.#followConfig()
    if (sizes !== undefined) this.#host.bytesCounted(this.#segments.count(sizes))
    this.#dropExcess()
    before?.altered()
    if (this.#cleaner !== undefined) this.#host.cleaner.changed(this.#cleaner)
    else if (before !== undefined) this.#host.cleaner.forget(before)
  }

  // Unread records stay where the topic keeps them; its writers then wait or are refused.
  #dropExcess(): void {
    if (this.room !== undefined) {
      if (this.room.fits(0, 0)) this.room.make(0, 0)
      return
    }
    const { retentionRecords, retentionBytes } = this.#config
    if (retentionRecords !== -1 && this.#end - this.#start > retentionRecords) {
      this.#advance(this.#end - retentionRecords, 'retention')
    }
    this.#dropOversize(retentionBytes)
  }

  // --- room ---------------------------------------------------------------------------------------------------------

  /**
   * The offset after the last record that every group has committed past, or 0. The newest values of a compacted topic
   * are for readers that come later, too. @internal
   */
  get consumedBefore(): number {
    if (this.#config.cleanupPolicy === 'compact') return 0
    return Math.min(this.#end, this.#host.consumedBefore(this))
  }

  /** Whether a record goes as soon as every group has read it. @internal */
  get keepsUnreadOnly(): boolean {
    return this.#config.cleanupPolicy === 'consumed'
  }

  /** Drops records that every group has committed past. @internal */
  dropConsumed(before: number): void {
    if (before <= this.#start) return
    if (before > this.#harmlessBefore) this.#harmlessBefore = before
    this.#moveStart(before)
  }

  /** Whether a part of a segment can go: not while a compaction pass may be reading it. @internal */
  get dropsParts(): boolean {
    return this.#cleaner?.working !== true
  }

  /** Drops so many of the first records of the oldest segment, which every group has committed past. @internal */
  dropFirst(count: number): void {
    this.dropConsumed(this.#segments.oldest!.offsetAt(count))
    this.#host.recordsFreed(count, this.#segments.dropFirst(count))
  }

  /** Drops the oldest segment, even if it is the open one. @internal */
  dropOldestSegment(): void {
    this.#dropOldest(1, 'limit')
  }

  #dropOldest(count: number, reason: TrimReason): void {
    if (count > 0) this.#advance(this.#segments.all[count - 1]!.endOffset, reason)
  }

  #advance(to: number, reason: TrimReason): void {
    // Called first, while the records can still be counted.
    if (to > this.#harmlessBefore) this.#host.trimmed(this, this.#start, to, reason)
    this.#moveStart(to)
  }

  #moveStart(to: number): void {
    this.#start = to
    const { oldest } = this.#segments
    if (oldest !== undefined && oldest.endOffset <= to) this.#dropUpTo(to)
    if (this.offsetCommitted !== undefined) this.#host.freed(this)
  }

  #dropUpTo(to: number): void {
    // A compaction pass may still read the dropped segments.
    const reused = this.#cleaner === undefined
    this.#host.segmentsDropped(this, this.#segments.dropUpTo(to, reused))
  }

  // --- transactions -------------------------------------------------------------------------------------------------

  /**
   * Notes the first records of a transaction: from here on the log is undecided. Later records of the transaction are
   * added to the ranges that are returned. @internal
   */
  beginTransaction(producerId: number, offset: number, count: number): OffsetRange[] {
    this.#transactions ??= new OpenTransactions()
    if (this.openFrom === -1) this.openFrom = offset
    return this.#transactions.begin(producerId, offset, count)
  }

  /**
   * Ends a transaction: hides aborted records, and appends a control record, which takes an offset but is never read.
   * (Kafka: WriteTxnMarkers) @internal
   */
  endTransaction(producerId: number, committed: boolean, sequence: number, now: number): void {
    const ranges = this.#transactions?.end(producerId) ?? []
    const undecidedFrom = this.openFrom
    this.openFrom = this.#transactions?.from ?? -1
    if (!committed) for (const { from, to } of ranges) hideAborted(this.#segments.all, from, to)
    this.#segments.appendControl(now, sequence)
    this.#gaps = true
    this.#end++
    if (undecidedFrom !== this.openFrom) this.#decided(undecidedFrom)
    for (let i = 0; i < this.#readers.length; i++) this.#readers[i]!.signal()
  }

  // Closed segments that were undecided may be compacted now: otherwise they would wait for the next one to be closed.
  #decided(from: number): void {
    if (this.#cleaner === undefined || from >= this.#segments.all.at(-1)!.baseOffset) return
    this.#host.cleaner.changed(this.#cleaner)
  }

  /** The offset at which the open transaction of each producer begins, by producer id. @internal */
  get openTransactions(): ReadonlyMap<number, number> | undefined {
    return this.#transactions?.starts
  }

  // --- compaction ---------------------------------------------------------------------------------------------------

  /**
   * Compacts all records that may be compacted; closes the open segment for it. Returns
   * how many were removed. @internal
   */
  compact(): number {
    if (this.#cleaner === undefined) return 0
    this.#segments.close()
    const removed = this.#cleaner.compact(this.#host.now())
    this.#host.cleaner.changed(this.#cleaner)
    return removed
  }

  /** @internal */
  get segments(): readonly Segment[] {
    return this.#segments.all
  }

  /** @internal */
  get closedSegments(): readonly Segment[] {
    return this.#segments.closed
  }

  /** @internal */
  replaceSegments(segments: readonly Segment[], compacted: readonly Segment[]): number {
    // Segments that were dropped during the pass stay dropped.
    const old = segments.filter(segment => segment.endOffset > this.#start)
    const kept = compacted.filter(segment => segment.endOffset > this.#start)
    const removed = this.#segments.replaceOldest(old, kept)
    this.#gaps = true
    this.#host.segmentsReplaced(this, old, kept)
    this.#forget()
    return removed
  }

  // --- readers ------------------------------------------------------------------------------------------------------

  /** Notes the offset that every group has read up to: trimming below it need not ask. @internal */
  setHarmlessBefore(offset: number): void {
    this.#harmlessBefore = offset
  }

  /** A reader begins here, so records from here on may not be dropped without asking. @internal */
  readFrom(offset: number): void {
    if (offset < this.#harmlessBefore) this.#harmlessBefore = offset
  }

  /** @internal */
  addReader(reader: PartitionReader): void {
    this.#readers.push(reader)
  }

  /** @internal */
  removeReader(reader: PartitionReader): void {
    const index = this.#readers.indexOf(reader)
    if (index >= 0) this.#readers.splice(index, 1)
  }

  /** Releases everything, since the topic is deleted. @internal */
  delete(): void {
    this.#deleted = true
    if (this.#cleaner !== undefined) this.#host.cleaner.forget(this.#cleaner)
    this.#host.segmentsDropped(this, this.#segments.clear())
    this.#start = this.#end
    // Who waits here need not wait any longer.
    for (const reader of this.#readers.splice(0)) reader.signal()
  }
}

/** What a call gets that would change a topic that is no longer there. */
export function topicDeleted(topic: string): UnknownTopicOrPartitionError {
  return new UnknownTopicOrPartitionError(`Topic '${topic}' was deleted`, { topic })
}

function copyOf(batch: EncodedBatch): Uint8Array {
  const bytes = new Uint8Array(batch.size)
  batch.copy(bytes, 0, 0, undefined)
  return bytes
}

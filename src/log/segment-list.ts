import { noHeaders } from '../record.ts'
import { ColumnSegment } from './column-segment.ts'
import type { BatchSegment, BatchSegmentStart, EncodedBatch } from './encoded-batch.ts'
import type { PartitionConfig } from './log-config.ts'
import type { Segment } from './segment.ts'

/** The log that the segments belong to. */
export interface SegmentedLog {
  /** The current options, since a topic may be altered. */
  readonly config: PartitionConfig
  /** The offset that the next record will get. */
  readonly highWatermark: number
  /** A segment was begun, for a record with this timestamp. */
  segmentAdded(segment: Segment, timestamp: number): void
  /** A segment is no longer appended to, since the next one takes the next record. */
  segmentClosed(segment: Segment): void
}

// With fewer records of this process than this in the open segment, a batch is decoded into it: otherwise alternating
// writers of both kinds would begin a segment for every record.
const fewRecords = 64

const columns: BatchSegmentStart['columns'] = (...start) => new ColumnSegment(...start)

/** The segments of a partition, the oldest first; the last one may be open, and is appended to until it is full. */
export class SegmentList {
  readonly #log: SegmentedLog
  #all: Segment[] = []
  // The open segment: of records of this process, or of batches.
  #active: ColumnSegment | undefined
  #encoded: BatchSegment | undefined
  // The segment that was dropped last, until it is garbage-collected. The next segment reuses its columns: allocating
  // new ones, which the collector then has to move, is a twelfth of the cost of a record.
  #dropped: WeakRef<ColumnSegment> | undefined
  /** The bytes of all segments, where the topic counts bytes. */
  bytes = 0
  /** The offset at which the oldest segment ends, once that segment is closed. */
  oldestEnd = Number.POSITIVE_INFINITY

  constructor(log: SegmentedLog) {
    this.#log = log
  }

  get all(): readonly Segment[] {
    return this.#all
  }

  get oldest(): Segment | undefined {
    return this.#all[0]
  }

  /** The segments that are no longer appended to. */
  get closed(): readonly Segment[] {
    return this.#open === undefined ? this.#all : this.#all.slice(0, -1)
  }

  get #open(): Segment | undefined {
    return this.#active ?? this.#encoded
  }

  // The largest timestamp of all segments that there have been since the log was last empty.
  get #runningMaxTimestamp(): number {
    return this.#all.at(-1)?.runningMaxTimestamp ?? Number.NEGATIVE_INFINITY
  }

  // --- writing ------------------------------------------------------------------------------------------------------

  /** The open segment of records, if there is one. */
  get active(): ColumnSegment | undefined {
    return this.#active
  }

  /** Returns the segment for the next record. */
  forRecord(timestamp: number, size: number, now: number): ColumnSegment {
    const segment = this.#active
    return segment === undefined || this.#full(segment, size, now) ? this.#roll(timestamp, now) : segment
  }

  /**
   * Returns the segment for a batch; undefined where the batch is to be decoded into the open segment of few records.
   */
  forBatch(batch: EncodedBatch, timestamp: number, size: number, now: number): BatchSegment | undefined {
    const active = this.#active
    const few = active !== undefined && active.count < fewRecords
    if (few && !this.#full(active, size, now, batch.count)) return undefined
    const former = this.#encoded
    if (former?.takes(batch) && !this.#full(former, size, now, batch.count)) return former
    this.#makeWay()
    const segment = batch.decoder.segment({
      baseOffset: this.#log.highWatermark,
      createdAt: now,
      runningMaxTimestamp: this.#runningMaxTimestamp,
      expected: former?.size ?? 0,
      columns,
    })
    this.#add(segment, timestamp)
    this.#encoded = segment
    return segment
  }

  /** Appends a control record, which ends a transaction and is never read, to the open segment of either kind. */
  appendControl(now: number, sequence: number): void {
    const batches = this.#encoded
    if (batches !== undefined && !this.#full(batches, 0, now)) return batches.appendControl(now, sequence)
    const segment = this.forRecord(now, 0, now)
    segment.append(null, null, noHeaders, now, sequence, 0)
    segment.hide(segment.count - 1, 'control')
  }

  #full(segment: Segment, size: number, now: number, count: number = 1): boolean {
    const { segmentRecords, segmentBytes, segmentMs } = this.#log.config
    return (
      segment.count + count > segmentRecords ||
      now - segment.createdAt >= segmentMs ||
      (size > 0 && segmentBytes !== -1 && segment.count > 0 && segment.bytes + size > segmentBytes)
    )
  }

  #roll(timestamp: number, now: number): ColumnSegment {
    this.#makeWay()
    const { highWatermark, config } = this.#log
    // As many records as the previous segment has.
    const expected = Math.min(this.#all.at(-1)?.count ?? 0, config.segmentRecords)
    const segment = new ColumnSegment(
      highWatermark,
      now,
      this.#runningMaxTimestamp,
      expected,
      this.#dropped?.deref(),
    )
    this.#dropped = undefined
    this.#add(segment, timestamp)
    this.#active = segment
    return segment
  }

  #makeWay(): void {
    const closed = this.close()
    if (closed !== undefined) this.#log.segmentClosed(closed)
  }

  #add(segment: Segment, timestamp: number): void {
    this.#all.push(segment)
    this.#noteOldest()
    this.#log.segmentAdded(segment, timestamp)
  }

  /** Closes the open segment; returns it, if there was one. */
  close(): Segment | undefined {
    const closed = this.#open
    closed?.seal()
    this.#active = undefined
    this.#encoded = undefined
    this.#noteOldest()
    return closed
  }

  // --- dropping -----------------------------------------------------------------------------------------------------

  /**
   * Drops the segments that end at or before an offset, and returns them. `reused`: their columns are no longer read.
   */
  dropUpTo(offset: number, reused: boolean): readonly Segment[] {
    let count = 0
    while (count < this.#all.length && this.#all[count]!.endOffset <= offset) {
      this.bytes -= this.#all[count++]!.bytes
    }
    const dropped = this.#all.splice(0, count)
    const last = dropped.at(-1)
    if (reused && last instanceof ColumnSegment) this.#dropped = new WeakRef(last)
    // The next append begins a new segment, at the offset where this one ended.
    if (this.#all.length === 0) {
      this.#active = undefined
      this.#encoded = undefined
    }
    this.#noteOldest()
    return dropped
  }

  /** Drops so many of the first records of the oldest segment; returns how many bytes they had. */
  dropFirst(count: number): number {
    const oldest = this.#all[0]!
    const bytes = oldest.bytesOfFirst(count)
    oldest.dropFirst(count)
    this.bytes -= bytes
    return bytes
  }

  /** Releases what the oldest segment holds before an offset that is no longer read; returns how many bytes it had. */
  forget(beforeOffset: number): number {
    const bytes = this.#all[0]?.forget(beforeOffset) ?? 0
    this.bytes -= bytes
    return bytes
  }

  /** Replaces the oldest segments by others; returns how many records that removed. */
  replaceOldest(former: readonly Segment[], segments: readonly Segment[]): number {
    let removed = 0
    for (const segment of former) {
      this.bytes -= segment.bytes
      removed += segment.count
    }
    for (const segment of segments) {
      this.bytes += segment.bytes
      removed -= segment.count
    }
    this.#all.splice(0, former.length, ...segments)
    this.#noteOldest()
    return removed
  }

  /** Drops all segments, and returns them. */
  clear(): readonly Segment[] {
    const dropped = this.#all
    this.#all = []
    this.#active = undefined
    this.#encoded = undefined
    this.bytes = 0
    return dropped
  }

  #noteOldest(): void {
    const oldest = this.#all[0]
    this.oldestEnd =
      oldest === undefined || oldest === this.#open ? Number.POSITIVE_INFINITY : oldest.endOffset
  }

  // --- counting bytes -----------------------------------------------------------------------------------------------

  /**
   * Returns the bytes of each segment, for a topic that begins to count them.
   *
   * @throws InvalidRecordError where a record has no size
   */
  measure(topic: string): number[] {
    return this.#all.map(segment => segment.measure(topic))
  }

  /** Takes over the sizes that `measure` returned; returns how many more bytes there are than were counted. */
  count(sizes: readonly number[]): number {
    const before = this.bytes
    this.bytes = 0
    for (const [i, segment] of this.#all.entries()) {
      segment.bytes = sizes[i]!
      this.bytes += segment.bytes
    }
    return this.bytes - before
  }
}

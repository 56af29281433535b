import { ColumnSegment } from './column-segment.ts'
import type { EncodedBatch } from './encoded-batch.ts'
import { EncodedSegment } from './encoded-segment.ts'
import type { LogConfig } from './log-config.ts'
import type { Segment } from './segment.ts'

/** The log whose segments these are. */
export interface SegmentedLog {
  /** As it is now: a topic may be altered. */
  readonly config: LogConfig
  /** The offset that the next record will get. */
  readonly highWatermark: number
  /** A segment was begun, for a record of that time. */
  segmentAdded(segment: Segment, timestamp: number): void
  /** Nothing is added to a segment any more, since the next one takes what comes. */
  segmentClosed(segment: Segment): void
}

// Where so few records of this process are in the open segment, a batch is decoded to them: writers of both kinds that take
// turns would otherwise make a segment for every record.
const fewRecords = 64

/** The segments of a partition, the oldest first; the last one may be open, and is written to until it is full. */
export class SegmentList {
  readonly #log: SegmentedLog
  #all: Segment[] = []
  // The last segment, as long as it is written to: of records of this process, or of batches.
  #active: ColumnSegment | undefined
  #encoded: EncodedSegment | undefined
  // What was dropped last, until the collector comes for it: the next segment uses its columns, since making new ones, which
  // the collector then has to move, takes a twelfth of all that a record costs.
  #dropped: WeakRef<ColumnSegment> | undefined
  /** What their records take, where the topic counts bytes. */
  bytes = 0
  /** Where the oldest one ends, once nothing is added to it any more. */
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

  /** Those that nothing is added to any more. */
  get closed(): readonly Segment[] {
    return this.#open === undefined ? this.#all : this.#all.slice(0, -1)
  }

  get #open(): Segment | undefined {
    return this.#active ?? this.#encoded
  }

  /** The largest timestamp of all that is kept, or `-Infinity` where nothing is. */
  get maxTimestamp(): number {
    return this.#all.at(-1)?.runningMaxTimestamp ?? Number.NEGATIVE_INFINITY
  }

  // --- writing ------------------------------------------------------------------------------------------------------

  /** The open segment of records, where there is one. */
  get active(): ColumnSegment | undefined {
    return this.#active
  }

  /** The segment that the next record goes to. */
  forRecord(timestamp: number, size: number, now: number): ColumnSegment {
    const segment = this.#active
    return segment === undefined || this.#full(segment, size, now) ? this.#roll(timestamp, now) : segment
  }

  /** The segment that a batch goes to; undefined where its records are to be kept beside a few others. */
  forBatch(batch: EncodedBatch, timestamp: number, size: number, now: number): EncodedSegment | undefined {
    const active = this.#active
    const few = active !== undefined && active.count < fewRecords
    if (few && !this.#full(active, size, now, batch.count)) return undefined
    const former = this.#encoded
    if (former?.takes(batch) && !this.#full(former, size, now, batch.count)) return former
    this.#makeWay()
    const segment = new EncodedSegment(
      this.#log.highWatermark,
      now,
      this.maxTimestamp,
      batch.decoder,
      former?.size,
    )
    this.#add(segment, timestamp)
    this.#encoded = segment
    return segment
  }

  /** The open segment of batches, where there is one that has room for one more record without a size. */
  roomyBatches(now: number): EncodedSegment | undefined {
    const segment = this.#encoded
    return segment === undefined || this.#full(segment, 0, now) ? undefined : segment
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
    // As many as the one before it came to.
    const expected = Math.min(this.#all.at(-1)?.count ?? 0, config.segmentRecords)
    const segment = new ColumnSegment(highWatermark, now, this.maxTimestamp, expected, this.#dropped?.deref())
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

  /** Nothing is added to the open segment any more; gives it, where there was one. */
  close(): Segment | undefined {
    const closed = this.#open
    closed?.seal()
    this.#active = undefined
    this.#encoded = undefined
    this.#noteOldest()
    return closed
  }

  // --- dropping -----------------------------------------------------------------------------------------------------

  /** Drops those that end at or before an offset, and gives them; `reused`: nobody reads their columns any more. */
  dropUpTo(offset: number, reused: boolean): readonly Segment[] {
    let count = 0
    while (count < this.#all.length && this.#all[count]!.endOffset <= offset) {
      this.bytes -= this.#all[count++]!.bytes
    }
    const dropped = this.#all.splice(0, count)
    const last = dropped.at(-1)
    if (reused && last instanceof ColumnSegment) this.#dropped = new WeakRef(last)
    // The next append makes a new one, at the offset where this one ended.
    if (this.#all.length === 0) {
      this.#active = undefined
      this.#encoded = undefined
    }
    this.#noteOldest()
    return dropped
  }

  /** Puts some in the place of the oldest ones; gives how many records that freed. */
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

  /** Lets go of all of them, and gives them. */
  clear(): readonly Segment[] {
    const dropped = this.#all
    this.#all = []
    this.#active = undefined
    this.#encoded = undefined
    return dropped
  }

  #noteOldest(): void {
    const oldest = this.#all[0]
    this.oldestEnd =
      oldest === undefined || oldest === this.#open ? Number.POSITIVE_INFINITY : oldest.endOffset
  }

  // --- counting bytes -----------------------------------------------------------------------------------------------

  /**
   * The bytes of each, for a topic that begins to count them.
   *
   * @throws InvalidRecordError where a record has no size
   */
  measure(topic: string): number[] {
    return this.#all.map(segment => segment.measure(topic))
  }

  /** Takes over what `measure` gave; gives how many bytes more there are than were counted. */
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

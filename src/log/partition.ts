import { describeValue, InvalidArgumentError, OffsetOutOfRangeError } from '../errors.ts'
import type { ConsumerRecord, RecordHeaders, RecordKey } from '../record.ts'
import type { Serde } from '../serde.ts'
import { checkOptions, integer, oneOf } from '../validate.ts'
import type { LogConfig } from './log-config.ts'
import { recordSize } from './record-size.ts'
import { expiredByAge, expiredBySize } from './retention.ts'
import { Segment } from './segment.ts'

/** Why records left a log. */
export type TrimReason = 'retention' | 'limit' | 'deleteRecords'

/** What a partition tells the one who keeps it. */
export interface PartitionHost {
  /** A segment was begun, for a record of that time. */
  segmentAdded(partition: Partition, segment: Segment, timestamp: number): void
  segmentDropped(segment: Segment): void
  /** The log start moved past records that some reader may not have read. */
  trimmed(partition: Partition, from: number, to: number, reason: TrimReason): void
  now(): number
  /** The outermost call has finished: what it queued may be told. */
  finished(): void
}

/** Somebody who reads a partition and wants to know when there is more. */
export interface PartitionReader {
  signal(): void
}

/** How much `read` gives. */
export interface ReadOptions {
  /** Default 500. */
  readonly maxRecords?: number
  /** At most this many bytes, but at least one record; needs a topic that keeps bytes. */
  readonly maxBytes?: number
  /** Whether records of open or aborted transactions are read; as there are none yet, both read the same. */
  readonly isolationLevel?: 'read_committed' | 'read_uncommitted'
}

/** One partition of a topic: a log of records in memory. It exists only in this process, not on a cluster. */
export class Partition {
  readonly topic: string
  readonly index: number
  readonly #config: LogConfig
  readonly #serde: Serde
  readonly #host: PartitionHost
  #segments: Segment[] = []
  #active: Segment | undefined
  #start = 0
  #end = 0
  #bytes = 0
  #deleted = false
  readonly #readers: PartitionReader[] = []
  // Where the oldest segment ends, once nothing is added to it any more.
  #oldestEnd = Number.POSITIVE_INFINITY
  // Up to here records may go without asking whether everybody has read them.
  #harmlessBefore = 0

  /** @hidden */
  constructor(topic: string, index: number, config: LogConfig, serde: Serde, host: PartitionHost) {
    this.topic = topic
    this.index = index
    this.#config = config
    this.#serde = serde
    this.#host = host
  }

  /** The offset of the oldest record that is kept, or of the next one where none is. */
  get logStartOffset(): number {
    return this.#start
  }

  /** The offset that the next record will get. */
  get highWatermark(): number {
    return this.#end
  }

  /** Up to here everything is decided; without transactions that is the high watermark. */
  get lastStableOffset(): number {
    return this.#end
  }

  /** Bytes kept, where the topic counts them. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether its topic is deleted. */
  get deleted(): boolean {
    return this.#deleted
  }

  /** @internal */
  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** Appends one record and wakes who waits for it. @internal */
  append(
    key: RecordKey | null,
    value: unknown,
    headers: RecordHeaders,
    timestamp: number,
    sequence: number,
    size: number,
    now: number,
  ): number {
    let segment = this.#active
    if (segment === undefined || this.#full(segment, size, now)) segment = this.#roll(now, timestamp)
    const offset = this.#end
    segment.append(key, value, headers, timestamp, sequence, size)
    this.#end = offset + 1
    const { retentionRecords, retentionBytes } = this.#config
    if (retentionRecords !== -1 && this.#end - this.#start > retentionRecords) {
      const to = this.#end - retentionRecords
      // Per record this is a number; what costs more is done per segment, and where somebody may not have read.
      if (to >= this.#oldestEnd || to > this.#harmlessBefore) this.#advance(to, 'retention')
      else this.#start = to
    }
    if (size > 0) {
      this.#bytes += size
      if (retentionBytes !== -1)
        this.#dropOldest(expiredBySize(this.#segments, retentionBytes, this.#bytes), 'retention')
    }
    for (let i = 0; i < this.#readers.length; i++) this.#readers[i]!.signal()
    return offset
  }

  #full(segment: Segment, size: number, now: number): boolean {
    const { segmentRecords, segmentBytes, segmentMs } = this.#config
    return (
      segment.count >= segmentRecords ||
      now - segment.createdAt >= segmentMs ||
      (size > 0 && segmentBytes !== -1 && segment.count > 0 && segment.bytes + size > segmentBytes)
    )
  }

  #roll(now: number, timestamp: number): Segment {
    const before = this.#active
    before?.seal()
    const segment = new Segment(
      this.#end,
      now,
      before?.runningMaxTimestamp ?? Number.NEGATIVE_INFINITY,
      before?.count,
    )
    this.#segments.push(segment)
    this.#active = segment
    this.#noteOldest()
    this.#host.segmentAdded(this, segment, timestamp)
    return segment
  }

  /**
   * The retained records from `offset` on.
   *
   * @throws OffsetOutOfRangeError below `logStartOffset` or past `highWatermark`.
   * @throws InvalidRecordError where a record cannot be decoded, or only by a schema that answers with a promise.
   */
  read(offset: number, options: ReadOptions = {}): readonly ConsumerRecord[] {
    const { maxRecords = 500, maxBytes } = options
    requireOffset('offset', offset)
    checkOptions('read', options, readChecks)
    if (offset < this.#start || offset > this.#end) {
      throw new OffsetOutOfRangeError(
        `Offset ${offset} is out of range of ${this.topic}-${this.index}, which holds ${this.#start} to ${this.#end}`,
        { topic: this.topic, partition: this.index, offset },
      )
    }
    let records = this.fetch(offset, maxRecords)
    if (maxBytes !== undefined) records = upToBytes(records, maxBytes)
    if (!this.#serde.decodes) return records
    return records.map(record => ({ ...record, value: this.#serde.deserializeSync(record.value, record) }))
  }

  /** Records as the log keeps them, from an offset that is in range. @internal */
  fetch(offset: number, maxRecords: number): ConsumerRecord[] {
    const end = Math.min(this.#end, offset + maxRecords)
    const records = new Array<ConsumerRecord>(Math.max(0, end - offset))
    let at = 0
    for (let i = this.#segmentIndex(offset); offset < end; i++) {
      const segment = this.#segments[i]!
      for (const last = Math.min(end, segment.endOffset); offset < last; offset++) {
        records[at++] = segment.record(this.topic, this.index, offset)
      }
    }
    return records
  }

  /** The segment that holds an offset, or undefined where the log does not hold it. @internal */
  segmentAt(offset: number): Segment | undefined {
    if (offset < this.#start || offset >= this.#end) return undefined
    return this.#segments[this.#segmentIndex(offset)]
  }

  // Readers are mostly near the end, so the search tries the last segment first.
  #segmentIndex(offset: number): number {
    let high = this.#segments.length - 1
    if (high < 0 || offset >= this.#segments[high]!.baseOffset) return Math.max(0, high)
    let low = 0
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  /**
   * The first offset whose timestamp is at least `timestamp` (epoch milliseconds), or null where there is none.
   * (Kafka: offsetsForTimes)
   */
  offsetForTimestamp(timestamp: number): number | null {
    if (typeof timestamp !== 'number' || Number.isNaN(timestamp)) {
      throw new InvalidArgumentError(
        `timestamp expected epoch milliseconds, received ${describeValue(timestamp)}`,
        {
          field: 'timestamp',
        },
      )
    }
    // The running maximum grows from segment to segment: the first that reaches the time holds its first record.
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#segments[middle]!.runningMaxTimestamp < timestamp) low = middle + 1
      else high = middle
    }
    for (; low < this.#segments.length; low++) {
      const offset = this.#segments[low]!.offsetForTimestamp(timestamp, this.#start)
      if (offset !== null) return offset
    }
    return null
  }

  /**
   * Forgets the records before an offset; a group that has not read them is reset by its policy.
   * (Kafka: DeleteRecords)
   *
   * @throws OffsetOutOfRangeError past `highWatermark`.
   */
  deleteRecords(beforeOffset: number): void {
    this.requireDeletable(beforeOffset)
    if (beforeOffset > this.#start) {
      this.#advance(beforeOffset, 'deleteRecords')
      this.#segments[0]?.forget(beforeOffset)
    }
    this.#host.finished()
  }

  /** Refuses what `deleteRecords` would refuse. @internal */
  requireDeletable(beforeOffset: number): void {
    requireOffset('beforeOffset', beforeOffset)
    if (beforeOffset > this.#end) {
      throw new OffsetOutOfRangeError(
        `Offset ${beforeOffset} is past the end (${this.#end}) of ${this.topic}-${this.index}`,
        { topic: this.topic, partition: this.index, offset: beforeOffset },
      )
    }
  }

  /** Drops what is too old by now; gives the time at which the next segment will be, or `Infinity`. @internal */
  expire(now: number): number {
    const { retentionMs } = this.#config
    this.#dropOldest(expiredByAge(this.#segments, retentionMs, now), 'retention')
    const oldest = this.#segments[0]
    if (retentionMs === -1 || oldest === undefined || oldest.count === 0) return Number.POSITIVE_INFINITY
    return oldest.maxTimestamp + retentionMs + 1
  }

  /** Drops the oldest segment, the one that is written to included. @internal */
  dropOldestSegment(): void {
    this.#dropOldest(1, 'limit')
  }

  #dropOldest(count: number, reason: TrimReason): void {
    if (count > 0) this.#advance(this.#segments[count - 1]!.endOffset, reason)
  }

  #advance(to: number, reason: TrimReason): void {
    const from = this.#start
    this.#start = to
    if (this.#segments[0] !== undefined && this.#segments[0].endOffset <= to) this.#dropUpTo(to)
    if (to > this.#harmlessBefore) this.#host.trimmed(this, from, to, reason)
  }

  #dropUpTo(to: number): void {
    let dropped = 0
    while (dropped < this.#segments.length && this.#segments[dropped]!.endOffset <= to) {
      const segment = this.#segments[dropped++]!
      this.#bytes -= segment.bytes
      this.#host.segmentDropped(segment)
    }
    this.#segments.splice(0, dropped)
    // The next append makes a new one, at the offset where this one ended.
    if (this.#segments.length === 0) this.#active = undefined
    this.#noteOldest()
  }

  #noteOldest(): void {
    const oldest = this.#segments[0]
    this.#oldestEnd =
      oldest === undefined || oldest === this.#active ? Number.POSITIVE_INFINITY : oldest.endOffset
  }

  /** Says up to where everybody has read, so that trimming below it need not ask. @internal */
  setHarmlessBefore(offset: number): void {
    this.#harmlessBefore = offset
  }

  /** Somebody begins to read here, so what is from here on is not harmless to drop. @internal */
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

  /** Lets go of everything: its topic is deleted. @internal */
  delete(): void {
    this.#deleted = true
    for (const segment of this.#segments) this.#host.segmentDropped(segment)
    this.#segments = []
    this.#active = undefined
    this.#start = this.#end
    this.#readers.length = 0
  }
}

function upToBytes(records: ConsumerRecord[], maxBytes: number): ConsumerRecord[] {
  let bytes = 0
  for (let i = 0; i < records.length; i++) {
    bytes += recordSize(records[i]!)
    // The first one is given whatever its size, or its reader would never get past it (Kafka: KIP-74).
    if (bytes > maxBytes && i > 0) return records.slice(0, i)
  }
  return records
}

const offsetCheck = integer(0)
const readChecks = {
  maxRecords: integer(1),
  maxBytes: integer(1),
  isolationLevel: oneOf('read_committed', 'read_uncommitted'),
}

function requireOffset(field: string, value: unknown): void {
  if (offsetCheck.accepts(value)) return
  throw new InvalidArgumentError(
    `${field} expected ${offsetCheck.expected}, received ${describeValue(value)}`,
    {
      field,
      expected: offsetCheck.expected,
      received: value,
    },
  )
}

import type { BrokerClock } from '../broker-clock.ts'
import type { Outbox } from '../outbox.ts'
import { Clearance } from './clearance.ts'
import type { Partition } from './partition.ts'
import { keptUntil } from './retention.ts'
import type { Segment } from './segment.ts'

// How many segments are looked at before all partitions are, where there are more: the few records of a segment there
// must not pay for all of them.
const few = 100

// The room that is counted down where there is no limit. V8 writes a whole number of at most 31 bits where the last one
// was, and allocates any other. When it is used up, `makeRoom` looks whether there is a limit.
const unlimited = 2 ** 30 - 1

/** The room that an empty broker has. */
function roomOf(limit: number): number {
  return limit === -1 ? unlimited : limit
}

/** The offset before which nobody misses the records of a partition. */
function readBefore(partition: Partition): number {
  return Math.max(partition.consumedBefore, partition.logStartOffset)
}

/**
 * Keeps all logs of a broker within its limits: the oldest segments go when there are more than `maxRecords` or
 * `maxBytes`, and a segment goes when its retention time is over. (Kafka: LogManager)
 */
export class LogManager {
  readonly maxRecords: number
  readonly maxBytes: number
  readonly #clock: BrokerClock
  readonly #outbox: Outbox
  // In order of creation, which is the order in which segments are dropped.
  readonly #segments = new Map<Segment, Partition>()
  #ordered = true
  // What more the broker may keep. It is counted down so that `hasRoom` is small enough for V8 to put it into whatever
  // writes a record.
  #roomRecords: number
  #roomBytes: number
  // The partitions that have segments, and how many.
  readonly #logs = new Map<Partition, number>()
  // How many more records are written before the next search for records that every group has read.
  #unsearched = 0
  #dueAt = Number.POSITIVE_INFINITY

  constructor(maxRecords: number, maxBytes: number, clock: BrokerClock, outbox: Outbox) {
    this.maxRecords = maxRecords
    this.maxBytes = maxBytes
    this.#roomRecords = roomOf(maxRecords)
    this.#roomBytes = roomOf(maxBytes)
    this.#clock = clock
    this.#outbox = outbox
  }

  /** How many records the broker keeps. */
  get records(): number {
    return roomOf(this.maxRecords) - this.#roomRecords
  }

  /** How many bytes the broker keeps, of topics that count them. */
  get bytes(): number {
    return roomOf(this.maxBytes) - this.#roomBytes
  }

  segmentAdded(partition: Partition, segment: Segment, timestamp: number): void {
    this.#add(partition, segment)
    const { retentionMs } = partition.config
    if (retentionMs === -1) return
    this.#expireAt(keptUntil({ maxTimestamp: timestamp, createdAt: segment.createdAt }, retentionMs) + 1)
  }

  #add(partition: Partition, segment: Segment): void {
    this.#segments.set(segment, partition)
    this.#logs.set(partition, (this.#logs.get(partition) ?? 0) + 1)
  }

  segmentsDropped(partition: Partition, segments: readonly Segment[]): void {
    const left = (this.#logs.get(partition) ?? 0) - segments.length
    if (left === 0) this.#logs.delete(partition)
    else this.#logs.set(partition, left)
    for (const segment of segments) {
      this.#segments.delete(segment)
      this.#roomRecords += segment.count
      this.#roomBytes += segment.bytes
    }
  }

  /** Replaces segments by their compacted ones, which take over their place in the order. */
  segmentsReplaced(partition: Partition, segments: readonly Segment[], compacted: readonly Segment[]): void {
    this.segmentsDropped(partition, segments)
    for (const segment of compacted) {
      this.#add(partition, segment)
      this.#roomRecords -= segment.count
      this.#roomBytes -= segment.bytes
    }
    if (compacted.length > 0) this.#ordered = false
  }

  // A compacted segment was added last, but belongs where its first record was appended. Within a partition the order
  // of the log decides: two segments may have the same time, and a clock may be set back.
  #order(): void {
    this.#ordered = true
    const turns = [...this.#segments].sort(([a], [b]) => a.createdAt - b.createdAt)
    const next = new Map<Partition, number>()
    this.#segments.clear()
    for (const [, partition] of turns) {
      const index = next.get(partition) ?? 0
      next.set(partition, index + 1)
      this.#segments.set(partition.segments[index]!, partition)
    }
  }

  /** Whether so many more records and bytes fit as it is. */
  hasRoom(count: number, bytes: number): boolean {
    return count <= this.#roomRecords && bytes <= this.#roomBytes
  }

  /**
   * Drops records until so many more records and bytes fit: first the oldest segments that every group has committed
   * past, then such parts of others, then the oldest segments of topics that let unread records go. Returns false, and
   * drops nothing, where that is not enough. Called before the records are written, so that they are never dropped
   * themselves.
   */
  makeRoom(count: number, bytes: number): boolean {
    const lacksRecords = this.maxRecords === -1 ? 0 : count - this.#roomRecords
    const lacksBytes = this.maxBytes === -1 ? 0 : bytes - this.#roomBytes
    if (lacksRecords <= 0 && lacksBytes <= 0) return true
    if (!this.#ordered) this.#order()
    const clearance = new Clearance(this.#segments, lacksRecords, lacksBytes)
    const searches = this.#unsearched <= 0
    if (searches) this.#takeRead(clearance)
    clearance.takeUnread()
    if (!searches && !clearance.enough) clearance.takeRead(this.#readBefore())
    if (!clearance.enough) return false
    this.#unsearched -= clearance.freed
    clearance.drop()
    return true
  }

  #takeRead(clearance: Clearance): void {
    // Groups that keep up have read the oldest segments, and then not all of many partitions have to be looked at.
    if (this.#logs.size > few) clearance.takeOldest(readBefore, few)
    if (clearance.enough) return
    clearance.takeRead(this.#readBefore())
    // Nothing was found: with many partitions, the next records are written without a search, unless nothing else may
    // go. So a record pays for a few partitions at most.
    if (clearance.freed === 0) this.#unsearched = this.#logs.size >>> 2
  }

  // The offset before which nobody misses the records of a partition, where it has such records.
  #readBefore(): Map<Partition, number> {
    const before = new Map<Partition, number>()
    for (const partition of this.#logs.keys()) {
      const read = readBefore(partition)
      if (read > partition.segments[0]!.baseOffset) before.set(partition, read)
    }
    return before
  }

  /** Counts records that were written. */
  appended(count: number, bytes: number): void {
    this.#roomRecords -= count
    this.#roomBytes -= bytes
  }

  /** A topic's retention time has changed: drops segments that are too old, and schedules the next check. */
  retentionAltered(partitions: readonly Partition[]): void {
    const now = this.#clock.now()
    for (const partition of partitions) this.#expireAt(partition.expire(now))
  }

  #expireAt(time: number): void {
    if (time >= this.#dueAt) return
    this.#dueAt = time
    this.#clock.schedule('retention', Math.max(0, time - this.#clock.now()), () => this.#expire())
  }

  // Expires segments of every partition, and schedules the next check for the time when one is due.
  #expire(): void {
    this.#dueAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const partition of this.#logs.keys()) next = Math.min(next, partition.expire(now))
    this.#expireAt(next)
    this.#outbox.flush()
  }
}

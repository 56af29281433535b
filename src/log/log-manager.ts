import type { BrokerClock } from '../broker-clock.ts'
import type { Partition } from './partition.ts'
import { keptUntil } from './retention.ts'
import type { Segment } from './segment.ts'

// A part of a segment goes only if it is at least this share of it, because the rest has to be moved.
const leastPart = 8

/**
 * Keeps all logs of a broker within its limits: the oldest segments go when there are more than `maxRecords` or
 * `maxBytes`, and a segment goes when its retention time is over. (Kafka: LogManager)
 */
export class LogManager {
  readonly maxRecords: number
  readonly maxBytes: number
  readonly #clock: BrokerClock
  readonly #finished: () => void
  // In order of creation, which is the order in which segments are dropped.
  readonly #segments = new Map<Segment, Partition>()
  #ordered = true
  #records = 0
  #bytes = 0
  readonly #mostRecords: number
  readonly #mostBytes: number
  // How many more calls skip the search for segments that every group has read.
  #unsearched = 0
  #dueAt = Number.POSITIVE_INFINITY

  constructor(maxRecords: number, maxBytes: number, clock: BrokerClock, finished: () => void) {
    this.maxRecords = maxRecords
    this.maxBytes = maxBytes
    this.#mostRecords = maxRecords === -1 ? Number.MAX_SAFE_INTEGER : maxRecords
    this.#mostBytes = maxBytes === -1 ? Number.MAX_SAFE_INTEGER : maxBytes
    this.#clock = clock
    this.#finished = finished
  }

  /** How many records the broker keeps. */
  get records(): number {
    return this.#records
  }

  /** How many bytes the broker keeps, of topics that count them. */
  get bytes(): number {
    return this.#bytes
  }

  segmentAdded(partition: Partition, segment: Segment, timestamp: number): void {
    this.#segments.set(segment, partition)
    const { retentionMs } = partition.config
    if (retentionMs === -1) return
    this.#expireAt(keptUntil({ maxTimestamp: timestamp, createdAt: segment.createdAt }, retentionMs) + 1)
  }

  segmentsDropped(segments: readonly Segment[]): void {
    for (const segment of segments) {
      this.#segments.delete(segment)
      this.#records -= segment.count
      this.#bytes -= segment.bytes
    }
  }

  /** Replaces segments by their compacted ones, which take over their place in the order. */
  segmentsReplaced(partition: Partition, segments: readonly Segment[], compacted: readonly Segment[]): void {
    this.segmentsDropped(segments)
    for (const segment of compacted) {
      this.#segments.set(segment, partition)
      this.#records += segment.count
      this.#bytes += segment.bytes
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

  /**
   * Drops records until so many more records and bytes fit: first the oldest segments that every group has committed
   * past, then such parts of others, then the oldest segments of topics that let unread records go. Returns false, and
   * drops nothing, where that is not enough. Called before the records are written, so that they are never dropped
   * themselves.
   */
  makeRoom(count: number, bytes: number): boolean {
    const records = this.#records + count
    const kept = this.#bytes + bytes
    if (records <= this.#mostRecords && kept <= this.#mostBytes) return true
    return this.#drop(records - this.#mostRecords, kept - this.#mostBytes)
  }

  #drop(records: number, bytes: number): boolean {
    if (!this.#ordered) this.#order()
    const victims: Partition[] = []
    const taken = new Set<Segment>()
    // How many records go of segments of which a part goes.
    const parts = new Map<Segment, number>()
    const take = (segment: Segment, partition: Partition) => {
      victims.push(partition)
      taken.add(segment)
      const part = parts.get(segment) ?? 0
      parts.delete(segment)
      records -= segment.count - part
      bytes -= segment.bytes - segment.bytesOfFirst(part)
    }
    const enough = () => records <= 0 && bytes <= 0
    const takeRead = () => {
      const partlyRead: [segment: Segment, readBefore: number][] = []
      for (const [segment, partition] of this.#segments) {
        if (enough()) return
        if (taken.has(segment)) continue
        const readBefore = Math.max(partition.consumedBefore, partition.logStartOffset)
        if (segment.endOffset <= readBefore) take(segment, partition)
        else if (segment.baseOffset < readBefore && partition.dropsParts)
          partlyRead.push([segment, readBefore])
      }
      // All that is before them in their partitions is taken.
      for (const [segment, readBefore] of partlyRead) {
        if (enough()) return
        const part = segment.droppable(readBefore)
        if (part * leastPart < segment.count) continue
        parts.set(segment, part)
        records -= part
        bytes -= segment.bytesOfFirst(part)
      }
    }
    const skips = this.#unsearched > 0
    if (skips) this.#unsearched--
    else {
      takeRead()
      // The search found nothing: with many small segments, the next calls skip it, unless nothing else may go.
      if (victims.length === 0 && parts.size === 0) this.#unsearched = this.#segments.size >>> 6
    }
    for (const [segment, partition] of this.#segments) {
      if (enough()) break
      if (partition.room === undefined && !taken.has(segment)) take(segment, partition)
    }
    if (skips) takeRead()
    if (!enough()) return false
    // The segments of a partition are in its order, so each victim is the oldest one of its partition.
    for (const partition of victims) partition.dropOldestSegment()
    for (const [segment, count] of parts) this.#dropFirst(segment, count)
    return true
  }

  #dropFirst(segment: Segment, count: number): void {
    const { bytes } = segment
    this.#segments.get(segment)!.dropFirst(count)
    this.#records -= count
    this.#bytes -= bytes - segment.bytes
  }

  /** Counts records that were written. */
  appended(count: number, bytes: number): void {
    this.#records += count
    this.#bytes += bytes
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
    for (const partition of new Set(this.#segments.values())) next = Math.min(next, partition.expire(now))
    this.#expireAt(next)
    this.#finished()
  }
}

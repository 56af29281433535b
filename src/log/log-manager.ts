import type { BrokerClock } from '../broker-clock.ts'
import type { Partition } from './partition.ts'
import { keptUntil } from './retention.ts'
import type { Segment } from './segment.ts'

/**
 * Keeps all logs of a broker within bounds: the oldest segment of all goes when there are more than `maxRecords`, and
 * a segment goes when its time is over. (Kafka: LogManager)
 */
export class LogManager {
  readonly maxRecords: number
  readonly maxBytes: number
  readonly #clock: BrokerClock
  readonly #finished: () => void
  // In the order in which they were begun, which is the order in which they go.
  readonly #segments = new Map<Segment, Partition>()
  #ordered = true
  #records = 0
  #bytes = 0
  readonly #mostRecords: number
  readonly #mostBytes: number
  // How often room is made without a search for what everybody has read.
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

  /** How many records are kept, of all topics. */
  get records(): number {
    return this.#records
  }

  /** How many bytes are kept, of all topics that count them. */
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

  /** Compaction put some segments in the place of others, which keeps it in the order. */
  segmentsReplaced(partition: Partition, segments: readonly Segment[], compacted: readonly Segment[]): void {
    this.segmentsDropped(segments)
    for (const segment of compacted) {
      this.#segments.set(segment, partition)
      this.#records += segment.count
      this.#bytes += segment.bytes
    }
    if (compacted.length > 0) this.#ordered = false
  }

  // What was compacted was put last; it belongs where its first record was. Within a partition the order is the log's own: a
  // time may be another segment's, too, and a clock may be set back.
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
   * Drops segments until so many more records and bytes fit: the oldest that every group has committed past, then the
   * oldest of topics that let unread records go. False where that is not enough; nothing is dropped then. It is asked
   * before they are written, so that what is written now is never what goes.
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
    const take = (segment: Segment, partition: Partition) => {
      victims.push(partition)
      taken.add(segment)
      records -= segment.count
      bytes -= segment.bytes
    }
    const enough = () => records <= 0 && bytes <= 0
    if (this.#unsearched > 0) this.#unsearched--
    else {
      for (const [segment, partition] of this.#segments) {
        if (segment.endOffset <= partition.consumedBefore) take(segment, partition)
        if (enough()) break
      }
      // In vain: many small segments are not looked through again for each of them.
      if (victims.length === 0) this.#unsearched = this.#segments.size >>> 6
    }
    for (const [segment, partition] of this.#segments) {
      if (enough()) break
      if (partition.room === undefined && !taken.has(segment)) take(segment, partition)
    }
    if (!enough()) return false
    // Of one partition they are in its order, so it is always the oldest one that is meant.
    for (const partition of victims) partition.dropOldestSegment()
    return true
  }

  /** Counts records that were written. */
  appended(count: number, bytes: number): void {
    this.#records += count
    this.#bytes += bytes
  }

  /** A topic keeps its records for another time than before: what is too old goes, and the next wait is planned anew. */
  retentionAltered(partitions: readonly Partition[]): void {
    const now = this.#clock.now()
    for (const partition of partitions) this.#expireAt(partition.expire(now))
  }

  #expireAt(time: number): void {
    if (time >= this.#dueAt) return
    this.#dueAt = time
    this.#clock.schedule('retention', Math.max(0, time - this.#clock.now()), () => this.#expire())
  }

  // Each partition whose oldest segment is due is asked; the next wait is for whoever is due next.
  #expire(): void {
    this.#dueAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const partition of new Set(this.#segments.values())) next = Math.min(next, partition.expire(now))
    if (next < Number.POSITIVE_INFINITY) this.#expireAt(next)
    this.#finished()
  }
}

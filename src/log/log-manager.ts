import type { BrokerClock } from '../broker-clock.ts'
import type { Partition } from './partition.ts'
import type { Segment } from './segment.ts'

// What comes in older than its topic keeps stays this long, as in Kafka (log.retention.check.interval.ms).
const checkIntervalMs = 5 * 60 * 1000

/**
 * Keeps all logs of a broker within bounds: the oldest segment of all goes when there are more than `maxRecords`, and
 * a segment goes when its time is over. (Kafka: LogManager)
 */
export class LogManager {
  readonly maxRecords: number
  readonly #clock: BrokerClock
  readonly #finished: () => void
  // In the order in which they were begun, which is the order in which they go.
  readonly #segments = new Map<Segment, Partition>()
  #ordered = true
  #records = 0
  #dueAt = Number.POSITIVE_INFINITY

  constructor(maxRecords: number, clock: BrokerClock, finished: () => void) {
    this.maxRecords = maxRecords
    this.#clock = clock
    this.#finished = finished
  }

  /** How many records are kept, of all topics. */
  get records(): number {
    return this.#records
  }

  segmentAdded(partition: Partition, segment: Segment, timestamp: number, retentionMs: number): void {
    this.#segments.set(segment, partition)
    if (retentionMs === -1) return
    const soonest = segment.createdAt + Math.min(retentionMs, checkIntervalMs)
    this.#expireAt(Math.max(timestamp + retentionMs, soonest) + 1)
  }

  segmentDropped(segment: Segment): void {
    this.#segments.delete(segment)
    this.#records -= segment.count
  }

  /** Compaction put some segments in the place of others, which keeps it in the order. */
  segmentsReplaced(partition: Partition, segments: readonly Segment[], compacted: readonly Segment[]): void {
    for (const segment of segments) this.segmentDropped(segment)
    for (const segment of compacted) {
      this.#segments.set(segment, partition)
      this.#records += segment.count
    }
    if (compacted.length > 0) this.#ordered = false
  }

  // What was compacted was put last; it belongs where its first record was.
  #order(): void {
    this.#ordered = true
    const segments = [...this.#segments].sort(([a], [b]) => a.createdAt - b.createdAt)
    this.#segments.clear()
    for (const [segment, partition] of segments) this.#segments.set(segment, partition)
  }

  /**
   * Drops the oldest segments of all until `count` more records fit. It is asked before they are written, so that what
   * is written now is never what goes.
   */
  makeRoom(count: number): void {
    if (this.maxRecords === -1) return
    while (this.#records + count > this.maxRecords) {
      if (!this.#ordered) this.#order()
      const oldest = this.#segments.values().next().value
      if (oldest === undefined) return
      oldest.dropOldestSegment()
    }
  }

  /** Counts records that were written. */
  appended(count: number): void {
    this.#records += count
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

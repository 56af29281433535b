import type { Partition } from './partition.ts'
import type { Segment } from './segment.ts'

// A part of a segment goes only if it is at least this share of it, because the rest has to be moved.
const leastPart = 8

/** What is to go so that so many records and bytes are freed: chosen first, and dropped only if it is enough. */
export class Clearance {
  // All segments of the broker, in the order in which they go.
  readonly #segments: ReadonlyMap<Segment, Partition>
  #records: number
  #bytes: number
  #freed = 0
  readonly #whole = new Map<Segment, Partition>()
  // How many records go of segments of which the first ones go.
  #parts: Map<Segment, number> | undefined

  constructor(segments: ReadonlyMap<Segment, Partition>, records: number, bytes: number) {
    this.#segments = segments
    this.#records = records
    this.#bytes = bytes
  }

  /** Whether what was chosen is enough. */
  get enough(): boolean {
    return this.#records <= 0 && this.#bytes <= 0
  }

  /** How many records were chosen. */
  get freed(): number {
    return this.#freed
  }

  /** Chooses those of the oldest segments that end before `before` of their partitions, among so many at most. */
  takeOldest(before: (partition: Partition) => number, most: number): void {
    let looks = 0
    for (const [segment, partition] of this.#segments) {
      if (this.enough || looks++ === most) return
      if (segment.endOffset <= before(partition)) this.#take(segment, partition)
    }
  }

  /**
   * Chooses what nobody misses, where that is not chosen yet: segments, and then the first records of others. `before`
   * has the offset before which nobody misses the records of a partition.
   */
  takeRead(before: ReadonlyMap<Partition, number>): void {
    if (before.size === 0) return
    const partlyRead: [segment: Segment, before: number][] = []
    for (const [segment, partition] of this.#segments) {
      if (this.enough) return
      const readBefore = before.get(partition)
      if (readBefore === undefined || this.#whole.has(segment)) continue
      if (segment.endOffset <= readBefore) this.#take(segment, partition)
      else if (segment.baseOffset < readBefore && partition.dropsParts) partlyRead.push([segment, readBefore])
    }
    // All that is before them in their partitions is chosen.
    for (const [segment, readBefore] of partlyRead) {
      if (this.enough) return
      const count = segment.droppable(readBefore)
      if (count * leastPart < segment.count) continue
      this.#parts ??= new Map()
      this.#parts.set(segment, count)
      this.#count(count, segment.bytesOfFirst(count))
    }
  }

  /** Chooses the oldest segments of all topics that let unread records go. */
  takeUnread(): void {
    for (const [segment, partition] of this.#segments) {
      if (this.enough) return
      if (partition.room === undefined && !this.#whole.has(segment)) this.#take(segment, partition)
    }
  }

  #take(segment: Segment, partition: Partition): void {
    this.#whole.set(segment, partition)
    const part = this.#parts?.get(segment)
    if (part === undefined) return this.#count(segment.count, segment.bytes)
    this.#parts!.delete(segment)
    this.#count(segment.count - part, segment.bytes - segment.bytesOfFirst(part))
  }

  #count(records: number, bytes: number): void {
    this.#records -= records
    this.#bytes -= bytes
    this.#freed += records
  }

  /** Drops what was chosen. */
  drop(): void {
    // The segments of a partition are in its order, so each one is the oldest of its partition in its turn.
    for (const partition of this.#whole.values()) partition.dropOldestSegment()
    if (this.#parts === undefined) return
    for (const [segment, count] of this.#parts) this.#segments.get(segment)!.dropFirst(count)
  }
}

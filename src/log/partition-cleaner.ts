import { CompactionPass } from './compaction.ts'
import { countsBytes, type LogConfig } from './log-config.ts'
import type { Segment } from './segment.ts'

/** The log that a cleaner works on. */
export interface CompactedLog {
  /** As it is now: a topic may be altered. */
  readonly config: LogConfig
  readonly logStartOffset: number
  /** Nothing from here on is compacted: it is not decided yet. */
  readonly lastStableOffset: number
  /** The segments that nothing is added to any more. */
  readonly closedSegments: readonly Segment[]
  /** Puts what stays in the place of what was read; gives how many records that freed. */
  replaceSegments(segments: readonly Segment[], compacted: readonly Segment[]): number
}

/**
 * Compacts one partition, again and again: a pass begins when enough of the log is dirty, or a tombstone's time is over,
 * and goes on as far as it is let. (Kafka: LogCleaner, of one log)
 */
export class PartitionCleaner {
  readonly #log: CompactedLog
  // All before it has been compacted.
  #cleanedTo = 0
  #tombstones: Map<number, number> = new Map()
  #nextTombstone = Number.POSITIVE_INFINITY
  #passedAt = Number.NEGATIVE_INFINITY
  #pass: CompactionPass | undefined

  constructor(log: CompactedLog) {
    this.#log = log
  }

  /** The log's options have changed: a pass under the old ones is not gone on with. */
  altered(): void {
    this.#pass = undefined
  }

  /**
   * Works through up to so many records, in passes that are due; gives how many it were. `spared`: so many of the
   * segments that were closed last are left alone.
   */
  work(most: number, now: number, spared: number = 0): number {
    let left = most
    while (left > 0) {
      this.#pass ??= this.#begin(now, false, spared)
      if (this.#pass === undefined) break
      left -= this.#pass.step(left)
      if (this.#pass.done) this.#finish(this.#pass, now)
    }
    return most - left
  }

  /** Compacts all that may be, at once; gives how many records went. */
  compact(now: number): number {
    let removed = 0
    if (this.#pass !== undefined) removed += this.#complete(this.#pass, now)
    const pass = this.#begin(now, true, 0)
    return pass === undefined ? removed : removed + this.#complete(pass, now)
  }

  #complete(pass: CompactionPass, now: number): number {
    pass.step(Number.MAX_SAFE_INTEGER)
    return this.#finish(pass, now)
  }

  /** When there is next something to do, on the clock's `now()`; `Infinity` where only an append can bring it about. */
  nextDue(now: number): number {
    if (this.#pass !== undefined) return now
    const { dirty, clean, nextCleanable } = this.#state(now, 0)
    if (this.#enough(dirty, clean)) return now
    return Math.min(nextCleanable, this.#tombstonesDue())
  }

  // Tombstones come due one by one, and each pass reads the whole log: those that are due close together go together.
  #tombstonesDue(): number {
    return Math.max(this.#nextTombstone, this.#passedAt + Math.floor(this.#log.config.deleteRetentionMs / 8))
  }

  #enough(dirty: number, clean: number): boolean {
    return dirty > 0 && dirty >= this.#log.config.minCleanableDirtyRatio * (dirty + clean)
  }

  #begin(now: number, forced: boolean, spared: number): CompactionPass | undefined {
    const { cleanable, dirty, clean } = this.#state(now, spared)
    const due = forced
      ? dirty > 0 || this.#nextTombstone <= now
      : this.#enough(dirty, clean) || this.#tombstonesDue() <= now
    if (!due) return undefined
    const log = this.#log
    return new CompactionPass(cleanable, {
      logStartOffset: () => log.logStartOffset,
      dirtyFrom: this.#cleanedTo,
      now,
      deleteRetentionMs: this.#log.config.deleteRetentionMs,
      tombstones: this.#tombstones,
      segmentRecords: this.#log.config.segmentRecords,
      sized: countsBytes(this.#log.config),
    })
  }

  // A record younger than minCompactionLagMs keeps its segment, and all later ones, as they are (KIP-58).
  #state(
    now: number,
    spared: number,
  ): {
    cleanable: readonly Segment[]
    dirty: number
    clean: number
    nextCleanable: number
  } {
    const { minCompactionLagMs } = this.#log.config
    const all = this.#log.closedSegments
    const decided = all.filter(({ endOffset }) => endOffset <= this.#log.lastStableOffset)
    const closed = spared === 0 ? decided : decided.slice(0, Math.max(0, all.length - spared))
    let dirty = 0
    let clean = 0
    for (let i = 0; i < closed.length; i++) {
      const segment = closed[i]!
      if (segment.baseOffset < this.#cleanedTo) clean += segment.count
      else if (minCompactionLagMs > 0 && segment.maxTimestamp + minCompactionLagMs > now) {
        const nextCleanable = segment.maxTimestamp + minCompactionLagMs
        return { cleanable: closed.slice(0, i), dirty, clean, nextCleanable }
      } else dirty += segment.count
    }
    return { cleanable: closed, dirty, clean, nextCleanable: Number.POSITIVE_INFINITY }
  }

  #finish(pass: CompactionPass, now: number): number {
    this.#pass = undefined
    this.#passedAt = now
    this.#tombstones = pass.tombstones
    this.#nextTombstone = Number.POSITIVE_INFINITY
    for (const until of pass.tombstones.values()) this.#nextTombstone = Math.min(this.#nextTombstone, until)
    const last = pass.segments.at(-1)
    if (last !== undefined) this.#cleanedTo = Math.max(this.#cleanedTo, last.endOffset)
    return this.#log.replaceSegments(pass.segments, pass.compacted)
  }
}

import { CompactionPass } from './compaction.ts'
import { countsBytes, type PartitionConfig } from './log-config.ts'
import type { Segment } from './segment.ts'

/** The log that a cleaner compacts. */
export interface CompactedLog {
  /** The current options, since a topic may be altered. */
  readonly config: PartitionConfig
  readonly logStartOffset: number
  /** Records from here on are not compacted, since their transaction may still be aborted. */
  readonly lastStableOffset: number
  /** The segments that are no longer appended to. */
  readonly closedSegments: readonly Segment[]
  /** Replaces segments by their compacted ones; returns how many records that removed. */
  replaceSegments(segments: readonly Segment[], compacted: readonly Segment[]): number
}

/**
 * Compacts one partition, pass after pass: a pass begins when enough of the log is dirty, or a tombstone may go, and
 * proceeds in steps. (Kafka: LogCleaner, of one log)
 */
export class PartitionCleaner {
  readonly #log: CompactedLog
  // Records before this offset have been compacted.
  #cleanedTo = 0
  #tombstones: Map<number, number> = new Map()
  #nextTombstone = Number.POSITIVE_INFINITY
  #passedAt = Number.NEGATIVE_INFINITY
  #pass: CompactionPass | undefined

  constructor(log: CompactedLog) {
    this.#log = log
  }

  /** Whether a pass is under way, which reads segments. */
  get working(): boolean {
    return this.#pass !== undefined
  }

  /** The log's options have changed: drops a pass that began under the old ones. */
  altered(): void {
    this.#pass = undefined
  }

  /**
   * Processes up to `most` records in passes that are due; returns how many it processed. Leaves alone the `spared`
   * segments that were closed last.
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

  /** Compacts everything that may be compacted, at once; returns how many records were removed. */
  compact(now: number): number {
    // Reads at least what a pass that is under way would have read.
    const pass = this.#begin(now, true, 0)
    if (pass === undefined) return 0
    pass.step(Number.MAX_SAFE_INTEGER)
    return this.#finish(pass, now)
  }

  /** When the next work is due, on the clock's `now()`; `Infinity` where only an append can bring some. */
  nextDue(now: number): number {
    if (this.#pass !== undefined) return now
    const { dirty, clean, nextCleanable } = this.#state(now, 0)
    if (this.#enough(dirty, clean)) return now
    return Math.min(nextCleanable, this.#tombstonesDue())
  }

  // Each pass reads the whole log, so tombstones that come due within an eighth of `deleteRetentionMs` share one.
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

  // A record younger than minCompactionLagMs keeps its own segment and all later ones from being compacted (KIP-58).
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
    const closed = decided.slice(0, all.length - spared)
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

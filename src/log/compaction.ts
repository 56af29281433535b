import type { RecordKey } from '../record.ts'
import { ColumnSegment } from './column-segment.ts'
import type { Segment } from './segment.ts'

/** The rules of one pass. */
export interface CompactionRules {
  /** The log start offset; it may move while the pass is under way. */
  logStartOffset(): number
  /** Records from this offset on have not been compacted before. */
  readonly dirtyFrom: number
  /** When the pass began; tombstones are judged by this time. */
  readonly now: number
  readonly deleteRetentionMs: number
  /** When the tombstones that an earlier pass kept may go, by offset. */
  readonly tombstones: ReadonlyMap<number, number>
  readonly segmentRecords: number
  /** Whether records have sizes. */
  readonly sized: boolean
}

/**
 * One pass over closed segments: it notes the last offset of each key among the records since the previous pass, then
 * copies the records that stay. It works in steps of any size, and does not change the log before its result replaces
 * the segments. (Kafka: Cleaner, with its offset map and its rewritten segments)
 */
export class CompactionPass {
  /** The segments that the pass reads, in order. */
  readonly segments: readonly Segment[]
  /** The records that stay, once the pass is done. */
  readonly compacted: ColumnSegment[] = []
  /** When the kept tombstones may go, by offset (KIP-534: counted from the first pass that saw them). */
  readonly tombstones: Map<number, number> = new Map()
  readonly #rules: CompactionRules
  readonly #latest = new Map<string, number>()
  #copying = false
  #done = false
  #at: number
  #index = 0
  #output: ColumnSegment | undefined

  constructor(segments: readonly Segment[], rules: CompactionRules) {
    this.segments = segments
    this.#rules = rules
    const dirty = segments.findIndex(({ baseOffset }) => baseOffset >= rules.dirtyFrom)
    this.#at = dirty === -1 ? segments.length : dirty
  }

  get done(): boolean {
    return this.#done
  }

  /** Processes up to `most` records; returns how many it processed. */
  step(most: number): number {
    let left = most
    while (left > 0 && !this.#done) {
      const segment = this.segments[this.#at]
      if (segment === undefined) {
        this.#nextPhase()
        continue
      }
      const to = Math.min(segment.count, this.#index + left)
      left -= to - this.#index
      if (this.#copying) this.#copy(segment, this.#index, to)
      else this.#note(segment, this.#index, to)
      this.#index = to
      if (to < segment.count) break
      this.#at++
      this.#index = 0
    }
    return most - left
  }

  #nextPhase(): void {
    if (this.#copying) {
      this.#output?.seal()
      this.#done = true
    } else {
      this.#copying = true
      this.#at = 0
    }
  }

  #note(segment: Segment, from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const key = segment.keyAt(index)
      // The keys below the log start offset may have been released already; an aborted record does not count.
      if (key !== null && segment.visible(index, true))
        this.#latest.set(toMapKey(key), segment.offsetAt(index))
    }
  }

  #copy(segment: Segment, from: number, to: number): void {
    const start = this.#rules.logStartOffset()
    for (let index = from; index < to; index++) {
      const offset = segment.offsetAt(index)
      if (offset < start || !this.#stays(segment, index, offset)) continue
      const output = this.#openOutput(segment, offset)
      output.appendFrom(segment, index, this.#rules.sized ? segment.sizeAt(index) : 0)
    }
    const output = this.#output ?? this.compacted.at(-1)
    // A search for the timestamp of a removed record then finds the next record after it.
    if (output !== undefined) output.runningMaxTimestamp = segment.runningMaxTimestamp
  }

  #stays(segment: Segment, index: number, offset: number): boolean {
    const key = segment.keyAt(index)
    if (key === null || !segment.visible(index, true)) return false
    const latest = this.#latest.get(toMapKey(key))
    if (latest !== undefined && latest > offset) return false
    // A null value may have been a value on the wire: the text of JSON's null. Then the record is no tombstone.
    if (segment.valueAt(index) !== null || (segment.originalAt(index)?.value ?? null) !== null) return true
    const { tombstones, now, deleteRetentionMs } = this.#rules
    const until = tombstones.get(offset) ?? now + deleteRetentionMs
    if (until <= now) return false
    this.tombstones.set(offset, until)
    return true
  }

  #openOutput(segment: Segment, offset: number): ColumnSegment {
    if (this.#output !== undefined && this.#output.count < this.#rules.segmentRecords) return this.#output
    this.#output?.seal()
    this.#output = new ColumnSegment(offset, segment.createdAt, segment.runningMaxTimestamp)
    this.compacted.push(this.#output)
    return this.#output
  }
}

// A Map compares bytes by identity, so they become a string, with a prefix that no text has: a
// topic may have keys of both kinds.
function toMapKey(key: RecordKey): string {
  if (typeof key === 'string') return key
  return `\udfff${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`
}

import { type ConsumerRecord, noHeaders, type RecordHeaders, type RecordKey } from '../record.ts'
import type { BatchCollector } from './batch-collector.ts'
import { ColumnSegment } from './column-segment.ts'
import type { BatchDecoder, EncodedBatch } from './encoded-batch.ts'
import type { Hidden, Segment } from './segment.ts'

const firstCapacity = 1024

/** A batch gets its own slab where it is larger. */
const slabBytes: number = 1 << 20

/** One batch of a segment: where it is, and whether readers get it. */
interface Batch {
  /** The index of its first record. */
  readonly first: number
  readonly count: number
  /** Where its bytes begin; a control record of this process has none. */
  readonly position: number
  readonly size: number
  readonly maxTimestamp: number
  readonly sequence: number
  hidden: Hidden | undefined
}

/**
 * A run of records as the batches in which they came, in one slab of bytes: who reads batches gets views of it. Who reads
 * records makes it decode them, once.
 */
export class EncodedSegment implements Segment {
  readonly baseOffset: number
  readonly createdAt: number
  count = 0
  plain = true
  bytes = 0
  maxTimestamp: number = Number.NEGATIVE_INFINITY
  runningMaxTimestamp: number
  readonly #decode: BatchDecoder
  #slab: Uint8Array = new Uint8Array(0)
  #used = 0
  readonly #batches: Batch[] = []
  // The records of the batches that were decoded, which are always the first ones.
  #columns: ColumnSegment | undefined
  #decoded = 0
  #sealed = false

  constructor(baseOffset: number, createdAt: number, runningMaxTimestamp: number, decode: BatchDecoder) {
    this.baseOffset = baseOffset
    this.createdAt = createdAt
    this.runningMaxTimestamp = runningMaxTimestamp
    this.#decode = decode
  }

  get endOffset(): number {
    return this.baseOffset + this.count
  }

  /** Whether another batch has its place here. */
  takes({ size, decode }: EncodedBatch): boolean {
    return decode === this.#decode && (this.#used === 0 || this.#used + size <= slabBytes)
  }

  append(batch: EncodedBatch, sequence: number, size: number, appendTime: number | undefined): void {
    const position = this.#used
    this.#grow(position + batch.size)
    batch.copy(this.#slab, position, this.endOffset, appendTime)
    this.#used = position + batch.size
    this.#add(batch.count, position, batch.size, appendTime ?? batch.maxTimestamp, sequence, undefined)
    this.bytes += size
  }

  /** Appends the record of a transaction's end, which nobody reads. */
  appendControl(timestamp: number, sequence: number): void {
    this.#add(1, this.#used, 0, timestamp, sequence, 'control')
    this.plain = false
  }

  #add(
    count: number,
    position: number,
    size: number,
    maxTimestamp: number,
    sequence: number,
    hidden: Hidden | undefined,
  ): void {
    this.#batches.push({ first: this.count, count, position, size, maxTimestamp, sequence, hidden })
    this.count += count
    if (maxTimestamp > this.maxTimestamp) this.maxTimestamp = maxTimestamp
    if (maxTimestamp > this.runningMaxTimestamp) this.runningMaxTimestamp = maxTimestamp
  }

  #grow(needed: number): void {
    if (needed <= this.#slab.length) return
    const doubled = Math.min(slabBytes, Math.max(firstCapacity, 2 * this.#slab.length))
    const larger = new Uint8Array(Math.max(needed, doubled))
    larger.set(this.#slab.subarray(0, this.#used))
    this.#slab = larger
  }

  seal(): void {
    this.#sealed = true
    if (this.#slab.length > this.#used) this.#slab = this.#slab.slice(0, this.#used)
    if (this.#decoded === this.#batches.length) this.#columns?.seal()
  }

  forget(beforeOffset: number): void {
    this.#columns?.forget(beforeOffset)
  }

  /** Collects batches as they are, from the one with the record at an offset on, those that end at or before another one. */
  collect(from: number, end: number, committed: boolean, collector: BatchCollector): void {
    let start = 0
    let stop = 0
    const push = () => {
      if (stop > start) collector.push(this.#slab.subarray(start, stop))
    }
    for (let i = this.#batchOf(this.indexFrom(from)); i < this.#batches.length; i++) {
      const batch = this.#batches[i]!
      if (this.baseOffset + batch.first + batch.count > end) break
      if (batch.size === 0 || !isVisible(batch, committed)) continue
      if (!collector.takes(batch.size)) break
      if (batch.position !== stop) {
        push()
        start = batch.position
      }
      stop = batch.position + batch.size
    }
    push()
  }

  // The number of the batch that has the record at an index.
  #batchOf(index: number): number {
    let low = 0
    let high = this.#batches.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#batches[middle]!.first <= index) low = middle
      else high = middle - 1
    }
    return low
  }

  hide(index: number, why: Hidden): void {
    // A transaction has whole batches.
    this.#batches[this.#batchOf(index)]!.hidden = why
    this.plain = false
  }

  visible(index: number, committed: boolean): boolean {
    return this.plain || isVisible(this.#batches[this.#batchOf(index)]!, committed)
  }

  countVisible(from: number, to: number, committed: boolean): number {
    if (this.plain) return Math.max(0, to - from)
    let count = 0
    for (let i = this.#batchOf(from); i < this.#batches.length; i++) {
      const batch = this.#batches[i]!
      if (batch.first >= to) break
      if (isVisible(batch, committed)) {
        count += Math.min(to, batch.first + batch.count) - Math.max(from, batch.first)
      }
    }
    return count
  }

  indexFrom(offset: number): number {
    return Math.min(this.count, Math.max(0, offset - this.baseOffset))
  }

  offsetForTimestamp(timestamp: number, fromOffset: number): number | null {
    const from = this.indexFrom(fromOffset)
    for (let i = this.#batchOf(from); i < this.#batches.length; i++) {
      const batch = this.#batches[i]!
      if (batch.maxTimestamp < timestamp) continue
      const records = this.#records(batch)
      for (let at = Math.max(0, from - batch.first); at < records.length; at++) {
        if (records[at]!.timestamp >= timestamp) return this.baseOffset + batch.first + at
      }
    }
    return null
  }

  // --- records ------------------------------------------------------------------------------------------------------

  // Looked at once, without being kept.
  #records({ position, size, maxTimestamp }: Batch) {
    if (size === 0) return [{ key: null, value: null, headers: noHeaders, timestamp: maxTimestamp }]
    return this.#decode(this.#slab.subarray(position, position + size))
  }

  #decodeAll(): ColumnSegment {
    const { baseOffset, createdAt, count } = this
    this.#columns ??= new ColumnSegment(baseOffset, createdAt, Number.NEGATIVE_INFINITY, count)
    const columns = this.#columns
    for (; this.#decoded < this.#batches.length; this.#decoded++) {
      const batch = this.#batches[this.#decoded]!
      let { sequence } = batch
      for (const { key, value, headers, timestamp } of this.#records(batch)) {
        columns.append(key, value, headers, timestamp, sequence++, 0)
      }
    }
    if (this.#sealed) columns.seal()
    return columns
  }

  get #all(): ColumnSegment {
    return this.#columns !== undefined && this.#decoded === this.#batches.length
      ? this.#columns
      : this.#decodeAll()
  }

  record(topic: string, partition: number, index: number): ConsumerRecord {
    return this.#all.record(topic, partition, index)
  }

  keyAt(index: number): RecordKey | null {
    return this.#all.keyAt(index)
  }

  valueAt(index: number): unknown {
    return this.#all.valueAt(index)
  }

  headersAt(index: number): RecordHeaders {
    return this.#all.headersAt(index)
  }

  timestampAt(index: number): number {
    return this.#all.timestampAt(index)
  }

  offsetAt(index: number): number {
    return this.baseOffset + index
  }

  sequenceAt(index: number): number {
    return this.#all.sequenceAt(index)
  }

  sizeAt(): number {
    return this.bytes / this.count
  }
}

function isVisible({ hidden }: Batch, committed: boolean): boolean {
  return hidden === undefined || (hidden === 'aborted' && !committed)
}

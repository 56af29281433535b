import { type ConsumerRecord, noHeaders, type RecordHeaders, type RecordKey } from '../record.ts'
import type { BatchCollector } from './batch-collector.ts'
import { BatchIndex } from './batch-index.ts'
import type { ColumnSegment } from './column-segment.ts'
import type { DecodedRecord, OriginalRecord } from './decoded-record.ts'
import type { BatchDecoder, BatchSegment, BatchSegmentStart, EncodedBatch } from './encoded-batch.ts'
import { shareOf } from './record-size.ts'
import type { Hidden } from './segment.ts'
import { Slabs } from './slabs.ts'

// A segment is decoded in one go. So it must not be large, nor must what was packed tightly come together in it.
const mostBytes: number = 1 << 20
const mostUnpacked: number = 16 * mostBytes

/**
 * A run of records as the batches in which they came. Readers of batches get views of their bytes; the first reader of
 * records makes the segment decode them, once.
 */
export class EncodedSegment implements BatchSegment {
  baseOffset: number
  readonly createdAt: number
  plain = true
  bytes = 0
  maxTimestamp: number = Number.NEGATIVE_INFINITY
  runningMaxTimestamp: number
  readonly #newColumns: BatchSegmentStart['columns']
  readonly #decoder: BatchDecoder
  readonly #slabs: Slabs
  #unpacked = 0
  readonly #batches = new BatchIndex()
  // The records of the batches that have been decoded, which are always the first ones.
  #columns: ColumnSegment | undefined
  #decoded = 0
  // The originals of the batch that was asked about last, since they are asked for record by record.
  #originals:
    | { readonly batch: number; readonly records: readonly (OriginalRecord | undefined)[] }
    | undefined
  #sealed = false

  constructor(start: BatchSegmentStart, decoder: BatchDecoder) {
    this.#newColumns = start.columns
    this.#slabs = new Slabs(start.expected)
    this.baseOffset = start.baseOffset
    this.createdAt = start.createdAt
    this.runningMaxTimestamp = start.runningMaxTimestamp
    this.#decoder = decoder
  }

  get count(): number {
    return this.#batches.records
  }

  get size(): number {
    return this.#slabs.size
  }

  get endOffset(): number {
    return this.baseOffset + this.count
  }

  takes({ size, unpackedSize, decoder }: EncodedBatch): boolean {
    if (decoder !== this.#decoder) return false
    return this.size === 0 || (this.size + size <= mostBytes && this.#unpacked + unpackedSize <= mostUnpacked)
  }

  append(batch: EncodedBatch, sequence: number, size: number, appendTime: number | undefined): void {
    this.#slabs.append(batch, this.endOffset, appendTime)
    this.#add(batch.count, batch.size, appendTime ?? batch.maxTimestamp, sequence)
    this.#unpacked += batch.unpackedSize
    this.bytes += size
  }

  appendControl(timestamp: number, sequence: number): void {
    this.#add(1, 0, timestamp, sequence)
    this.#batches.hide(this.#batches.length - 1, 'control')
    this.plain = false
  }

  #add(count: number, bytes: number, maxTimestamp: number, sequence: number): void {
    this.#batches.add(count, bytes, maxTimestamp, sequence)
    if (maxTimestamp > this.maxTimestamp) this.maxTimestamp = maxTimestamp
    if (maxTimestamp > this.runningMaxTimestamp) this.runningMaxTimestamp = maxTimestamp
  }

  seal(): void {
    this.#sealed = true
    this.#slabs.seal()
    this.#batches.seal()
    if (this.#decoded === this.#batches.length) this.#columns?.seal()
  }

  // Whole batches, as a batch is kept as it came.
  droppable(beforeOffset: number): number {
    return this.#batches.first(this.#batches.at(this.indexFrom(beforeOffset)))
  }

  bytesOfFirst(count: number): number {
    return this.bytes === 0 ? 0 : Math.min(this.bytes, this.#batches.position(this.#batches.at(count)))
  }

  dropFirst(count: number): void {
    const batches = this.#batches
    const dropped = batches.at(count)
    this.bytes -= this.bytesOfFirst(count)
    this.#slabs.dropFirst(batches.position(dropped))
    if (this.#decoded > dropped) this.#columns!.dropFirst(count)
    else this.#columns = undefined
    this.#decoded = Math.max(0, this.#decoded - dropped)
    this.#originals = undefined
    batches.dropFirst(dropped)
    this.baseOffset += count
    this.maxTimestamp = Number.NEGATIVE_INFINITY
    for (let i = 0; i < batches.length; i++) {
      this.maxTimestamp = Math.max(this.maxTimestamp, batches.maxTimestamp(i))
    }
  }

  // Its batches stay as they came, so no bytes are freed.
  forget(beforeOffset: number): number {
    this.#columns?.forget(beforeOffset)
    return 0
  }

  collect(from: number, end: number, committed: boolean, collector: BatchCollector): void {
    const batches = this.#batches
    let start = 0
    let stop = 0
    const push = () => {
      for (const view of this.#slabs.views(start, stop)) collector.push(view)
    }
    for (let i = batches.at(this.indexFrom(from)); i < batches.length; i++) {
      if (this.baseOffset + batches.first(i + 1) > end) break
      const position = batches.position(i)
      const size = batches.position(i + 1) - position
      if (!batches.visible(i, committed)) continue
      if (!collector.takes(size)) break
      if (position !== stop) {
        push()
        start = position
      }
      stop = position + size
    }
    push()
  }

  hide(index: number, why: Hidden): void {
    // A transaction consists of whole batches.
    this.#batches.hide(this.#batches.at(index), why)
    this.plain = false
  }

  visible(index: number, committed: boolean): boolean {
    return this.plain || this.#batches.visible(this.#batches.at(index), committed)
  }

  countVisible(from: number, to: number, committed: boolean): number {
    if (this.plain) return Math.max(0, to - from)
    const batches = this.#batches
    let count = 0
    for (let i = batches.at(from); batches.first(i) < to; i++) {
      if (batches.visible(i, committed)) {
        count += Math.min(to, batches.first(i + 1)) - Math.max(from, batches.first(i))
      }
    }
    return count
  }

  indexFrom(offset: number): number {
    return Math.min(this.count, Math.max(0, offset - this.baseOffset))
  }

  offsetForTimestamp(timestamp: number, fromOffset: number): number | null {
    const from = this.indexFrom(fromOffset)
    for (let i = this.#batches.at(from); i < this.#batches.length; i++) {
      if (this.#batches.maxTimestamp(i) < timestamp) continue
      let index = this.#batches.first(i)
      for (const record of this.#records(i)) {
        if (index >= from && record.timestamp >= timestamp) return this.baseOffset + index
        index++
      }
    }
    return null
  }

  // --- records ------------------------------------------------------------------------------------------------------

  // Decodes a batch to look at its records once, without keeping them.
  #records(batch: number): Iterable<DecodedRecord> {
    const position = this.#batches.position(batch)
    const end = this.#batches.position(batch + 1)
    if (end > position) return this.#decoder.decode(this.#slabs.view(position, end))
    return [{ key: null, value: null, headers: noHeaders, timestamp: this.#batches.maxTimestamp(batch) }]
  }

  #decodeAll(): ColumnSegment {
    const { baseOffset, createdAt, count } = this
    this.#columns ??= this.#newColumns(baseOffset, createdAt, Number.NEGATIVE_INFINITY, count)
    const columns = this.#columns
    for (; this.#decoded < this.#batches.length; this.#decoded++) {
      let sequence = this.#batches.sequence(this.#decoded)
      for (const { key, value, headers, timestamp } of this.#records(this.#decoded)) {
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

  originalAt(index: number): OriginalRecord | undefined {
    const batch = this.#batches.at(index)
    if (this.#originals?.batch !== batch) {
      const bytes = this.#slabs.view(this.#batches.position(batch), this.#batches.position(batch + 1))
      this.#originals = { batch, records: this.#decoder.originals(bytes) }
    }
    return this.#originals.records[index - this.#batches.first(batch)]
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

  measure(): number {
    return this.size
  }

  sizeAt(index: number): number {
    return shareOf(this.bytes, index, this.count)
  }
}

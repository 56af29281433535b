import { plainObject } from '../plain-object.ts'
import { type ConsumerRecord, noHeaders, type RecordHeaders, type RecordKey } from '../record.ts'
import type { OriginalRecord } from './decoded-record.ts'
import { hiddenCodes, isVisible, marked } from './hidden.ts'
import { recordSize, shareOf, sizeAsJson } from './record-size.ts'
import type { Hidden, Segment } from './segment.ts'

const firstCapacity = 4

/**
 * A run of records as columns: an offset is the base plus the index, and a record object is created when it is
 * read. A record takes two slots and eight bytes; as an object it would take over a hundred bytes, and the
 * collector's time for as long as it is kept. Where compaction has left gaps, the offsets are a column of their
 * own, created for the first gap.
 */
export class ColumnSegment implements Segment {
  baseOffset: number
  readonly createdAt: number
  count = 0
  plain = true
  /** The bytes of its keys, values and headers, where the topic counts bytes. */
  bytes = 0
  maxTimestamp: number = Number.NEGATIVE_INFINITY
  runningMaxTimestamp: number
  // The key and the value of each record, alternating: one array grows half as often as two would, and values that
  // are read together lie together.
  #slots: unknown[]
  #headers: (RecordHeaders | undefined)[] | undefined
  // For records from the wire that were decoded: the original, where encoding the record would not restore it.
  #originals: (OriginalRecord | undefined)[] | undefined
  // The timestamp of each record and its position in the topic's order of appends, both relative to the first record's,
  // alternating: one column is written faster than two. As doubles once one takes more than 32 bits, after 24 days.
  #numbers: Int32Array | Float64Array
  #baseTimestamp = 0
  // The first record's position in the topic's order of appends.
  #baseSequence = 0
  #ascending = true
  // Offsets since the base, once there is a gap.
  #offsets: Uint32Array | undefined
  // Which records are hidden, and why; created for the first one.
  #hidden: Uint8Array | undefined
  #aborted = 0
  #controls = 0
  // How many of its first records were forgotten.
  #forgotten = 0
  // The index that the last look-up found: a reader that reads on asks for the next one.
  #lastIndex = 0

  /**
   * `expected`: the initial capacity, where the previous segment shows how many records will come. `dropped`: a segment
   * that is no longer read; its columns are reused if they have that capacity.
   */
  constructor(
    baseOffset: number,
    createdAt: number,
    runningMaxTimestamp: number,
    expected: number = 0,
    dropped?: ColumnSegment,
  ) {
    this.baseOffset = baseOffset
    this.createdAt = createdAt
    this.runningMaxTimestamp = runningMaxTimestamp
    if (dropped?.fits(expected)) {
      this.#slots = dropped.#slots.fill(null)
      this.#numbers = dropped.#numbers
      dropped.#release()
    } else {
      this.#slots = new Array(2 * expected)
      this.#numbers = new Int32Array(2 * Math.max(firstCapacity, expected))
    }
  }

  /** Whether its columns have a capacity of exactly so many records. */
  fits(records: number): boolean {
    return (
      this.#slots.length === 2 * records &&
      this.#numbers.length === 2 * records &&
      this.#numbers instanceof Int32Array
    )
  }

  get #capacity(): number {
    return this.#numbers.length / 2
  }

  #release(): void {
    this.#slots = []
    this.#numbers = new Int32Array(0)
  }

  get endOffset(): number {
    if (this.#offsets === undefined) return this.baseOffset + this.count
    return this.count === 0 ? this.baseOffset : this.baseOffset + this.#offsets[this.count - 1]! + 1
  }

  append(
    key: RecordKey | null,
    value: unknown,
    headers: RecordHeaders,
    timestamp: number,
    sequence: number,
    size: number,
  ): void {
    const index = this.count
    if (index === 0) {
      this.#baseTimestamp = timestamp
      this.#baseSequence = sequence
    }
    const slots = this.#slots
    slots[2 * index] = key
    slots[2 * index + 1] = value
    if (headers !== noHeaders) {
      this.#headers ??= []
      this.#headers[index] = headers
    }
    const delta = timestamp - this.#baseTimestamp
    const position = sequence - this.#baseSequence
    let numbers = this.#numbers
    if (2 * index === numbers.length || delta !== (delta | 0) || position !== (position | 0)) {
      numbers = this.#numbersFor(index, delta, position)
    }
    numbers[2 * index] = delta
    numbers[2 * index + 1] = position
    this.#noteTimestamp(timestamp)
    this.bytes += size
    this.count = index + 1
  }

  /** Appends a record of another segment; there may be a gap before it. */
  appendFrom(source: Segment, from: number, size: number): void {
    const delta = source.offsetAt(from) - this.baseOffset
    const index = this.count
    if (this.#offsets === undefined && delta !== index) this.#explicitOffsets()
    if (this.#offsets !== undefined) {
      if (index >= this.#offsets.length) this.#offsets = grown(this.#offsets)
      this.#offsets[index] = delta
    }
    this.append(
      source.keyAt(from),
      source.valueAt(from),
      source.headersAt(from),
      source.timestampAt(from),
      source.sequenceAt(from),
      size,
    )
    this.setOriginal(index, source.originalAt(from))
  }

  setOriginal(index: number, original: OriginalRecord | undefined): void {
    if (original === undefined) return
    this.#originals ??= []
    this.#originals[index] = original
  }

  hide(index: number, why: Hidden): void {
    this.plain = false
    this.#hidden = marked(this.#hidden, index, why, this.#capacity)
    if (why === 'aborted') this.#aborted++
    else this.#controls++
  }

  visible(index: number, committed: boolean): boolean {
    return isVisible(this.#hidden?.[index], committed)
  }

  countVisible(from: number, to: number, committed: boolean): number {
    if (this.#hidden === undefined) return Math.max(0, to - from)
    if (from === 0 && to === this.count) {
      return this.count - this.#controls - (committed ? this.#aborted : 0)
    }
    let count = 0
    for (let index = from; index < to; index++) if (this.visible(index, committed)) count++
    return count
  }

  #explicitOffsets(): void {
    this.plain = false
    this.#offsets = new Uint32Array(this.#capacity)
    for (let i = 0; i < this.count; i++) this.#offsets[i] = i
  }

  // Apart, because V8 puts only so much into the loop over records.
  #numbersFor(index: number, delta: number, position: number): Int32Array | Float64Array {
    if (2 * index === this.#numbers.length) this.#numbers = grown(this.#numbers)
    const fit = delta === (delta | 0) && position === (position | 0)
    if (!fit && this.#numbers instanceof Int32Array) this.#numbers = Float64Array.from(this.#numbers)
    return this.#numbers
  }

  #noteTimestamp(timestamp: number): void {
    if (timestamp >= this.maxTimestamp) {
      this.maxTimestamp = timestamp
      if (timestamp > this.runningMaxTimestamp) this.runningMaxTimestamp = timestamp
    } else {
      this.#ascending = false
    }
  }

  seal(): void {
    this.#slots.length = 2 * this.count
    if (this.#numbers.length > 2 * this.count) this.#numbers = this.#numbers.slice(0, 2 * this.count)
    if (this.#offsets && this.#offsets.length > this.count) this.#offsets = this.#offsets.slice(0, this.count)
    if (this.#hidden && this.#hidden.length > this.count) this.#hidden = this.#hidden.slice(0, this.count)
  }

  droppable(beforeOffset: number): number {
    return this.indexFrom(beforeOffset)
  }

  bytesOfFirst(count: number): number {
    if (this.bytes === 0) return 0
    let bytes = 0
    for (let i = this.#forgotten; i < count; i++) bytes += this.sizeAt(i)
    return Math.min(bytes, this.bytes)
  }

  dropFirst(count: number): void {
    const from = this.offsetAt(count)
    this.bytes -= this.bytesOfFirst(count)
    this.#forgotten = Math.max(0, this.#forgotten - count)
    for (const code of this.#hidden?.subarray(0, count) ?? []) {
      if (code === hiddenCodes.aborted) this.#aborted--
      if (code === hiddenCodes.control) this.#controls--
    }
    this.#hidden = this.#hidden?.slice(count)
    this.#slots.splice(0, 2 * count)
    this.#headers?.splice(0, count)
    this.#originals?.splice(0, count)
    this.#numbers = this.#numbers.slice(2 * count)
    this.#offsets = this.#offsets?.slice(count).map(delta => delta + this.baseOffset - from)
    this.baseOffset = from
    this.count -= count
    this.maxTimestamp = Number.NEGATIVE_INFINITY
    for (let i = 0; i < this.count; i++) this.maxTimestamp = Math.max(this.maxTimestamp, this.timestampAt(i))
  }

  forget(beforeOffset: number): number {
    const end = this.indexFrom(beforeOffset)
    const bytes = this.bytesOfFirst(end)
    this.bytes -= bytes
    this.#forgotten = end
    this.#slots.fill(null, 0, 2 * end)
    this.#headers?.fill(undefined, 0, Math.min(end, this.#headers.length))
    this.#originals?.fill(undefined, 0, Math.min(end, this.#originals.length))
    return bytes
  }

  record(topic: string, partition: number, index: number): ConsumerRecord {
    const slots = this.#slots
    return new ReadRecord(
      topic,
      partition,
      this.#offsets === undefined ? this.baseOffset + index : this.baseOffset + this.#offsets[index]!,
      this.#baseTimestamp + this.#numbers[2 * index]!,
      slots[2 * index] as RecordKey | null,
      slots[2 * index + 1],
      this.#headers?.[index] ?? noHeaders,
    )
  }

  measure(topic: string): number {
    let bytes = 0
    for (let i = 0; i < this.count; i++) {
      bytes += sizeAsJson({ topic, key: this.keyAt(i), value: this.valueAt(i), headers: this.headersAt(i) })
    }
    return bytes
  }

  sizeAt(index: number): number {
    const value = this.valueAt(index)
    // A value that came encoded and was decoded later has no size of its own: it counts as an average record.
    if (value !== null && !(value instanceof Uint8Array)) return shareOf(this.bytes, index, this.count)
    return recordSize({ topic: '', key: this.keyAt(index), value, headers: this.headersAt(index) })
  }

  keyAt(index: number): RecordKey | null {
    return this.#slots[2 * index] as RecordKey | null
  }

  valueAt(index: number): unknown {
    return this.#slots[2 * index + 1]
  }

  headersAt(index: number): RecordHeaders {
    return this.#headers?.[index] ?? noHeaders
  }

  originalAt(index: number): OriginalRecord | undefined {
    return this.#originals?.[index]
  }

  timestampAt(index: number): number {
    return this.#baseTimestamp + this.#numbers[2 * index]!
  }

  offsetAt(index: number): number {
    return this.baseOffset + (this.#offsets === undefined ? index : this.#offsets[index]!)
  }

  sequenceAt(index: number): number {
    return this.#baseSequence + this.#numbers[2 * index + 1]!
  }

  indexFrom(offset: number): number {
    const delta = Math.max(0, offset - this.baseOffset)
    if (this.#offsets === undefined) return Math.min(delta, this.count)
    const offsets = this.#offsets
    let low = this.#lastIndex
    if (low < this.count && offsets[low]! < delta) low++
    if (low < this.count && offsets[low]! >= delta && (low === 0 || offsets[low - 1]! < delta)) {
      this.#lastIndex = low
      return low
    }
    low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (offsets[middle]! < delta) low = middle + 1
      else high = middle
    }
    this.#lastIndex = low
    return low
  }

  offsetForTimestamp(timestamp: number, fromOffset: number): number | null {
    let low = this.indexFrom(fromOffset)
    const delta = timestamp - this.#baseTimestamp
    if (this.#ascending) {
      let high = this.count
      while (low < high) {
        const middle = (low + high) >>> 1
        if (this.#numbers[2 * middle]! < delta) low = middle + 1
        else high = middle
      }
    } else {
      while (low < this.count && this.#numbers[2 * low]! < delta) low++
    }
    return low < this.count ? this.offsetAt(low) : null
  }
}

const ReadRecord = /* @__PURE__ */ plainObject<
  ConsumerRecord,
  [
    topic: string,
    partition: number,
    offset: number,
    timestamp: number,
    key: RecordKey | null,
    value: unknown,
    headers: RecordHeaders,
  ]
>(function (topic, partition, offset, timestamp, key, value, headers) {
  this.topic = topic
  this.partition = partition
  this.offset = offset
  this.timestamp = timestamp
  this.key = key
  this.value = value
  this.headers = headers
})

function grown<Column extends Int32Array | Float64Array | Uint32Array>(column: Column): Column {
  const Kind = column.constructor as new (length: number) => Column
  const larger = new Kind(column.length * 4)
  larger.set(column)
  return larger
}

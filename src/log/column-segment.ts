import { type ConsumerRecord, noHeaders, type RecordHeaders, type RecordKey } from '../record.ts'
import type { OriginalRecord } from './encoded-batch.ts'
import { recordSize, sizeAsJson } from './record-size.ts'
import type { Hidden, Segment } from './segment.ts'

const firstCapacity = 4

const hiddenCodes: Readonly<Record<Hidden, number>> = { aborted: 1, control: 2 }

/**
 * A run of records as columns: an offset is the base plus the index, and a record object is made when it is read. (Two
 * slots and eight bytes a record; a record object would cost over a hundred bytes and the collector's time for as long
 * as it is kept.) Where compaction has left gaps, the offsets are a column of their own, made for the first gap.
 */
export class ColumnSegment implements Segment {
  readonly baseOffset: number
  /** When its first record was appended, on the clock's `now()`. */
  readonly createdAt: number
  count = 0
  /** Whether every offset from the first to the last is a record that every reader gets: nothing need be looked for then. */
  plain = true
  /** Of keys, values and headers, where the topic counts bytes. */
  bytes = 0
  maxTimestamp: number = Number.NEGATIVE_INFINITY
  /** The largest timestamp of this segment and all before it in its partition: it makes a search by time binary. */
  runningMaxTimestamp: number
  // The key and the value of each record, one after the other: one array grows half as often as two would, and what is
  // read together lies together.
  #slots: unknown[]
  #headers: (RecordHeaders | undefined)[] | undefined
  // Of records that came over the wire and were copied here: how they came, where they are not that any more.
  #originals: (OriginalRecord | undefined)[] | undefined
  // Milliseconds since the first record's timestamp; as doubles once one is more than 24 days away from it.
  #timestamps: Int32Array | Float64Array
  #baseTimestamp = 0
  #ascending = true
  // Offsets since the base, once there is a gap.
  #offsets: Uint32Array | undefined
  // Which records are hidden, and why; made for the first one.
  #hidden: Uint8Array | undefined
  #aborted = 0
  #controls = 0
  // Where the last look-up ended: whoever reads on asks for the place after it.
  #lastIndex = 0
  // The place in the topic's order of appends since the first one's; made when that is not simply the index.
  #baseSequence = 0
  #sequences: Uint32Array | undefined

  /**
   * `expected`: room for so many records at once, where the segment before it shows that they will come. `dropped`: one that
   * nobody reads any more, whose columns are used again if they have that room.
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
      this.#timestamps = dropped.#timestamps
      this.#sequences = dropped.#sequences
      dropped.#release()
    } else {
      this.#slots = new Array(2 * expected)
      this.#timestamps = new Int32Array(Math.max(firstCapacity, expected))
    }
  }

  /** Whether its columns have room for just so many records. */
  fits(records: number): boolean {
    return (
      this.#slots.length === 2 * records &&
      this.#timestamps.length === records &&
      this.#timestamps instanceof Int32Array &&
      (this.#sequences === undefined || this.#sequences.length === records)
    )
  }

  #release(): void {
    this.#slots = []
    this.#timestamps = new Int32Array(0)
    this.#sequences = undefined
  }

  /** The offset after its last record. */
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
    this.#slots[2 * index] = key
    this.#slots[2 * index + 1] = value
    if (headers !== noHeaders) {
      this.#headers ??= []
      this.#headers[index] = headers
    }
    this.#appendTimestamp(index, timestamp)
    this.#appendSequence(index, sequence - this.#baseSequence)
    this.bytes += size
    this.count = index + 1
  }

  /** Appends a record of another segment, which may leave a gap before it. */
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

  /** Keeps a record from readers: from all of them, or only from those who read what is committed. */
  hide(index: number, why: Hidden): void {
    this.plain = false
    if (this.#hidden === undefined || this.#hidden.length <= index) {
      const hidden = new Uint8Array(Math.max(this.#timestamps.length, index + 1))
      if (this.#hidden !== undefined) hidden.set(this.#hidden)
      this.#hidden = hidden
    }
    this.#hidden[index] = hiddenCodes[why]
    if (why === 'aborted') this.#aborted++
    else this.#controls++
  }

  /** Whether a reader gets a record: `committed` is one who reads only what is committed. */
  visible(index: number, committed: boolean): boolean {
    const code = this.#hidden?.[index] ?? 0
    return code === 0 || (code === hiddenCodes.aborted && !committed)
  }

  /** How many records a reader gets from one index on and before another one. */
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
    this.#offsets = new Uint32Array(this.#timestamps.length)
    for (let i = 0; i < this.count; i++) this.#offsets[i] = i
  }

  #appendTimestamp(index: number, timestamp: number): void {
    const delta = timestamp - this.#baseTimestamp
    if (index === this.#timestamps.length) this.#timestamps = grown(this.#timestamps)
    if (delta !== (delta | 0) && this.#timestamps instanceof Int32Array) {
      this.#timestamps = Float64Array.from(this.#timestamps)
    }
    this.#timestamps[index] = delta
    if (timestamp >= this.maxTimestamp) {
      this.maxTimestamp = timestamp
      if (timestamp > this.runningMaxTimestamp) this.runningMaxTimestamp = timestamp
    } else {
      this.#ascending = false
    }
  }

  #appendSequence(index: number, delta: number): void {
    if (this.#sequences === undefined) {
      if (delta === index) return
      const sequences = new Uint32Array(this.#timestamps.length)
      for (let i = 0; i < index; i++) sequences[i] = i
      this.#sequences = sequences
    }
    if (index >= this.#sequences.length) this.#sequences = grown(this.#sequences)
    this.#sequences[index] = delta
  }

  /** Gives back the room that growing left over; nothing is appended after it. */
  seal(): void {
    this.#slots.length = 2 * this.count
    if (this.#timestamps.length > this.count) this.#timestamps = this.#timestamps.slice(0, this.count)
    if (this.#sequences && this.#sequences.length > this.count)
      this.#sequences = this.#sequences.slice(0, this.count)
    if (this.#offsets && this.#offsets.length > this.count) this.#offsets = this.#offsets.slice(0, this.count)
    if (this.#hidden && this.#hidden.length > this.count) this.#hidden = this.#hidden.slice(0, this.count)
  }

  /** Lets go of keys, values and headers below an offset; nobody reads there again. */
  forget(beforeOffset: number): void {
    const end = this.indexFrom(beforeOffset)
    this.#slots.fill(null, 0, 2 * end)
    this.#headers?.fill(undefined, 0, Math.min(end, this.#headers.length))
    this.#originals?.fill(undefined, 0, Math.min(end, this.#originals.length))
  }

  /** The record at an index, as the log keeps it. */
  record(topic: string, partition: number, index: number): ConsumerRecord {
    const slots = this.#slots
    return {
      topic,
      partition,
      offset: this.#offsets === undefined ? this.baseOffset + index : this.baseOffset + this.#offsets[index]!,
      timestamp: this.#baseTimestamp + this.#timestamps[index]!,
      key: slots[2 * index] as RecordKey | null,
      value: slots[2 * index + 1],
      headers: this.#headers?.[index] ?? noHeaders,
    }
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
    // What came encoded, and was decoded since, has no size of its own.
    if (value !== null && !(value instanceof Uint8Array)) return this.bytes / this.count
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
    return this.#baseTimestamp + this.#timestamps[index]!
  }

  offsetAt(index: number): number {
    return this.baseOffset + (this.#offsets === undefined ? index : this.#offsets[index]!)
  }

  /** The place of a record in its topic's order of appends. */
  sequenceAt(index: number): number {
    return this.#baseSequence + (this.#sequences === undefined ? index : this.#sequences[index]!)
  }

  /** The index of the first record at or after an offset; `count` where there is none. */
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

  /** The first offset, from `fromOffset` on, whose timestamp is at least `timestamp`. */
  offsetForTimestamp(timestamp: number, fromOffset: number): number | null {
    let low = this.indexFrom(fromOffset)
    const delta = timestamp - this.#baseTimestamp
    if (this.#ascending) {
      let high = this.count
      while (low < high) {
        const middle = (low + high) >>> 1
        if (this.#timestamps[middle]! < delta) low = middle + 1
        else high = middle
      }
    } else {
      while (low < this.count && this.#timestamps[low]! < delta) low++
    }
    return low < this.count ? this.offsetAt(low) : null
  }
}

function grown<Column extends Int32Array | Float64Array | Uint32Array>(column: Column): Column {
  const Kind = column.constructor as new (length: number) => Column
  const larger = new Kind(column.length * 4)
  larger.set(column)
  return larger
}

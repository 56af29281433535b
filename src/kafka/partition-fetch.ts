import type { FetchPosition, PartitionFetch } from '../engine.ts'
import type { ConsumerRecord } from '../record.ts'
import type { Serde } from '../serde.ts'
import type { Fetched } from './fetched-records.ts'

/** What one partition needs of its session. */
export interface PartitionFetchHost<Position extends FetchPosition> {
  /** The partition has something to read. */
  ready(fetch: ClusterPartitionFetch<Position>): void
  /** The partition needs more records, or another offset. */
  wants(): void
  stopped(fetch: ClusterPartitionFetch<Position>): void
  refresh(fetch: ClusterPartitionFetch<Position>): Promise<void>
  /** Whether a topic of that name is known, and not that one. */
  isOfAnother(fetch: ClusterPartitionFetch<Position>): boolean
}

interface Chunk extends Fetched {
  readonly from: number
}

/**
 * One partition of a session: waiting, queued, taken (polled, and still being read) or stopped. It holds the records
 * that are being read and, one response ahead, those that come next.
 */
export class ClusterPartitionFetch<Position extends FetchPosition> implements PartitionFetch {
  /** The id of its topic: another topic may be created under the same name. */
  readonly topicId: string
  readonly position: Position
  readonly serde: Serde
  readonly #host: PartitionFetchHost<Position>
  #chunk: Chunk | undefined
  #ahead: Chunk | undefined
  #index = 0
  #outOfRangeAt = -1
  #state: 'waiting' | 'queued' | 'taken' | 'stopped' = 'waiting'
  highWatermark = 0
  logStartOffset = 0
  endOffset = 0
  /** The offset that a request under way asks for, or undefined. */
  asking: number | undefined

  constructor(host: PartitionFetchHost<Position>, topicId: string, serde: Serde, position: Position) {
    this.#host = host
    this.topicId = topicId
    this.serde = serde
    this.position = position
  }

  // --- what its session does ----------------------------------------------------------------------------------------

  /** The offset to fetch from now, or undefined where nothing is needed. */
  get wanted(): number | undefined {
    if (this.#state === 'stopped' || this.position.paused || this.asking !== undefined) return undefined
    if (this.#ahead !== undefined) return undefined
    const next = this.#nextOffset
    return next === this.#outOfRangeAt ? undefined : next
  }

  // The offset after the records that are held.
  get #nextOffset(): number {
    return this.#current?.nextOffset ?? this.position.fetchPosition
  }

  /** Takes a response to a fetch from an offset; drops it where the reader has moved elsewhere meanwhile. */
  received(from: number, fetched: Fetched): void {
    if (this.#state === 'stopped' || fetched.nextOffset === from) return
    const chunk = { from, ...fetched }
    if (this.#current?.nextOffset === from) this.#ahead = chunk
    else if (this.#current === undefined && this.position.fetchPosition === from) this.#begin(chunk)
    this.#signal()
  }

  /** Notes that the log does not have an offset; records held before that offset are read first. */
  isOutOfRange(offset: number): void {
    if (this.#nextOffset !== offset) return
    this.#outOfRangeAt = offset
    this.#signal()
  }

  /** Takes the partition for reading; false where it has nothing to read after all. */
  take(): boolean {
    if (this.#state !== 'queued') return false
    const some = !this.position.paused && this.#hasSome
    this.#state = some ? 'taken' : 'waiting'
    if (!some) this.#host.wants()
    return some
  }

  // --- the chunk that is read ---------------------------------------------------------------------------------------

  // The held records at the reader's position; drops records that the reader has moved away from.
  get #current(): Chunk | undefined {
    const { fetchPosition } = this.position
    if (this.#holds(this.#chunk, fetchPosition)) return this.#chunk
    const ahead = this.#ahead
    this.#ahead = undefined
    this.#chunk = undefined
    if (this.#holds(ahead, fetchPosition)) this.#begin(ahead)
    return this.#chunk
  }

  #holds(chunk: Chunk | undefined, offset: number): chunk is Chunk {
    return chunk !== undefined && chunk.from <= offset && offset < chunk.nextOffset
  }

  #begin(chunk: Chunk): void {
    this.#chunk = chunk
    this.#index = 0
  }

  get #hasSome(): boolean {
    return this.outOfRange || this.#current !== undefined
  }

  #signal(): void {
    if (this.#state !== 'waiting' || this.position.paused || !this.#hasSome) return
    this.#state = 'queued'
    this.#host.ready(this)
  }

  // Finds the reader's position among the records, which may be further back than before.
  #seek({ records }: Chunk, offset: number): void {
    if (this.#index > 0 && records[this.#index - 1]!.offset >= offset) this.#index = 0
    while (this.#index < records.length && records[this.#index]!.offset < offset) this.#index++
  }

  // --- PartitionFetch -----------------------------------------------------------------------------------------------

  get outOfRange(): boolean {
    return this.#outOfRangeAt === this.position.fetchPosition
  }

  read(): ConsumerRecord | undefined {
    const chunk = this.#current
    if (chunk === undefined) return undefined
    this.#seek(chunk, this.position.fetchPosition)
    const record = chunk.records[this.#index]
    if (record === undefined) {
      this.position.fetchPosition = chunk.nextOffset
      return this.read()
    }
    this.#index++
    this.position.fetchPosition = this.#index < chunk.records.length ? record.offset + 1 : chunk.nextOffset
    return record
  }

  readBatch(maxRecords: number): readonly ConsumerRecord[] {
    const chunk = this.#current
    if (chunk === undefined) return []
    this.#seek(chunk, this.position.fetchPosition)
    const end = Math.min(this.#index + maxRecords, chunk.records.length)
    const records = chunk.records.slice(this.#index, end)
    this.#index = end
    this.position.fetchPosition = end < chunk.records.length ? records.at(-1)!.offset + 1 : chunk.nextOffset
    return records
  }

  next(): void {
    if (this.#state !== 'taken') return
    this.#state = 'waiting'
    this.#signal()
    this.#host.wants()
  }

  // If the partition is queued, its place in the queue will be skipped.
  hold(): void {
    if (this.#state !== 'stopped') this.#state = 'taken'
  }

  changed(): void {
    this.#outOfRangeAt = -1
    this.#signal()
    this.#host.wants()
  }

  refresh(): Promise<void> {
    return this.#host.refresh(this)
  }

  get deleted(): boolean {
    return this.#host.isOfAnother(this)
  }

  stop(): void {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#chunk = undefined
    this.#ahead = undefined
    this.#host.stopped(this)
  }
}

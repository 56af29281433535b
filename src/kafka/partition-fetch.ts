import type { FetchPosition, PartitionFetch } from '../engine.ts'
import type { ConsumerRecord } from '../record.ts'
import type { Serde } from '../serde.ts'
import type { Fetched } from './fetched-records.ts'

/** What one partition needs of its session. */
export interface PartitionFetchHost<Position extends FetchPosition> {
  /** It has something to read. */
  ready(fetch: ClusterPartitionFetch<Position>): void
  /** It wants more, or wants something else. */
  wants(): void
  stopped(fetch: ClusterPartitionFetch<Position>): void
  refresh(fetch: ClusterPartitionFetch<Position>): Promise<void>
}

interface Chunk extends Fetched {
  readonly from: number
}

/**
 * One partition of a session: it is waiting, queued, taken (polled and not dealt with yet) or stopped. It holds what is
 * being read and, one answer ahead, what comes next.
 */
export class ClusterPartitionFetch<Position extends FetchPosition> implements PartitionFetch {
  /** The topic's: another one may come under its name. */
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
  /** Asked for by a request under way: where from, or undefined. */
  asking: number | undefined

  constructor(host: PartitionFetchHost<Position>, topicId: string, serde: Serde, position: Position) {
    this.#host = host
    this.topicId = topicId
    this.serde = serde
    this.position = position
  }

  // --- what its session does ----------------------------------------------------------------------------------------

  /** Where to fetch from now, or undefined where nothing is wanted. */
  get wanted(): number | undefined {
    if (this.#state === 'stopped' || this.position.paused || this.asking !== undefined) return undefined
    if (this.#ahead !== undefined) return undefined
    const next = this.#nextOffset
    return next === this.#outOfRangeAt ? undefined : next
  }

  // After what is held.
  get #nextOffset(): number {
    return this.#current?.nextOffset ?? this.position.fetchPosition
  }

  /** Takes an answer to what was asked from an offset on; it counts only if that is still what is wanted. */
  received(from: number, fetched: Fetched): void {
    if (this.#state === 'stopped' || fetched.nextOffset === from) return
    const chunk = { from, ...fetched }
    if (this.#current?.nextOffset === from) this.#ahead = chunk
    else if (this.#current === undefined && this.position.fetchPosition === from) this.#begin(chunk)
    this.#signal()
  }

  /** The log does not have that offset: where something is still to be read before it, that comes first. */
  isOutOfRange(offset: number): void {
    if (this.#nextOffset !== offset) return
    this.#outOfRangeAt = offset
    this.#signal()
  }

  /** Its turn has come; false where there is nothing to read after all. */
  take(): boolean {
    if (this.#state !== 'queued') return false
    const some = !this.position.paused && this.#hasSome
    this.#state = some ? 'taken' : 'waiting'
    if (!some) this.#host.wants()
    return some
  }

  // --- the chunk that is read ---------------------------------------------------------------------------------------

  // What is held where the reader stands; what it has moved away from is let go.
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

  // Where the reader stands among the records, which may be further back than it was.
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

  // Where it is queued its place in the queue is passed over.
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

  stop(): void {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#chunk = undefined
    this.#ahead = undefined
    this.#host.stopped(this)
  }
}

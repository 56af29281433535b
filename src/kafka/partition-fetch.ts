import type { FetchPosition, PartitionFetch } from '../engine.ts'
import type { ConsumerRecord } from '../record.ts'
import type { Serde } from '../serde.ts'
import type { Fetched } from './fetched-records.ts'
import { ReadEpochs } from './read-epochs.ts'

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
  // The offset from which on the log has lost what was read.
  #truncatedAt = Number.POSITIVE_INFINITY
  readonly #epochs = new ReadEpochs()
  // The leader epoch under which the log is known to have what was read.
  #comparedUnder = -1
  #state: 'waiting' | 'queued' | 'taken' | 'stopped' = 'waiting'
  highWatermark = 0
  logStartOffset = 0
  endOffset = 0
  /** The offset that a request under way asks for, or undefined. */
  asking: number | undefined
  /** The leader epoch that the request names. */
  askingUnder = -1

  constructor(host: PartitionFetchHost<Position>, topicId: string, serde: Serde, position: Position) {
    this.#host = host
    this.topicId = topicId
    this.serde = serde
    this.position = position
    const { fetchPosition, leaderEpoch } = position
    if (leaderEpoch !== undefined) this.#epochs.beginAt(fetchPosition, leaderEpoch)
  }

  // --- what its session does ----------------------------------------------------------------------------------------

  /** The offset to fetch from now, or undefined where nothing is needed. */
  get wanted(): number | undefined {
    if (this.#state === 'stopped' || this.position.paused || this.asking !== undefined) return undefined
    const { fetchPosition, until } = this.position
    if (this.#ahead !== undefined || (until !== undefined && fetchPosition >= until)) return undefined
    const next = this.#nextOffset
    return next === this.#outOfRangeAt || next > this.#truncatedAt ? undefined : next
  }

  /**
   * The epoch of the last record read, where the leader of a later epoch is to be asked first whether its log has that
   * record: it may have been elected though its log ended earlier. (KIP-320)
   */
  epochToCompare(leaderEpoch: number): number | undefined {
    if (this.#comparedUnder >= leaderEpoch) return undefined
    const epoch = this.#epochs.before(this.#nextOffset)
    return epoch !== undefined && epoch < leaderEpoch ? epoch : undefined
  }

  // The offset after the records that are held.
  get #nextOffset(): number {
    return this.#current?.nextOffset ?? this.position.fetchPosition
  }

  /** The log ends an epoch at an offset: the last one that is not after the epoch which was asked about. */
  compared(epoch: number, endOffset: number): void {
    // The reader has moved elsewhere meanwhile: that is compared anew.
    if (this.#nextOffset !== this.asking) return
    if (this.asking <= endOffset) {
      this.#comparedUnder = this.askingUnder
      return
    }
    const common = this.#epochs.cut(epoch, endOffset)
    // What is held was lost, or is read anew. Nothing is held ahead of it while a request is under way.
    this.#chunk = undefined
    this.endOffset = Math.min(this.endOffset, common)
    this.highWatermark = Math.min(this.highWatermark, common)
    if (this.position.fetchPosition > common) this.#truncatedAt = common
    this.#signal()
  }

  /** Takes a response to a fetch from an offset; drops it where the reader has moved elsewhere meanwhile. */
  received(from: number, fetched: Fetched): void {
    if (this.#state === 'stopped' || this.#nextOffset !== from) return
    this.#comparedUnder = this.askingUnder
    // The reader has gone back by itself to what the log still has.
    this.#truncatedAt = Number.POSITIVE_INFINITY
    this.#epochs.add(from, fetched.nextOffset, fetched.epochs)
    if (fetched.nextOffset === from) return
    const chunk = { from, ...fetched }
    if (this.#current === undefined) this.#begin(chunk)
    else this.#ahead = chunk
    this.#signal()
  }

  /** Nothing can be said about what was read. */
  notComparable(): void {
    if (this.#nextOffset === this.asking) this.#epochs.cut(-1, 0)
    this.isOutOfRange(this.asking!)
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
    return this.#outOfRangeAt === this.position.fetchPosition || this.truncatedTo !== undefined
  }

  get truncatedTo(): number | undefined {
    return this.position.fetchPosition > this.#truncatedAt ? this.#truncatedAt : undefined
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
    if (this.truncatedTo === undefined) this.#truncatedAt = Number.POSITIVE_INFINITY
    this.#signal()
    this.#host.wants()
  }

  epochBefore(offset: number): number | undefined {
    return this.#epochs.before(offset)
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

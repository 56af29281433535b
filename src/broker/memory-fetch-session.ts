import type { FetchPosition, FetchSession, PartitionFetch } from '../engine.ts'
import type { Partition, PartitionReader } from '../log/partition.ts'
import type { Segment } from '../log/segment.ts'
import type { Topic } from '../log/topic.ts'
import { Queue } from '../queue.ts'
import type { ConsumerRecord, IsolationLevel } from '../record.ts'
import type { Serde } from '../serde.ts'

/** Reads partitions of this process's own log: partitions with records queue up, and each gets its turn. */
export class MemoryFetchSession<Position extends FetchPosition> implements FetchSession<Position> {
  readonly #topics: ReadonlyMap<string, Topic>
  readonly #wake: () => void
  readonly #committed: boolean
  readonly #ready = new Queue<MemoryPartitionFetch<Position>>()
  #asleep = false

  constructor(topics: ReadonlyMap<string, Topic>, wake: () => void, isolationLevel: IsolationLevel) {
    this.#topics = topics
    this.#committed = isolationLevel === 'read_committed'
    this.#wake = wake
  }

  start(position: Position): PartitionFetch {
    const topic = this.#topics.get(position.topic)!
    const partition = topic.partitions[position.partition]!
    return new MemoryPartitionFetch(this, partition, topic.serde, position, this.#committed)
  }

  /** @internal */
  ready(fetch: MemoryPartitionFetch<Position>): void {
    this.#ready.push(fetch)
    if (!this.#asleep) return
    this.#asleep = false
    this.#wake()
  }

  poll(): Position | undefined {
    for (let fetch = this.#ready.shift(); fetch !== undefined; fetch = this.#ready.shift()) {
      if (fetch.take()) return fetch.position
    }
    this.#asleep = true
    return undefined
  }

  peek(position: Position): PartitionFetch | undefined {
    // A topic of that name that was made later may have fewer partitions.
    if (this.#topics.get(position.topic)?.partitions[position.partition] === undefined) return undefined
    const fetch = this.start(position)
    fetch.stop()
    return fetch
  }

  close(): void {
    this.#asleep = false
  }
}

/** One partition of a session: it is waiting, queued, taken (polled and not dealt with yet) or stopped. */
class MemoryPartitionFetch<Position extends FetchPosition> implements PartitionFetch, PartitionReader {
  readonly position: Position
  readonly serde: Serde | undefined
  readonly #session: MemoryFetchSession<Position>
  readonly #partition: Partition
  // Whether it reads only what is committed.
  readonly #committed: boolean
  // The segment being read, only while the partition is taken: later it could keep records alive that the log has
  // dropped.
  #segment: Segment | undefined
  #state: 'waiting' | 'queued' | 'taken' | 'stopped' = 'waiting'

  constructor(
    session: MemoryFetchSession<Position>,
    partition: Partition,
    serde: Serde,
    position: Position,
    committed: boolean,
  ) {
    this.#session = session
    this.#committed = committed
    this.#partition = partition
    this.serde = serde.encodes ? serde : undefined
    this.position = position
    partition.addReader(this)
    this.changed()
  }

  get highWatermark(): number {
    return this.#partition.highWatermark
  }

  get logStartOffset(): number {
    return this.#partition.logStartOffset
  }

  get endOffset(): number {
    return this.#partition.endFor(this.#committed)
  }

  get deleted(): boolean {
    return this.#partition.deleted
  }

  // Between the end for this reader and the log's end there are undecided records; past the log's end, a position to
  // reset.
  get #hasSome(): boolean {
    const { fetchPosition } = this.position
    return fetchPosition < this.endOffset || fetchPosition > this.#partition.highWatermark
  }

  get outOfRange(): boolean {
    const { fetchPosition } = this.position
    return fetchPosition < this.#partition.logStartOffset || fetchPosition > this.#partition.highWatermark
  }

  signal(): void {
    if (this.#state !== 'waiting' || this.position.paused) return
    this.#state = 'queued'
    this.#session.ready(this)
  }

  changed(): void {
    this.#partition.readFrom(this.position.fetchPosition)
    if (this.#hasSome) this.signal()
  }

  next(): void {
    if (this.#state !== 'taken') return
    this.#state = 'waiting'
    this.#segment = undefined
    if (this.#hasSome) this.signal()
  }

  // Where the partition is queued, `take` passes over its place in the queue.
  hold(): void {
    if (this.#state !== 'stopped') this.#state = 'taken'
  }

  /** Says that its turn has come; false where there is nothing to read after all. */
  take(): boolean {
    if (this.#state !== 'queued') return false
    const some = !this.position.paused && this.#hasSome
    this.#state = some ? 'taken' : 'waiting'
    return some
  }

  read(): ConsumerRecord | undefined {
    const offset = this.position.fetchPosition
    if (offset === this.#partition.highWatermark) return undefined
    const segment = this.#segment
    if (segment === undefined || !segment.plain) return this.#find(offset)
    const index = offset - segment.baseOffset
    if (index < 0 || index >= segment.count) return this.#find(offset)
    // The segment kept here may have been dropped from the log in the meantime.
    if (offset < this.#partition.logStartOffset || this.#undecided(offset)) return undefined
    this.position.fetchPosition = offset + 1
    return segment.record(this.#partition.topic, this.#partition.index, index)
  }

  #undecided(offset: number): boolean {
    const { openFrom } = this.#partition
    return this.#committed && openFrom !== -1 && offset >= openFrom
  }

  #find(offset: number): ConsumerRecord | undefined {
    const segment = this.#partition.segmentFrom(offset)
    this.#segment = segment
    if (segment === undefined) return this.#passOver()
    if (this.#undecided(offset)) return undefined
    const index = offset - segment.baseOffset
    // There may be a gap before a segment, too.
    if (index < 0 || !segment.plain) return this.#readNext(segment, offset)
    this.position.fetchPosition = offset + 1
    return segment.record(this.#partition.topic, this.#partition.index, index)
  }

  // Skips gaps between offsets and hidden records, over segments.
  #readNext(from: Segment, offset: number): ConsumerRecord | undefined {
    const { endOffset } = this
    for (let segment: Segment | undefined = from; segment !== undefined; ) {
      for (let index = segment.indexFrom(offset); index < segment.count; index++) {
        const found = segment.offsetAt(index)
        if (found >= endOffset) return this.#passOver()
        if (!segment.visible(index, this.#committed)) continue
        this.position.fetchPosition = found + 1
        return segment.record(this.#partition.topic, this.#partition.index, index)
      }
      offset = segment.endOffset
      segment = this.#partition.segmentFrom(offset)
      this.#segment = segment
    }
    return this.#passOver()
  }

  // Nothing is left between here and the end.
  #passOver(): undefined {
    if (!this.outOfRange) this.position.fetchPosition = Math.max(this.position.fetchPosition, this.endOffset)
    return undefined
  }

  readBatch(maxRecords: number): readonly ConsumerRecord[] {
    const { fetchPosition } = this.position
    if (this.outOfRange || fetchPosition >= this.endOffset) return []
    const records = this.#partition.fetch(fetchPosition, maxRecords, this.#committed)
    this.position.fetchPosition = records.length < maxRecords ? this.endOffset : records.at(-1)!.offset + 1
    return records
  }

  count(from: number, to: number): number {
    return this.#partition.countFrom(from, to, this.#committed)
  }

  stop(): void {
    this.#state = 'stopped'
    this.#segment = undefined
    this.#partition.removeReader(this)
  }
}

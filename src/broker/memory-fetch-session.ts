import type {
  FetchedRecords,
  FetchOutOfRange,
  FetchPosition,
  FetchSession,
  PartitionFetch,
} from '../engine.ts'
import type { Partition, PartitionReader } from '../log/partition.ts'
import type { Topic } from '../log/topic.ts'
import { Queue } from '../queue.ts'
import type { Serde } from '../serde.ts'

/** Reads partitions of this process's own log: those that have something queue up, and each gets its turn. */
export class MemoryFetchSession<Position extends FetchPosition> implements FetchSession<Position> {
  readonly #topics: ReadonlyMap<string, Topic>
  readonly #wake: () => void
  readonly #ready = new Queue<MemoryPartitionFetch<Position>>()
  #asleep = false

  constructor(topics: ReadonlyMap<string, Topic>, wake: () => void) {
    this.#topics = topics
    this.#wake = wake
  }

  start(position: Position): PartitionFetch {
    const topic = this.#topics.get(position.topic)!
    return new MemoryPartitionFetch(this, topic.partitions[position.partition]!, topic.serde, position)
  }

  /** @internal */
  ready(fetch: MemoryPartitionFetch<Position>): void {
    this.#ready.push(fetch)
    if (!this.#asleep) return
    this.#asleep = false
    this.#wake()
  }

  poll(maxRecords: number): FetchedRecords<Position> | FetchOutOfRange<Position> | undefined {
    for (let fetch = this.#ready.shift(); fetch !== undefined; fetch = this.#ready.shift()) {
      const fetched = fetch.take(maxRecords)
      if (fetched !== undefined) return fetched
    }
    this.#asleep = true
    return undefined
  }

  close(): void {
    this.#asleep = false
  }
}

/** One partition of a session: it is waiting, queued, taken (polled and not dealt with yet) or stopped. */
class MemoryPartitionFetch<Position extends FetchPosition> implements PartitionFetch, PartitionReader {
  readonly #session: MemoryFetchSession<Position>
  readonly #partition: Partition
  readonly #serde: Serde | undefined
  readonly #position: Position
  #state: 'waiting' | 'queued' | 'taken' | 'stopped' = 'waiting'

  constructor(session: MemoryFetchSession<Position>, partition: Partition, serde: Serde, position: Position) {
    this.#session = session
    this.#partition = partition
    this.#serde = serde.decodes ? serde : undefined
    this.#position = position
    partition.addReader(this)
    this.changed()
  }

  get highWatermark(): number {
    return this.#partition.highWatermark
  }

  get logStartOffset(): number {
    return this.#partition.logStartOffset
  }

  signal(): void {
    if (this.#state !== 'waiting' || this.#position.paused) return
    this.#state = 'queued'
    this.#session.ready(this)
  }

  changed(): void {
    this.#partition.readFrom(this.#position.fetchPosition)
    if (this.#position.fetchPosition !== this.#partition.highWatermark) this.signal()
  }

  next(): void {
    if (this.#state !== 'taken') return
    this.#state = 'waiting'
    if (this.#position.fetchPosition !== this.#partition.highWatermark) this.signal()
  }

  // Where it is queued its place in the queue is passed over.
  hold(): void {
    if (this.#state !== 'stopped') this.#state = 'taken'
  }

  take(maxRecords: number): FetchedRecords<Position> | FetchOutOfRange<Position> | undefined {
    if (this.#state !== 'queued') return undefined
    const offset = this.#position.fetchPosition
    if (this.#position.paused || offset === this.#partition.highWatermark) {
      this.#state = 'waiting'
      return undefined
    }
    this.#state = 'taken'
    if (offset < this.#partition.logStartOffset || offset > this.#partition.highWatermark) {
      return { position: this.#position, outOfRange: true }
    }
    const records = this.#partition.fetch(offset, maxRecords)
    const nextOffset = offset + records.length
    this.#position.fetchPosition = nextOffset
    return { position: this.#position, records, nextOffset, serde: this.#serde }
  }

  stop(): void {
    this.#state = 'stopped'
    this.#partition.removeReader(this)
  }
}

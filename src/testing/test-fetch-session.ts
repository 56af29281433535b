import type { Engine, FetchPosition, FetchSession, PartitionFetch } from '../engine.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { Queue } from '../queue.ts'
import type { ConsumerRecord, IsolationLevel } from '../record.ts'
import type { Serde } from '../serde.ts'
import { after, type TestClient } from './test-client.ts'

/** The engine's fetch session, behind the fault plan; it also delivers records once more (`redeliver`). */
export class TestFetchSession<Position extends FetchPosition> implements FetchSession<Position> {
  readonly #session: FetchSession<Position>
  readonly #client: TestClient
  readonly #wake: () => void
  readonly #fetches = new Map<Position, TestPartitionFetch<Position>>()
  // Partitions to poll again: a fault has held them back, or they have a record to redeliver.
  readonly #ready = new Queue<TestPartitionFetch<Position>>()
  #failed: { readonly error: unknown } | undefined

  constructor(engine: Engine, client: TestClient, wake: () => void, isolationLevel: IsolationLevel) {
    this.#session = engine.fetch(wake, isolationLevel)
    this.#client = client
    this.#wake = wake
  }

  start(position: Position): MaybePromise<PartitionFetch> {
    const { topic, partition, fetchPosition: offset } = position
    this.#client.note({ kind: 'started', topic, partition, offset })
    return after(this.#session.start(position), fetch => this.#follow(position, fetch))
  }

  #follow(position: Position, followed: PartitionFetch): PartitionFetch {
    const forget = () => void this.#fetches.delete(position)
    const fetch = new TestPartitionFetch(followed, position, this.#client, forget, this.#again)
    this.#fetches.set(position, fetch)
    fetch.lookForRedelivery()
    return fetch
  }

  readonly #again = (fetch: TestPartitionFetch<Position>): void => {
    this.#ready.push(fetch)
    this.#wake()
  }

  poll(): Position | undefined {
    this.#throwFailed()
    for (;;) {
      const fetch = this.#ready.shift() ?? this.#polled()
      if (fetch === undefined) return undefined
      if (!fetch.take()) continue
      const met = fetch.passed ? undefined : this.#meet(fetch)
      fetch.passed = false
      if (met === undefined) return fetch.position
      met.then(
        () => {
          fetch.passed = true
          fetch.pollAgain()
        },
        error => {
          // Of a partition that it has given up meanwhile it hears no more.
          if (!fetch.gone) this.#failed = { error }
          fetch.pollAgain()
        },
      )
    }
  }

  #meet(fetch: TestPartitionFetch<Position>): MaybePromise<void> {
    try {
      return this.#client.meet('fetch', [fetch.position])
    } catch (error) {
      fetch.pollAgain()
      throw error
    }
  }

  #throwFailed(): void {
    if (this.#failed === undefined) return
    const { error } = this.#failed
    this.#failed = undefined
    throw error
  }

  #polled(): TestPartitionFetch<Position> | undefined {
    const position = this.#session.poll()
    return position && this.#fetches.get(position)
  }

  peek(position: Position): PartitionFetch | undefined {
    return this.#session.peek?.(position)
  }

  close(): void {
    for (const fetch of this.#fetches.values()) fetch.forget()
    this.#session.close()
  }
}

/** One partition of a session, with its records to redeliver. */
class TestPartitionFetch<Position extends FetchPosition> implements PartitionFetch {
  readonly position: Position
  readonly #fetch: PartitionFetch
  readonly #client: TestClient
  readonly #stopped: () => void
  readonly #again: (fetch: TestPartitionFetch<Position>) => void
  /** Its faults have been met: the next poll does not meet them again. */
  passed = false
  #taken = false
  #gone = false

  constructor(
    fetch: PartitionFetch,
    position: Position,
    client: TestClient,
    stopped: () => void,
    again: (fetch: TestPartitionFetch<Position>) => void,
  ) {
    this.#fetch = fetch
    this.position = position
    this.#client = client
    this.#stopped = stopped
    this.#again = again
    client.bench.redeliveries.reads(client.group, position, this.lookForRedelivery)
  }

  /** Whether the partition is not read any more. */
  get gone(): boolean {
    return this.#gone
  }

  get outOfRange(): boolean {
    return this.#fetch.outOfRange
  }

  get serde(): Serde | undefined {
    return this.#fetch.serde
  }

  get highWatermark(): number {
    return this.#fetch.highWatermark
  }

  get logStartOffset(): number {
    return this.#fetch.logStartOffset
  }

  get deleted(): boolean {
    return this.#fetch.deleted ?? false
  }

  get endOffset(): number {
    return this.#fetch.endOffset ?? this.#fetch.highWatermark
  }

  count(from: number, to: number): number {
    return this.#fetch.count?.(from, to) ?? Math.max(0, to - from)
  }

  /** Takes the partition for reading; false where it is taken already, was stopped, or is paused. */
  take(): boolean {
    if (this.#taken || this.#gone) return false
    // It was paused while a fault held it back; it is polled again once it is resumed.
    if (this.position.paused) this.#fetch.next()
    else this.#taken = true
    return this.#taken
  }

  /** A fault has let the partition go, or failed the fetch: the next poll tries again. */
  pollAgain(): void {
    this.#taken = false
    if (!this.#gone) this.#again(this)
  }

  readonly lookForRedelivery = (): void => {
    const { group, bench } = this.#client
    if (!this.#taken && !this.#gone && bench.redeliveries.has(group, this.position)) this.#again(this)
  }

  #redelivered(): ConsumerRecord | undefined {
    const { group, bench } = this.#client
    return bench.redeliveries.take(group, this.position)
  }

  read(): ConsumerRecord | undefined {
    return this.#redelivered() ?? this.#fetch.read()
  }

  readBatch(maxRecords: number): readonly ConsumerRecord[] {
    const again = this.#redelivered()
    return again ? [again] : this.#fetch.readBatch(maxRecords)
  }

  next(): void {
    this.#taken = false
    this.#fetch.next()
    this.lookForRedelivery()
  }

  hold(): void {
    this.#taken = true
    this.#fetch.hold()
  }

  changed(): void {
    this.#fetch.changed()
    this.lookForRedelivery()
  }

  stop(): void {
    this.forget()
    this.#stopped()
    this.#fetch.stop()
  }

  forget(): void {
    this.#gone = true
    const { group, bench } = this.#client
    bench.redeliveries.leaves(group, this.position, this.lookForRedelivery)
  }
}

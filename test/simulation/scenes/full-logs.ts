import { isBrokerletError, topic } from '../../../src/index.ts'
import type { Partition } from '../../../src/log/partition.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { Lot } from '../../helpers/lot.ts'
import type { Scene } from '../scene.ts'

const names = ['feed', 'log', 'queue'] as const
type Name = (typeof names)[number]

// The bytes of a record, where they are counted.
const size = 10

/** A record that was sent, alone or in a batch. */
interface Sent {
  readonly id: number
  /** The same for all of a batch: the id of its first. */
  readonly batch: number
  readonly log: Partition
  readonly place: string
  /** When its wait is over, on the broker's clock. */
  readonly until: number
  readonly signal: AbortSignal | undefined
  became: 'waits' | 'written' | 'refused'
}

/** Producers that send to small logs, and consumers that make room in them, as a seed decides. */
export class FullLogs implements Scene {
  readonly problems: string[] = []
  readonly #lot: Lot
  readonly #broker
  // Whether the broker may be full, too.
  readonly #limited: boolean
  readonly #sent: Sent[] = []
  // What a reader found in each partition of each topic that was there, by the ids of the records.
  readonly #found = new Map<string, number[]>()
  readonly #topicsMade = new Map<Name, number>()
  readonly #calls: Promise<unknown>[] = []
  // Whether logs are full of bytes, and not of records; administrators then delete records, too.
  readonly #sized: boolean
  // The offset before which each log's records were deleted.
  readonly #deleted = new Map<Partition, number>()
  #handlingMs = 10

  constructor(seed: number) {
    this.#lot = new Lot(seed)
    this.#sized = seed % 4 === 0
    const small = () => ({
      partitions: this.#lot.oneOf([1, 2]),
      ...this.#limit([1, 3]),
      // A segment has one record, or all of them.
      ...(this.#sized && { segmentBytes: this.#lot.oneOf([size, 100 * size]) }),
    })
    this.#limited = this.#lot.chance(0.2)
    this.#broker = new TestBroker({
      seed,
      ...(this.#limited && { maxRecords: 6 }),
      topics: {
        feed: topic<any>({ partitions: 2 }),
        log: topic<any>({ ...small(), whenFull: 'wait' }),
        queue: topic<any>({ ...small(), cleanupPolicy: 'consumed' }),
      },
    })
    this.#broker.on('recordsDropped', () => {})
  }

  get transcript(): string {
    return String(this.#broker.timeline)
  }

  async run(): Promise<void> {
    const reader = this.#consumer('reader')
    await reader.run({
      eachRecord: ({ topic: name, partition, value }) => this.#find(name, partition, Number(value)),
    })
    this.#startWorker()
    for (let i = 0; i < 40; i++) {
      const step = this.#lot.below(20)
      if (step < 11) this.#send()
      else if (step < 12) this.#startWorker()
      else if (step < 13) this.#change(this.#lot.oneOf(names))
      else if (this.#sized && step < 15) this.#delete(this.#lot.oneOf(this.#logs))
      else await this.#broker.advance(this.#lot.oneOf([0, 1, 10, 50, 200]))
      if (step >= 15 || (step >= 13 && !this.#sized)) this.#checkWaits()
    }
    this.#handlingMs = 0
    this.#startWorker()
    await this.#broker.advance(2000)
    await this.#broker.close({ timeoutMs: 100 })
    await Promise.all(this.#calls)
    this.#checkEnd()
  }

  #limit(records: readonly number[]): { retentionRecords?: number; retentionBytes?: number } {
    const most = this.#lot.oneOf(records)
    return this.#sized ? { retentionBytes: most * size } : { retentionRecords: most }
  }

  #valueOf(id: number): unknown {
    return this.#sized ? Buffer.from(String(id).padStart(size, '0')) : id
  }

  #consumer(groupId: string) {
    return this.#broker.consumer({ groupId, topics: names, maxPollRecords: 1000 })
  }

  // One of them closes now and then, and the next one goes on.
  #startWorker(): void {
    const worker = this.#consumer('worker')
    const closesAt = this.#lot.below(40)
    let handled = 0
    const eachRecord = async () => {
      await this.#broker.clock.sleep(this.#handlingMs)
      if (++handled === closesAt) void worker.close({ timeoutMs: 10 })
    }
    this.#follow(worker.run({ eachRecord, ordering: this.#lot.oneOf(['partition', 'none']), concurrency: 3 }))
  }

  #place(name: Name, partition: number): string {
    return `${name}-${partition} of topic ${this.#topicsMade.get(name) ?? 0}`
  }

  #find(name: Name, partition: number, id: number): void {
    const place = this.#place(name, partition)
    this.#found.set(place, [...(this.#found.get(place) ?? []), id])
  }

  #send(): void {
    const lot = this.#lot
    const timeoutMs = lot.oneOf([0, 5, 50, 500, 1500])
    const abort = lot.chance(0.3) ? new AbortController() : undefined
    const until = this.#broker.clock.monotonic() + timeoutMs
    const mostly = lot.oneOf(names)
    const first = this.#sent.length
    const ids: number[] = []
    const batch = lot.some(() => {
      const name = lot.chance(0.7) ? mostly : lot.oneOf(names)
      const { partitions } = this.#broker.topic(name)
      const partition = lot.below(partitions.length)
      const place = this.#place(name, partition)
      const log = partitions[partition]!
      const id = this.#sent.length
      this.#sent.push({ id, batch: first, log, place, until, signal: abort?.signal, became: 'waits' })
      ids.push(id)
      return { topic: name, partition, value: this.#valueOf(id) }
    })
    const became = (end: Sent['became']) => () => {
      for (const id of ids) this.#sent[id]!.became = end
    }
    const options = { timeoutMs, ...(abort && { signal: abort.signal }) }
    const producer = this.#broker.producer()
    const call: Promise<unknown> =
      batch.length === 1 ? producer.send(batch[0]!, options) : producer.sendBatch(batch, options)
    this.#follow(call, abort?.signal).then(became('written'), became('refused'))
    if (abort) void this.#broker.clock.sleep(lot.oneOf([0, 7, 30])).then(() => abort.abort())
  }

  #change(name: Name): void {
    const log = this.#broker.topic(name)
    const changes: (() => unknown)[] = [
      () => log.alter(this.#limit([1, 4])),
      () => name === 'log' && log.alter({ whenFull: this.#lot.oneOf(['wait', 'reject', 'drop-oldest']) }),
      () => {
        const { partitions, retentionRecords, retentionBytes, segmentBytes, cleanupPolicy, whenFull } =
          log.options
        this.#broker.deleteTopic(name)
        this.#topicsMade.set(name, (this.#topicsMade.get(name) ?? 0) + 1)
        const limits = this.#sized ? { retentionBytes, segmentBytes } : { retentionRecords }
        this.#broker.createTopic(name, { partitions, ...limits, cleanupPolicy, whenFull })
      },
    ]
    this.#lot.oneOf(changes)()
  }

  #delete(log: Partition): void {
    const { logStartOffset, highWatermark } = log
    const before = logStartOffset + this.#lot.below(highWatermark - logStartOffset + 1)
    log.deleteRecords(before)
    if (before > logStartOffset) this.#deleted.set(log, before)
  }

  get #logs(): readonly Partition[] {
    return names.flatMap(name => this.#broker.topic(name).partitions)
  }

  // An error of ours, or the reason of an abort, is an answer; any other one is a problem.
  #follow<T>(call: Promise<T>, signal?: AbortSignal): Promise<T> {
    const answered = call.catch(error => {
      if (error !== signal?.reason && !isBrokerletError(error)) this.problems.push(String(error))
    })
    this.#calls.push(answered)
    return call
  }

  #checkWaits(): void {
    const now = this.#broker.clock.monotonic()
    const groups = [...this.#broker.groups.values()]
    const allRead = this.#logs.every(({ topic: name, index: partition, highWatermark }) =>
      groups.every(group => group.committed({ topic: name, partition })?.offset === highWatermark),
    )
    for (const { id, until, signal, became } of this.#sent) {
      if (became !== 'waits') continue
      if (now > until) this.problems.push(`${id} waits though its time is over`)
      if (signal?.aborted) this.problems.push(`${id} waits though it was aborted`)
      if (allRead) this.problems.push(`${id} waits though all is read`)
    }
    if (!this.#limited) this.#checkFirst()
  }

  // Who is first for all of its partitions, and fits into each, goes on.
  #checkFirst(): void {
    const waiting = new Map<number, Sent[]>()
    for (const sent of this.#sent)
      if (sent.became === 'waits') waiting.set(sent.batch, [...(waiting.get(sent.batch) ?? []), sent])
    const behind = new Set<Partition>()
    for (const [batch, all] of waiting) {
      const logs = all.map(({ log }) => log)
      const fits = logs.every(
        log => !behind.has(log) && this.#room(log) >= logs.filter(each => each === log).length,
      )
      if (fits) this.problems.push(`${batch} waits though there is room for it`)
      for (const log of logs) behind.add(log)
    }
  }

  // How many records fit, once what all have read is dropped.
  #room(log: Partition): number {
    const { topic: name, index: partition, logStartOffset, highWatermark } = log
    const { retentionRecords, retentionBytes, segmentBytes, whenFull } = this.#broker.topic(
      name as Name,
    ).options
    const most = this.#sized ? retentionBytes / size : retentionRecords
    if (most < 0 || whenFull === 'drop-oldest') return Number.POSITIVE_INFINITY
    // What is read goes by segments; what is deleted is gone.
    if (this.#sized && segmentBytes !== size) return most - highWatermark + (this.#deleted.get(log) ?? 0)
    const groups = [...this.#broker.groups.values()]
    const committed = groups.map(group => group.committed({ topic: name, partition })?.offset ?? 0)
    return most - highWatermark + Math.max(logStartOffset, Math.min(...committed))
  }

  #checkEnd(): void {
    for (const { id, became } of this.#sent) if (became === 'waits') this.problems.push(`${id} never ends`)
    for (const [place, ids] of this.#found) {
      for (const [i, id] of ids.entries()) {
        if (i > 0 && id <= ids[i - 1]!) this.problems.push(`${place} has ${id} after ${ids[i - 1]}`)
        if (this.#sent[id]!.became === 'refused')
          this.problems.push(`${id} was refused, and written to ${place}`)
      }
    }
    for (const timer of this.#broker.pendingTimers) this.problems.push(`timer '${timer}' is left`)
  }
}

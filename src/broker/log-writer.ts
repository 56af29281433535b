import type { BrokerClock } from '../broker-clock.ts'
import { counted } from '../counted.ts'
import type { EngineClient, ProducerRecord, SendWait } from '../engine.ts'
import {
  type BrokerletError,
  QueueFullError,
  RecordListTooLargeError,
  RecordTooLargeError,
} from '../errors.ts'
import type { Outbox } from '../events.ts'
import type { EncodedBatch } from '../log/encoded-batch.ts'
import type { LogManager } from '../log/log-manager.ts'
import type { Partition } from '../log/partition.ts'
import type { ProducerBatch } from '../log/producer-states.ts'
import { type Demand, makeRoom, type Shortage } from '../log/room.ts'
import type { BatchMetadata, Topic } from '../log/topic.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { RecordMetadata } from '../record.ts'
import type { OpenTransaction } from '../transaction/open-transaction.ts'
import { nameOf, type Unwritten, WaitingSends } from './waiting-sends.ts'

/** What a writer needs of its engine. */
export interface LogWriterHost {
  readonly clock: BrokerClock
  readonly outbox: Outbox
  readonly log: LogManager
  requireOpen(): void
  /** Groups that read a partition, and the offset up to which each has committed it. */
  readers(partition: Partition): readonly { readonly groupId: string; readonly offset: number }[]
  track(client: EngineClient): void
  untrack(client: EngineClient): void
}

/** A transaction in which batches are written as they are. */
export interface EncodedTransaction {
  appendEncoded(target: BatchTarget, batch: EncodedBatch): MaybePromise<BatchMetadata>
}

/** Which of an idempotent producer's batches this is, in its partition. */
export type ProducerSequence = Omit<ProducerBatch, 'count' | 'maxTimestamp'>

/** Where a batch of an idempotent producer was written. */
export interface SequencedAppend extends BatchMetadata {
  /** Whether it had been written before. */
  readonly duplicate: boolean
}

/** Which partition a batch is for. */
export interface BatchTarget {
  readonly topic: Topic
  readonly partition: number
}

/** Writes what producers send: has the topics check it, makes room or waits for it, and appends. */
export class LogWriter {
  readonly #host: LogWriterHost
  readonly #log: LogManager
  readonly #clock: BrokerClock
  readonly #waiting: WaitingSends

  constructor(host: LogWriterHost) {
    this.#host = host
    this.#log = host.log
    this.#clock = host.clock
    this.#waiting = new WaitingSends({
      clock: host.clock,
      makeRoom: demands => {
        this.#requireCouldFit(demands)
        return makeRoom(host.log, demands)
      },
      explain: shortage => this.#explain(shortage),
      track: client => host.track(client),
      untrack: client => host.untrack(client),
    })
  }

  /**
   * Says that records were dropped or offsets committed, in this partition or anywhere: sends that wait for room may fit
   * now.
   */
  freed(partition?: Partition): void {
    this.#waiting.freed(partition)
  }

  /** Says that a topic was altered or deleted, of which sends that wait to write to it have to hear. */
  topicChanged({ partitions }: Topic): void {
    this.#waiting.topicChanged(partitions)
  }

  /** Rejects the sends that wait for room. */
  stopWaiting(): void {
    void this.#waiting.close()
  }

  /** The same, and also for sends that would wait from now on. */
  refuseWaiting(): void {
    this.#waiting.refuse()
  }

  /** Writes a record. Without a wait it answers at once, or throws: so it does in a transaction. */
  append(
    record: ProducerRecord,
    wait: SendWait | undefined,
    transaction?: OpenTransaction,
  ): MaybePromise<RecordMetadata> {
    this.#host.requireOpen()
    const now = this.#clock.now()
    const size = admit(record, now)
    const topic = topicOf(record)
    if (topic.holdsBack || this.#waiting.size > 0 || !this.#log.hasRoom(1, size)) {
      const demands = [{ partition: topic.partitions[record.partition]!, count: 1, bytes: size }]
      const shortage = this.#shortage(demands)
      if (shortage !== undefined) return this.#appendLater(record, demands, shortage, wait)
    }
    return this.#write(record, size, now, transaction)
  }

  // Apart, because what a closure captures is allocated by every call of the function around it.
  #appendLater(
    record: ProducerRecord,
    demands: readonly Demand[],
    shortage: Shortage,
    wait: SendWait | undefined,
  ): Promise<RecordMetadata> {
    const readmit = () => {
      demands[0]!.bytes = admit(record, this.#clock.now())
    }
    const write = () => {
      const now = this.#clock.now()
      return this.#write(record, admit(record, now), now)
    }
    return this.#wait({ demands, admit: readmit, write }, shortage, wait)
  }

  #write(record: ProducerRecord, size: number, now: number, transaction?: OpenTransaction): RecordMetadata {
    topicOf(record).freeze(record.value)
    const metadata = writeRecord(record, size, now, transaction)
    this.#log.appended(1, size)
    this.#host.outbox.flush()
    return metadata
  }

  /** The same for several records: all or none. */
  appendBatch(
    records: readonly ProducerRecord[],
    wait: SendWait | undefined,
    transaction?: OpenTransaction,
  ): MaybePromise<RecordMetadata[]> {
    this.#host.requireOpen()
    const count = records.length
    this.#requireBatchFits(count)
    const now = this.#clock.now()
    const sizes = admitAll(records, now)
    if (this.#waiting.size > 0 || someHoldBack(records) || !this.#log.hasRoom(count, sum(sizes))) {
      const demands = toDemands(records, sizes)
      const shortage = this.#shortage(demands)
      if (shortage !== undefined) return this.#appendBatchLater(records, demands, shortage, wait)
    }
    return this.#writeAll(records, sizes, now, transaction)
  }

  #appendBatchLater(
    records: readonly ProducerRecord[],
    demands: readonly Demand[],
    shortage: Shortage,
    wait: SendWait | undefined,
  ): Promise<RecordMetadata[]> {
    const readmit = () => {
      const anew = toDemands(records, admitAll(records, this.#clock.now()))
      for (const [i, { bytes }] of anew.entries()) demands[i]!.bytes = bytes
    }
    const write = () => {
      const now = this.#clock.now()
      return this.#writeAll(records, admitAll(records, now), now)
    }
    return this.#wait({ demands, admit: readmit, write }, shortage, wait)
  }

  #writeAll(
    records: readonly ProducerRecord[],
    sizes: readonly number[] | undefined,
    now: number,
    transaction?: OpenTransaction,
  ): RecordMetadata[] {
    const count = records.length
    freezeAll(records)
    const written = new Array<RecordMetadata>(count)
    for (let i = 0; i < count; i++) {
      written[i] = writeRecord(records[i]!, sizes === undefined ? 0 : sizes[i]!, now, transaction)
    }
    this.#log.appended(count, sum(sizes))
    this.#host.outbox.flush()
    return written
  }

  /** Writes an encoded batch to one partition as it is. */
  appendEncoded(
    target: BatchTarget,
    batch: EncodedBatch,
    wait: SendWait | undefined,
    transaction?: OpenTransaction,
  ): MaybePromise<BatchMetadata> {
    this.#host.requireOpen()
    this.#requireBatchFits(batch.count)
    const now = this.#clock.now()
    const demands = [admitEncoded(target, batch, now)]
    const shortage = this.#shortage(demands)
    if (shortage === undefined) return this.#writeEncoded(target, batch, now, transaction)
    const readmit = () => {
      demands[0]!.bytes = admitEncoded(target, batch, this.#clock.now()).bytes
    }
    const write = () => {
      const later = this.#clock.now()
      admitEncoded(target, batch, later)
      return this.#writeEncoded(target, batch, later)
    }
    return this.#wait({ demands, admit: readmit, write }, shortage, wait)
  }

  #writeEncoded(
    { topic, partition }: BatchTarget,
    batch: EncodedBatch,
    now: number,
    transaction?: OpenTransaction,
  ): BatchMetadata {
    const size = topic.sized ? batch.size : 0
    const written = topic.writeBatch(partition, batch, size, now)
    transaction?.wrote(topic, partition, written.baseOffset, batch.count)
    this.#log.appended(batch.count, size)
    this.#host.outbox.flush()
    return written
  }

  /**
   * Writes a batch of an idempotent producer once: a batch that was written before is answered with its offset and
   * time. It does not wait for room, because its producer sends it again. `transaction`: the one to write it in, if
   * any.
   *
   * @throws OutOfOrderSequenceError, InvalidProducerEpochError, and what `appendEncoded` throws
   */
  appendSequenced(
    target: BatchTarget,
    producer: ProducerSequence,
    batch: EncodedBatch,
    transaction: EncodedTransaction | undefined,
  ): SequencedAppend {
    const { producers } = target.topic.partitions[target.partition]!
    const numbered = { ...producer, count: batch.count, maxTimestamp: batch.maxTimestamp }
    const before = producers.check(numbered, this.#clock.now())
    if (before !== undefined) {
      const { baseOffset, appendTime } = before
      return { baseOffset, appendTime, duplicate: true }
    }
    // Without a wait appendEncoded answers at once, or throws.
    const written = (transaction?.appendEncoded(target, batch) ??
      this.appendEncoded(target, batch, undefined)) as BatchMetadata
    producers.written(numbered, written, this.#clock.now())
    return { ...written, duplicate: false }
  }

  // --- room ---------------------------------------------------------------------------------------------------------

  /** Makes room, or says what is full. */
  #shortage(demands: readonly Demand[]): Shortage | undefined {
    this.#requireCouldFit(demands)
    const ahead = this.#waiting.size === 0 ? undefined : this.#waiting.ahead(demands)
    return ahead ?? makeRoom(this.#log, demands)
  }

  #requireBatchFits(count: number): void {
    const { maxRecords } = this.#log
    if (maxRecords === -1 || count <= maxRecords) return
    throw neverFits(
      count,
      0,
      `the broker's maxRecords is ${maxRecords}`,
      `at most ${counted(maxRecords, 'record')}`,
    )
  }

  #requireCouldFit(demands: readonly Demand[]): void {
    const { maxBytes } = this.#log
    let count = 0
    let bytes = 0
    for (const demand of demands) {
      count += demand.count
      bytes += demand.bytes
      const { room } = demand.partition
      if (room === undefined || room.couldFit(demand.count, demand.bytes)) continue
      throw neverFits(demand.count, demand.bytes, `of ${nameOf(demand.partition)}, ${room.limits}`)
    }
    if (maxBytes !== -1 && bytes > maxBytes)
      throw neverFits(count, bytes, `the broker's maxBytes is ${maxBytes}`)
  }

  #wait<T>(unwritten: Unwritten<T>, shortage: Shortage, wait: SendWait | undefined): Promise<T> {
    const refused = this.#refused(unwritten.demands, shortage)
    if (refused !== undefined) throw this.#queueFull(refused)
    if (wait === undefined || wait.timeoutMs === 0) throw this.#queueFull(shortage)
    return this.#waiting.add(unwritten, shortage, wait)
  }

  // What is short where a topic lets nobody wait for it, whatever the other topics of the call say.
  #refused(demands: readonly Demand[], shortage: Shortage): Shortage | undefined {
    const { partition, behind } = shortage
    if (behind === undefined && partition === undefined) {
      const waits = demands.map(demand => demand.partition.room?.waits)
      return waits.includes(true) && !waits.includes(false) ? undefined : shortage
    }
    if (behind === undefined && !partition?.room?.waits) return shortage
    // Where one partition is waited for, another one may be full, or have sends that wait, whose topic refuses.
    for (const demand of demands) {
      const { room } = demand.partition
      if (room?.waits !== false) continue
      const fits = room.fits(demand.count, demand.bytes)
      const lacks = fits ? this.#waiting.ahead([demand]) : { partition: demand.partition }
      if (lacks !== undefined) return lacks
    }
    return undefined
  }

  #queueFull(shortage: Shortage): QueueFullError {
    const { partition, behind = partition } = shortage
    return new QueueFullError(`No room: ${this.#explain(shortage)}`, {
      topic: behind?.topic,
      partition: behind?.index,
      details: partition === undefined ? [] : this.#host.readers(partition),
    })
  }

  #explain({ partition, behind }: Shortage): string {
    if (behind !== undefined)
      return `an earlier send to ${nameOf(behind)} waits for room: ${this.#explain({ partition })}`
    if (partition === undefined) {
      const { records, maxRecords, bytes, maxBytes } = this.#log
      const limit = maxRecords === -1 ? '' : ` of maxRecords ${maxRecords}`
      const byteLimit = maxBytes === -1 ? '' : `, ${bytes} bytes of maxBytes ${maxBytes}`
      return `the broker keeps ${counted(records, 'record')}${limit}${byteLimit}, and none of the remaining ones may go yet`
    }
    const { highWatermark, logStartOffset } = partition
    const readers = this.#host.readers(partition).map(({ groupId, offset }) => {
      const unread = partition.countFrom(Math.max(offset, logStartOffset), highWatermark, false)
      return `group '${groupId}' has not committed ${unread} of them`
    })
    const who = readers.length === 0 ? 'no group reads it' : readers.join(', ')
    const kept = partition.countFrom(logStartOffset, highWatermark, false)
    // They count, though nobody reads them: ends of transactions, and what was compacted before the topic was altered.
    const gaps = partition.config.retentionRecords === -1 ? 0 : highWatermark - logStartOffset - kept
    const and =
      gaps === 0 ? '' : ` and ${counted(gaps, 'offset')} without one (an end of a transaction, or compacted)`
    return `${nameOf(partition)} keeps ${counted(kept, 'record')}${and}, and its ${partition.room?.limits}; ${who}`
  }
}

// A record that was made for this engine is for a topic of this engine.
function topicOf({ topic }: ProducerRecord): Topic {
  return topic as unknown as Topic
}

function admit(record: ProducerRecord, now: number): number {
  const { key, value, headers, timestamp } = record
  return topicOf(record).admit(key, value, headers, timestamp, now)
}

function writeRecord(
  record: ProducerRecord,
  size: number,
  now: number,
  transaction: OpenTransaction | undefined,
): RecordMetadata {
  const { partition, key, value, headers, timestamp } = record
  const topic = topicOf(record)
  const metadata = topic.write(partition, key, value, headers, timestamp, size, now)
  if (transaction !== undefined) transaction.wrote(topic, partition, metadata.offset)
  return metadata
}

function admitEncoded({ topic, partition }: BatchTarget, batch: EncodedBatch, now: number): Demand {
  const bytes = topic.admitBatch(batch, now)
  return { partition: topic.partitions[partition]!, count: batch.count, bytes }
}

// A list is made where a topic counts bytes: a batch of records without a size needs none.
function admitAll(records: readonly ProducerRecord[], now: number): number[] | undefined {
  let sizes: number[] | undefined
  for (let i = 0; i < records.length; i++) {
    const size = admit(records[i]!, now)
    if (size === 0) continue
    sizes ??= new Array<number>(records.length).fill(0)
    sizes[i] = size
  }
  return sizes
}

function someHoldBack(records: readonly ProducerRecord[]): boolean {
  let last: Topic | undefined
  for (let i = 0; i < records.length; i++) {
    const topic = topicOf(records[i]!)
    if (topic === last) continue
    if (topic.holdsBack) return true
    last = topic
  }
  return false
}

function freezeAll(records: readonly ProducerRecord[]): void {
  let passed: Topic | undefined
  for (let i = 0; i < records.length; i++) {
    const topic = topicOf(records[i]!)
    if (topic === passed) continue
    if (topic.options.freeze) topic.freeze(records[i]!.value)
    else passed = topic
  }
}

function sum(sizes: readonly number[] | undefined): number {
  let bytes = 0
  if (sizes !== undefined) for (let i = 0; i < sizes.length; i++) bytes += sizes[i]!
  return bytes
}

function toDemands(records: readonly ProducerRecord[], sizes: readonly number[] | undefined): Demand[] {
  const demands = new Map<Partition, Demand>()
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!
    const partition = topicOf(record).partitions[record.partition]!
    const demand = demands.get(partition) ?? { partition, count: 0, bytes: 0 }
    demand.count++
    demand.bytes += sizes?.[i] ?? 0
    demands.set(partition, demand)
  }
  return [...demands.values()]
}

function neverFits(count: number, bytes: number, limit: string, expected: string = limit): BrokerletError {
  if (count === 1) {
    return new RecordTooLargeError(`A record of ${bytes} bytes can never fit: ${limit}`, { received: bytes })
  }
  const size = bytes === 0 ? '' : `, ${bytes} bytes,`
  return new RecordListTooLargeError(`A batch of ${count} records${size} can never fit: ${limit}`, {
    expected,
    received: count,
  })
}

import type { BrokerClock } from '../broker-clock.ts'
import type { ProducerRecord, SendWait } from '../engine.ts'
import type { EncodedBatch } from '../log/encoded-batch.ts'
import type { LogManager } from '../log/log-manager.ts'
import type { Partition } from '../log/partition.ts'
import type { Demand, Shortage } from '../log/room.ts'
import type { BatchMetadata, Topic } from '../log/topic.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { Outbox } from '../outbox.ts'
import type { RecordMetadata } from '../record.ts'
import type { OpenTransaction } from '../transaction/open-transaction.ts'
import { SendRoom, type SendRoomHost } from './send-room.ts'
import type { WaitingSends } from './waiting-sends.ts'

/** What a writer needs of its engine. */
export interface LogWriterHost extends SendRoomHost {
  readonly outbox: Outbox
  requireOpen(): void
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
  readonly #room: SendRoom
  readonly #waiting: WaitingSends

  constructor(host: LogWriterHost) {
    this.#host = host
    this.#log = host.log
    this.#clock = host.clock
    this.#room = new SendRoom(host)
    this.#waiting = this.#room.waiting
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
      const shortage = this.#room.shortage(demands)
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
    return this.#room.wait({ demands, admit: readmit, write }, shortage, wait)
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
    this.#room.requireBatchFits(count)
    const now = this.#clock.now()
    const sizes = admitAll(records, now)
    if (this.#waiting.size > 0 || someHoldBack(records) || !this.#log.hasRoom(count, sum(sizes))) {
      const demands = toDemands(records, sizes)
      const shortage = this.#room.shortage(demands)
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
    return this.#room.wait({ demands, admit: readmit, write }, shortage, wait)
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
    this.#room.requireBatchFits(batch.count)
    const now = this.#clock.now()
    const demands = [admitEncoded(target, batch, now)]
    const shortage = this.#room.shortage(demands)
    if (shortage === undefined) return this.#writeEncoded(target, batch, now, transaction)
    const readmit = () => {
      demands[0]!.bytes = admitEncoded(target, batch, this.#clock.now()).bytes
    }
    const write = () => {
      const later = this.#clock.now()
      admitEncoded(target, batch, later)
      return this.#writeEncoded(target, batch, later)
    }
    return this.#room.wait({ demands, admit: readmit, write }, shortage, wait)
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

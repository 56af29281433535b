import type { TopicPartition } from '../topic-partition.ts'
import type { ProducedRecord } from './produced-record.ts'

/** The identity of a producer on a cluster. (Kafka: ProducerIdAndEpoch) */
export interface ProducerIdentity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

const sequences = 2 ** 31

// @platformatic/kafka 1.35 writes a timestamp wrongly that is further than that from the first one of its batch, in
// milliseconds: it encodes the difference as if it had 32 bits.
const mostApart = 2n ** 31n - 1n

/**
 * The records that wait to be written to one partition, in order. One batch is in flight at a time, so that none
 * overtakes another. A batch that may have arrived is sent again unchanged, so that the log recognizes it.
 */
export class PartitionQueue implements TopicPartition {
  readonly topic: string
  readonly partition: number
  /** The sequence number of the next record to send, under `identity`. */
  sequence = 0
  /** The size of the last batch that was taken, in bytes. */
  takenBytes = 0
  /** Whether a batch waits before it is sent again. */
  postponed = false
  /** Failures in a row. */
  failures = 0
  /** Why nothing could be written the last time, if that is so. */
  failure: unknown
  /** Whether the last batch that was taken had been sent before. */
  repeated = false
  #identity: ProducerIdentity | undefined
  #doubted: ProducerIdentity | undefined
  #waiting: ProducedRecord[] = []
  #again: readonly ProducedRecord[] | undefined
  #inFlight: readonly ProducedRecord[] | undefined
  // Whether nobody waits for the batch in flight any more.
  #late = false
  #mostRecords = Number.POSITIVE_INFINITY

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Whether there is a batch to send now. */
  get ready(): boolean {
    if (this.#inFlight !== undefined || this.postponed) return false
    return this.#again !== undefined || this.#waiting.length > 0
  }

  get inFlight(): boolean {
    return this.#inFlight !== undefined
  }

  /** The producer that writes the batches, once it is known. */
  get identity(): ProducerIdentity | undefined {
    return this.#identity
  }

  /** The producer whose batches may have been written though they were given up, or be lost: it must not go on here. */
  get doubted(): ProducerIdentity | undefined {
    return this.#doubted
  }

  /** Continues under another identity, with sequence numbers from 0. */
  writeAs(identity: ProducerIdentity | undefined): void {
    this.#identity = identity
    this.#doubted = undefined
    this.sequence = 0
  }

  doubt(): void {
    this.#doubted = this.#identity ?? this.#doubted
    this.#identity = undefined
  }

  add(record: ProducedRecord): void {
    this.#waiting.push(record)
  }

  /** Takes back a record that has not been sent. */
  remove(record: ProducedRecord): boolean {
    const at = this.#waiting.indexOf(record)
    if (at !== -1) this.#waiting.splice(at, 1)
    return at !== -1
  }

  /** Removes the records that have waited since before a time without having been sent; returns them. */
  takeExpired(since: number): readonly ProducedRecord[] {
    const count = this.#waiting.findIndex(record => record.since > since)
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : count)
  }

  /** The smallest size that the next batch may have, in bytes. */
  get leastBytes(): number {
    return this.#again === undefined ? (this.#waiting[0]?.bytes ?? 0) : this.takenBytes
  }

  /** Takes the next batch: it is in flight until `done`, `putBack`, `split` or `giveUp`. */
  take(maxBytes: number): readonly ProducedRecord[] {
    this.repeated = this.#again !== undefined
    this.#inFlight = this.#again ?? this.#takeWaiting(maxBytes)
    this.#again = undefined
    return this.#inFlight
  }

  #takeWaiting(maxBytes: number): readonly ProducedRecord[] {
    const waiting = this.#waiting
    const most = Math.min(waiting.length, this.#mostRecords)
    let bytes = 0
    let count = 0
    for (; count < most; count++) {
      const next = bytes + waiting[count]!.bytes
      if (count > 0 && (next > maxBytes || isFar(waiting[count]!, waiting[0]!))) break
      bytes = next
    }
    this.takenBytes = bytes
    if (count < waiting.length) return waiting.splice(0, count)
    this.#waiting = []
    return waiting
  }

  /** The batch in flight was written; returns its records that are still waited for. */
  done(): readonly ProducedRecord[] {
    this.sequence = (this.sequence + this.#inFlight!.length) % sequences
    this.#mostRecords = Number.POSITIVE_INFINITY
    this.failure = undefined
    return this.giveUp()
  }

  /** The batch in flight is to be sent again, after a failure; false where nobody waits for it any more. */
  putBack(failure: unknown): boolean {
    if (this.#late) return false
    this.failure = failure
    this.#again = this.#inFlight
    this.#inFlight = undefined
    this.failures++
    return true
  }

  /** Waits no longer for the batch in flight; returns its records. The next one is sent when it is answered. */
  letGo(): readonly ProducedRecord[] {
    if (this.#late) return []
    this.#late = true
    return this.#inFlight!
  }

  /** Splits the batch in flight, which was too large and so is not written; false where it has a single record. */
  split(): boolean {
    const batch = this.#inFlight!
    if (batch.length === 1 || this.#late) return false
    this.#inFlight = undefined
    // Not by unshift: a large batch of small records has more of them than a call takes arguments.
    this.#waiting = [...batch, ...this.#waiting]
    this.#mostRecords = Math.ceil(batch.length / 2)
    return true
  }

  /** Gives up the batch in flight, or the one to be sent again; returns its records that are still waited for. */
  giveUp(): readonly ProducedRecord[] {
    const batch = this.#late ? [] : (this.#inFlight ?? this.#again ?? [])
    this.#inFlight = undefined
    this.#again = undefined
    this.#late = false
    this.failures = 0
    return batch
  }

  /** Gives up all records that are not in flight; returns them. */
  clear(): readonly ProducedRecord[] {
    const records = [...(this.#again ?? []), ...this.#waiting]
    this.#again = undefined
    this.#waiting = []
    return records
  }

  /** Since when the oldest record has waited; infinity where there is none. */
  get waitingSince(): number {
    return Math.min(this.batchSince, this.#waiting[0]?.since ?? Number.POSITIVE_INFINITY)
  }

  /** Since when the batch has waited that is in flight, or to be sent again; infinity where there is none. */
  get batchSince(): number {
    const batch = this.#late ? undefined : (this.#inFlight ?? this.#again)
    return batch?.[0]?.since ?? Number.POSITIVE_INFINITY
  }
}

function isFar({ timestamp }: ProducedRecord, first: ProducedRecord): boolean {
  const apart = timestamp - first.timestamp
  return apart > mostApart || apart < -mostApart
}

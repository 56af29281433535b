import type { TopicPartition } from '../topic-partition.ts'
import type { ProducedRecord } from './produced-record.ts'

/** Who writes, as a cluster knows it. (Kafka: ProducerIdAndEpoch) */
export interface ProducerIdentity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

const sequences = 2 ** 31

/**
 * What waits to be written to one partition, in its order. One batch of it is on its way at a time, so that nothing
 * overtakes; one that may have arrived is sent again as it was, by which the log knows it.
 */
export class PartitionQueue implements TopicPartition {
  readonly topic: string
  readonly partition: number
  /** The number of the next record to send, under `identity`. */
  sequence = 0
  /** The size of the batch that was taken last. */
  takenBytes = 0
  /** Waits before it is sent again. */
  postponed = false
  /** In a row. */
  failures = 0
  #identity: ProducerIdentity | undefined
  #doubted = false
  #waiting: ProducedRecord[] = []
  #again: readonly ProducedRecord[] | undefined
  #inFlight: readonly ProducedRecord[] | undefined
  #mostRecords = Number.POSITIVE_INFINITY

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Whether there is something that can be sent. */
  get ready(): boolean {
    if (this.#inFlight !== undefined || this.postponed) return false
    return this.#again !== undefined || this.#waiting.length > 0
  }

  get inFlight(): boolean {
    return this.#inFlight !== undefined
  }

  /** Who writes, once somebody does. */
  get identity(): ProducerIdentity | undefined {
    return this.#identity
  }

  /** Whether something was given up that may have been written: whoever wrote it does not write on. */
  get doubted(): boolean {
    return this.#doubted
  }

  /** Somebody else writes on, and counts from the beginning. */
  writeAs(identity: ProducerIdentity | undefined): void {
    this.#identity = identity
    this.#doubted = false
    this.sequence = 0
  }

  doubt(): void {
    this.#identity = undefined
    this.#doubted = true
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

  /** What has waited since before then, without having been sent. */
  takeExpired(since: number): readonly ProducedRecord[] {
    const count = this.#waiting.findIndex(record => record.since > since)
    return this.#waiting.splice(0, count === -1 ? this.#waiting.length : count)
  }

  /** The next batch: it is on its way until it is `done`, put back, split or given up. */
  take(maxBytes: number): readonly ProducedRecord[] {
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
      if (count > 0 && next > maxBytes) break
      bytes = next
    }
    this.takenBytes = bytes
    if (count < waiting.length) return waiting.splice(0, count)
    this.#waiting = []
    return waiting
  }

  /** It is written. */
  done(): readonly ProducedRecord[] {
    const batch = this.#inFlight!
    this.sequence = (this.sequence + batch.length) % sequences
    this.#inFlight = undefined
    this.#mostRecords = Number.POSITIVE_INFINITY
    this.failures = 0
    return batch
  }

  /** It goes again. */
  putBack(): void {
    this.#again = this.#inFlight
    this.#inFlight = undefined
    this.failures++
  }

  /** It was too large, and so is not written; false where it cannot be smaller. */
  split(): boolean {
    const batch = this.#inFlight!
    if (batch.length === 1) return false
    this.#inFlight = undefined
    this.#waiting.unshift(...batch)
    this.#mostRecords = Math.ceil(batch.length / 2)
    return true
  }

  /** It is given up. */
  giveUp(): readonly ProducedRecord[] {
    const batch = this.#inFlight ?? this.#again ?? []
    this.#inFlight = undefined
    this.#again = undefined
    this.failures = 0
    return batch
  }

  /** All that is not on its way is given up. */
  clear(): readonly ProducedRecord[] {
    const records = [...(this.#again ?? []), ...this.#waiting]
    this.#again = undefined
    this.#waiting = []
    return records
  }

  /** The oldest that is not on its way; infinity where there is none. */
  get waitingSince(): number {
    return (this.#again?.[0] ?? this.#waiting[0])?.since ?? Number.POSITIVE_INFINITY
  }

  /** The oldest that is to be sent again. */
  get againSince(): number | undefined {
    return this.#again?.[0]?.since
  }
}

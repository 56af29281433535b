import type { RecordHeaders } from '../record.ts'
import { murmur2, toPositive } from './murmur2.ts'

/** The input of a custom partitioner: one record without an explicit partition. */
export interface PartitionerInput {
  readonly topic: string
  /** How many partitions the topic has now; the answer is an integer from 0 to one less. */
  readonly partitionCount: number
  readonly key: string | Uint8Array | null
  readonly value: unknown
  readonly headers: RecordHeaders
}

/** Chooses the partition of each record that names none; it replaces Kafka's default rule for one producer. */
export type Partitioner = (input: PartitionerInput) => number

/** How many unkeyed records of one batch stay together before the next partition gets its turn. */
const stickyRecords = 500

/**
 * The partition of a keyed record: the same number as in Java and KafkaJS 2 (KIP-480, Kafka's `BuiltInPartitioner`). It
 * may be another one once the topic has more partitions.
 */
export function partitionForKey(key: string | Uint8Array, partitionCount: number): number {
  return toPositive(murmur2(key)) % partitionCount
}

interface StickyCursor {
  partition: number
  records: number
}

/**
 * Chooses the partition of records without a key: they stick to one partition while they belong together and then
 * move on to another one (KIP-480, KIP-794). Unlike Kafka it counts records, not bytes, and takes the next, not a
 * random one.
 */
export class StickyRoundRobin {
  readonly #cursors = new Map<string, StickyCursor>()

  /** The partition of the next unkeyed record: 0 for the first of a topic, the next one after a full run. */
  next(topic: string, partitionCount: number): number {
    let cursor = this.#cursors.get(topic)
    if (cursor === undefined) {
      cursor = { partition: 0, records: 0 }
      this.#cursors.set(topic, cursor)
    } else if (cursor.records === stickyRecords) {
      cursor.partition++
      cursor.records = 0
    }
    if (cursor.partition >= partitionCount) cursor.partition = 0
    cursor.records++
    return cursor.partition
  }

  /** Ends the run, after a `send` or a batch; without a record since the last call it changes nothing. */
  advance(topic: string): void {
    const cursor = this.#cursors.get(topic)
    if (cursor === undefined || cursor.records === 0) return
    cursor.partition++
    cursor.records = 0
  }

  /** Drops what is kept of a deleted topic. */
  forget(topic: string): void {
    this.#cursors.delete(topic)
  }
}

import type { Engine, ProducerRecord, SendWait } from '../engine.ts'
import { isPromise } from '../maybe-promise.ts'
import { PlacedRecord } from '../placed-record.ts'
import { partitionForKey } from '../producer/partitioner.ts'
import { type ConsumerRecord, type RecordMetadata, toRecordHeaders } from '../record.ts'
import { deadLetterHeaders } from './dead-letter-headers.ts'

/** Writes records that were given up to a topic of their own. */
export class DeadLetters {
  readonly topic: string
  readonly #engine: Engine
  readonly #groupId: string | undefined

  constructor(engine: Engine, topic: string, groupId: string | undefined) {
    this.#engine = engine
    this.topic = topic
    this.#groupId = groupId
  }

  /**
   * Writes records as the log of their topic kept them, so that a value that cannot be decoded arrives as its bytes.
   * `encoded` says whether that log keeps bytes. In memory all are written or none, and where that needs no wait,
   * `written` is called before any reader has them.
   */
  async write(
    records: readonly ConsumerRecord[],
    encoded: boolean,
    error: unknown,
    attempts: number,
    written: (to: readonly RecordMetadata[]) => void,
  ): Promise<void> {
    const topic = await this.#engine.topic(this.topic)
    const letters: ProducerRecord[] = []
    for (const record of records) {
      const { key, value } = record
      // A tombstone has no bytes; others may come from a topic that keeps bytes, through one without a codec.
      const asIs = encoded || value === null || value instanceof Uint8Array || !topic.serde.encodes
      letters.push(
        new PlacedRecord(
          topic,
          partitionOf(record, topic.partitionCount),
          key,
          asIs ? value : await topic.serde.serialize(value),
          toRecordHeaders(topic.name, deadLetterHeaders(record, this.#groupId, error, attempts)),
          undefined,
        ),
      )
    }
    const to = this.#engine.appendBatch(letters, letterWait)
    written(isPromise(to) ? await to : to)
  }
}

/** How long dead letters wait for room, where their topic says `whenFull: 'wait'`: a producer's default. */
export const letterWait: SendWait = { timeoutMs: 60_000, signals: [] }

/** The partition that keeps the order of a key and, of records without a key, the order of their partition. */
export function partitionOf(record: ConsumerRecord, partitionCount: number): number {
  return record.key === null ? record.partition % partitionCount : partitionForKey(record.key, partitionCount)
}

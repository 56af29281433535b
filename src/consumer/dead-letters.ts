import type { Engine, EngineTopic, ProducerRecord, SendWait } from '../engine.ts'
import { isThenable, type MaybePromise } from '../maybe-promise.ts'
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
   * `encoded` says whether that log keeps bytes. In memory all are written or none.
   */
  async write(
    records: readonly ConsumerRecord[],
    encoded: boolean,
    error: unknown,
    attempts: number,
  ): Promise<readonly RecordMetadata[]> {
    const topic = await this.#engine.topic(this.topic)
    const letters: ProducerRecord[] = []
    for (const record of records) {
      const { key, value } = record
      const list = deadLetterHeaders(record, this.#groupId, error, attempts)
      letters.push({
        topic,
        partition: partitionOf(record, topic.partitionCount),
        key,
        value: encoded || isBytes(value) || !topic.serde.encodes ? value : await encode(topic, value),
        headers: toRecordHeaders(topic.name, list),
        timestamp: undefined,
      })
    }
    return this.#engine.appendBatch(letters, letterWait)
  }
}

/** How long dead letters wait for room, where their topic says `whenFull: 'wait'`: a producer's default. */
export const letterWait: SendWait = { timeoutMs: 60_000, signals: [] }

/** The partition that keeps the order of a key and, of records without a key, the order of their partition. */
export function partitionOf(record: ConsumerRecord, partitionCount: number): number {
  return record.key === null ? record.partition % partitionCount : partitionForKey(record.key, partitionCount)
}

// True for a value of a topic that keeps bytes that came through a topic without a codec.
function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array
}

// A tombstone has no bytes.
function encode({ serde }: EngineTopic, value: unknown): MaybePromise<unknown> {
  if (value === null) return null
  const encoded = serde.serialize(value)
  return isThenable(encoded) ? Promise.resolve(encoded) : encoded
}

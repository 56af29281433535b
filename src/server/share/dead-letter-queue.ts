import type { Partition } from '../../log/partition.ts'
import type { Topic } from '../../log/topic.ts'
import { decompress } from '../compression.ts'
import {
  headerLength,
  readHeader,
  readRecords,
  type WireRecord,
  writeBatch,
} from '../protocol/record-batch.ts'
import type { Wire } from '../wire.ts'
import { toEncodedBatch } from '../wire-batch.ts'
import { batchSpans } from './batch-spans.ts'
import { deadLetterTopic } from './dead-letter-topic.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { OffsetSpan } from './share-partition.ts'

/** The limits of a dead letter topic. */
interface Limits {
  /** The bytes of the largest record that is copied. */
  readonly record: number
  /** The bytes of a batch, unless it has a single record. */
  readonly batch: number
}

// What is read at once, and what a batch holds where its topic has no limit. (Kafka: message.max.bytes)
const readBytes = 64 * 1024
const mostBytes = 1_048_588

/**
 * Writes what share groups give up to their dead letter topics (KIP-1191), at once: nobody sees a record that is given
 * up and not written yet. (Kafka: ShareGroupDLQStateManager, where it is archiving meanwhile)
 */
export class DeadLetterQueue {
  readonly #wire: Wire

  constructor(wire: Wire) {
    this.#wire = wire
  }

  /** Writes records of a partition to the topic that the group has for that. What fails is gone, as in Kafka. */
  write(groupId: string, log: Partition, letters: readonly DeadLetters[]): void {
    const { engine, groupConfigs, cluster } = this.#wire
    const { errorsDeadletterqueueTopicName: name } = groupConfigs.get(groupId)
    // A broker that closes ends the sessions of members, which releases what they have.
    if (name === '' || engine.closed) return
    this.#attempt(() => {
      const leader = cluster.leadershipOf(log).leader?.nodeId
      const topic = deadLetterTopic(this.#wire, groupId, name, leader?.toString())
      for (const each of letters) this.#attempt(() => this.#writeTo(topic, groupId, log, each))
    })
  }

  #attempt(write: () => void): void {
    try {
      write()
    } catch (error) {
      this.#wire.failed(error)
    }
  }

  #writeTo(topic: Topic, groupId: string, log: Partition, letters: DeadLetters): void {
    const { engine, groupConfigs } = this.#wire
    const limits = limitsOf(topic)
    const { errorsDeadletterqueueCopyRecordEnable: copied } = groupConfigs.get(groupId)
    const originals = copied ? this.#originals(log, letters, limits) : noOriginals
    const timestamp = engine.clock.now()
    let batch: WireRecord[] = []
    let bytes = 0
    for (let offset = letters.first; offset <= letters.last; offset++) {
      const { key = null, value = null } = originals.get(offset) ?? {}
      const headers = headersOf(groupId, log, letters, offset)
      const size = writeBatch([{ offset: 0, timestamp, key, value, headers }]).length
      if (batch.length > 0 && bytes + size > limits.batch) {
        this.#append(topic, log, batch)
        batch = []
        bytes = 0
      }
      batch.push({ offset: batch.length, timestamp, key, value, headers })
      bytes += size
    }
    this.#append(topic, log, batch)
  }

  #append(topic: Topic, { index }: Partition, records: readonly WireRecord[]): void {
    const { engine } = this.#wire
    const batch = toEncodedBatch(topic, readHeader(writeBatch(records)), engine.clock.now())
    // Without a wait it answers at once, or throws.
    engine.appendEncoded({ topic, partition: index % topic.partitionCount }, batch)
  }

  // What cannot be read is not copied.
  #originals(log: Partition, span: OffsetSpan, limits: Limits): ReadonlyMap<number, WireRecord> {
    const found = new Map<number, WireRecord>()
    this.#attempt(() => {
      for (const record of this.#recordsIn(log, span, limits)) found.set(record.offset, record)
    })
    return found
  }

  *#recordsIn(log: Partition, { first, last }: OffsetSpan, limits: Limits): Iterable<WireRecord> {
    for (let at = first; at <= last; ) {
      const read = batchSpans(this.#wire.batches.read(log, at, readBytes, false).pieces)
      if (read.length === 0) return
      for (const { bytes } of read) {
        yield* copyable(bytes, limits.record).filter(({ offset }) => offset >= first && offset <= last)
      }
      at = read.at(-1)!.last + 1
    }
  }
}

const noOriginals: ReadonlyMap<number, WireRecord> = new Map()

function limitsOf({ options: { maxMessageBytes } }: Topic): Limits {
  if (maxMessageBytes === -1) return { record: Number.POSITIVE_INFINITY, batch: mostBytes }
  return { record: maxMessageBytes, batch: maxMessageBytes }
}

// A compressed batch is unpacked as a whole, so it is copied if all of it would fit. (Kafka: ShareGroupDLQRecordFetcher)
function copyable(bytes: Uint8Array, most: number): readonly WireRecord[] {
  const batch = readHeader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  if (batch.control) return []
  const records = readRecords(batch, decompress)
  const sizeOf = (record: WireRecord) => writeBatch([record]).length - headerLength
  if (batch.compression === 'none') return records.filter(record => sizeOf(record) <= most)
  return records.reduce((sum, record) => sum + sizeOf(record), 0) <= most ? records : []
}

/** What is told of where a dead letter is from. (Kafka: ShareGroupDLQStateManager.ProduceRequestHandler) */
function headersOf(
  groupId: string,
  { topic, index }: Partition,
  { deliveryCount, cause }: DeadLetters,
  offset: number,
): WireRecord['headers'] {
  return Object.entries({
    topic,
    partition: index,
    offset,
    group: groupId,
    'delivery.count': deliveryCount,
    message: cause,
  }).map(([name, value]) => [`__dlq.errors.${name}`, Buffer.from(String(value))])
}

import { ClosedError } from '../../errors.ts'
import type { Partition } from '../../log/partition.ts'
import type { Topic } from '../../log/topic.ts'
import { isPromise } from '../../maybe-promise.ts'
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
import { type BatchSpan, batchSpans } from './batch-spans.ts'
import { deadLetterTopic } from './dead-letter-topic.ts'
import type { DeadLetters, DeadLetterWriter } from './dead-letters.ts'
import type { OffsetSpan } from './offset-span.ts'

const readBytes = 64 * 1024
// How long dead letters wait for room. (Kafka: the timeout of the request that writes them)
const roomWait = { timeoutMs: 30_000, signals: [] }

/**
 * Writes what share groups give up to their dead letter topics (KIP-1191), at once where there is room: nobody sees a
 * record that is given up and not written yet. (Kafka: ShareGroupDLQStateManager, where it is archiving meanwhile)
 */
export class DeadLetterQueue implements DeadLetterWriter {
  readonly #wire: Wire

  constructor(wire: Wire) {
    this.#wire = wire
  }

  write(groupId: string, log: Partition, letters: readonly DeadLetters[]): void {
    const { engine, groupConfigs, cluster } = this.#wire
    const { errorsDeadletterqueueTopicName: name } = groupConfigs.get(groupId)
    // A broker that closes ends the sessions of members, which releases what they have.
    if (name === '' || engine.closed) return
    this.#attempt(() => {
      const leader = cluster.leadershipOf(log).leader?.nodeId
      const topic = deadLetterTopic(this.#wire, groupId, name, leader?.toString())
      const { errorsDeadletterqueueCopyRecordEnable: copied } = groupConfigs.get(groupId)
      const originals = copied ? this.#originals(log, letters, mostBytesOf(topic)) : noOriginals
      for (const each of letters) this.#writeTo(topic, groupId, log, each, originals)
    })
  }

  #attempt(write: () => void): void {
    try {
      write()
    } catch (error) {
      this.#wire.failed(error)
    }
  }

  // Each is a batch of its own, so none is refused for another, nor because a topic keeps fewer than come at once.
  #writeTo(
    topic: Topic,
    groupId: string,
    log: Partition,
    letters: DeadLetters,
    originals: ReadonlyMap<number, WireRecord>,
  ): void {
    const { engine } = this.#wire
    const timestamp = engine.clock.now()
    const target = { topic, partition: log.index % topic.partitionCount }
    for (let offset = letters.first; offset <= letters.last; offset++) {
      const { key = null, value = null } = originals.get(offset) ?? {}
      const headers = headersOf(groupId, log, letters, offset)
      this.#attempt(() => {
        const batch = readHeader(writeBatch([{ offset: 0, timestamp, key, value, headers }]))
        const written = engine.appendEncoded(target, toEncodedBatch(topic, batch, timestamp), roomWait)
        if (isPromise(written)) written.catch(error => this.#lost(error))
      })
    }
  }

  // A broker that closes lets nothing wait any more, before it is closed itself.
  #lost(error: unknown): void {
    if (!(error instanceof ClosedError)) this.#wire.failed(error)
  }

  // What cannot be read is not copied.
  #originals(log: Partition, letters: readonly DeadLetters[], most: number): ReadonlyMap<number, WireRecord> {
    const found = new Map<number, WireRecord>()
    const given = new Set(letters.flatMap(offsetsOf))
    this.#attempt(() => {
      for (const span of this.#batchesOf(log, letters)) {
        if (!offsetsOf(span).some(offset => given.has(offset))) continue
        for (const record of copyable(span.bytes, given, most)) found.set(record.offset, record)
      }
    })
    return found
  }

  // Each is read once, however many of its records are given up one by one.
  *#batchesOf(log: Partition, letters: readonly OffsetSpan[]): Iterable<BatchSpan> {
    let at = 0
    for (const { first, last } of [...letters].sort((a, b) => a.first - b.first)) {
      for (at = Math.max(at, first); at <= last; ) {
        const read = batchSpans(this.#wire.batches.read(log, at, readBytes, false).pieces)
        if (read.length === 0) return
        yield* read
        at = read.at(-1)!.last + 1
      }
    }
  }
}

const noOriginals: ReadonlyMap<number, WireRecord> = new Map()

function offsetsOf({ first, last }: OffsetSpan): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

function mostBytesOf({ options: { maxMessageBytes } }: Topic): number {
  return maxMessageBytes === -1 ? Number.POSITIVE_INFINITY : maxMessageBytes
}

// A compressed batch is unpacked as a whole, so it is copied if all of it would fit. (Kafka: ShareGroupDLQRecordFetcher)
function copyable(bytes: Uint8Array, given: ReadonlySet<number>, most: number): readonly WireRecord[] {
  const batch = readHeader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  if (batch.control) return []
  const records = readRecords(batch, decompress)
  const asked = records.filter(({ offset }) => given.has(offset))
  const sizeOf = (record: WireRecord) => writeBatch([record]).length - headerLength
  if (batch.compression === 'none') return asked.filter(record => sizeOf(record) <= most)
  return records.reduce((sum, record) => sum + sizeOf(record), 0) <= most ? asked : []
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

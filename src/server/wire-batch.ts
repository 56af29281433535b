import { systemClock } from '../clock.ts'
import { InvalidRecordError, InvalidTimestampError } from '../errors.ts'
import type { DecodedRecord } from '../log/decoded-record.ts'
import type { BatchDecoder, EncodedBatch } from '../log/encoded-batch.ts'
import { EncodedSegment } from '../log/encoded-segment.ts'
import type { Topic } from '../log/topic.ts'
import { wantsTextKeys } from './client-topics.ts'
import { decompress } from './compression.ts'
import { sharedByCopies } from './copies.ts'
import { entryOf } from './entry-of.ts'
import {
  eachRecord,
  inspectRecords,
  placeBatch,
  type RecordBatchHeader,
  type RecordFacts,
  readHeader,
  stampBatch,
  type WireRecord,
} from './protocol/record-batch.ts'
import { headersFromWire, keyFromWire, notText, originalOf, valueFromWire } from './wire-values.ts'

/** A batch that a client sent, as a topic's log keeps it. */
class WireBatch implements EncodedBatch {
  readonly count: number
  readonly size: number
  readonly unpackedSize: number
  readonly minTimestamp: number
  readonly maxTimestamp: number
  // The system's time, with which clients stamp their records.
  readonly receivedAt: number = systemClock.now()
  readonly keyed: boolean
  readonly decoder: BatchDecoder
  readonly records: readonly DecodedRecord[] | undefined
  readonly #header: RecordBatchHeader

  constructor(
    header: RecordBatchHeader,
    facts: RecordFacts,
    decoder: BatchDecoder,
    records: readonly DecodedRecord[] | undefined,
  ) {
    this.#header = header
    this.count = header.count
    this.size = header.bytes.length
    this.unpackedSize = facts.unpackedSize
    this.minTimestamp = facts.minTimestamp
    this.maxTimestamp = facts.maxTimestamp
    this.keyed = facts.keyed
    this.decoder = decoder
    this.records = records
  }

  copy(target: Uint8Array, at: number, baseOffset: number, appendTime: number | undefined): void {
    target.set(this.#header.bytes, at)
    this.#place(Buffer.from(target.buffer, target.byteOffset + at, this.size), baseOffset, appendTime)
  }

  own(baseOffset: number, appendTime: number | undefined): Uint8Array | undefined {
    const { bytes } = this.#header
    if (bytes.buffer.byteLength > 1.25 * bytes.length) return undefined
    this.#place(bytes, baseOffset, appendTime)
    return bytes
  }

  #place(batch: Buffer, baseOffset: number, appendTime: number | undefined): void {
    placeBatch(batch, baseOffset)
    if (appendTime !== undefined) stampBatch(batch, appendTime, 'append')
    else if (this.#header.maxTimestamp !== this.maxTimestamp) stampBatch(batch, this.maxTimestamp, 'create')
  }
}

/**
 * Checks a client's batch as Kafka does before it keeps it (LogValidator), and makes what the topic's log takes. Each
 * record may have so many bytes.
 *
 * @throws CorruptBatchError, InvalidRecordError, InvalidTimestampError
 */
export function toEncodedBatch(
  topic: Topic,
  header: RecordBatchHeader,
  now: number,
  mostRecordBytes?: number,
): EncodedBatch {
  checkHeader(topic, header)
  const facts = inspectRecords(header, decompress, mostRecordBytes)
  if (!facts.textKeys && wantsTextKeys(topic)) throw notText(topic)
  const { schema, codec } = topic.options
  const decoder = decoderOf(topic)
  // A schema may change values, so the bytes no longer hold them. A record without a timestamp gets `now`.
  if ((schema === undefined || codec !== undefined) && facts.minTimestamp >= 0) {
    return new WireBatch(header, facts, decoder, undefined)
  }
  const timed = (timestamp: number) => (timestamp < 0 ? now : timestamp)
  const { minTimestamp, maxTimestamp } = facts
  const times = { minTimestamp: timed(minTimestamp), maxTimestamp: timed(maxTimestamp) }
  const records = Array.from(decoder.decode(header.bytes), each => ({
    ...each,
    timestamp: timed(each.timestamp),
  }))
  return new WireBatch(header, { ...facts, ...times }, decoder, records)
}

/** @throws InvalidRecordError, InvalidTimestampError */
export function checkHeader(
  topic: Topic,
  {
    control,
    count,
    lastOffsetDelta,
    timestampType,
    transactional,
    producerId,
    baseSequence,
  }: RecordBatchHeader,
): void {
  const refuse = (expected: string) =>
    new InvalidRecordError(`Batch for topic '${topic.name}': expected ${expected}`, { topic: topic.name })
  if (control) throw refuse('records, received control records, which only brokers write')
  if (count <= 0) throw refuse(`a record at least, received ${count}`)
  if (producerId >= 0 && baseSequence < 0) {
    throw refuse(`a sequence number of producer ${producerId}, received ${baseSequence}`)
  }
  if (transactional && producerId < 0) throw refuse('a producer id, because the batch is transactional')
  if (lastOffsetDelta !== count - 1) {
    throw refuse(`a last offset delta of ${count - 1}, received ${lastOffsetDelta}`)
  }
  if (timestampType === 'append') {
    const message = `Batch for topic '${topic.name}': expected timestamps of type CreateTime; only the broker sets LogAppendTime`
    throw new InvalidTimestampError(message, { topic: topic.name })
  }
}

const decoders = sharedByCopies<Topic, BatchDecoder>('batchDecoders')

// One decoder for each topic, because a segment of the log takes only batches with the decoder that it has.
function decoderOf(topic: Topic): BatchDecoder {
  return entryOf(decoders, topic, () => {
    const decoder: BatchDecoder = {
      segment: start => new EncodedSegment(start, decoder),
      decode: batch => decodeBatch(topic, batch),
      originals: batch => Array.from(recordsOf(batch), record => originalOf(topic, record)),
    }
    return decoder
  })
}

function recordsOf(bytes: Uint8Array): Iterable<WireRecord> {
  const batch = readHeader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  return eachRecord(batch, decompress)
}

function* decodeBatch(topic: Topic, bytes: Uint8Array): Generator<DecodedRecord> {
  for (const { key, value, headers, timestamp } of recordsOf(bytes)) {
    const decoded = valueFromWire(topic, value)
    topic.freeze(decoded)
    yield {
      key: keyFromWire(topic, key),
      value: decoded,
      headers: headersFromWire(topic, headers),
      timestamp,
    }
  }
}

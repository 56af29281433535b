import type { EngineTransaction, ProducerRecord, SendWait } from '../../engine.ts'
import { type ErrorCode, errorCodes } from '../../error-codes.ts'
import { BrokerletError, UnknownTopicOrPartitionError } from '../../errors.ts'
import type { Topic } from '../../log/topic.ts'
import { isPromise } from '../../maybe-promise.ts'
import { decompress } from '../compression.ts'
import { type Handler, handler } from '../handler.ts'
import { produce } from '../protocol/messages/produce.ts'
import {
  CorruptBatchError,
  type RecordBatchHeader,
  readBatches,
  readRecords,
  type WireRecord,
} from '../protocol/record-batch.ts'
import { findTopic, toWireError, unknownTopic, type Wire } from '../wire.ts'
import { headersFromWire, keyFromWire, valueFromWire } from '../wire-values.ts'

const corrupt: Readonly<Record<CorruptBatchError['kind'], ErrorCode>> = {
  corrupt: 'CORRUPT_MESSAGE',
  magic: 'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  compression: 'UNSUPPORTED_COMPRESSION_TYPE',
}

/** Writes record batches. */
export function produceHandlers(wire: Wire): Handler[] {
  return [
    handler(produce, async ({ topicData, acks, timeoutMs }, { version, signal }) => {
      const wait = { timeoutMs, signals: [signal] }
      // All are begun at once, in order: one that waits for room does not keep the others.
      const writing = topicData.map(async ({ name, topicId, partitionData }) => {
        const topic = findTopic(wire, version, 13, { name, topicId })
        return {
          name,
          topicId,
          partitionResponses: await Promise.all(
            partitionData.map(({ index, records }) =>
              topic === undefined
                ? { index, errorCode: unknownTopic(version, 13), baseOffset: -1 }
                : write(wire, topic, index, records, wait),
            ),
          ),
        }
      })
      const responses = await Promise.all(writing)
      return acks === 0 ? undefined : { responses }
    }),
  ]
}

async function write(wire: Wire, topic: Topic, index: number, bytes: Buffer | null, wait: SendWait) {
  try {
    if (topic.partitions[index] === undefined) {
      throw new UnknownTopicOrPartitionError(`Topic '${topic.name}' has no partition ${index}`, {
        topic: topic.name,
        partition: index,
      })
    }
    const batches = readBatches(bytes ?? Buffer.alloc(0))
    const [first] = batches
    // A request of an idempotent producer has one batch for a partition (Kafka: ProduceRequest.validateRecords).
    const written =
      first === undefined || first.producerId < 0 || first.count === 0
        ? await writePlain(wire, topic, index, batches, wait)
        : writeSequenced(wire, topic, index, first)
    return { index, errorCode: 0, ...written, logStartOffset: topic.partitions[index]!.logStartOffset }
  } catch (error) {
    if (error instanceof CorruptBatchError) {
      const { errno } = errorCodes[corrupt[error.kind]]
      return { index, errorCode: errno, baseOffset: -1, errorMessage: error.message }
    }
    return { index, baseOffset: -1, ...toWireError(wire, error) }
  }
}

async function writePlain(
  wire: Wire,
  topic: Topic,
  index: number,
  batches: readonly RecordBatchHeader[],
  wait: SendWait,
) {
  const records = batches.flatMap(batch => toProducerRecords(topic, index, batch))
  const writing = wire.engine.appendBatch(records, wait)
  const [first] = isPromise(writing) ? await writing : writing
  return {
    baseOffset: first?.offset ?? -1,
    logAppendTimeMs: stampsAppends(topic) ? (first?.timestamp ?? -1) : -1,
  }
}

function writeSequenced(wire: Wire, topic: Topic, index: number, batch: RecordBatchHeader) {
  const { producerId, producerEpoch, baseSequence } = batch
  const producer = { producerId, producerEpoch, baseSequence }
  const records = toProducerRecords(topic, index, batch)
  const { baseOffset } = wire.engine.appendSequenced(producer, records, transactionOf(wire, batch))
  return { baseOffset, logAppendTimeMs: stampsAppends(topic) ? wire.engine.clock.now() : -1 }
}

function transactionOf(wire: Wire, batch: RecordBatchHeader): EngineTransaction | undefined {
  if (!batch.transactional) return undefined
  const open = wire.transactions.opened(batch)
  if (typeof open !== 'string') return open
  throw new BrokerletError(open, `Producer ${batch.producerId} has no transaction to write in: ${open}`)
}

function stampsAppends(topic: Topic): boolean {
  return topic.options.messageTimestampType === 'LogAppendTime'
}

function toProducerRecords(topic: Topic, partition: number, batch: RecordBatchHeader): ProducerRecord[] {
  return readRecords(batch, decompress).map(record => toProducerRecord(topic, partition, record))
}

function toProducerRecord(topic: Topic, partition: number, record: WireRecord): ProducerRecord {
  return {
    topic,
    partition,
    key: keyFromWire(topic, record.key),
    value: valueFromWire(topic, record.value),
    headers: headersFromWire(topic, record.headers),
    timestamp: record.timestamp < 0 ? undefined : record.timestamp,
  }
}

import type { ProducerRecord, SendWait } from '../../engine.ts'
import { type ErrorCode, errorCodes } from '../../error-codes.ts'
import { UnknownTopicOrPartitionError } from '../../errors.ts'
import type { Topic } from '../../log/topic.ts'
import { isPromise } from '../../maybe-promise.ts'
import { decompress } from '../compression.ts'
import { type Handler, handler } from '../handler.ts'
import { produce } from '../protocol/messages/produce.ts'
import { CorruptBatchError, readBatches, readRecords, type WireRecord } from '../protocol/record-batch.ts'
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
    const records = readBatches(bytes ?? Buffer.alloc(0)).flatMap(batch => readRecords(batch, decompress))
    const writing = wire.engine.appendBatch(
      records.map(record => toProducerRecord(topic, index, record)),
      wait,
    )
    const written = isPromise(writing) ? await writing : writing
    const appended = topic.options.messageTimestampType === 'LogAppendTime'
    return {
      index,
      errorCode: 0,
      baseOffset: written[0]?.offset ?? -1,
      logAppendTimeMs: appended ? (written[0]?.timestamp ?? -1) : -1,
      logStartOffset: topic.partitions[index]!.logStartOffset,
    }
  } catch (error) {
    if (error instanceof CorruptBatchError) {
      const { errno } = errorCodes[corrupt[error.kind]]
      return { index, errorCode: errno, baseOffset: -1, errorMessage: error.message }
    }
    return { index, baseOffset: -1, ...toWireError(wire, error) }
  }
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

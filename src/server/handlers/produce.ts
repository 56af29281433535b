import type { SendWait } from '../../engine.ts'
import type { ErrorCode } from '../../error-codes.ts'
import {
  BrokerletError,
  InvalidProducerEpochError,
  InvalidRecordError,
  OutOfOrderSequenceError,
  UnknownTopicOrPartitionError,
} from '../../errors.ts'
import type { Partition } from '../../log/partition.ts'
import type { BatchMetadata, Topic } from '../../log/topic.ts'
import { isPromise, type MaybePromise } from '../../maybe-promise.ts'
import { type Handler, handler } from '../handler.ts'
import { findTopic, topicIdsSince, unknownTopic } from '../named-topic.ts'
import { inProducersWords, withoutTransaction } from '../producer-words.ts'
import { produce } from '../protocol/messages/produce.ts'
import {
  CorruptBatchError,
  hasTransaction,
  type RecordBatchHeader,
  readChecked,
  splitBatches,
} from '../protocol/record-batch.ts'
import { recordErrors } from '../record-errors.ts'
import { appendSequenced } from '../sequenced-append.ts'
import { toWireError, type Wire } from '../wire.ts'
import { toEncodedBatch } from '../wire-batch.ts'
import { errnoOf } from '../wire-error-code.ts'

const corrupt: Readonly<Record<CorruptBatchError['kind'], ErrorCode>> = {
  corrupt: 'CORRUPT_MESSAGE',
  record: 'INVALID_RECORD',
  compression: 'UNSUPPORTED_COMPRESSION_TYPE',
  packed: 'UNKNOWN_SERVER_ERROR',
}

/** The first version whose producer writes without adding the partition to its transaction before (KIP-890). */
const beginsSince = 12

/** The errors that a single record may be the reason of. */
const ofRecords: ReadonlySet<number> = new Set([errnoOf('INVALID_RECORD'), errnoOf('INVALID_TIMESTAMP')])

const withoutId = errnoOf('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
const invalidTimestamp = errnoOf('INVALID_TIMESTAMP')
const rejectedTimestamps = 'One or more records have been rejected due to invalid timestamp'

const decompressedBytes = 'max.decompressed.message.bytes'

type WrittenPartition = Awaited<ReturnType<typeof write>>

interface WrittenTopic {
  readonly name: string
  readonly topicId: string
  readonly partitions: readonly MaybePromise<WrittenPartition>[]
}

interface Writing {
  readonly version: number
  readonly wait: SendWait
  readonly acks: number
  readonly transactionalId: string | null
}

/** Writes record batches. */
export function produceHandlers(wire: Wire): Handler[] {
  return [
    handler(produce, async ({ transactionalId, topicData, acks, timeoutMs }, { version, signal, drop }) => {
      const how: Writing = {
        version,
        wait: { timeoutMs, signals: [signal] },
        acks,
        transactionalId,
      }
      // Nobody has a right to a transaction without an id. (Kafka: KafkaApis.handleProduceRequest)
      const isNobodys = transactionalId === null && hasTransaction(topicData)
      const writing: WrittenTopic[] = []
      let begun = 0
      // The appends begin in order, and none waits for another: one that waits for room does not keep the others waiting.
      for (const { name, topicId, partitionData } of topicData) {
        const topic = findTopic(wire, version, topicIdsSince.Produce, { name, topicId })
        const partitions: MaybePromise<WrittenPartition>[] = []
        for (const { index, records } of partitionData) {
          // Each batch may take long to unpack, and there may be thousands.
          const turn = begun++ > 0 ? wire.engine.clock.exhausted(1) : undefined
          if (turn !== undefined) await turn
          partitions.push(
            isNobodys
              ? { index, errorCode: withoutId, baseOffset: -1 }
              : topic === undefined
                ? { index, errorCode: unknownTopic(version, topicIdsSince.Produce), baseOffset: -1 }
                : write(wire, topic, index, records, how),
          )
        }
        writing.push({ name, topicId, partitions })
      }
      const responses = await Promise.all(
        writing.map(async ({ name, topicId, partitions }) => ({
          name,
          topicId,
          partitionResponses: await Promise.all(partitions),
        })),
      )
      if (acks !== 0) return { responses }
      // The client waits for no answer: it hears of an error by the end of its connection.
      const failed = responses.some(({ partitionResponses }) =>
        partitionResponses.some(({ errorCode }) => errorCode !== 0),
      )
      if (failed) drop()
      return undefined
    }),
  ]
}

const allInSync = -1

/** Acknowledged by no broker, by all in-sync replicas, or by the leader. */
const knownAcks: ReadonlySet<number> = new Set([0, allInSync, 1])
const unknownAcks = errnoOf('INVALID_REQUIRED_ACKS')

async function write(wire: Wire, topic: Topic, index: number, bytes: Buffer | null, how: Writing) {
  let batch: RecordBatchHeader | undefined
  let isAtLog = false
  try {
    if (topic.partitions[index] === undefined) {
      throw new UnknownTopicOrPartitionError(`Topic '${topic.name}' has no partition ${index}`, {
        topic: topic.name,
        partition: index,
      })
    }
    const only = onlyBatch(topic, bytes)
    // What is no batch, or is for no partition, comes before. (Kafka: KafkaApis.handleProduceRequest)
    if (!knownAcks.has(how.acks)) return { index, errorCode: unknownAcks, baseOffset: -1 }
    if (how.acks === allInSync) requireEnoughReplicas(wire, topic.partitions[index])
    isAtLog = true
    requireOffsetZero(topic, only)
    batch = readWhole(topic, only)
    const writing = append(wire, topic, index, batch, how)
    const { baseOffset, appendTime = -1 } = isPromise(writing) ? await writing : writing
    const { logStartOffset } = topic.partitions[index]!
    return { index, errorCode: 0, baseOffset, logAppendTimeMs: appendTime, logStartOffset }
  } catch (error) {
    if (error instanceof CorruptBatchError) {
      const errno = errnoOf(corrupt[error.kind])
      const isChecked = isAtLog && error.kind !== 'corrupt'
      const logStartOffset = isChecked ? topic.partitions[index]!.logStartOffset : -1
      return { index, errorCode: errno, baseOffset: -1, logStartOffset, errorMessage: error.message }
    }
    const { errorCode, errorMessage } = toWireError(wire, error)
    const told = withoutTransaction('Produce', how.version, errorCode)
    const isOfRecords = isAtLog && ofRecords.has(errorCode)
    const ofEach =
      isOfRecords && batch !== undefined ? recordErrors(topic, batch, wire.engine.clock.now()) : []
    return {
      index,
      baseOffset: -1,
      logStartOffset: isOfRecords || isOfLog(error) ? topic.partitions[index]!.logStartOffset : -1,
      errorCode: inProducersWords('Produce', how.version, told),
      // What is wrong with each record is told beside it. (Kafka: LogValidator)
      errorMessage: errorCode === invalidTimestamp && ofEach.length > 0 ? rejectedTimestamps : errorMessage,
      recordErrors: ofEach,
    }
  }
}

// Where the log itself refuses a batch, its start is told. (Kafka: ReplicaManager.appendRecordsToLeader)
function isOfLog(error: unknown): boolean {
  return error instanceof OutOfOrderSequenceError || error instanceof InvalidProducerEpochError
}

// (Kafka: Partition.appendRecordsToLeader)
function requireEnoughReplicas({ cluster }: Wire, log: Partition): void {
  if (cluster.hasEnoughReplicas(log)) return
  const { topic, index: partition } = log
  const message = `Too few replicas of ${topic}-${partition} are in sync for min.insync.replicas`
  throw new BrokerletError('NOT_ENOUGH_REPLICAS', message, { topic, partition })
}

// A request has a single batch for each partition (Kafka: ProduceRequest.validateRecords).
function onlyBatch(topic: Topic, bytes: Buffer | null): Buffer {
  const batches = splitBatches(bytes ?? Buffer.alloc(0))
  if (batches.length === 1) return batches[0]!
  throw new InvalidRecordError(
    `Request for topic '${topic.name}': expected one batch for a partition, received ${batches.length}`,
    { topic: topic.name },
  )
}

function requireOffsetZero({ name: topic }: Topic, batch: Buffer): void {
  const received = batch.readBigInt64BE()
  if (received === 0n) return
  const message = `Batch for topic '${topic}': expected offsets that begin with 0, received ${received}`
  throw new InvalidRecordError(message, { topic })
}

// What is too large is not looked into: it is refused as that even if it is broken. (Kafka:
// UnifiedLog.analyzeAndValidateRecords)
function readWhole(topic: Topic, bytes: Buffer): RecordBatchHeader {
  try {
    return readChecked(bytes)
  } catch (error) {
    topic.admitSize(bytes.length)
    throw error
  }
}

function append(
  wire: Wire,
  topic: Topic,
  partition: number,
  header: RecordBatchHeader,
  { version, wait, transactionalId }: Writing,
): MaybePromise<BatchMetadata> {
  const { engine } = wire
  const { producerId, producerEpoch, baseSequence } = header
  const target = { topic, partition }
  const begins = version >= beginsSince && transactionalId !== null
  // It begins also with what is refused. (Kafka: ReplicaManager.handleProduceAppend)
  const transaction =
    producerId < 0 ? undefined : transactionOf(wire, header, target, transactionalId, begins)
  topic.admitSize(header.bytes.length)
  const batch = toEncodedBatch(topic, header, engine.clock.now(), mostRecordBytes(wire, topic, header))
  if (producerId < 0) return engine.appendEncoded(target, batch, wait)
  // If a producer's first batch was refused, its second is refused as well, and both are sent again in order.
  const beginsWithZero = begins && header.transactional
  const producer = { producerId, producerEpoch, baseSequence, beginsWithZero }
  return appendSequenced(engine, target, producer, batch, transaction)
}

// How large a record may be that was compressed.
function mostRecordBytes(
  { keptConfigs, dynamicConfigs }: Wire,
  topic: Topic,
  { compression }: RecordBatchHeader,
): number | undefined {
  if (compression === 'none') return undefined
  const text =
    keptConfigs.valueOf(topic, decompressedBytes) ?? dynamicConfigs.sourcesOf(decompressedBytes)[0]?.value
  return text === undefined ? undefined : Number(text)
}

function transactionOf(
  { transactions }: Wire,
  batch: RecordBatchHeader,
  { topic, partition }: { readonly topic: Topic; readonly partition: number },
  transactionalId: string | null,
  begins: boolean,
) {
  if (!batch.transactional) return undefined
  const tp = { topic: topic.name, partition }
  if (begins) transactions.begin(transactionalId!, batch, { partitions: [tp] })
  // A transaction that could not begin is not open, and `opened` says why.
  const open = transactions.opened(transactionalId, batch, tp)
  if (typeof open !== 'string') return open
  throw new BrokerletError(open, `Producer ${batch.producerId} has no transaction to write in: ${open}`)
}

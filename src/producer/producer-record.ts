import type { EngineTopic, ProducerRecord } from '../engine.ts'
import { describeError, describeValue, InvalidRecordError, UnknownTopicOrPartitionError } from '../errors.ts'
import { forgetPromise, isPromise, type MaybePromise } from '../maybe-promise.ts'
import { copyHeaders, noHeaders, type RecordHeaders, type RecordKey, toRecordHeaders } from '../record.ts'
import { type Partitioner, partitionForKey, type StickyRoundRobin } from './partitioner.ts'

/** A message as the caller gives it, with nothing checked yet. */
export interface UncheckedMessage {
  readonly key?: unknown
  readonly value?: unknown
  readonly headers?: unknown
  readonly partition?: unknown
  readonly timestamp?: unknown
}

/**
 * Copies a message, so that one that waits its turn is written as it was sent, even if the caller changes it
 * meanwhile.
 */
export function asSent(message: unknown): unknown {
  if (typeof message !== 'object' || message === null) return message
  const { topic, key, value, headers, partition, timestamp } = message as Readonly<Record<string, unknown>>
  return {
    ...message,
    topic,
    key,
    value,
    headers: copyHeaders(typeof topic === 'string' ? topic : describeValue(topic), headers),
    partition,
    timestamp,
  }
}

// Compared one by one, because these strings are compared by identity; a lookup in a Set costs 15 ns a field.
function isField(name: string): boolean {
  return (
    name === 'topic' ||
    name === 'key' ||
    name === 'value' ||
    name === 'headers' ||
    name === 'partition' ||
    name === 'timestamp'
  )
}

/**
 * Checks a message, serializes its value and chooses its partition, in this order; writes nothing. Returns a promise
 * only where the topic's schema does.
 *
 * @throws InvalidRecordError, UnknownTopicOrPartitionError
 */
export function toProducerRecord(
  topic: EngineTopic,
  message: UncheckedMessage,
  partitioner: Partitioner | undefined,
  sticky: StickyRoundRobin,
): MaybePromise<ProducerRecord> {
  for (const field in message) if (!isField(field)) throw unknownField(topic.name, field)
  const key = topic.serde.key(message.key)
  const headers = message.headers === undefined ? noHeaders : toRecordHeaders(topic.name, message.headers)
  const timestamp =
    message.timestamp === undefined ? undefined : checkTimestamp(topic.name, message.timestamp)
  const stored = topic.serde.serialize(message.value)
  if (!isPromise(stored)) return place(topic, message, partitioner, sticky, key, stored, headers, timestamp)
  // No schema that answers later: the value itself is a promise.
  if (!topic.serde.validates) throw topic.serde.promised(stored)
  const sent = asSent(message) as UncheckedMessage
  return placeLater(topic, sent, partitioner, sticky, key, stored, headers, timestamp)
}

// A function of its own: a closure in the caller would allocate what it captures for every record.
async function placeLater(
  topic: EngineTopic,
  message: UncheckedMessage,
  partitioner: Partitioner | undefined,
  sticky: StickyRoundRobin,
  key: RecordKey | null,
  stored: Promise<unknown>,
  headers: RecordHeaders,
  timestamp: number | undefined,
): Promise<ProducerRecord> {
  return place(topic, message, partitioner, sticky, key, await stored, headers, timestamp)
}

function place(
  topic: EngineTopic,
  message: UncheckedMessage,
  partitioner: Partitioner | undefined,
  sticky: StickyRoundRobin,
  key: RecordKey | null,
  value: unknown,
  headers: RecordHeaders,
  timestamp: number | undefined,
): ProducerRecord {
  const count = topic.partitionCount
  let partition: number
  if (message.partition !== undefined) partition = checkPartition(topic.name, message.partition, count)
  else if (partitioner !== undefined)
    partition = callPartitioner(partitioner, topic.name, message, key, headers, count)
  else if (key !== null) partition = count === 1 ? 0 : partitionForKey(key, count)
  else partition = sticky.next(topic.name, count)
  return { topic, partition, key, value, headers, timestamp }
}

function callPartitioner(
  partitioner: Partitioner,
  topic: string,
  message: UncheckedMessage,
  key: RecordKey | null,
  headers: RecordHeaders,
  partitionCount: number,
): number {
  let partition: unknown
  try {
    partition = partitioner({ topic, partitionCount, key, value: message.value, headers })
  } catch (cause) {
    throw new InvalidRecordError(
      `Record for topic '${topic}': the partitioner threw: ${describeError(cause)}`,
      {
        topic,
        field: 'partition',
        cause,
      },
    )
  }
  forgetPromise(partition)
  return checkPartition(topic, partition, partitionCount)
}

function checkPartition(topic: string, partition: unknown, count: number): number {
  if (typeof partition !== 'number' || !Number.isInteger(partition)) {
    throw new InvalidRecordError(
      `Record for topic '${topic}': partition expected a whole number, received ${describeValue(partition)}`,
      { topic, field: 'partition', received: partition },
    )
  }
  if (partition >= 0 && partition < count) return partition
  throw new UnknownTopicOrPartitionError(
    `Topic '${topic}' has no partition ${partition}; it has ${count}, from 0 to ${count - 1}`,
    { topic, partition, field: 'partition' },
  )
}

function checkTimestamp(topic: string, timestamp: unknown): number {
  if (typeof timestamp === 'number' && Number.isSafeInteger(timestamp) && timestamp >= 0) return timestamp
  throw new InvalidRecordError(
    `Record for topic '${topic}': timestamp expected whole epoch milliseconds, received ${describeValue(timestamp)}`,
    { topic, field: 'timestamp', received: timestamp },
  )
}

function unknownField(topic: string, field: string): InvalidRecordError {
  return new InvalidRecordError(
    `Record for topic '${topic}': unknown field '${field}'; a message has topic, key, value, headers, partition, timestamp`,
    { topic, field },
  )
}

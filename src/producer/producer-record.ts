import type { EngineTopic, ProducerRecord } from '../engine.ts'
import { InvalidArgumentError, InvalidRecordError, UnknownTopicOrPartitionError } from '../errors.ts'
import { forgetPromise, isPromise, type MaybePromise } from '../maybe-promise.ts'
import { PlacedRecord } from '../placed-record.ts'
import {
  copyHeaders,
  invalidField,
  noHeaders,
  type RecordHeaders,
  type RecordKey,
  toRecordHeaders,
  unreadable,
} from '../record.ts'
import { describeError } from '../thrown.ts'
import { describeValue } from '../value-text.ts'
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
 *
 * @throws InvalidArgumentError, InvalidRecordError where it cannot be read
 */
export function asSent(message: unknown): unknown {
  if (typeof message !== 'object' || message === null) return message
  const topic = readTopic(message)
  if (topic === undefined && Array.isArray(message)) return message
  const name = typeof topic === 'string' ? topic : describeValue(topic)
  try {
    const { key, value, headers, partition, timestamp } = message as UncheckedMessage
    const sent = { topic, key, value, headers: copyHeaders(name, headers), partition, timestamp }
    // For the refusal only: what is in a field that no message has is of no use.
    for (const field in message) if (!isField(field)) return { ...sent, [field]: undefined }
    return sent
  } catch (thrown) {
    throw thrown instanceof InvalidRecordError ? thrown : unreadableMessage(name, message, thrown)
  }
}

/**
 * Reads the topic of a message, whatever it is.
 *
 * @throws InvalidArgumentError where it cannot be read
 */
export function readTopic(message: { readonly topic?: unknown }): unknown {
  try {
    return message.topic
  } catch (cause) {
    const what = `send: field 'topic' could not be read: ${describeError(cause)}`
    throw new InvalidArgumentError(what, { field: 'topic', cause })
  }
}

/**
 * Reads a field of a message, whatever it is.
 *
 * @throws InvalidRecordError where it cannot be read
 */
export function readField(topic: string, message: UncheckedMessage, field: keyof UncheckedMessage): unknown {
  try {
    return message[field]
  } catch (cause) {
    throw unreadable(topic, field, cause)
  }
}

// Which field it was is found out only here, by reading them again: a record should not cost a note for each of them.
function unreadableMessage(topic: string, message: UncheckedMessage, cause: unknown): InvalidRecordError {
  const throws = (field: keyof UncheckedMessage) => {
    try {
      void message[field]
      return false
    } catch {
      return true
    }
  }
  const fields = ['key', 'value', 'headers', 'partition', 'timestamp'] as const
  return unreadable(topic, fields.find(throws) ?? 'message', cause)
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
  let givenKey: unknown
  let value: unknown
  let givenHeaders: unknown
  let partition: unknown
  let givenTimestamp: unknown
  try {
    for (const field in message) if (!isField(field)) throw unknownField(topic.name, field)
    ;({ key: givenKey, value, headers: givenHeaders, partition, timestamp: givenTimestamp } = message)
  } catch (thrown) {
    throw thrown instanceof InvalidRecordError ? thrown : unreadableMessage(topic.name, message, thrown)
  }
  const key = topic.serde.key(givenKey)
  const headers = givenHeaders === undefined ? noHeaders : toRecordHeaders(topic.name, givenHeaders)
  const timestamp = givenTimestamp === undefined ? undefined : checkTimestamp(topic.name, givenTimestamp)
  const stored = topic.serde.serialize(value)
  if (!isLater(topic.name, stored))
    return place(topic, value, partition, partitioner, sticky, key, stored, headers, timestamp)
  // No schema that answers later: the value itself is a promise.
  if (!topic.serde.validates) throw topic.serde.promised(stored)
  return placeLater(topic, value, partition, partitioner, sticky, key, stored, headers, timestamp)
}

function isLater<T>(topic: string, stored: MaybePromise<T>): stored is Promise<T> {
  try {
    return isPromise(stored)
  } catch (cause) {
    // A proxy whose traps throw, such as one that was revoked.
    throw unreadable(topic, 'value', cause)
  }
}

// A function of its own: a closure in the caller would allocate what it captures for every record.
async function placeLater(
  topic: EngineTopic,
  value: unknown,
  partition: unknown,
  partitioner: Partitioner | undefined,
  sticky: StickyRoundRobin,
  key: RecordKey | null,
  stored: Promise<unknown>,
  headers: RecordHeaders,
  timestamp: number | undefined,
): Promise<ProducerRecord> {
  return place(topic, value, partition, partitioner, sticky, key, await stored, headers, timestamp)
}

function place(
  topic: EngineTopic,
  value: unknown,
  given: unknown,
  partitioner: Partitioner | undefined,
  sticky: StickyRoundRobin,
  key: RecordKey | null,
  stored: unknown,
  headers: RecordHeaders,
  timestamp: number | undefined,
): ProducerRecord {
  const count = topic.partitionCount
  let partition: number
  if (given !== undefined) partition = checkPartition(topic.name, given, count)
  else if (partitioner !== undefined)
    partition = callPartitioner(partitioner, topic.name, value, key, headers, count)
  else if (key !== null) partition = count === 1 ? 0 : partitionForKey(key, count)
  else partition = sticky.next(topic.name, count)
  return new PlacedRecord(topic, partition, key, stored, headers, timestamp)
}

function callPartitioner(
  partitioner: Partitioner,
  topic: string,
  value: unknown,
  key: RecordKey | null,
  headers: RecordHeaders,
  partitionCount: number,
): number {
  let partition: unknown
  try {
    partition = partitioner({ topic, partitionCount, key, value, headers })
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
    throw invalidField(topic, 'partition', 'a whole number', partition)
  }
  if (partition >= 0 && partition < count) return partition
  throw new UnknownTopicOrPartitionError(
    `Topic '${topic}' has no partition ${partition}; it has ${count}, from 0 to ${count - 1}`,
    { topic, partition, field: 'partition' },
  )
}

function checkTimestamp(topic: string, timestamp: unknown): number {
  if (typeof timestamp === 'number' && Number.isSafeInteger(timestamp) && timestamp >= 0) return timestamp
  throw invalidField(topic, 'timestamp', 'whole epoch milliseconds', timestamp)
}

/** What there is instead of Kafka's `acks`. */
export const insteadOfAcks = `a record always counts as sent only when it is in the log, as with acks 'all'`

function unknownField(topic: string, field: string): InvalidRecordError {
  // KafkaJS has both, in what its `send` takes.
  const instead =
    field === 'messages'
      ? 'send takes one record; sendBatch takes several, each with its topic'
      : field === 'acks'
        ? insteadOfAcks
        : 'a message has topic, key, value, headers, partition, timestamp'
  return new InvalidRecordError(`Record for topic '${topic}': unknown field '${field}'; ${instead}`, {
    topic,
    field,
  })
}

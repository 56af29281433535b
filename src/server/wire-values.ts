import { isUtf8 } from 'node:buffer'
import { InvalidRecordError } from '../errors.ts'
import { jsonText } from '../json-text.ts'
import type { Topic } from '../log/topic.ts'
import { forgetPromise } from '../maybe-promise.ts'
import {
  type ConsumerRecord,
  headersOf,
  type RecordHeaders,
  type RecordKey,
  toRecordHeaders,
} from '../record.ts'
import { describeError } from '../thrown.ts'
import type { WireRecord } from './protocol/record-batch.ts'

/** A value from the wire, as the topic's log keeps it: as bytes for the topic's codec, else as what the JSON says. */
export function valueFromWire(topic: Topic, bytes: Buffer | null): unknown {
  if (bytes === null) return null
  // A copy, so that it does not keep the frame that it came in.
  if (topic.serde.encodes) return new Uint8Array(bytes)
  if (topic.options.schema === undefined) return parsed(bytes)
  const stored = topic.serde.serialize(parsed(bytes))
  if (!forgetPromise(stored)) return stored
  throw new InvalidRecordError(
    `Record for topic '${topic.name}': its schema is asynchronous, which is not supported for records of Kafka clients`,
    {
      topic: topic.name,
      field: 'value',
    },
  )
}

// Bytes that are not JSON stay bytes.
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return new Uint8Array(bytes)
  }
}

/**
 * The value of a stored record, as bytes.
 *
 * @throws InvalidRecordError if JSON has no form for the value, which was then written before there was a server
 */
export function valueToWire({ value, ...place }: ConsumerRecord): Buffer | null {
  if (value === null) return null
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  try {
    return Buffer.from(jsonText(value))
  } catch (cause) {
    throw new InvalidRecordError(
      `Record at offset ${place.offset} of ${place.topic}-${place.partition}: clients get its value as JSON: ${describeError(cause)}`,
      { topic: place.topic, partition: place.partition, offset: place.offset, field: 'value', cause },
    )
  }
}

/** The value and headers of a record as they came, kept where the log's own would be others on the wire. */
export type OriginalParts = Pick<WireRecord, 'value' | 'headers'>

/**
 * A record's value and headers as they came; undefined if those that the log keeps are the same on the wire. JSON has
 * many texts for one value, and more digits than a number. A value that the topic's schema has made is meant to differ.
 */
export function originalOf(topic: Topic, { value, headers }: WireRecord): OriginalParts | undefined {
  const { schema, codec } = topic.options
  if (schema !== undefined && codec === undefined) return undefined
  const same = headers.every(([, each]) => each !== null) && isSameAgain(topic, value)
  if (same) return undefined
  // Copies, so that they do not keep the batch that they came in.
  const copy = (bytes: Buffer | null) => (bytes === null ? null : Buffer.from(bytes))
  return { value: copy(value), headers: headers.map(([name, each]) => [name, copy(each)] as const) }
}

function isSameAgain(topic: Topic, value: Buffer | null): boolean {
  if (value === null || topic.serde.encodes) return true
  const kept = parsed(value)
  if (kept instanceof Uint8Array) return true
  // The JSON text `null` is not a tombstone.
  return kept !== null && Buffer.from(JSON.stringify(kept)).equals(value)
}

/** A key from the wire. In a topic with string keys it is text, unless a client created the topic. */
export function keyFromWire(topic: Topic, bytes: Buffer | null): RecordKey | null {
  if (bytes === null) return null
  if (topic.options.keys === 'bytes' || !isUtf8(bytes)) return new Uint8Array(bytes)
  return bytes.toString('utf8')
}

/** The error for a key that is not text, in a topic whose keys are strings. */
export function notText(topic: Topic): InvalidRecordError {
  return new InvalidRecordError(
    `Record for topic '${topic.name}': its keys are strings, and this one is not valid UTF-8; the option keys: 'bytes' takes any`,
    { topic: topic.name, field: 'key' },
  )
}

export function keyToWire(key: RecordKey | null): Buffer | null {
  return key === null ? null : Buffer.from(key as string)
}

export function headersFromWire(topic: Topic, headers: WireRecord['headers']): RecordHeaders {
  // A header without a value is read as an empty one.
  return toRecordHeaders(
    topic.name,
    headers.map(([name, value]) => [name, value ?? new Uint8Array(0)]),
  )
}

export function headersToWire(record: { readonly headers: object }): WireRecord['headers'] {
  return headersOf(record).map(([name, value]) => [name, Buffer.from(value as string)])
}

import { describeError, InvalidRecordError } from '../errors.ts'
import type { Topic } from '../log/topic.ts'
import { isPromise } from '../maybe-promise.ts'
import {
  type ConsumerRecord,
  headersOf,
  type RecordHeaders,
  type RecordKey,
  toRecordHeaders,
} from '../record.ts'
import type { WireRecord } from './protocol/record-batch.ts'

/** The value of a record from the wire, as the topic's log keeps values: its codec's bytes, else what the JSON says. */
export function valueFromWire(topic: Topic, bytes: Buffer | null): unknown {
  if (bytes === null) return null
  // A copy: the frame that it came in goes.
  if (topic.serde.encodes) return new Uint8Array(bytes)
  if (topic.options.schema === undefined) return parsed(bytes)
  const stored = topic.serde.serialize(parsed(bytes))
  if (!isPromise(stored)) return stored
  stored.then(undefined, () => {})
  throw new InvalidRecordError(
    `Record for topic '${topic.name}': its schema is asynchronous, which the wire cannot wait for`,
    {
      topic: topic.name,
      field: 'value',
    },
  )
}

// What is no JSON stays what it is.
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
 * @throws InvalidRecordError where JSON has no form for it: it was written before there was a server
 */
export function valueToWire({ value, ...place }: ConsumerRecord): Buffer | null {
  if (value === null) return null
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  try {
    return Buffer.from(JSON.stringify(value))
  } catch (cause) {
    throw new InvalidRecordError(
      `Record at offset ${place.offset} of ${place.topic}-${place.partition}: JSON has no form for its value: ${describeError(cause)}`,
      { topic: place.topic, partition: place.partition, offset: place.offset, field: 'value', cause },
    )
  }
}

/** A key from the wire; where the topic's keys are strings it is known to be text. */
export function keyFromWire(topic: Topic, bytes: Buffer | null): RecordKey | null {
  if (bytes === null) return null
  if (topic.options.keys === 'bytes') return new Uint8Array(bytes)
  return bytes.toString('utf8')
}

/** A key that is no text, where the topic's keys are. */
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
  // A header without a value has none that could be read.
  return toRecordHeaders(
    topic.name,
    headers.map(([name, value]) => [name, value ?? new Uint8Array(0)]),
  )
}

export function headersToWire(record: { readonly headers: object }): WireRecord['headers'] {
  return headersOf(record).map(([name, value]) => [name, Buffer.from(value as string)])
}

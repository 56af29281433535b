import { InvalidRecordError } from '../errors.ts'
import type { RecordHeaders, RecordKey } from '../record.ts'

interface Sized {
  readonly topic: string
  readonly key: RecordKey | null
  readonly value: unknown
  readonly headers: RecordHeaders
}

/**
 * Returns the bytes of a record's key, value and headers. Throws where the value is kept by
 * reference, and so has no size.
 */
export function recordSize(record: Sized): number {
  let size = sizeOf(record.key) + valueSize(record)
  for (const name in record.headers) size += Buffer.byteLength(name) + sizeOf(record.headers[name])
  return size
}

/**
 * Does the same for a record that was written before its topic counted bytes: a value without bytes counts as its JSON,
 * which is what a client on the wire gets. Throws where it has no JSON.
 */
export function sizeAsJson(record: Sized): number {
  const { value } = record
  if (value === null || value instanceof Uint8Array) return recordSize(record)
  const json: string | undefined = JSON.stringify(value)
  return recordSize({ ...record, value: json === undefined ? value : Buffer.from(json) })
}

/**
 * The bytes of one of `count` records that have `bytes` together and no sizes of their own: whole numbers, which add up
 * to all of them.
 */
export function shareOf(bytes: number, index: number, count: number): number {
  return Math.floor((bytes * (index + 1)) / count) - Math.floor((bytes * index) / count)
}

function sizeOf(part: string | Uint8Array | null | undefined): number {
  if (part === null || part === undefined) return 0
  return typeof part === 'string' ? Buffer.byteLength(part) : part.byteLength
}

function valueSize({ topic, value }: Sized): number {
  if (value === null) return 0
  if (value instanceof Uint8Array) return value.byteLength
  throw new InvalidRecordError(
    `Record for topic '${topic}': value expected bytes, since the topic counts them (retentionBytes, maxMessageBytes, ` +
      `segmentBytes, maxBytes) and has no codec`,
    { topic, field: 'value', expected: 'bytes' },
  )
}

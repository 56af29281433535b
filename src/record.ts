import { InvalidRecordError } from './errors.ts'
import { describeError } from './thrown.ts'
import { anObject, type Check, requireArgument } from './validate.ts'
import { describeValue } from './value-text.ts'

/** A record's key: a string, or bytes where the topic says `keys: 'bytes'`. */
export type RecordKey = string | Uint8Array

/** The headers of a record by name. A value reads as a string where it is valid UTF-8, else as bytes. */
export interface RecordHeaders {
  readonly [name: string]: string | Uint8Array | undefined
}

/** Headers as an ordered list, which can hold a name more than once. */
export type HeaderList = readonly (readonly [name: string, value: string | Uint8Array])[]

/** A record as readers get it: plain and read-only. */
export type ConsumerRecord<
  Name extends string = string,
  Body = {
    readonly key: RecordKey | null
    readonly value: unknown
    readonly headers: RecordHeaders
  },
> = {
  readonly topic: Name
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
} & Body

/** The fields that every record has. */
export interface AnyRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** Its key; null without one. */
  readonly key: RecordKey | null
  /** Its value; null for a tombstone. */
  readonly value: unknown
  /** Its headers by name, of which the last of a name counts; `headersOf` has all. */
  readonly headers: object
}

/** Whether a reader gets only committed records, or all that are written. (Kafka: isolation.level) */
export type IsolationLevel = 'read_committed' | 'read_uncommitted'

/** Where a record was written. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** The headers of a record that has none. */
export const noHeaders: RecordHeaders = Object.freeze({})

const aRecord: Check = {
  expected: 'a record',
  accepts: value => anObject.accepts((value as { readonly headers?: unknown } | null | undefined)?.headers),
}

// By headers object: their order and repeated names, which the object cannot hold. The ESM and CJS copies of this
// package share it, because `headersOf` of one must know the records of the other.
const listsKey: unique symbol = Symbol.for('brokerlet.headerLists')
const shared = globalThis as { [listsKey]?: WeakMap<object, HeaderList> }
shared[listsKey] ??= new WeakMap()
const lists = shared[listsKey]

/**
 * All headers of a record in the order they were sent, repeated names too.
 *
 * @example
 * for (const [name, value] of headersOf(record)) console.log(name, value)
 */
export function headersOf(record: { readonly headers: object }): HeaderList {
  requireArgument('headersOf', 'record', record, aRecord)
  return lists.get(record.headers) ?? (Object.entries(record.headers) as [string, string | Uint8Array][])
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The headers of a message in the form that readers get; throws where a value is neither a string nor bytes. */
export function toRecordHeaders(topic: string, headers: unknown): RecordHeaders {
  if (headers === undefined || headers === null) return noHeaders
  if (typeof headers !== 'object') throw invalidHeaders(topic, 'headers', headers)
  try {
    return checkedHeaders(topic, headers)
  } catch (thrown) {
    throw thrown instanceof InvalidRecordError ? thrown : unreadable(topic, 'headers', thrown)
  }
}

function checkedHeaders(topic: string, headers: object): RecordHeaders {
  const repeated = Symbol.iterator in headers
  const pairs: readonly unknown[] = repeated ? [...(headers as Iterable<unknown>)] : Object.entries(headers)
  if (pairs.length === 0) {
    // A Date or a Promise has no entries either, but nobody means "no headers" by it.
    if (repeated || isPlain(headers)) return noHeaders
    throw invalidHeaders(topic, 'headers', headers)
  }
  const list: [string, string | Uint8Array][] = []
  const byName: Record<string, string | Uint8Array> = {}
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
      throw invalidHeaders(topic, 'headers', pair, ' where a [name, value] pair belongs')
    }
    const [name, given] = pair as [string, unknown]
    if (given === undefined) continue
    const value = toHeaderValue(topic, name, given)
    list.push([name, value])
    // defineProperty: a header called __proto__ is a header, too.
    if (name === '__proto__')
      Object.defineProperty(byName, name, { value, enumerable: true, configurable: true })
    else byName[name] = value
  }
  Object.freeze(byName)
  if (repeated) lists.set(byName, Object.freeze(list))
  return byName
}

/**
 * Copies headers, unchecked: a message that waits its turn is sent with the headers that it has now.
 *
 * @throws InvalidRecordError where they cannot be read
 */
export function copyHeaders(topic: string, headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return headers
  try {
    if (Symbol.iterator in headers)
      return Array.from(headers as Iterable<unknown>, pair => (Array.isArray(pair) ? [...pair] : pair))
    return isPlain(headers) ? { ...headers } : headers
  } catch (thrown) {
    throw unreadable(topic, 'headers', thrown)
  }
}

/** Whether a value is an object of no special kind. */
export function isPlain(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]'
}

function toHeaderValue(topic: string, name: string, value: unknown): string | Uint8Array {
  if (typeof value === 'string') return value
  if (!(value instanceof Uint8Array)) throw invalidHeaders(topic, `headers.${name}`, value)
  try {
    return utf8.decode(value)
  } catch {
    // Not UTF-8: it stays bytes, copied because the sender may reuse its buffer.
    return new Uint8Array(value)
  }
}

/** The error for a field of a message that cannot be read: getters, iterators and proxies of a user may throw. */
export function unreadable(topic: string, field: string, cause: unknown): InvalidRecordError {
  const what = `Record for topic '${topic}': ${field} could not be read: ${describeError(cause)}`
  return new InvalidRecordError(what, { topic, field, cause })
}

/** The error for a field of a message that cannot be meant; `where` ends its sentence. */
export function invalidField(
  topic: string,
  field: string,
  expected: string,
  received: unknown,
  where = '',
): InvalidRecordError {
  const what = `${field} expected ${expected}, received ${describeValue(received)}${where}`
  return new InvalidRecordError(`Record for topic '${topic}': ${what}`, { topic, field, expected, received })
}

function invalidHeaders(topic: string, field: string, received: unknown, where?: string): InvalidRecordError {
  return invalidField(topic, field, 'strings or bytes by name', received, where)
}

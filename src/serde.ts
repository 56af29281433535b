import { InvalidRecordError } from './errors.ts'
import { jsonText } from './json-text.ts'
import { forgetPromise, isPromise, isThenable, type MaybePromise } from './maybe-promise.ts'
import { invalidField, type RecordKey } from './record.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'
import { describeError } from './thrown.ts'
import type { TopicOptions } from './topic-definition.ts'
import { formatOffset } from './topic-partition.ts'
import { describeValue } from './value-text.ts'

/** Whether values leave the process as bytes. */
export interface ByteEdge {
  /** How many servers hand out values at the moment. */
  servers: number
}

/** Where a record is, for errors about it. */
export interface RecordPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/**
 * A topic's serializer and deserializer: turns a value into what the log keeps, and that into what a reader gets.
 *
 * Without a codec the log keeps the schema's output for the value, by reference. With a codec it keeps the encoded
 * input, and reading decodes, then validates.
 */
export class Serde {
  readonly topic: string
  /** Whether the log keeps bytes, which readers get decoded. */
  readonly encodes: boolean
  /** What the topic's keys are. */
  readonly keys: 'string' | 'bytes'
  readonly #codec: TopicOptions['codec']
  readonly #schema: StandardSchemaV1 | undefined
  readonly #edge: ByteEdge

  constructor(topic: string, options: Pick<TopicOptions, 'codec' | 'schema' | 'keys'>, edge: ByteEdge) {
    this.#edge = edge
    this.topic = topic
    this.#codec = options.codec
    this.#schema = options.schema
    this.keys = options.keys ?? 'string'
    this.encodes = options.codec !== undefined
  }

  /** Whether the topic has a schema. */
  get validates(): boolean {
    return this.#schema !== undefined
  }

  /** The key that the log keeps, `null` where there is none; refuses a key of the wrong kind. */
  key(key: unknown): RecordKey | null {
    if (typeof key === 'string') {
      if (this.keys === 'string') return key
    } else if (key === null || key === undefined) {
      return null
    } else if (this.keys === 'bytes' && key instanceof Uint8Array) {
      // A copy: the log keeps the bytes that were hashed, even if the sender reuses its buffer.
      return new Uint8Array(key)
    }
    const expected = this.keys === 'string' ? 'a string or null' : 'a Uint8Array or null'
    throw invalidField(this.topic, 'key', expected, key)
  }

  /** The form of a value that the log keeps; a promise only where the schema answers with one. */
  serialize(value: unknown): MaybePromise<unknown> {
    if (value === undefined) {
      throw this.#invalid('value is undefined; give a value, or null for a tombstone')
    }
    if (!this.#schema) return this.#store(value, value)
    const result = this.#validate(this.#schema, value)
    if (isThenable(result)) return Promise.resolve(result).then(done => this.#accept(value, done))
    return this.#accept(value, result)
  }

  /** Turns what the log keeps into what a reader gets; call it only where `encodes` is true. */
  deserialize(stored: unknown, place: RecordPlace): MaybePromise<unknown> {
    return this.validate(stored === null ? null : this.#decode(stored as Uint8Array, place), place)
  }

  /** What a reader gets of a value that a codec has decoded. */
  validate(value: unknown, place: RecordPlace): MaybePromise<unknown> {
    if (!this.#schema) return value
    const result = this.#validate(this.#schema, value, place)
    if (isThenable(result)) return Promise.resolve(result).then(done => this.#output(done, place))
    return this.#output(result, place)
  }

  /** The same for readers that cannot wait; throws where the schema answers with a promise. */
  deserializeSync(stored: unknown, place: RecordPlace): unknown {
    const value = this.deserialize(stored, place)
    if (!forgetPromise(value)) return value
    throw this.#invalid('its schema is asynchronous; read this topic with a consumer', place)
  }

  /** The refusal of a promise that was sent as a value. */
  promised(value: unknown): InvalidRecordError {
    forgetPromise(value)
    return this.#invalid('value is a Promise; await it, and send what it resolves to')
  }

  #accept(value: unknown, result: StandardSchemaV1.Result<unknown>): unknown {
    const output = this.#output(result)
    if (this.#isPromise(output)) throw this.promised(output)
    if (output === undefined)
      throw this.#invalid("its schema's output is undefined, which no record can hold")
    return this.#store(value, output)
  }

  #isPromise(value: unknown): boolean {
    try {
      return isPromise(value)
    } catch (cause) {
      // A proxy whose traps throw.
      throw this.#invalid(`value could not be read: ${describeError(cause)}`, undefined, { cause })
    }
  }

  #store(input: unknown, output: unknown): unknown {
    if (this.#codec === undefined) {
      if (this.#edge.servers > 0) this.#requireJson(output)
      return output
    }
    return input === null ? null : this.#encode(this.#codec, input)
  }

  // Refused on send, so that the producer gets the error rather than a client that fetches the record.
  #requireJson(value: unknown): void {
    if (value instanceof Uint8Array) return
    try {
      jsonText(value)
    } catch (cause) {
      throw this.#invalid(`Kafka clients get its values as JSON: ${describeError(cause)}`)
    }
  }

  #encode(codec: NonNullable<TopicOptions['codec']>, value: unknown): Uint8Array {
    // JSON would make an empty object of it.
    if (this.#isPromise(value)) throw this.promised(value)
    let encoded: unknown
    try {
      encoded = codec.encode(value)
    } catch (cause) {
      throw this.#invalid(`its codec refused the value: ${describeError(cause)}`, undefined, {
        cause,
      })
    }
    if (encoded instanceof Uint8Array) return encoded
    forgetPromise(encoded)
    throw this.#invalid(`its codec must return a Uint8Array, returned ${describeValue(encoded)}`)
  }

  #decode(stored: Uint8Array, place: RecordPlace): unknown {
    let decoded: unknown
    try {
      decoded = this.#codec!.decode(stored)
    } catch (cause) {
      throw this.#invalid(`its codec could not decode it: ${describeError(cause)}`, place, { cause })
    }
    if (!forgetPromise(decoded)) return decoded
    throw this.#invalid(`its codec must return a value, returned ${describeValue(decoded)}`, place)
  }

  #validate(
    schema: StandardSchemaV1,
    value: unknown,
    place?: RecordPlace,
  ): StandardSchemaV1.Result<unknown> | Promise<StandardSchemaV1.Result<unknown>> {
    const threw = (cause: unknown) =>
      this.#invalid(`its schema threw: ${describeError(cause)}`, place, { cause })
    try {
      const result = schema['~standard'].validate(value)
      if (!isThenable(result)) return result
      return Promise.resolve(result).catch((cause: unknown) => {
        throw threw(cause)
      })
    } catch (cause) {
      throw threw(cause)
    }
  }

  #output(result: StandardSchemaV1.Result<unknown>, place?: RecordPlace): unknown {
    if (typeof result !== 'object' || result === null) {
      throw this.#invalid(
        `its schema must return a Standard Schema result, returned ${describeValue(result)}`,
        place,
      )
    }
    let issues: readonly unknown[]
    let told: string
    try {
      const given: unknown = result.issues
      if (!given) return (result as StandardSchemaV1.SuccessResult<unknown>).value
      issues = Array.isArray(given) ? given : [given]
      told = issues.map(describeIssue).join('; ') || 'it named no issue'
    } catch (cause) {
      const what = `its schema's result could not be read: ${describeError(cause)}`
      throw this.#invalid(what, place, { cause })
    }
    throw this.#invalid(`its schema refused the value: ${told}`, place, { issues })
  }

  #invalid(what: string, place?: RecordPlace, more: object = {}): InvalidRecordError {
    const subject = place ? `Record at ${formatOffset(place)}` : `Record for topic '${this.topic}'`
    const at = place ? { partition: place.partition, offset: place.offset } : {}
    return new InvalidRecordError(`${subject}: ${what}`, {
      topic: this.topic,
      field: 'value',
      ...at,
      ...more,
    })
  }
}

// What is not as a Standard Schema has it is shown as it is: it is a refusal all the same.
function describeIssue(issue: unknown): string {
  const { message, path } = (issue ?? {}) as { readonly message?: unknown; readonly path?: unknown }
  if (typeof message !== 'string') return describeValue(issue)
  const at = Array.isArray(path) ? path.map(describePathPart).join('.') : ''
  return at === '' ? message : `${at}: ${message}`
}

function describePathPart(part: unknown): string {
  const key = typeof part === 'object' && part !== null && 'key' in part ? part.key : part
  return typeof key === 'object' || typeof key === 'function' ? describeValue(key) : String(key)
}

import { InvalidOptionError } from './errors.ts'
import type { ConsumerRecord, HeaderList, RecordHeaders, RecordKey } from './record.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'
import { describeError } from './thrown.ts'
import { anObject, type Check, invalidArgument, optionError, optionsOf, requireOptions } from './validate.ts'

type Flat<T> = { [P in keyof T]: T[P] }

// `| undefined`, as for signals and times to wait: a service hands on what it was given, or was not given, also where its
// compiler has `exactOptionalPropertyTypes`.
type Body<In, Key, H> = Flat<
  { value: In; partition?: number | undefined; timestamp?: number | undefined } & (null extends Key
    ? { key?: Key | undefined }
    : { key: Key }) &
    // biome-ignore lint/complexity/noBannedTypes: {} extends H asks whether every header may be absent
    ({} extends H ? { headers?: H | HeaderList | undefined } : { headers: H })
>

// Aliases, not interfaces: a user's declaration files write out types that have no exported name.
type Shape<Sent, Read> = { send: (body: Sent) => void; read: Read }
type Sends<Sent> = { send: (body: Sent) => void }
type AnyShape = {
  send(body: object): void
  read: { readonly key: RecordKey | null; readonly value: unknown; readonly headers: object }
}

/** How a topic keeps its records. Times are milliseconds, sizes bytes; -1 is no limit. */
export interface TopicOptions<out Out = unknown> {
  /** How many partitions the topic has; default 1. */
  partitions?: number | undefined
  /**
   * How long a record is kept at least, counted from its timestamp; default 7 days, with `compact` and `consumed` -1.
   * (Kafka: retention.ms)
   */
  retentionMs?: number | undefined
  /**
   * How many records a partition keeps at most; default -1. The end of a transaction counts as one, too. `whenFull` says
   * what happens at that limit.
   */
  retentionRecords?: number | undefined
  /**
   * A partition drops its oldest segment while the rest is at least this large; default -1. (Kafka: retention.bytes)
   * With `whenFull` at 'reject' or 'wait' it never holds more than this. Needs a codec or byte values, to be counted.
   */
  retentionBytes?: number | undefined
  /**
   * What becomes of old records: `delete` drops them by age, number or bytes (default); `compact` keeps the newest value
   * of each key, for ever, and needs a key; `compact,delete`, in either order, does both (Kafka: cleanup.policy).
   * `consumed` keeps a record until every group that reads the topic has committed past it, however long that takes.
   */
  cleanupPolicy?: 'delete' | 'compact' | 'compact,delete' | 'delete,compact' | 'consumed' | undefined
  /**
   * What happens at a limit (`retentionRecords`, `retentionBytes`, the broker's `maxRecords` and `maxBytes`). Records
   * that every group has committed past go first. Then unread records go, too ('drop-oldest', Kafka's way and the
   * default), or the write is refused ('reject', the default of 'compact') or waits for room ('wait', the default of
   * 'consumed').
   */
  whenFull?: 'drop-oldest' | 'reject' | 'wait' | undefined
  /** How long a record stays uncompacted at least, counted from its timestamp; default 0. (Kafka: min.compaction.lag.ms) */
  minCompactionLagMs?: number | undefined
  /** How long compaction keeps a tombstone; default 24 hours. (Kafka: delete.retention.ms) */
  deleteRetentionMs?: number | undefined
  /** The uncompacted share of a log, 0 to 1, that is worth a pass; default 0.5. (Kafka: min.cleanable.dirty.ratio) */
  minCleanableDirtyRatio?: number | undefined
  /**
   * A segment is closed at this age, and at `retentionMs` if that is less; default an eighth of `retentionMs`, 7 days at
   * most. (Kafka: segment.ms)
   */
  segmentMs?: number | undefined
  /**
   * A segment is closed at this many records, at most 1,048,576 and the broker's `maxRecords`; default 4,096, or an eighth
   * of `retentionRecords` or of the broker's `maxRecords` if that is less.
   */
  segmentRecords?: number | undefined
  /** A segment is closed at this size; default an eighth of `retentionBytes`, 16 MiB at most; -1 where no
   *  bytes are counted. (Kafka: segment.bytes) */
  segmentBytes?: number | undefined
  /** The largest size of a record: key, value and headers. Needs a codec or byte values, to be counted; default -1. */
  maxMessageBytes?: number | undefined
  /** Whether a record keeps its producer's timestamp or gets the broker's; default `CreateTime`. */
  messageTimestampType?: 'CreateTime' | 'LogAppendTime' | undefined
  /** How far a producer's timestamp may lie in the past; default -1. (Kafka: message.timestamp.before.max.ms) */
  messageTimestampBeforeMaxMs?: number | undefined
  /** How far a producer's timestamp may lie in the future; default 1 hour. (Kafka: message.timestamp.after.max.ms) */
  messageTimestampAfterMaxMs?: number | undefined
  /**
   * Whether values kept by reference are frozen, deeply; default the broker's. What a Map, a Set, a Date or bytes hold can
   * still be changed.
   */
  freeze?: boolean | undefined
  /** Makes the log keep bytes and every delivery decode its own copy; default the broker's, else none. */
  codec?:
    | {
        /** The bytes that the log keeps. */
        // biome-ignore lint/suspicious/noExplicitAny: a codec is contravariant in what it encodes; topic() ties the two
        encode(value: any): Uint8Array
        /** A copy of the value for each delivery. */
        decode(bytes: Uint8Array): Out
      }
    | undefined
  /** Checks every value on send; any library that speaks Standard Schema. */
  schema?: StandardSchemaV1 | undefined
  /** Whether keys are strings or bytes; default strings. */
  keys?: 'string' | 'bytes' | undefined
}

/**
 * The options of a topic that can change while it exists; null restores the default. The partitions (but see
 * `addPartitions`), the codec, the schema, the kind of keys and `freeze` cannot.
 */
export type TopicChanges = {
  readonly [Option in Exclude<keyof TopicOptions, 'partitions' | 'codec' | 'schema' | 'keys' | 'freeze'>]?:
    | TopicOptions[Option]
    | null
}

/**
 * A topic's options and its types. `In` is what send takes, `Out` what a reader gets; a `Key` or `Headers` that may be
 * absent is optional to send.
 */
export interface TopicDefinition<
  In,
  Out = In,
  Key extends RecordKey | null = string | null,
  Headers extends object = RecordHeaders,
> {
  readonly options: TopicOptions
  /** Carries types only, and is never there at run time. A string, so that a user's declaration files can write it. */
  readonly '~shape'?: Shape<
    Body<In, Key, Headers>,
    { readonly key: Key; readonly value: Out; readonly headers: Headers }
  >
}

// Types are erased, and a server on the wire must know the kind of keys: byte keys must be in the options, too.
type Keys<Key> =
  Extract<Key, RecordKey> extends string
    ? { keys?: 'string' | undefined }
    : { keys: Extract<Key, RecordKey> extends Uint8Array ? 'bytes' : never }
// Mapped by name, not RecordHeaders: a user's interface has no index signature.
type HeaderValues<Headers> = { readonly [Name in keyof Headers]: string | Uint8Array | undefined }
type KeyOf<Kind> = Kind extends 'bytes' ? Uint8Array | null : string | null
// A property, not a method, so that a codec must take every value; but never null, since a tombstone is not encoded.
type Encodes<Value> = { codec?: { encode: (value: NonNullable<Value>) => Uint8Array } | undefined }
// Where Value is any, as from the json codec, no schema is taken here: the overload that infers Value from it applies.
type Agrees<Value> = 0 extends 1 & Value
  ? { schema?: never }
  : { schema?: StandardSchemaV1<Value, Value> | undefined }
type Options<Value> = TopicOptions<Value> & Encodes<Value> & Agrees<Value>
// With a codec and a schema the log keeps the encoded input, and a reader gets what the schema makes of it.
// Omits the option `schema` that takes any schema: intersected with this one it is too deep for TypeScript 6, where the
// schema is arktype's.
type SchemaOptions<Schema extends StandardSchemaV1> = Omit<
  TopicOptions<StandardSchemaV1.InferInput<Schema>>,
  'schema'
> &
  Encodes<StandardSchemaV1.InferInput<Schema>> & { schema: Schema }

/**
 * Declares a topic whose schema says what its values are: its input to send, its output to read. Options are checked where
 * the topic is made: by `new Broker`, `createTopic` or `connect`.
 *
 * @example
 * topic({ schema: z.object({ id: z.string(), at: z.coerce.date() }) })
 */
export function topic<Schema extends StandardSchemaV1, Kind extends 'string' | 'bytes' = 'string'>(
  options: SchemaOptions<Schema> & { keys?: Kind },
): TopicDefinition<StandardSchemaV1.InferInput<Schema>, StandardSchemaV1.InferOutput<Schema>, KeyOf<Kind>>
/**
 * Declares a topic by the type of its schema and the types of keys and headers; a key or header that cannot be absent is
 * demanded.
 *
 * @example
 * const Order = z.object({ id: z.string(), at: z.coerce.date() })
 * topic<typeof Order, string, { tenant: string }>({ schema: Order })
 */
export function topic<
  Schema extends StandardSchemaV1,
  Key extends RecordKey | null,
  Headers extends object & HeaderValues<Headers> = RecordHeaders,
>(
  options: SchemaOptions<Schema> & Keys<Key>,
): TopicDefinition<StandardSchemaV1.InferInput<Schema>, StandardSchemaV1.InferOutput<Schema>, Key, Headers>
/**
 * Declares a topic by the types of its values, keys and headers; a key or header that cannot be absent is demanded.
 *
 * @example
 * topic<Order, string>() // every record has a key
 * topic<Order, Uint8Array>({ keys: 'bytes' })
 */
export function topic<
  Value,
  Key extends RecordKey | null,
  Headers extends object & HeaderValues<Headers> = RecordHeaders,
>(
  // biome-ignore lint/complexity/noBannedTypes: {} extends Keys asks whether the options may be left out
  ...options: {} extends Keys<Key>
    ? [options?: Options<Value> & Keys<Key>]
    : [options: Options<Value> & Keys<Key>]
): TopicDefinition<Value, Value, Key, Headers>
/**
 * Declares a topic by the type of its values; its keys are strings, or absent.
 *
 * @example
 * topic<Order>({ partitions: 6 })
 */
// Not merged with the one above: there AnyTopic, expected within a `topics` literal, would decide Key and Headers.
export function topic<Value = unknown, Kind extends 'string' | 'bytes' = 'string'>(
  options?: Options<Value> & { keys?: Kind },
): TopicDefinition<Value, Value, KeyOf<Kind>>
export function topic(options: TopicOptions = {}): { readonly options: TopicOptions } {
  return { options }
}

/**
 * Any definition. It contains no `any`, because `topic()` inside a `topics` literal would infer it; `send` is a method,
 * so that every definition is assignable.
 */
export interface AnyTopic {
  readonly options: TopicOptions
  /** Carries types only, as in `TopicDefinition`. */
  readonly '~shape'?: AnyShape
}

/** The options of a topic, given as they are or as a definition. */
export function toTopicOptions(name: string, given: TopicOptions | AnyTopic): TopicOptions {
  if (typeof given === 'object' && given !== null) return givenOptions(name, given)
  throw invalidArgument(`Topic '${name}'`, 'options', 'options or topic(...)', given, { topic: name })
}

function givenOptions(name: string, given: TopicOptions | AnyTopic): TopicOptions {
  try {
    return 'options' in given ? given.options : given
  } catch (cause) {
    const message = `Topic '${name}': the options could not be read: ${describeError(cause)}`
    throw new InvalidOptionError(message, { topic: name, cause })
  }
}

// The options that the records of a log were written with, which therefore cannot change.
const fixed: Readonly<Record<string, string>> = {
  partitions: 'addPartitions makes more of them',
  codec: 'its records are in its bytes',
  schema: 'its types follow from it',
  keys: 'its records have keys of that kind',
  freeze: 'its readers rely on it',
}

/**
 * Refuses changes that are not an object, and changes of options that can never be altered.
 *
 * @throws InvalidOptionError
 */
export function checkTopicChanges(name: string, changes: TopicChanges): void {
  const where = `Topic '${name}'`
  requireOptions(where, changes, ' to alter', { topic: name })
  for (const [option, received] of optionsOf(where, changes, { topic: name })) {
    if (!Object.hasOwn(fixed, option)) continue
    throw optionError(where, option, `cannot be altered; ${fixed[option]}`, { topic: name, received })
  }
}

/** A topic made of plain options, which say nothing of types: any value to send, an unknown one to read. */
export type PlainTopic = TopicDefinition<unknown, unknown, RecordKey | null>

/** Topics by name. */
export type TopicMap = Record<string, AnyTopic>

/** How topics by name are checked: a list of names, which other libraries take, says nothing of their options. */
export const topicMap: Check = {
  expected: 'an object of topics by name, such as { orders: topic() }',
  accepts: anObject.accepts,
}

/** The topics of a broker that declares none: any name, any value. */
// biome-ignore lint/suspicious/noExplicitAny: a prototype's values have no declared type
export type OpenTopics = Record<string, TopicDefinition<any, any, any, any>>

/** The names of the topics. */
export type TopicName<Topics extends TopicMap> = keyof Topics & string

type ShapeOf<Topics extends TopicMap, Name extends keyof Topics> = NonNullable<Topics[Name]['~shape']>

/** A message without its topic: what `Topic.append` takes. */
// A direct infer, not Parameters<>[0], with which a generic wrapper could send anything. Of `any` topics it infers
// `object`, which no message is: they are open.
export type MessageBody<Topics extends TopicMap, Name extends TopicName<Topics>> =
  ShapeOf<Topics, Name> extends Sends<infer B extends object>
    ? object extends B
      ? MessageBody<OpenTopics, string>
      : B
    : never

/** What `send` takes. */
export type Message<Topics extends TopicMap, Name extends TopicName<Topics> = TopicName<Topics>> = {
  [K in Name]: { topic: K } & MessageBody<Topics, K>
}[Name]

/** What a reader of these topics gets: a union that narrows by `topic`. */
// Mapped, not conditional: a conditional type would break Broker<App> -> Broker<Module>.
export type RecordOf<Topics extends TopicMap, Name extends TopicName<Topics> = TopicName<Topics>> = {
  [K in Name]: ConsumerRecord<K, ShapeOf<Topics, K>['read']>
}[Name]

type ShapeIn<Definition> = Definition extends { readonly '~shape'?: infer S } ? NonNullable<S> : never

/** The type of value that readers of a definition get. */
export type ValueOf<Definition> = ShapeIn<Definition> extends { read: { value: infer V } } ? V : never

/** The type of value that a definition takes on send. */
export type InputOf<Definition> =
  ShapeIn<Definition> extends Sends<infer B> ? (B extends { value: infer V } ? V : never) : never

/** Two topic maps as one. */
export type Merged<A, B> = Flat<A & B>

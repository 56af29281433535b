import type { ConsumerRecord, HeaderList, RecordHeaders, RecordKey } from './record.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'

/** Marks what a definition carries in types alone; exported so that a user's declaration files can name it. */
export declare const shape: unique symbol

type Flat<T> = { [P in keyof T]: T[P] }

type Body<In, Key, H> = Flat<
  { value: In; partition?: number; timestamp?: number } & (null extends Key ? { key?: Key } : { key: Key }) &
    // biome-ignore lint/complexity/noBannedTypes: {} extends H asks whether every header may be absent
    ({} extends H ? { headers?: H | HeaderList } : { headers: H })
>

/** How a topic keeps its records. Times are milliseconds, sizes bytes; -1 is no limit. */
export interface TopicOptions<out Out = unknown> {
  /** How many partitions the topic has; default 1. */
  partitions?: number
  /** How long a record is kept at least, counted from its timestamp; default 7 days. (Kafka: retention.ms) */
  retentionMs?: number
  /** How many records a partition keeps at most; default -1. */
  retentionRecords?: number
  /** A partition drops its oldest segment while the rest is at least this large; default -1. (Kafka: retention.bytes) */
  retentionBytes?: number
  /** What becomes of old records; `delete` is the default and, so far, the only policy. */
  cleanupPolicy?: 'delete'
  /** A segment is closed at this age, default an eighth of `retentionMs`, 7 days at most. (Kafka: segment.ms) */
  segmentMs?: number
  /** A segment is closed at this many records; default 4,096, less where `retentionRecords` is small. */
  segmentRecords?: number
  /** A segment is closed at this size; default an eighth of `retentionBytes`, 16 MiB at most; -1 where no
   *  bytes are counted. (Kafka: segment.bytes) */
  segmentBytes?: number
  /** The largest record, key, value and headers; counts bytes, so it needs a codec or byte values; default -1. */
  maxMessageBytes?: number
  /** Whether a record keeps its producer's timestamp or gets the broker's; default `CreateTime`. */
  messageTimestampType?: 'CreateTime' | 'LogAppendTime'
  /** How far a producer's timestamp may lie in the past; default -1. (Kafka: message.timestamp.before.max.ms) */
  messageTimestampBeforeMaxMs?: number
  /** How far a producer's timestamp may lie in the future; default 1 hour. (Kafka: message.timestamp.after.max.ms) */
  messageTimestampAfterMaxMs?: number
  /** Whether values kept by reference are frozen, deeply; default the broker's. */
  freeze?: boolean
  /** Makes the log keep bytes and every delivery decode its own copy; default the broker's, else none. */
  codec?: {
    // biome-ignore lint/suspicious/noExplicitAny: a codec is contravariant in what it encodes; topic() ties the two
    encode(value: any): Uint8Array
    decode(bytes: Uint8Array): Out
  }
  /** Checks every value on send; any library that speaks Standard Schema. */
  schema?: StandardSchemaV1
  /** Whether keys are strings or bytes; default strings. */
  keys?: 'string' | 'bytes'
}

/**
 * A topic's options and its types. `In` is what send takes, `Out` what a reader gets; a `Key` or `Headers` that may be
 * absent is optional to send.
 */
export interface TopicDefinition<
  In,
  Out = In,
  Key extends RecordKey | null = string | null,
  Headers = RecordHeaders,
> {
  readonly options: TopicOptions<Out>
  readonly [shape]?: {
    send: (body: Body<In, Key, Headers>) => void
    read: { readonly key: Key; readonly value: Out; readonly headers: Headers }
  }
}

// Types are erased, and a server on the wire must know: byte keys have to be said in the options, too.
type Keys<Key> = Extract<Key, RecordKey> extends string ? { keys?: 'string' } : { keys: 'bytes' }
type Options<Value, Key> = TopicOptions<Value> & Keys<Key> & { schema?: StandardSchemaV1<Value, Value> }

/**
 * Declares a topic: its types and its options.
 *
 * @example
 * topic<Order>({ partitions: 6 })
 * topic({ schema: z.object({ id: z.string() }) }) // its input to send, its output to read
 */
export function topic<Schema extends StandardSchemaV1, K extends 'string' | 'bytes' = 'string'>(
  options: TopicOptions<StandardSchemaV1.InferOutput<Schema>> & { schema: Schema; keys?: K },
): TopicDefinition<
  StandardSchemaV1.InferInput<Schema>,
  StandardSchemaV1.InferOutput<Schema>,
  K extends 'bytes' ? Uint8Array | null : string | null
>
export function topic<Value = unknown, Key extends RecordKey | null = string | null, Headers = RecordHeaders>(
  // biome-ignore lint/complexity/noBannedTypes: {} extends Keys asks whether the options may be left out
  ...options: {} extends Keys<Key> ? [options?: Options<Value, Key>] : [options: Options<Value, Key>]
): TopicDefinition<Value, Value, Key, Headers>
export function topic(options: TopicOptions = {}): { readonly options: TopicOptions } {
  return { options }
}

/**
 * Any definition. No `any` here, or `topic()` inside a `topics` literal would infer it; `send` is a method, so that
 * every definition fits.
 */
export interface AnyTopic {
  readonly options: TopicOptions
  readonly [shape]?: { send(body: object): void; read: { readonly value: unknown } }
}

/** Topics by name. */
export type TopicMap = Record<string, AnyTopic>

/** The topics of a broker that declares none: any name, any value. */
// biome-ignore lint/suspicious/noExplicitAny: a prototype's values have no declared type
export type OpenTopics = Record<string, TopicDefinition<any, any, any, any>>

export type TopicName<Topics extends TopicMap> = keyof Topics & string

type ShapeOf<Topics extends TopicMap, Name extends keyof Topics> = NonNullable<Topics[Name][typeof shape]>

/** A message without its topic: what `Topic.append` takes. */
// A direct infer, not Parameters<>[0]: with that one a generic wrapper could send anything.
export type MessageBody<Topics extends TopicMap, Name extends TopicName<Topics>> =
  ShapeOf<Topics, Name> extends { send: (body: infer B extends object) => void } ? B : never

/** What `send` takes. */
export type Message<Topics extends TopicMap, Name extends TopicName<Topics> = TopicName<Topics>> = {
  [K in Name]: { topic: K } & MessageBody<Topics, K>
}[Name]

/** What a reader of these topics gets: a union that narrows by `topic`. */
// Mapped, not conditional: a conditional type would break Broker<App> -> Broker<Module>.
export type RecordOf<Topics extends TopicMap, Name extends TopicName<Topics> = TopicName<Topics>> = {
  [K in Name]: ConsumerRecord<K, ShapeOf<Topics, K>['read']>
}[Name]

type ShapeIn<Definition> = Definition extends { readonly [shape]?: infer S } ? NonNullable<S> : never

/** The type of value that readers of a definition get. */
export type ValueOf<Definition> = ShapeIn<Definition> extends { read: { value: infer V } } ? V : never

/** The type of value that a definition takes on send. */
export type InputOf<Definition> =
  ShapeIn<Definition> extends { send: (body: infer B) => void }
    ? B extends { value: infer V }
      ? V
      : never
    : never

/** Two topic maps as one. */
export type Merged<A, B> = Flat<A & B>

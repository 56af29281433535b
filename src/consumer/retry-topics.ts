import { types } from 'node:util'
import type { Engine, EngineTopic, Interest } from '../engine.ts'
import { UnknownTopicOrPartitionError } from '../errors.ts'
import { isPromise, isThenable, type MaybePromise } from '../maybe-promise.ts'
import type { ConsumedOffsets, OffsetSource } from '../offset-source.ts'
import { type AnyRecord, type ConsumerRecord, toRecordHeaders } from '../record.ts'
import { originOf, ownHeaders } from './dead-letter-headers.ts'
import { decodeRecord, handOverLater, validateRecord } from './decode.ts'
import type { HandlerContext } from './handler-context.ts'
import type { DelayedRetry } from './retry-policy.ts'
import type { RecordContext, RecordHandler, ResolvedRunOptions } from './run-options.ts'

/** Thrown for a record of a retry topic that was handed out before its time. */
export class NotYet {
  readonly delayMs: number

  constructor(delayMs: number) {
    this.delayMs = delayMs
  }
}

/** Whether a handler's failure is that. */
export function isNotYet(thrown: unknown): thrown is NotYet {
  return isOf(NotYet, thrown)
}

/** Thrown for a record whose own topic was deleted while it waited in a retry topic. */
export class OwnTopicDeleted {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** Whether a handler's failure is that. */
export function isOwnTopicDeleted(thrown: unknown): thrown is OwnTopicDeleted {
  return isOf(OwnTopicDeleted, thrown)
}

// The traps of a proxy that a user throws are not called.
function isOf<Thrown>(kind: new (...args: never[]) => Thrown, thrown: unknown): thrown is Thrown {
  return !types.isProxy(thrown) && thrown instanceof kind
}

/**
 * Topics in which records wait for another attempt: adds them to what is read, and hands out the records as they
 * were.
 */
export class RetryTopics {
  readonly topics: readonly DelayedRetry[]
  readonly #engine: Engine
  readonly #groupId: string

  constructor(engine: Engine, groupId: string, topics: readonly DelayedRetry[]) {
    this.#engine = engine
    this.#groupId = groupId
    this.topics = topics
  }

  /** An interest with these topics added. */
  addTo(interest: Interest): Interest {
    const names = this.topics.map(({ topic }) => topic)
    if (interest.kind === 'topics') return { kind: 'topics', names: [...interest.names, ...names] }
    if (interest.kind === 'assign') return interest
    return { ...interest, patterns: [...interest.patterns, ...names.map(toPattern)] }
  }

  /** The index of the retry topic that a record comes from: 0 for the first; -1 where it comes from its own topic. */
  levelOf(place: { readonly topic: string }): number {
    return this.topics.findIndex(({ topic }) => topic === place.topic)
  }

  /** A run whose handlers get records as they were, once their time has come. */
  wrapRun(options: ResolvedRunOptions): ResolvedRunOptions {
    const { eachRecord, tracedRecord } = options
    return {
      ...options,
      eachRecord: eachRecord && this.#wrap(eachRecord),
      tracedRecord: tracedRecord && this.#wrap(tracedRecord),
      retryTopics: this,
    }
  }

  /** A handler that gets records as they were, once their time has come. */
  #wrap(handler: RecordHandler): RecordHandler {
    return (record, context) => {
      const level = this.levelOf(record)
      return level < 0 ? handler(record, context) : this.#handle(handler, record, context, level)
    }
  }

  #handle(handler: RecordHandler, record: AnyRecord, context: RecordContext, level: number): unknown {
    const origin = originOf(record)
    // A record at which another group failed is that group's to try again.
    if (origin?.groupId !== this.#groupId) return undefined
    const delayMs = record.timestamp + this.topics[level]!.delayMs - this.#engine.clock.now()
    if (delayMs > 0) throw new NotYet(delayMs)
    const again = new LaterContext(context as HandlerContext, origin.attempts)
    const { inHand } = context as HandlerContext
    const restored = this.#decode(restore(record), record)
    return isThenable(restored)
      ? handOverLater(restored, inHand, each => handler(each, again))
      : handler(restored, again)
  }

  // A retry topic without a codec holds the bytes that the record's own topic held; one without a schema has not made of
  // a value what the record's own topic does.
  #decode(restored: ConsumerRecord, from: AnyRecord): MaybePromise<ConsumerRecord> {
    const own = this.#ownTopic(restored.topic)
    const through = this.#engine.topic(from.topic)
    return isPromise(own) || isPromise(through)
      ? Promise.all([own, through]).then(([a, b]) => decode(restored, a, b))
      : decode(restored, own, through)
  }

  #ownTopic(name: string): MaybePromise<EngineTopic> {
    try {
      const own = this.#engine.topic(name)
      return isPromise(own) ? own.catch(throwDeleted) : own
    } catch (error) {
      return throwDeleted(error)
    }
  }
}

function throwDeleted(error: unknown): never {
  throw error instanceof UnknownTopicOrPartitionError ? new OwnTopicDeleted(error) : error
}

function decode(
  record: ConsumerRecord,
  own: EngineTopic,
  through: EngineTopic,
): MaybePromise<ConsumerRecord> {
  if (!own.serde.encodes) return record
  if (!through.serde.encodes) return decodeRecord(own.serde, record)
  return through.serde.validates ? record : validateRecord(own.serde, record)
}

/** A record as it was before it was written to another topic. */
export function restore(record: AnyRecord): ConsumerRecord {
  const { topic, partition, offset, timestamp } = originOf(record) ?? record
  const { key, value } = record
  const headers = toRecordHeaders(topic, ownHeaders(record))
  return { topic, partition, offset, timestamp, key, value, headers }
}

/** How many attempts were made at a record in other topics. */
export function attemptsBefore(record: AnyRecord): number {
  return originOf(record)?.attempts ?? 0
}

class LaterContext implements RecordContext, OffsetSource {
  readonly attempt: number
  readonly #context: RecordContext & OffsetSource

  constructor(context: RecordContext & OffsetSource, before: number) {
    this.#context = context
    this.attempt = before + context.attempt
  }

  get consumer(): RecordContext['consumer'] {
    return this.#context.consumer
  }

  get signal(): AbortSignal {
    return this.#context.signal
  }

  get heartbeat(): () => void {
    return this.#context.heartbeat
  }

  get pause(): (ms: number) => void {
    return this.#context.pause
  }

  /** The offset in the topic in which the record waited. @internal */
  consumedOffsets(): ConsumedOffsets {
    return this.#context.consumedOffsets()
  }
}

function toPattern(topic: string): RegExp {
  return new RegExp(`^${topic.replaceAll('.', '\\.')}$`)
}

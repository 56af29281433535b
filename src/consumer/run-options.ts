import type { Interest } from '../engine.ts'
import { InvalidOptionError } from '../errors.ts'
import type { AnyRecord } from '../record.ts'
import {
  abortSignal,
  anObjectLike,
  type Check,
  type Checks,
  callback,
  checkOptions,
  duration,
  either,
  integer,
  invalidOption,
  name,
  type OtherWords,
  oneOf,
  optionError,
} from '../validate.ts'
import { describeValue } from '../value-text.ts'
import type { ConsumerControl } from './consumer-control.ts'
import { insteadOfFromBeginning } from './consumer-options.ts'
import { namedTopics } from './interest.ts'
import { type RetryOptions, RetryPolicy } from './retry-policy.ts'

/** The context that a handler gets beside its record or batch. */
export interface RecordContext {
  /** The consumer that called the handler. */
  readonly consumer: ConsumerControl
  /**
   * Aborts when the partition is lost or `close` waits no longer; each call of a handler has its own, until it ends.
   */
  readonly signal: AbortSignal
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Says that the handler is alive: `maxPollIntervalMs` counts anew from now. */
  heartbeat(): void
  /**
   * Hands out nothing more of the partition for `ms` milliseconds, for example because a service is too busy. The
   * record in hand goes on; if it fails, its next attempt waits as long. `consumer.resume` ends the pause earlier;
   * one of `Infinity` lasts until then.
   */
  pause(ms: number): void
}

/** Records of one partition, in order. */
export interface Batch<Record extends AnyRecord = AnyRecord> {
  readonly topic: Record['topic']
  readonly partition: number
  readonly records: readonly Record[]
  /** Where the log goes on after them. */
  readonly nextOffset: number
  /** The end of the log when the batch was handed out. */
  readonly highWatermark: number
  /** How many records come after the batch. */
  readonly lag: number
}

/** One batch type per topic, so that a batch narrows by `topic`. */
export type BatchOf<Record extends AnyRecord> = Record extends unknown ? Batch<Record> : never

/** One handler per topic. */
export type HandlersByTopic<Record extends AnyRecord> = {
  [Name in Record['topic']]: (record: Extract<Record, { topic: Name }>, context: RecordContext) => unknown
}

/** What stays sequential while several handlers run. */
export type Ordering = 'partition' | 'key' | 'none'

/** What happens to a record whose handler failed for the last time; `Name` names the topics of dead letters. */
export type OnFailure<Name extends string = never> =
  | 'restart'
  | 'stop'
  | 'skip'
  | 'park-key'
  | ([Name] extends [never] ? never : { readonly deadLetter: Name })

/** The options that both ways to run share; `Name` names the topics of dead letters and delayed retries. */
export interface CommonRunOptions<Name extends string = never> {
  /** Closes the consumer when it aborts. */
  signal?: AbortSignal | undefined
  /**
   * How many handlers run at once, over all partitions of this consumer; default 1. `ordering` says which records may
   * be handled at the same time.
   */
  concurrency?: number | undefined
  /**
   * Which records are handled one after the other: those of a `partition` (default); only those of one `key`, where
   * records without a key have no order; or `none`. With `key` and `none` records are finished out of order; the
   * committed offset never passes the lowest record that is not finished. Batches are always sequential by partition.
   */
  ordering?: Ordering | undefined
  /**
   * With `ordering` `key` or `none`: how many records of a partition there may be from the lowest that is not finished to
   * the last that was read, default 10,000. At that limit the partition waits, and a 'stalled' event says so. After a
   * crash up to this many records are handled again.
   */
  windowRecords?: number | undefined
  /** How often a handler gets a record, and when; default 5 attempts, 100 ms doubling to 10 s. */
  retry?: RetryOptions<Name> | undefined
  /**
   * What happens after the last attempt: `restart` (default) leaves the group and rejoins after 1 s, doubling to 60
   * s; `stop` leaves the record and the partitions to other members; `skip` goes on with the next record. `{
   * deadLetter: topic }` writes the record to that topic, which must exist, and goes on. `park-key` lets the record
   * and the later ones of its key wait while other keys go on: it is tried again every `parkedDelayMs` until it
   * succeeds. That needs `ordering: 'key'`, which is then the default; the committed offset stays below the parked
   * record, and past `windowRecords` the partition waits.
   */
  onFailure?: OnFailure<Name> | undefined
  /** With `park-key`: milliseconds between two attempts at a parked record; default 60,000. */
  parkedDelayMs?: number | undefined
}

/** How `run` consumes: by record or by batch; `Name` names the topics of dead letters and delayed retries. */
export type RunOptions<
  Record extends AnyRecord = AnyRecord,
  Name extends string = never,
> = CommonRunOptions<Name> &
  (
    | {
        /** The handler of each record, or one handler per topic. */
        eachRecord: ((record: Record, context: RecordContext) => unknown) | HandlersByTopic<Record>
        eachBatch?: never
        batch?: never
      }
    | {
        eachRecord?: never
        /** The handler of batches, each with records of one partition. */
        eachBatch: (batch: BatchOf<Record>, context: RecordContext) => unknown
        batch?:
          | {
              /** The most records of a batch; default 500. */
              maxRecords?: number | undefined
              /** How long to wait for a batch to fill, in milliseconds; default 0. */
              lingerMs?: number | undefined
            }
          | undefined
      }
  )

/** A handler of records, whatever its topic. */
export type RecordHandler = (record: AnyRecord, context: RecordContext) => unknown

/** A handler of batches, whatever their topic. */
export type BatchHandler = (batch: Batch, context: RecordContext) => unknown

/** The options of `run` with every default filled in. */
export interface ResolvedRunOptions {
  readonly eachRecord: RecordHandler | undefined
  readonly eachBatch: BatchHandler | undefined
  /** The handlers with a trace around each call, for when the channel has a subscriber. */
  readonly tracedRecord: RecordHandler | undefined
  readonly tracedBatch: BatchHandler | undefined
  readonly maxRecords: number
  readonly lingerMs: number
  readonly concurrency: number
  readonly ordering: Ordering
  readonly windowRecords: number
  readonly retry: RetryPolicy
  /** Topics in which records wait for another attempt, if there are any. */
  readonly retryTopics: { levelOf(place: { readonly topic: string }): number } | undefined
  readonly onFailure: OnFailure<string>
  readonly parkedDelayMs: number
  readonly signal: AbortSignal | undefined
}

interface AllRunOptions {
  eachRecord?: unknown
  eachBatch?: unknown
  batch?: { maxRecords?: number; lingerMs?: number }
  signal?: AbortSignal | undefined
  concurrency?: number
  ordering?: Ordering
  windowRecords?: number
  retry?: RetryOptions
  onFailure?: OnFailure<string>
  parkedDelayMs?: number
}

const handlers: Check = {
  expected: 'a function, or an object with a function per topic',
  accepts: value =>
    typeof value === 'function' ||
    (typeof value === 'object' &&
      value !== null &&
      Object.values(value).every(each => typeof each === 'function')),
}

const deadLetter: Check = {
  expected: '{ deadLetter: topic }',
  accepts: value =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length === 1 &&
    name.accepts((value as { readonly deadLetter?: unknown }).deadLetter),
}

const checks: Checks<AllRunOptions> = {
  eachRecord: handlers,
  eachBatch: callback,
  batch: anObjectLike('{ maxRecords: 100 }'),
  signal: abortSignal,
  concurrency: integer(1),
  ordering: oneOf('partition', 'key', 'none'),
  windowRecords: integer(1),
  retry: anObjectLike('{ attempts: 3 }'),
  onFailure: either(oneOf('restart', 'stop', 'skip', 'park-key'), deadLetter),
  parkedDelayMs: duration,
}

const ofConsumer = { instead: 'that is an option of the consumer' } as const

// What KafkaJS has, what job queues have beside the handler, and what belongs to the consumer.
const otherWords: OtherWords<AllRunOptions> = {
  eachMessage: 'eachRecord',
  partitionsConsumedConcurrently: 'concurrency',
  retries: 'retry',
  fromBeginning: insteadOfFromBeginning,
  autoCommit: ofConsumer,
  groupId: ofConsumer,
  topics: ofConsumer,
  attempts: 'retry',
  deadLetter: 'onFailure',
}

/** Checks the options of `run` and fills in what is left out. */
export function resolveRunOptions(
  options: RunOptions<AnyRecord, string>,
  interest: Interest,
  maxPollRecords: number,
  random: () => number,
): ResolvedRunOptions {
  if (typeof options === 'function') {
    const expected = 'an object of options'
    const message = `run: expected ${expected}, received a function; give it as run({ eachRecord })`
    throw new InvalidOptionError(message, { expected, received: options })
  }
  checkOptions<AllRunOptions>('run', options, checks, otherWords)
  const given: AllRunOptions = options
  const { eachRecord, eachBatch, batch, signal, onFailure } = given
  requireHandler(given)
  const parks = onFailure === 'park-key'
  const ordering = given.ordering ?? (parks && eachBatch === undefined ? 'key' : 'partition')
  requireOrdering(given, ordering)
  const retry = new RetryPolicy(given.retry, random)
  requireRetryTopics(given, retry, interest)
  checkOptions('run: batch', batch ?? {}, { maxRecords: integer(1), lingerMs: duration })
  return {
    eachRecord: eachRecord === undefined ? undefined : toHandler(eachRecord, interest),
    eachBatch: eachBatch as BatchHandler | undefined,
    tracedRecord: undefined,
    tracedBatch: undefined,
    maxRecords: batch?.maxRecords ?? (eachBatch === undefined ? maxPollRecords : 500),
    lingerMs: batch?.lingerMs ?? 0,
    concurrency: given.concurrency ?? 1,
    ordering,
    windowRecords: given.windowRecords ?? 10_000,
    retry,
    retryTopics: undefined,
    onFailure: onFailure ?? 'restart',
    parkedDelayMs: given.parkedDelayMs ?? 60_000,
    signal,
  }
}

function requireHandler({ eachRecord, eachBatch, batch }: AllRunOptions): void {
  if ((eachRecord === undefined) === (eachBatch === undefined)) {
    const expected = `either 'eachRecord' or 'eachBatch'`
    const received = eachRecord ? 'both' : 'neither'
    throw new InvalidOptionError(`run: expected ${expected}, received ${received}`, {
      option: 'eachRecord',
      expected,
      received,
    })
  }
  if (batch !== undefined && eachBatch === undefined) {
    throw optionError('run', 'batch', `goes with 'eachBatch'`)
  }
}

// Ordering by key, or none, needs a handler of single records.
function requireOrdering(
  { eachBatch, onFailure, parkedDelayMs, windowRecords }: AllRunOptions,
  ordering: Ordering,
): void {
  const parks = onFailure === 'park-key'
  if (parks && (eachBatch !== undefined || ordering !== 'key')) {
    throw new InvalidOptionError(
      `run: onFailure 'park-key' goes with 'eachRecord' and ordering 'key': a parked key lets the others go on`,
      { option: 'onFailure' },
    )
  }
  if (parkedDelayMs !== undefined && !parks) {
    throw optionError('run', 'parkedDelayMs', `goes with onFailure 'park-key'`)
  }
  if (eachBatch !== undefined && ordering !== 'partition') {
    throw invalidOption('run', 'ordering', `'partition' where 'eachBatch' is given`, ordering)
  }
  if (windowRecords !== undefined && ordering === 'partition') {
    throw optionError('run', 'windowRecords', `goes with ordering 'key' or 'none'`)
  }
}

function requireRetryTopics(
  { eachBatch, onFailure }: AllRunOptions,
  { topics }: RetryPolicy,
  interest: Interest,
): void {
  if (topics.length > 0 && (eachBatch !== undefined || interest.kind === 'assign')) {
    const why = `goes with 'eachRecord', and with a consumer of a group's topics`
    throw optionError('run: retry', 'topics', why)
  }
  const lastTopic = typeof onFailure === 'object' ? onFailure.deadLetter : undefined
  if (lastTopic !== undefined && topics.some(({ topic }) => topic === lastTopic)) {
    throw new InvalidOptionError(
      `run: onFailure: '${lastTopic}' is one of retry.topics; a record given up there would come back for ever`,
      { option: 'onFailure', topic: lastTopic },
    )
  }
}

function toHandler(eachRecord: unknown, interest: Interest): RecordHandler {
  if (typeof eachRecord === 'function') return eachRecord as RecordHandler
  const byTopic = new Map(Object.entries(eachRecord as Record<string, RecordHandler>))
  for (const topic of namedTopics(interest)) if (!byTopic.has(topic)) throw noHandler(topic)
  return (record, context) => {
    const handler = byTopic.get(record.topic)
    if (handler === undefined) throw noHandler(record.topic)
    return handler(record, context)
  }
}

function noHandler(topic: string): InvalidOptionError {
  return optionError('run', 'eachRecord', `has no handler for topic ${describeValue(topic)}`, { topic })
}

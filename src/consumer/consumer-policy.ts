import { IllegalStateError } from '../errors.ts'
import type { AnyRecord, ConsumerRecord } from '../record.ts'
import {
  accepts,
  anObject,
  anObjectLike,
  anything,
  type Check,
  type Checks,
  callback,
  checkOptions,
  isListOf,
  optionsOf,
} from '../validate.ts'
import { type ConsumerOptions, resolveConsumerOptions } from './consumer-options.ts'
import {
  type Batch,
  type BatchHandler,
  type CommonRunOptions,
  type RecordContext,
  type RecordHandler,
  type ResolvedRunOptions,
  type RunOptions,
  resolveRunOptions,
} from './run-options.ts'

/**
 * Wraps every handler of records: code before and after `next()` runs before and after the handler. The record is
 * finished when the value returned here has resolved, and failed when this throws or rejects. Without a call of
 * `next()` the handler is not called, and the record is finished.
 *
 * @example
 * const timed: Around = async (record, context, next) => {
 *   const started = performance.now()
 *   try {
 *     return await next()
 *   } finally {
 *     histogram.record(performance.now() - started, { topic: record.topic })
 *   }
 * }
 */
export type Around = (record: ConsumerRecord, context: RecordContext, next: () => unknown) => unknown

/** The same for handlers of batches. */
export type AroundBatch = (
  batch: Batch<ConsumerRecord>,
  context: RecordContext,
  next: () => unknown,
) => unknown

/** The defaults of a broker's consumers; an option of a consumer replaces the default. Times are milliseconds. */
export interface ConsumerDefaults<Name extends string = string>
  extends Pick<
    ConsumerOptions,
    | 'autoOffsetReset'
    | 'autoCommit'
    | 'isolationLevel'
    | 'clientId'
    | 'maxPollRecords'
    | 'maxPollIntervalMs'
    | 'rebalanceTimeoutMs'
    | 'sessionTimeoutMs'
    | 'signal'
  > {
  /**
   * The defaults of `run`. `ordering`, `windowRecords`, `onFailure: 'park-key'` and `retry.topics` do not apply to
   * handlers of batches, `retry.topics` not to consumers without a group or with `assign`, `park-key` not to a run
   * with another `ordering`.
   */
  run?: Omit<CommonRunOptions<Name>, 'signal'> | undefined
}

/** One policy for all consumers of a broker. */
export interface ConsumerPolicyOptions<Name extends string = string> {
  /** The options of consumers that do not set their own. */
  consumerDefaults?: ConsumerDefaults<Name> | undefined
  /** Wraps every handler of records that `run` calls, the first one outermost. */
  around?: Around | readonly Around[] | undefined
  /** Wraps every handler of batches that `run` calls, the first one outermost. */
  aroundBatch?: AroundBatch | readonly AroundBatch[] | undefined
}

const functions: Check = {
  expected: 'a function, or an array of functions',
  accepts: value => callback.accepts(value) || isListOf(value, callback.accepts),
}

/** How each option is checked. */
export const policyChecks: Readonly<Record<keyof ConsumerPolicyOptions, Check>> = {
  consumerDefaults: anObjectLike('{ maxPollRecords: 100 }'),
  around: functions,
  aroundBatch: functions,
}

const defaultChecks: Checks<ConsumerDefaults> = {
  autoOffsetReset: anything,
  autoCommit: anything,
  isolationLevel: anything,
  clientId: anything,
  maxPollRecords: anything,
  maxPollIntervalMs: anything,
  rebalanceTimeoutMs: anything,
  sessionTimeoutMs: anything,
  signal: anything,
  run: anObjectLike('{ concurrency: 4 }'),
}

const runDefaultChecks: Checks<NonNullable<ConsumerDefaults['run']>> = {
  concurrency: anything,
  ordering: anything,
  windowRecords: anything,
  retry: anything,
  onFailure: anything,
  parkedDelayMs: anything,
}

function resolve(options: RunOptions<AnyRecord, string>): void {
  resolveRunOptions(options, { kind: 'topics', names: [] }, 1, () => 0)
}

/** What all consumers of a broker have in common. */
export class ConsumerPolicy {
  readonly #consumer: ConsumerOptions
  readonly #run: CommonRunOptions<string>
  readonly #around: readonly Around[]
  readonly #aroundBatch: readonly AroundBatch[]

  /** @throws InvalidOptionError where a default is invalid for every consumer */
  constructor({ consumerDefaults = {}, around = [], aroundBatch = [] }: ConsumerPolicyOptions) {
    const defaults: ConsumerDefaults = Object.fromEntries(optionsOf('consumerDefaults', consumerDefaults))
    const { run = {}, ...consumer } = defaults
    this.#consumer = consumer
    this.#run = run
    this.#around = typeof around === 'function' ? [around] : around
    this.#aroundBatch = typeof aroundBatch === 'function' ? [aroundBatch] : aroundBatch
    checkOptions<ConsumerDefaults>('consumerDefaults', consumerDefaults, defaultChecks)
    checkOptions('consumerDefaults: run', run, runDefaultChecks)
    resolveConsumerOptions(consumer)
    const { windowRecords, parkedDelayMs } = run
    resolve(this.forRun({ eachRecord: () => {} }))
    resolve(
      withDefaults<RunOptions>(
        { windowRecords, parkedDelayMs },
        { eachRecord: () => {}, onFailure: 'park-key' },
      ),
    )
  }

  /** The options of a consumer, with the defaults for those left out. */
  forConsumer(options: ConsumerOptions): ConsumerOptions {
    return withDefaults(this.#consumer, options)
  }

  /**
   * The same for a run; `member`: whether its consumer subscribes to topics in a group. A default that needs another
   * option is filled in only where that option allows it, and never one that the handler or the consumer cannot have.
   */
  forRun(options: RunOptions<AnyRecord, string>, member = true): RunOptions<AnyRecord, string> {
    const { ordering, windowRecords, parkedDelayMs, onFailure, retry, ...run } = this.#run
    const merged = withDefaults<RunOptions<AnyRecord, string>>(run, options)
    // NaN is no options, either, and equals nothing.
    if (Object.is(merged, options)) return options
    const byRecord = merged.eachBatch === undefined
    fillIn(merged, 'retry', byRecord && member ? retry : withoutTopics(retry))
    // Parking needs ordering by key: a run that sets another ordering does not get it as a default.
    const mayPark = byRecord && (merged.ordering === undefined || merged.ordering === 'key')
    if (onFailure !== 'park-key' || mayPark) fillIn(merged, 'onFailure', onFailure)
    if (byRecord && (options.onFailure !== 'park-key' || ordering === 'key'))
      fillIn(merged, 'ordering', ordering)
    const outOfOrder = merged.ordering === 'key' || merged.ordering === 'none'
    if (outOfOrder || merged.onFailure === 'park-key') fillIn(merged, 'windowRecords', windowRecords)
    if (merged.onFailure === 'park-key') fillIn(merged, 'parkedDelayMs', parkedDelayMs)
    return merged
  }

  /** A run whose handlers have the middleware around them. */
  wrap(options: ResolvedRunOptions): ResolvedRunOptions {
    const { eachRecord, eachBatch } = options
    if (eachRecord !== undefined && this.#around.length > 0) {
      const around = this.#around as readonly AroundAny<AnyRecord>[]
      return { ...options, eachRecord: around.reduceRight<RecordHandler>(wrapOne, eachRecord) }
    }
    if (eachBatch !== undefined && this.#aroundBatch.length > 0) {
      const around = this.#aroundBatch as readonly AroundAny<Batch>[]
      return { ...options, eachBatch: around.reduceRight<BatchHandler>(wrapOne, eachBatch) }
    }
    return options
  }
}

function withoutTopics(retry: CommonRunOptions<string>['retry']): CommonRunOptions<string>['retry'] {
  return accepts(anObject, retry) ? { ...retry, topics: undefined } : retry
}

type AroundAny<Input> = (input: Input, context: RecordContext, next: () => unknown) => unknown
type Handler<Input> = (input: Input, context: RecordContext) => unknown

function wrapOne<Input>(inner: Handler<Input>, around: AroundAny<Input>): Handler<Input> {
  return (input, context) => {
    let called = false
    return around(input, context, () => {
      if (called) throw new IllegalStateError('around: next() was called twice; the handler is called once')
      called = true
      return inner(input, context)
    })
  }
}

// What is not an object of options, or cannot be read, is left for the checks to refuse.
function copyOf<Options extends object>(options: Options): Options | undefined {
  try {
    return anObject.accepts(options) ? { ...options } : undefined
  } catch {
    return undefined
  }
}

function withDefaults<Options extends object>(defaults: Partial<Options>, options: Options): Options {
  const merged = copyOf(options)
  if (merged === undefined) return options
  for (const [name, value] of Object.entries(defaults) as [keyof Options, never][])
    fillIn(merged, name, value)
  return merged
}

// Only for an option left out: null is a wrong value, which the checks refuse.
function fillIn<Options extends object, Name extends keyof Options>(
  options: Options,
  name: Name,
  value: Options[Name],
): void {
  if (options[name] === undefined) options[name] = value
}

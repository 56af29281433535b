import { IllegalStateError } from '../errors.ts'
import type { AnyRecord, ConsumerRecord } from '../record.ts'
import { anObject, anything, type Check, type Checks, callback, checkOptions } from '../validate.ts'
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
 * Goes around every handler of records: what comes before and after `next()` does so before and after the handler. The
 * record is done when what this returns has settled well, and fails when it throws or rejects. Without a call of `next()`
 * the handler is not called, and the record is done.
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

/** What consumers do that do not say otherwise; an option of their own replaces the one here. */
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
   * For `run`. `ordering`, `windowRecords`, `onFailure: 'park-key'` and `retry.topics` do not concern handlers of batches, nor
   * the latter consumers without a group or with `assign`, and parking no run that has another `ordering`.
   */
  run?: Omit<CommonRunOptions<Name>, 'signal'>
}

/** One policy for all consumers of a broker. */
export interface ConsumerPolicyOptions<Name extends string = string> {
  /** What consumers do that do not say otherwise. */
  consumerDefaults?: ConsumerDefaults<Name>
  /** Goes around every handler of records that `run` calls, the first one outermost. */
  around?: Around | readonly Around[]
  /** Goes around every handler of batches that `run` calls, the first one outermost. */
  aroundBatch?: AroundBatch | readonly AroundBatch[]
}

const functions: Check = {
  expected: 'a function, or an array of functions',
  accepts: value => callback.accepts(value) || (Array.isArray(value) && value.every(callback.accepts)),
}

/** How each option is checked. */
export const policyChecks: Readonly<Record<keyof ConsumerPolicyOptions, Check>> = {
  consumerDefaults: anObject,
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
  run: anObject,
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

  /** @throws InvalidOptionError where a default is one that no consumer could have */
  constructor({ consumerDefaults = {}, around = [], aroundBatch = [] }: ConsumerPolicyOptions) {
    const { run = {}, ...consumer } = consumerDefaults
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

  /** The options of a consumer, and the defaults where it says nothing. */
  forConsumer(options: ConsumerOptions): ConsumerOptions {
    return withDefaults(this.#consumer, options)
  }

  /**
   * The same of a run; `member`: of a consumer of a group's topics. What goes with another option comes only where that one
   * is as the default has it, and nothing that its handler, or its consumer, cannot have.
   */
  forRun(options: RunOptions<AnyRecord, string>, member = true): RunOptions<AnyRecord, string> {
    if (!anObject.accepts(options)) return options
    const { ordering, windowRecords, parkedDelayMs, onFailure, retry, ...run } = this.#run
    const merged = withDefaults<RunOptions<AnyRecord, string>>(run, options)
    const byRecord = merged.eachBatch === undefined
    fillIn(merged, 'retry', byRecord && member ? retry : withoutTopics(retry))
    // Parking is by key, and whatever else a run says itself stands against the default.
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
  return anObject.accepts(retry) ? { ...retry, topics: undefined } : retry
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

// What is no object at all is for others to refuse.
function withDefaults<Options extends object>(defaults: Partial<Options>, options: Options): Options {
  if (!anObject.accepts(options)) return options
  const merged = { ...options }
  for (const [name, value] of Object.entries(defaults) as [keyof Options, never][])
    fillIn(merged, name, value)
  return merged
}

// Only what was left out: null is a wrong value, which whoever checks it refuses.
function fillIn<Options extends object, Name extends keyof Options>(
  options: Options,
  name: Name,
  value: Options[Name],
): void {
  if (options[name] === undefined) options[name] = value
}

import { Consumer } from '../consumer/consumer.ts'
import type { CloseOptions } from '../consumer/consumer-control.ts'
import type { ConsumerEvents } from '../consumer/consumer-events.ts'
import type { ConsumerOptions } from '../consumer/consumer-options.ts'
import type { ConsumerPolicy } from '../consumer/consumer-policy.ts'
import type { ConsumerIterator } from '../consumer/record-iterator.ts'
import type { PollOptions } from '../consumer/record-stream.ts'
import type { BatchHandler, BatchOf, RecordHandler, RunOptions } from '../consumer/run-options.ts'
import type { Engine, Unread } from '../engine.ts'
import { NeverIdleError } from '../errors.ts'
import type { AnyRecord } from '../record.ts'
import { describeError } from '../thrown.ts'
import {
  formatTopicPartition,
  type OffsetSpec,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'
import { Processing } from './processing.ts'
import { watchStandstill } from './standstill.ts'
import type { TestClient } from './test-client.ts'
import { TestEngine } from './test-engine.ts'

type Restarting = ConsumerEvents['restarting']
type Lost = ConsumerEvents['lost']

/** A record that a handler has failed at. */
interface Failure {
  readonly record: AnyRecord
  readonly error: unknown
}

// In an hour, since a consumer comes back after a minute at most.
const mostRestarts = 60
const mostLosses = 60
// In less than a day of delays that double, and about a second of real time.
const mostFailures = 8000

const alike = (): void => {
  // Another restart, or another loss, like the one before.
}

/** A consumer that records its deliveries in the timeline and fails where a fault is planned. */
export class TestConsumer<
  out Record extends AnyRecord = AnyRecord,
  Names extends string = string,
> extends Consumer<Record, Names> {
  readonly client: TestClient
  readonly processing: Processing
  /** The consumer was closed, crashed or stopped, and delivers nothing more. */
  ended = false
  // Its restarts since it has processed a record, or somebody began to wait for that.
  #restarts: { readonly count: number; readonly event: Restarting } | undefined
  // Its losses of partitions since it has committed, or somebody began to wait.
  #losses: { readonly count: number; readonly reason: unknown } | undefined
  // How often it has failed at a record, since somebody began to wait; and one at which it has failed too often.
  readonly #failures = new Map<string, number>()
  #hopeless: Failure | undefined
  #polls = false
  #inPoll = false

  constructor(engine: Engine, client: TestClient, options: ConsumerOptions, policy: ConsumerPolicy) {
    super(new TestEngine(engine, client), options, policy)
    this.client = client
    client.onCommit = this.#committed
    this.processing = new Processing(client, this.progressed)
    const ended = () => {
      this.ended = true
    }
    this.done.then(ended, ended)
  }

  /** Whether it has ended, and none of its handlers is at work any more. */
  get over(): boolean {
    return this.ended && this.processing.pending.length === 0
  }

  get #name(): string {
    const { clientId, group } = this.client
    return group === undefined ? `consumer '${clientId}'` : `consumer '${clientId}' of group '${group}'`
  }

  /** Notes a restart. Of several in a row, without a listener, only the first one warns the process. */
  restarting(event: Restarting): void {
    if (this.#restarts === undefined) this.on('restarting', alike)
    this.#restarts = { count: (this.#restarts?.count ?? 0) + 1, event }
  }

  /** From now on its restarts are counted anew. */
  readonly progressed = (): void => {
    if (this.#restarts === undefined) return
    this.#restarts = undefined
    this.off('restarting', alike)
  }

  /** Notes a loss of partitions. Of several in a row, without a listener, only the first one warns the process. */
  losing({ reason }: Lost): void {
    if (this.#losses === undefined) this.on('lost', alike)
    this.#losses = { count: (this.#losses?.count ?? 0) + 1, reason }
  }

  /** From now on its losses are counted anew. */
  readonly #committed = (): void => {
    if (this.#losses === undefined) return
    this.#losses = undefined
    this.off('lost', alike)
  }

  /** Notes that its handler has failed at a record, and gets it again. */
  failing({ record, error }: Failure): void {
    const place = placeOf(record)
    const count = (this.#failures.get(place) ?? 0) + 1
    this.#failures.set(place, count)
    if (count >= mostFailures) this.#hopeless = { record, error }
    this.client.bench.moment.failed(this.#name, place, error)
  }

  /** From now on its restarts and failures are counted anew. */
  countAnew(): void {
    this.progressed()
    this.#committed()
    this.#failures.clear()
    this.#hopeless = undefined
  }

  /**
   * `what` is waited for, and `advice` says how to wait nevertheless.
   *
   * @throws NeverIdleError where it does nothing but restart or lose its partitions, or fails at a record for ever
   */
  requireProgress(what: string, advice: string): void {
    if (this.ended) return
    if (this.#restarts !== undefined && this.#restarts.count >= mostRestarts) {
      const { error, record } = this.#restarts.event
      const how = `restarted ${mostRestarts} times and handled nothing in between; at ${placeOf(record)}:`
      throw this.#never(what, how, error, advice)
    }
    if (this.#losses !== undefined && this.#losses.count >= mostLosses) {
      const has = `lost its partitions ${mostLosses} times and committed nothing in between:`
      throw this.#never(what, has, this.#losses.reason, advice)
    }
    if (this.#hopeless === undefined) return
    const { error, record } = this.#hopeless
    throw this.#never(what, `failed ${mostFailures} times at ${placeOf(record)}:`, error, advice)
  }

  #never(what: string, has: string, error: unknown, advice: string): NeverIdleError {
    return new NeverIdleError(
      `Waited for ${what}, but ${this.#name} has ${has} ${describeError(error)}. ${advice}`,
      { cause: error },
    )
  }

  override ready(): Promise<void> {
    return this.#withPatience(super.ready(), 'get its partitions')
  }

  override run(options: RunOptions<Record, Names>): Promise<void> {
    const watched = this.#watched(options as RunOptions) as RunOptions<Record, Names>
    const run = this.#withPatience(super.run(watched), 'get its partitions')
    return this.silentIfClosed(run, () => this.client.crashed)
  }

  // With a time of its own it is watched as every wait of the broker is.
  override caughtUp(options?: { readonly timeoutMs?: number | undefined }): Promise<void> {
    const done = super.caughtUp(options)
    return options?.timeoutMs === undefined ? this.#withPatience(done, 'catch up') : done
  }

  #withPatience(done: Promise<void>, what: string): Promise<void> {
    return this.client.bench.heard(this.#watchedWait(done, what))
  }

  async #watchedWait(done: Promise<void>, what: string): Promise<void> {
    const unwatch = watchStandstill(this.client.bench, `${this.#name} to ${what}`)
    try {
      await done
    } finally {
      unwatch()
    }
  }

  // Leaves anything that is not a function to `run`, which refuses it.
  #watched(options: RunOptions): RunOptions {
    if (typeof options !== 'object' || options === null) return options
    const { eachRecord, eachBatch } = options
    if (typeof eachBatch === 'function') return { ...options, eachBatch: this.#watchBatches(eachBatch) }
    if (typeof eachRecord === 'function') return { ...options, eachRecord: this.#watchRecords(eachRecord) }
    if (typeof eachRecord !== 'object' || eachRecord === null) return options
    const handlers = Object.entries(eachRecord).map(([topic, handler]) => [
      topic,
      typeof handler === 'function' ? this.#watchRecords(handler as RecordHandler) : handler,
    ])
    return { ...options, eachRecord: Object.fromEntries(handlers) } as RunOptions
  }

  #watchRecords(handler: RecordHandler): RecordHandler {
    return (record, context) =>
      this.processing.call([record], context.attempt, () => handler(record, context))
  }

  #watchBatches(handler: BatchHandler): BatchHandler {
    return (batch, context) =>
      this.processing.call(batch.records, context.attempt, () => handler(batch, context))
  }

  override poll(options?: PollOptions): Promise<readonly Record[]> {
    return this.client.bench.heard(this.#poll(options))
  }

  async #poll(options?: PollOptions): Promise<readonly Record[]> {
    this.#polls = true
    this.processing.finish()
    this.#inPoll = true
    try {
      const records = await super.poll(options)
      this.processing.handOut(records)
      return records
    } finally {
      this.#inPoll = false
    }
  }

  override [Symbol.asyncIterator](): ConsumerIterator<Record> {
    return this.#watchIterator(super[Symbol.asyncIterator](), record => [record])
  }

  override batches(): ConsumerIterator<BatchOf<Record>> {
    return this.#watchIterator(super.batches(), batch => batch.records as readonly AnyRecord[])
  }

  #watchIterator<Item>(
    iterator: ConsumerIterator<Item>,
    recordsOf: (item: Item) => readonly AnyRecord[],
  ): ConsumerIterator<Item> {
    const { processing, client } = this
    const next = async () => {
      processing.finish()
      const result = await iterator.next()
      if (!result.done) processing.handOut(recordsOf(result.value))
      return result
    }
    return {
      next: () => client.bench.heard(next()),
      async return() {
        processing.giveBack()
        await iterator.return()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  override seek(tp: TopicPartition<Record['topic']>, to: OffsetSpec): void {
    super.seek(tp, to)
    const { topic, partition } = tp
    this.client.note({ kind: 'sought', topic, partition, offset: this.position(tp) })
  }

  override commit(offsets?: readonly TopicPartitionOffset<Record['topic']>[]): Promise<void> {
    if (offsets === undefined) this.#finishPolled()
    return this.client.bench.heard(super.commit(offsets))
  }

  override async close(options?: CloseOptions): Promise<readonly Unread[]> {
    this.#finishPolled()
    return super.close(options)
  }

  /** Closes between two polls, as a polling caller does: closing with records in hand would count them as processed. */
  async closeInTurn(): Promise<void> {
    while (this.#polls) {
      if (this.processing.inHand) await this.processing.asked()
      // `poll` has resolved, but its caller has not got the records yet.
      else if (this.#inPoll && !this.polling) await undefined
      else break
    }
    await this.close()
  }

  // Records that `poll` returned are processed once the caller asks for more.
  #finishPolled(): void {
    if (this.#polls) this.processing.finish()
  }
}

function placeOf(record: AnyRecord): string {
  return `offset ${record.offset} of ${formatTopicPartition(record)}`
}

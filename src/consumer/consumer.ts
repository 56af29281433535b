import { Deferred } from '../deferred.ts'
import type { Engine, EngineClient, FetchSession, Unread } from '../engine.ts'
import {
  ClosedError,
  ConsumerCrashedError,
  describeError,
  describeValue,
  IllegalStateError,
  InvalidArgumentError,
} from '../errors.ts'
import { Events } from '../events.ts'
import type { AnyRecord } from '../record.ts'
import {
  formatTopicPartition,
  type OffsetAndMetadata,
  type OffsetSpec,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'
import { abortSignal, boolean, type Check, checkOptions, duration, integer } from '../validate.ts'
import type { CloseOptions, ConsumerControl } from './consumer-control.ts'
import { ConsumerCoordinator } from './consumer-coordinator.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import {
  type ConsumerOptions,
  type ManualAssignment,
  offsetSpec,
  type ResolvedConsumerOptions,
  resolveConsumerOptions,
  toAssignInterest,
  toInterest,
} from './consumer-options.ts'
import { Fetcher } from './fetcher.ts'
import { type PartitionState, toTopicPartition } from './partition-state.ts'
import { Processor } from './processor.ts'
import { type PollOptions, RecordStream } from './record-stream.ts'
import { doubled } from './retry-policy.ts'
import { type BatchOf, type RunOptions, resolveRunOptions } from './run-options.ts'
import type { Worker, WorkerHost } from './worker.ts'

type Mode = 'run' | 'for await' | 'batches' | 'poll'
type Life = 'new' | 'running' | 'restarting' | 'closing' | 'closed'

const firstRestartMs = 1000
const longestRestartMs = 60_000
const closeTimeoutMs = 30_000

const offsetList: Check = {
  expected: 'an array of { topic, partition, offset, metadata? } with whole numbers, 0 or more',
  accepts: value =>
    Array.isArray(value) &&
    value.every(
      each =>
        typeof each === 'object' &&
        each !== null &&
        typeof each.topic === 'string' &&
        integer(0).accepts(each.partition) &&
        integer(0).accepts(each.offset) &&
        (each.metadata === undefined || typeof each.metadata === 'string'),
    ),
}

/**
 * Reads records: as a member of a group, by itself, or from given partitions. It joins when it starts to consume.
 *
 * @example
 * const billing = broker.consumer({ groupId: 'billing', topics: ['orders'] })
 * await billing.run({ eachRecord: async record => charge(record.value) })
 */
export class Consumer<out Record extends AnyRecord = AnyRecord, _Names extends string = string>
  implements AsyncIterable<Record>, ConsumerControl
{
  readonly #engine: Engine
  readonly #options: ResolvedConsumerOptions
  readonly #events: Events<ConsumerEvents>
  readonly #session: FetchSession<PartitionState>
  readonly #coordinator: ConsumerCoordinator
  readonly #host: WorkerHost
  readonly #client: EngineClient
  readonly #done = new Deferred()
  #worker: Worker | undefined
  #mode: Mode | undefined
  #life: Life = 'new'
  #starting: Promise<void> | undefined
  #closing: Promise<readonly Unread[]> | undefined
  #restarts = 0
  #stopRestart: (() => void) | undefined
  #draining = false

  /** @internal */
  constructor(engine: Engine, options: ConsumerOptions) {
    this.#engine = engine
    this.#options = resolveConsumerOptions(options)
    this.#events = new Events(engine.outbox, this.#name)
    this.#session = engine.fetch(() => this.#worker?.wake())
    const fatal = (error: unknown) => void this.#crash(error, undefined)
    const shared = { engine, events: this.#events, session: this.#session, fatal }
    this.#coordinator = new ConsumerCoordinator({
      ...shared,
      options: this.#options,
      halted: states => this.#worker?.halted(states),
      hookFailed: error => this.#hookFailed(error),
    })
    this.#host = {
      ...shared,
      coordinator: this.#coordinator,
      fetcher: new Fetcher({ ...shared, autoOffsetReset: this.#options.autoOffsetReset }),
      control: this,
      groupId: this.#options.groupId,
      progressed: () => {
        this.#restarts = 0
      },
      ranDry: () => this.#endIfComplete(),
      failed: (error, record, then) =>
        then === 'stop' ? void this.#crash(error, record) : void this.#restart(error, record),
    }
    this.#client = {
      groupId: this.#options.groupId,
      pending: () => this.#pending(),
      paused: [],
      unread: () => (this.#options.groupId === undefined ? this.#unread() : 0),
      close: closeOptions => this.close(closeOptions),
    }
    Object.defineProperty(this.#client, 'paused', { get: () => this.paused })
  }

  get #name(): string {
    const { groupId, clientId } = this.#options
    return groupId === undefined ? `Consumer '${clientId}'` : `Consumer '${clientId}' of group '${groupId}'`
  }

  /** The group's id, or undefined for a reader by itself. */
  get groupId(): string | undefined {
    return this.#options.groupId
  }

  /** Its id in the group, once it has joined; a restart or a loss gives it another one. */
  get memberId(): string | undefined {
    return this.#coordinator.memberId
  }

  /**
   * Settles when the consumer has ended: resolves once closed, rejects when it crashed. Nobody has to await it.
   */
  get done(): Promise<void> {
    return this.#done.promise
  }

  // --- consuming ----------------------------------------------------------------------------------------------------

  /**
   * Joins, and resolves when assigned and positioned.
   *
   * @throws UnknownTopicOrPartitionError where a topic does not exist
   */
  ready(): Promise<void> {
    return this.#start()
  }

  /**
   * Hands every record, or batch, to a handler, one after the other; resolves when assigned and positioned, and goes on
   * until `close`. A failed handler is tried again, and then `onFailure` decides.
   */
  async run(options: RunOptions<Record>): Promise<void> {
    const resolved = resolveRunOptions(
      options as RunOptions,
      this.#options.interest,
      this.#options.maxPollRecords,
    )
    resolved.signal?.throwIfAborted()
    this.#enter('run')
    const processor = new Processor(this.#host, resolved)
    this.#worker = processor
    const abort = () => void this.close()
    resolved.signal?.addEventListener('abort', abort, { once: true })
    void this.done.then(
      () => resolved.signal?.removeEventListener('abort', abort),
      () => resolved.signal?.removeEventListener('abort', abort),
    )
    processor.start()
    await this.#start()
  }

  /**
   * Records one by one; each is done when the next one is asked for. Leaving the loop closes the consumer and leaves
   * the record in hand undone.
   */
  [Symbol.asyncIterator](): AsyncIterator<Record, undefined> {
    const stream = this.#stream('for await')
    return this.#iterator(stream, () => stream.nextRecord()) as AsyncIterator<Record, undefined>
  }

  /** The same by batches of one partition each. */
  batches(): AsyncIterableIterator<BatchOf<Record>, undefined> {
    const stream = this.#stream('batches')
    const iterator: unknown = this.#iterator(stream, () => stream.nextBatch())
    return iterator as AsyncIterableIterator<BatchOf<Record>, undefined>
  }

  /**
   * The next records, of any of its partitions, in order within each. With autoCommit the call commits what the one
   * before it returned. Empty when the time is over or the consumer is closed.
   */
  async poll(options: PollOptions = {}): Promise<readonly Record[]> {
    checkOptions('poll', options, { maxRecords: integer(1), timeoutMs: duration, signal: abortSignal })
    options.signal?.throwIfAborted()
    const stream = this.#stream('poll')
    await this.#startOrEnd()
    return (await stream.poll(options)) as unknown as readonly Record[]
  }

  #stream(mode: Mode): RecordStream {
    if (this.#worker instanceof RecordStream && this.#mode === mode && mode === 'poll') {
      if (this.#life === 'closed') throw this.#closedError()
      return this.#worker
    }
    this.#enter(mode)
    const stream = new RecordStream(this.#host, this.#options.maxPollRecords)
    this.#worker = stream
    return stream
  }

  #iterator<T>(
    stream: RecordStream,
    next: () => Promise<T | undefined>,
  ): AsyncIterableIterator<T, undefined> {
    const end = { done: true, value: undefined } as const
    // Calls of next() that do not wait for each other are answered one after the other.
    let last: Promise<unknown> = Promise.resolve()
    let over = false
    const step = async (): Promise<IteratorResult<T, undefined>> => {
      if (over) return end
      try {
        await this.#startOrEnd()
        const value = await next()
        if (value !== undefined) return { done: false, value }
      } catch (error) {
        over = true
        stream.abandon()
        await this.close()
        throw error
      }
      over = true
      await this.#closing
      // A crash is the iterator's error, too.
      await this.done
      return end
    }
    const finish = async () => {
      over = true
      stream.abandon()
      await this.close()
      return end
    }
    return {
      next: () => {
        const result = last.then(step)
        last = result.catch(() => {})
        return result
      },
      return: finish,
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  #enter(mode: Mode): void {
    if (this.#life === 'closing' || this.#life === 'closed') throw this.#closedError()
    if (this.#mode !== undefined) {
      throw new IllegalStateError(
        `${this.#name} already consumes by '${this.#mode}'; a consumer is used in one way, received '${mode}'`,
      )
    }
    this.#mode = mode
  }

  // --- starting, restarting, ending ---------------------------------------------------------------------------------

  #start(): Promise<void> {
    if (this.#life === 'closing' || this.#life === 'closed') return Promise.reject(this.#closedError())
    this.#starting ??= this.#join()
    return this.#starting
  }

  async #join(): Promise<void> {
    this.#engine.requireOpen()
    this.#life = 'running'
    this.#engine.track(this.#client)
    try {
      await this.#coordinator.join()
    } catch (error) {
      // Nothing was joined: the same consumer may try again.
      this.#life = 'new'
      this.#mode = undefined
      this.#worker?.stop()
      this.#worker = undefined
      this.#starting = undefined
      this.#engine.untrack(this.#client)
      throw error
    }
    await this.#coordinator.ready
  }

  // Consuming by pull: a consumer that is closed while it starts has simply ended.
  async #startOrEnd(): Promise<void> {
    try {
      await this.#start()
    } catch (error) {
      if (!(error instanceof ClosedError) || this.#closing === undefined) throw error
    }
  }

  #endIfComplete(): void {
    if (!this.#options.bounded || !this.#coordinator.settled) return
    const { states } = this.#coordinator
    if (states.every(state => state.complete && !state.busy)) void this.close()
  }

  async #restart(error: unknown, record: AnyRecord | undefined): Promise<void> {
    if (this.#life !== 'running') return
    this.#life = 'restarting'
    this.#worker?.stop()
    const delayMs = doubled(firstRestartMs, ++this.#restarts, longestRestartMs)
    const at = record ? ` at offset ${record.offset} of ${formatTopicPartition(record)}` : ''
    this.#events.emitOrWarn(
      'restarting',
      { error, record, delayMs },
      `${this.#name} restarts in ${delayMs} ms, its handler failed${at}: ${describeError(error)}`,
    )
    this.#engine.outbox.flush()
    try {
      await this.#coordinator.leave({ keepPlace: false, deadline: this.#deadline(closeTimeoutMs) })
      if (this.#life !== 'restarting') return
      await this.#restartDelay(delayMs)
      if (this.#life !== 'restarting') return
      this.#life = 'running'
      this.#worker?.resume()
      await this.#coordinator.join()
    } catch (thrown) {
      void this.#crash(thrown, undefined)
    }
  }

  #restartDelay(delayMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#engine.clock.setTimer(resolve, delayMs, {
        hold: true,
        name: `restart of ${this.#name}`,
      })
      this.#stopRestart = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  async #crash(error: unknown, record: AnyRecord | undefined): Promise<void> {
    if (this.#life === 'closing' || this.#life === 'closed') return
    this.#life = 'closing'
    const crash = record ? this.#crashError(error, record) : toError(error)
    const ended = this.#end({ timeoutMs: closeTimeoutMs, leave: true })
    this.#closing = ended
    if (this.#worker instanceof RecordStream) this.#worker.fail(crash)
    await ended
    this.#events.emitOrWarn('crashed', { error: crash, record }, `${this.#name} crashed: ${crash.message}`)
    this.#events.emit('closed', { reason: 'crashed' })
    const { groupId } = this.#options
    if (groupId !== undefined) {
      this.#engine.consumerStopped(record ? { groupId, record, cause: error } : { groupId, cause: error })
    }
    this.#done.reject(crash)
    this.#engine.outbox.flush()
  }

  #crashError(error: unknown, { topic, partition, offset }: AnyRecord): ConsumerCrashedError {
    const { groupId } = this.#options
    return new ConsumerCrashedError(
      `${this.#name} stopped: its handler failed at offset ${offset} of ${topic}-${partition}: ${describeError(error)}`,
      { topic, partition, offset, cause: error, ...(groupId === undefined ? {} : { groupId }) },
    )
  }

  /**
   * Stops: finishes what is in flight (with `drain`: reads to the present end first), commits, leaves, and resolves to
   * what it left unread. It always ends: after `timeoutMs` (default 30,000) the partitions go to the others, and
   * whatever a handler still does counts for nothing. Do not await it in its own handler, which it waits for.
   */
  close(options: CloseOptions = {}): Promise<readonly Unread[]> {
    if (this.#closing) return this.#closing
    try {
      checkOptions('close', options, { timeoutMs: duration, drain: boolean, leave: boolean })
    } catch (error) {
      return Promise.reject(error)
    }
    this.#closing = this.#close(options)
    return this.#closing
  }

  async #close(options: CloseOptions): Promise<readonly Unread[]> {
    const idle = this.#life === 'new'
    const began = this.#engine.clock.monotonic()
    if (options.drain && this.#life === 'running') await this.#drain(options.timeoutMs ?? closeTimeoutMs)
    // It may have crashed while it drained.
    if (this.#life === 'closing' || this.#life === 'closed') return this.#report()
    this.#life = 'closing'
    const spent = this.#engine.clock.monotonic() - began
    const left = idle
      ? []
      : await this.#end({ ...options, timeoutMs: Math.max(0, (options.timeoutMs ?? closeTimeoutMs) - spent) })
    this.#life = 'closed'
    this.#events.emit('closed', { reason: 'closed' })
    this.#done.resolve()
    this.#engine.outbox.flush()
    return left
  }

  async #drain(timeoutMs: number): Promise<void> {
    this.#draining = true
    const ended = () => this.#life !== 'running'
    try {
      await this.#reach(this.#ends(), ended, timeoutMs)
    } catch {
      // Its time is up: what it did not reach stands in the report.
    } finally {
      this.#draining = false
    }
  }

  async #end(options: CloseOptions & { readonly timeoutMs: number }): Promise<readonly Unread[]> {
    this.#stopRestart?.()
    this.#worker?.stop()
    const { groupInstanceId } = this.#options
    let left: readonly Unread[] = []
    // Read as late as can be, when what was in flight is finished, but before the partitions are somebody else's.
    const deadline = this.#deadline(options.timeoutMs)
    try {
      await this.#coordinator.leave({
        keepPlace: groupInstanceId !== undefined && !options.leave,
        deadline,
        beforeLeaving: () => {
          left = this.#report()
        },
      })
    } catch (error) {
      this.#events.emit('error', error)
    }
    this.#session.close()
    this.#life = 'closed'
    this.#engine.untrack(this.#client)
    this.#engine.touch()
    return left
  }

  #deadline(timeoutMs: number): Promise<void> {
    return new Promise(resolve => {
      this.#engine.clock.setTimer(resolve, timeoutMs, { name: `close of ${this.#name}` })
    })
  }

  #report(): readonly Unread[] {
    return this.#coordinator.states
      .filter(state => state.unread > 0)
      .map(state => ({
        group: this.#options.groupId,
        topic: state.topic,
        partition: state.partition,
        from: Math.max(state.finished, state.fetch?.logStartOffset ?? 0),
        count: state.unread,
      }))
  }

  #closedError(): ClosedError {
    return new ClosedError(`${this.#name} is closed`)
  }

  #hookFailed(error: unknown): void {
    if (this.#worker instanceof RecordStream) this.#worker.fail(error)
    else {
      this.#events.emit('error', error)
      this.#engine.outbox.flush()
    }
  }

  #pending(): string[] {
    const pending = this.#worker?.pending() ?? []
    if (this.#life === 'restarting') pending.push('restarts')
    else if (this.#life === 'running' && !this.#coordinator.settled) pending.push('joins or rebalances')
    if (this.#draining) pending.push('drains')
    return pending.map(what => `${this.#name} ${what}`)
  }

  #unread(): number {
    let unread = 0
    for (const state of this.#coordinator.states)
      if (state.phase === 'active' && !state.paused) unread += state.unread
    return unread
  }

  // --- controls -----------------------------------------------------------------------------------------------------

  /** The partitions that are this consumer's to read. */
  get assignment(): readonly TopicPartition<Record['topic']>[] {
    return this.#coordinator.assignment as TopicPartition<Record['topic']>[]
  }

  /** Replaces what it reads; an empty list is nothing. Not beside `assign`. */
  async subscribe(topics: readonly Record['topic'][] | RegExp | readonly RegExp[]): Promise<void> {
    const interest = toInterest(topics)
    if (interest === undefined) {
      throw new InvalidArgumentError(
        `subscribe: expected an array of topic names, a RegExp or an array of RegExps, received ${describeValue(topics)}`,
        { field: 'topics' },
      )
    }
    if (this.#options.interest.kind === 'assign') throw this.#mixed('subscribe', 'assign')
    await this.#coordinator.subscribe(interest, new Map())
  }

  /** Replaces the partitions of a consumer that was made with `assign`; what it finished of the old ones is committed. */
  async assign(partitions: readonly ManualAssignment<Record['topic']>[]): Promise<void> {
    if (this.#options.interest.kind !== 'assign') throw this.#mixed('assign', 'topics')
    const options = resolveConsumerOptions({ assign: partitions })
    const startAt = new Map(options.startAt.map(tp => [formatTopicPartition(tp), tp.offset]))
    await this.#coordinator.subscribe(toAssignInterest(partitions), startAt)
  }

  #mixed(method: string, other: string): IllegalStateError {
    return new IllegalStateError(
      `${this.#name} was made with '${other}'; ${method}() cannot be mixed with it`,
    )
  }

  /** The offset of the next record that it hands out. */
  position(tp: TopicPartition<Record['topic']>): number {
    return this.#state('position', tp).position
  }

  /** Goes on from there; in a handler, once that has ended. The last of several wins. */
  seek(tp: TopicPartition<Record['topic']>, to: OffsetSpec): void {
    const state = this.#state('seek', tp)
    if (!offsetSpec.accepts(to)) {
      throw new InvalidArgumentError(`seek: expected ${offsetSpec.expected}, received ${describeValue(to)}`, {
        field: 'to',
        received: to,
      })
    }
    const { version } = state
    const offset = this.#engine.offsetFor(state, to)
    if (typeof offset === 'number') return this.#moveTo(state, offset)
    offset.then(
      found => {
        if (state.version === version) this.#moveTo(state, found)
      },
      error => void this.#crash(error, undefined),
    )
  }

  #moveTo(state: PartitionState, offset: number): void {
    state.moveTo(offset)
    this.#worker?.moved(state)
    this.#engine.touch()
  }

  /** The paused ones of its partitions. */
  get paused(): readonly TopicPartition<Record['topic']>[] {
    return this.#coordinator.states
      .filter(state => state.paused && state.phase === 'active')
      .map(toTopicPartition) as TopicPartition<Record['topic']>[]
  }

  /** Hands out nothing more of these, by default all, until `resume`; nothing is rebalanced, the position stays. */
  pause(partitions?: readonly TopicPartition<Record['topic']>[]): void {
    for (const state of this.#statesOf('pause', partitions)) state.paused = true
    this.#engine.touch()
  }

  /** Ends a pause; of a partition that is not paused it does nothing. */
  resume(partitions?: readonly TopicPartition<Record['topic']>[]): void {
    for (const state of this.#statesOf('resume', partitions)) {
      if (!state.paused) continue
      state.paused = false
      state.fetch?.changed()
    }
    this.#engine.touch()
  }

  #statesOf(method: string, partitions: readonly TopicPartition[] | undefined): PartitionState[] {
    if (partitions === undefined) return this.#coordinator.states.filter(({ phase }) => phase === 'active')
    return partitions.map(tp => this.#state(method, tp))
  }

  #state(method: string, tp: TopicPartition): PartitionState {
    if (typeof tp !== 'object' || tp === null) {
      throw new InvalidArgumentError(
        `${method}: expected { topic, partition }, received ${describeValue(tp)}`,
        {},
      )
    }
    const state = this.#coordinator.state(tp)
    // In onAssigned a partition is there, too, though nothing is handed out yet: a seek belongs right here.
    if (state !== undefined && state.phase !== 'gone' && state.positioned) return state
    throw new IllegalStateError(`${method}: ${formatTopicPartition(tp)} is not assigned to ${this.#name}`, {
      topic: tp.topic,
      partition: tp.partition,
    })
  }

  /**
   * Commits given offsets (the next to read, as in Kafka: done with n commits n + 1), or all that is finished.
   *
   * @throws CommitFailedError where a partition is no longer its own; nothing is committed then
   */
  async commit(offsets?: readonly TopicPartitionOffset<Record['topic']>[]): Promise<void> {
    if (this.#options.groupId === undefined) {
      throw new IllegalStateError(`${this.#name} has no groupId, so there is nothing to commit to`)
    }
    if (offsets !== undefined && !offsetList.accepts(offsets)) {
      throw new InvalidArgumentError(
        `commit: expected ${offsetList.expected}, received ${describeValue(offsets)}`,
        {
          field: 'offsets',
          received: offsets,
        },
      )
    }
    if (this.#life === 'closed') throw this.#closedError()
    if (this.#mode === 'poll' && offsets === undefined) (this.#worker as RecordStream).markDone()
    await this.#coordinator.commit(offsets)
  }

  /** What its group has committed for a partition, or null. */
  committed(tp: TopicPartition<Record['topic']>): Promise<OffsetAndMetadata | null> {
    return this.#coordinator.committedOffset(tp)
  }

  /** How many records of its partitions it has not finished. */
  lag(): number {
    return this.#coordinator.states.reduce(
      (lag, state) => lag + (state.phase === 'active' ? state.unread : 0),
      0,
    )
  }

  /**
   * Resolves when it has finished everything up to the end as it is now: a table read from a topic is complete.
   * Rejects with a `TimeoutError` after `timeoutMs`, which is without end by default.
   */
  async caughtUp(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    checkOptions('caughtUp', options, { timeoutMs: duration })
    await this.#start()
    const ended = () => {
      if (this.#life === 'closing' || this.#life === 'closed') throw this.#closedError()
      return false
    }
    await this.#reach(this.#ends(), ended, options.timeoutMs ?? Number.POSITIVE_INFINITY)
  }

  #ends(): ReadonlyMap<PartitionState, number> {
    const active = this.#coordinator.states.filter(({ phase }) => phase === 'active')
    return new Map(active.map(state => [state, state.finished + state.unread]))
  }

  #reach(ends: ReadonlyMap<PartitionState, number>, ended: () => boolean, timeoutMs: number): Promise<void> {
    // A partition that went to somebody else in the meantime is theirs to finish.
    const behind = () =>
      [...ends].filter(([state, end]) => state.phase === 'active' && state.unread > 0 && state.finished < end)
    const explain = () =>
      behind()
        .map(([state, end]) => `${formatTopicPartition(state)} is at ${state.finished} of ${end}`)
        .join(', ')
    return this.#engine.waitUntil(
      `${this.#name} to catch up`,
      () => ended() || behind().length === 0,
      explain,
      timeoutMs,
    )
  }

  // --- events -------------------------------------------------------------------------------------------------------

  /** Listens; events inform, and are never awaited. */
  on<Name extends keyof ConsumerEvents>(name: Name, listener: (event: ConsumerEvents[Name]) => void): this {
    this.#events.on(name, listener)
    return this
  }

  /** Listens to the next one only. */
  once<Name extends keyof ConsumerEvents>(name: Name, listener: (event: ConsumerEvents[Name]) => void): this {
    this.#events.once(name, listener)
    return this
  }

  /** Listens no longer. */
  off<Name extends keyof ConsumerEvents>(name: Name, listener: (event: ConsumerEvents[Name]) => void): this {
    this.#events.off(name, listener)
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new ConsumerCrashedError(describeError(thrown), { cause: thrown })
}

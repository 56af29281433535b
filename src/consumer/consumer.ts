import { AbortWatch } from '../abort-watch.ts'
import type { Engine, Interest, Unread } from '../engine.ts'
import { IllegalStateError } from '../errors.ts'
import { Events } from '../events.ts'
import { silentWhere } from '../maybe-promise.ts'
import { offsetList, offsetSpec, onePartition } from '../offset-checks.ts'
import type { ConsumedOffsets } from '../offset-source.ts'
import type { AnyRecord } from '../record.ts'
import {
  formatTopicPartition,
  type OffsetAndMetadata,
  type OffsetSpec,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'
import { abortSignal, aList, boolean, checkOptions, duration, integer, requireArgument } from '../validate.ts'
import type { CloseOptions, ConsumerControl } from './consumer-control.ts'
import type { ConsumerCoordinator } from './consumer-coordinator.ts'
import { type ConsumerEvents, consumerEventNames } from './consumer-events.ts'
import { ConsumerLifecycle } from './consumer-lifecycle.ts'
import {
  type ConsumerOptions,
  type ManualAssignment,
  type ResolvedConsumerOptions,
  refuseWildcards,
  resolveConsumerOptions,
  toInterest,
  topicList,
} from './consumer-options.ts'
import { ConsumerPolicy } from './consumer-policy.ts'
import { type PartitionState, toTopicPartition } from './partition-state.ts'
import { Processor } from './processor.ts'
import { type ConsumerIterator, RecordIterator } from './record-iterator.ts'
import { type PollOptions, RecordStream } from './record-stream.ts'
import { type BatchOf, type RunOptions, resolveRunOptions } from './run-options.ts'
import { Seeker } from './seeker.ts'
import { SideTopics } from './side-topics.ts'
import { Subscription } from './subscription.ts'
import { withTraces } from './traced-handlers.ts'

const noPolicy = /* @__PURE__ */ new ConsumerPolicy({})

// Shared by all consumers: one signal may close many of them.
const aborts = /* @__PURE__ */ new AbortWatch()

// A consumer that was not started, or could not be, may be dropped without `close`: nothing of it stays at its signal.
const dropped = /* @__PURE__ */ new FinalizationRegistry((forget: () => void) => forget())

type Mode = 'run' | 'for await' | 'batches' | 'poll'

/**
 * Reads records: as a member of a group, by itself, or from given partitions. It joins when it starts to consume.
 *
 * @example
 * const billing = broker.consumer({ groupId: 'billing', topics: ['orders'] })
 * await billing.run({ eachRecord: async record => charge(record.value) })
 */
export class Consumer<out Record extends AnyRecord = AnyRecord, Names extends string = string>
  implements AsyncIterable<Record>, ConsumerControl
{
  readonly #engine: Engine
  readonly #options: ResolvedConsumerOptions
  readonly #events: Events<ConsumerEvents>
  readonly #lifecycle: ConsumerLifecycle
  readonly #seeker: Seeker
  readonly #policy: ConsumerPolicy
  // Whether anybody has said what it reads, even that it is nothing.
  #told: boolean
  #mode: Mode | undefined
  #side: SideTopics | undefined
  // What the consumer was told to read, without the retry topics that a run adds.
  readonly #subscription: Subscription
  // Settles when each change of that is granted or refused.
  #changed: Promise<void> = Promise.resolve()

  /** @hidden */
  constructor(engine: Engine, options: ConsumerOptions, policy: ConsumerPolicy = noPolicy) {
    this.#engine = engine
    this.#policy = policy
    const merged = policy.forConsumer(options)
    this.#options = resolveConsumerOptions(merged)
    const { groupId, clientId, interest } = this.#options
    this.#subscription = new Subscription(interest)
    this.#told = merged.topics !== undefined || merged.assign !== undefined
    const { signal } = merged
    signal?.throwIfAborted()
    const name =
      groupId === undefined ? `Consumer '${clientId}'` : `Consumer '${clientId}' of group '${groupId}'`
    this.#events = new Events(consumerEventNames, engine.outbox, name, this)
    this.#lifecycle = new ConsumerLifecycle(engine, this.#options, name, this.#events, this)
    this.#seeker = new Seeker(engine, this.#options.isolationLevel, this.#lifecycle)
    if (signal) this.#closeOn(signal)
  }

  get #coordinator(): ConsumerCoordinator {
    return this.#lifecycle.coordinator
  }

  /** The group's id, or undefined for a reader without a group. */
  get groupId(): string | undefined {
    return this.#options.groupId
  }

  /** Its member id, once it has joined; it gets another one after a restart or a lost membership. */
  get memberId(): string | undefined {
    return this.#coordinator.memberId
  }

  /**
   * Settles when the consumer has ended: resolves once the consumer or its broker is closed, even if it was never
   * started; rejects when it crashed. It need not be awaited.
   */
  get done(): Promise<void> {
    return this.#lifecycle.done
  }

  // --- consuming ----------------------------------------------------------------------------------------------------

  /**
   * Joins; resolves when the consumer has its partitions and their positions.
   *
   * @throws UnknownTopicOrPartitionError where a topic does not exist, IllegalStateError where nobody said what to read
   * @throws NoOffsetForPartitionError where nothing is committed and `autoOffsetReset` is `none`
   * @throws UnreleasedInstanceIdError where another live member has its `groupInstanceId`
   * @throws InconsistentGroupProtocolError where its group has another `assignor`, InvalidAssignmentError where that failed
   * @throws ClosedError once it is closed
   */
  async ready(): Promise<void> {
    this.#requireTold()
    await this.#lifecycle.start()
  }

  /**
   * Hands every record, or batch, to a handler, one after the other unless `concurrency` says otherwise, until
   * `close`. Resolves when the consumer has its partitions and their positions. A failed handler is called again as
   * `retry` says, then `onFailure` decides. Where nobody awaits it, a `close` meanwhile is no unhandled rejection.
   *
   * @throws as `ready`; IllegalStateError where it already consumes in another way, InvalidOptionError
   */
  run(options: RunOptions<Record, Names>): Promise<void> {
    return this.silentIfClosed(this.#run(options))
  }

  /**
   * The answer of a run that has just begun: that somebody closes the consumer, or that it has `died` as a process does,
   * nobody has to look at. @internal
   */
  protected silentIfClosed(run: Promise<void>, died?: () => boolean): Promise<void> {
    if (this.#lifecycle.ended) return run
    return silentWhere(run, error => this.#lifecycle.wasClosed(error) || died?.() === true)
  }

  async #run(options: RunOptions<Record, Names>): Promise<void> {
    const { maxPollRecords } = this.#options
    const member = this.#options.groupId !== undefined && this.#subscription.interest.kind !== 'assign'
    const merged = this.#policy.forRun(options as RunOptions<AnyRecord, string>, member)
    const resolved = withTraces(
      this.#policy.wrap(
        resolveRunOptions(merged, this.#subscription.interest, maxPollRecords, this.#engine.random),
      ),
      this.#options,
    )
    const { signal } = resolved
    signal?.throwIfAborted()
    const side = new SideTopics(this.#engine, this.#options.groupId, resolved)
    if (side.some) {
      this.#lifecycle.requireOpen()
      await side.require(this.#subscription.interest)
      // What will be refused is not read along with them.
      await this.#decided()
      // It may have been told to read something else meanwhile.
      side.requireApart(this.#subscription.interest)
      signal?.throwIfAborted()
    }
    this.#enter('run')
    if (side.some) this.#readAlong(side)
    const { workerHost } = this.#lifecycle
    const processor = new Processor(workerHost, side.wrap(resolved))
    this.#lifecycle.use(processor)
    const forget = signal && this.#closeOn(signal)
    processor.start()
    await this.#started(forget)
  }

  #closeOn(signal: AbortSignal): () => void {
    const weak = new WeakRef(this)
    const forget = aborts.watch([signal], () => void weak.deref()?.close())
    dropped.register(this, forget)
    this.#lifecycle.onEnd(forget)
    return forget
  }

  #readAlong(side: SideTopics): void {
    this.#side = side
    const toRead = side.toRead(this.#subscription.interest)
    if (toRead === this.#subscription.interest) return
    this.#coordinator
      .subscribe(toRead, this.#options.startAt)
      .catch(error => void this.#lifecycle.crash(error))
  }

  /**
   * Iterates over the records; each is finished when the next one is asked for. Leaving the loop closes the consumer;
   * the record in hand is then not finished.
   *
   * @throws as `ready`, from the first step; ConsumerCrashedError, or what it crashed with, from a later one
   * @throws InvalidRecordError where a record cannot be decoded
   */
  [Symbol.asyncIterator](): ConsumerIterator<Record> {
    const stream = this.#stream('for await')
    const iterator: unknown = new RecordIterator(this.#lifecycle, stream, {
      next: () => stream.nextRecord(),
      atHand: () => stream.recordAtHand(),
    })
    return iterator as ConsumerIterator<Record>
  }

  /** Iterates over batches, each of one partition, in the same way. */
  batches(): ConsumerIterator<BatchOf<Record>> {
    const stream = this.#stream('batches')
    const iterator: unknown = new RecordIterator(this.#lifecycle, stream, {
      next: () => stream.nextBatch(),
      atHand: () => undefined,
    })
    return iterator as ConsumerIterator<BatchOf<Record>>
  }

  /**
   * Resolves to the next records, of any of its partitions, in order within each. With `autoCommit` each call commits
   * what the call before it returned. Empty when the time is over or the consumer is closed meanwhile.
   *
   * @throws as `ready`; IllegalStateError where it already consumes in another way, or while another poll waits
   * @throws InvalidRecordError where a record cannot be decoded; what a hook threw
   */
  async poll(options: PollOptions = {}): Promise<readonly Record[]> {
    checkOptions('poll', options, { timeoutMs: duration, maxRecords: integer(1), signal: abortSignal })
    options.signal?.throwIfAborted()
    this.#lifecycle.requireOpen()
    const { worker } = this.#lifecycle
    const stream = this.#mode === 'poll' && worker instanceof RecordStream ? worker : this.#stream('poll')
    const records = stream.poll(options, () => this.#started())
    return (await records) as unknown as readonly Record[]
  }

  #stream(mode: Mode): RecordStream {
    this.#enter(mode)
    const stream = new RecordStream(this.#lifecycle.workerHost, this.#options.maxPollRecords, mode !== 'poll')
    this.#lifecycle.use(stream)
    return stream
  }

  #enter(mode: Mode): void {
    this.#lifecycle.requireOpen()
    this.#requireTold()
    if (this.#mode !== undefined) {
      throw new IllegalStateError(
        `${this.#lifecycle.name} already consumes by '${this.#mode}' and cannot also use '${mode}'`,
      )
    }
    this.#mode = mode
  }

  // As in Kafka: it would wait for ever.
  #requireTold(): void {
    if (this.#told) return
    throw new IllegalStateError(
      `${this.#lifecycle.name} has nothing to read: give it 'topics' or 'assign', or let it subscribe`,
    )
  }

  // A consumer that could not join may be used again, in another way, too; the signal of that run is then none of its
  // own.
  async #started(forgetSignal?: () => void): Promise<void> {
    try {
      await this.#lifecycle.start()
    } catch (error) {
      if (this.#lifecycle.worker === undefined) {
        this.#forgetMode()
        forgetSignal?.()
      }
      throw error
    }
  }

  #forgetMode(): void {
    this.#mode = undefined
    this.#side = undefined
    // The consumer is not a member, so this is only noted.
    if (this.#subscription.interest.kind !== 'assign')
      void this.#coordinator.subscribe(this.#subscription.interest, [])
  }

  /**
   * Closes the consumer: finishes the records in flight (with `drain`: reads to the present end first), commits and
   * leaves. Resolves to what it left unread. It always comes to an end: after `timeoutMs` (default 30,000) the
   * partitions go to other members ('lost', `onLost`), and what a handler still does counts for nothing. Do not await
   * it in the consumer's own handler, hook or loop, which it waits for.
   */
  async close(options: CloseOptions = {}): Promise<readonly Unread[]> {
    checkOptions('close', options, { timeoutMs: duration, drain: boolean, leave: boolean })
    return this.#lifecycle.close(options)
  }

  /** Ends like a process that died: nothing is finished or committed, and its group waits for its session. @internal */
  vanish(): void {
    this.#lifecycle.vanish()
  }

  /** Whether a poll waits. @internal */
  protected get polling(): boolean {
    const { worker } = this.#lifecycle
    return worker instanceof RecordStream && worker.polling
  }

  // --- controls -----------------------------------------------------------------------------------------------------

  /** The partitions that are this consumer's to read. */
  get assignment(): readonly TopicPartition<Record['topic']>[] {
    return this.#coordinator.active.map(toTopicPartition) as TopicPartition<Record['topic']>[]
  }

  /**
   * Replaces the topics that it reads; with an empty list it reads none. Before it has joined, or while it
   * restarts, this is only noted, and a topic that does not exist is not refused.
   *
   * @throws UnknownTopicOrPartitionError where a topic does not exist; what it read before stays
   * @throws IllegalStateError where it was made with `assign`
   */
  async subscribe(topics: readonly Record['topic'][] | RegExp | readonly RegExp[]): Promise<void> {
    requireArgument('subscribe', 'topics', topics, topicList)
    refuseWildcards('subscribe', topics)
    if (this.#options.interest.kind === 'assign') throw this.#mixed('subscribe', 'assign')
    await this.#read(toInterest(topics)!, [])
  }

  /**
   * Replaces the partitions of a consumer made with `assign`. What it finished of the old partitions is committed; a
   * partition that stays keeps its position unless an offset is given.
   *
   * @throws UnknownTopicOrPartitionError where a partition does not exist; what it read before stays
   * @throws IllegalStateError where it was made without `assign`
   */
  async assign(partitions: readonly ManualAssignment<Record['topic']>[]): Promise<void> {
    if (this.#options.interest.kind !== 'assign') throw this.#mixed('assign', 'topics')
    const options = resolveConsumerOptions({ assign: partitions })
    // Those too that it gives up for now, because it restarts.
    const kept = new Map(
      this.#coordinator.states.map(state => [state, state.positioned && state.timesSought]),
    )
    await this.#read(options.interest, options.startAt)
    for (const { offset, ...tp } of options.startAt) {
      const state = this.#coordinator.state(tp)
      if (offset === undefined || state === undefined || state.phase === 'gone') continue
      // Unless a later call has moved it.
      if (kept.get(state) === state.timesSought) this.#seeker.seek(state, offset)
    }
  }

  async #read(interest: Interest, startAt: readonly ManualAssignment[]): Promise<void> {
    this.#lifecycle.requireOpen()
    this.#side?.requireApart(interest)
    const change = this.#subscription.change(interest)
    this.#told = true
    const granted = this.#coordinator.subscribe(this.#side?.toRead(interest) ?? interest, startAt)
    // Without the answers, which would have those before them in them.
    this.#changed = Promise.allSettled([this.#changed, granted]).then(() => {})
    try {
      await granted
    } catch (error) {
      this.#subscription.refuse(change)
      throw error
    }
    this.#subscription.accept(change)
  }

  /** Resolves when no change of what it reads is under way. */
  async #decided(): Promise<void> {
    const changed = this.#changed
    await changed
    if (changed !== this.#changed) await this.#decided()
  }

  #mixed(method: string, other: string): IllegalStateError {
    return new IllegalStateError(
      `${this.#lifecycle.name} was made with '${other}'; ${method}() cannot be mixed with it`,
    )
  }

  /**
   * The offset of the next record that it hands out.
   *
   * @throws IllegalStateError where the partition is not assigned to it
   */
  position(tp: TopicPartition<Record['topic']>): number {
    const { positioned, position } = this.#state('position', tp)
    if (positioned) return position
    throw new IllegalStateError(
      `position: where ${this.#lifecycle.name} begins in ${formatTopicPartition(tp)} is not known yet`,
      toTopicPartition(tp),
    )
  }

  /**
   * Moves the position of a partition; from a handler, once the handler has ended. The last of several calls wins.
   *
   * @throws IllegalStateError where the partition is not assigned to it, InvalidArgumentError for a negative offset
   */
  seek(tp: TopicPartition<Record['topic']>, to: OffsetSpec): void {
    const state = this.#state('seek', tp)
    requireArgument('seek', 'to', to, offsetSpec)
    // It may be to read it again, once it has given it up.
    if (state.phase === 'revoking') this.#coordinator.sought(state, to)
    this.#seeker.seek(state, to)
  }

  /** Its partitions that are paused. */
  get paused(): readonly TopicPartition<Record['topic']>[] {
    const paused = this.#coordinator.controlled.filter(state => state.paused)
    return paused.map(toTopicPartition) as TopicPartition<Record['topic']>[]
  }

  /**
   * Hands out nothing more of these partitions, default all, until `resume`; no rebalance, and the position stays. In
   * `onAssigned` those that were just assigned count, too. A partition that goes and comes back, by a restart for
   * example, is not paused.
   *
   * @throws IllegalStateError where a partition is not assigned to it; none is paused then
   */
  pause(partitions?: readonly TopicPartition<Record['topic']>[]): void {
    for (const state of this.#statesOf('pause', partitions)) {
      this.#lifecycle.pauses.pause(state, Number.POSITIVE_INFINITY)
    }
    this.#engine.touch()
  }

  /**
   * Ends the pause of these partitions, default all; does nothing for one that is not paused.
   *
   * @throws IllegalStateError where a partition is not assigned to it
   */
  resume(partitions?: readonly TopicPartition<Record['topic']>[]): void {
    for (const state of this.#statesOf('resume', partitions)) this.#lifecycle.pauses.resume(state)
    this.#lifecycle.worker?.wake()
  }

  #statesOf(method: string, partitions: readonly TopicPartition[] | undefined): PartitionState[] {
    if (partitions === undefined) return this.#coordinator.controlled
    requireArgument(method, 'partitions', partitions, aList)
    // Not `map`, which passes over holes.
    return Array.from(partitions, tp => this.#state(method, tp))
  }

  #state(method: string, tp: TopicPartition): PartitionState {
    requireArgument(method, 'partition', tp, onePartition)
    const state = this.#coordinator.state(tp)
    // During onAssigned the partition counts, too, although nothing is handed out yet: that is the place for a seek.
    if (state !== undefined && state.phase !== 'gone' && (state.positioned || state.inHooks)) return state
    throw new IllegalStateError(
      `${method}: ${formatTopicPartition(tp)} is not assigned to ${this.#lifecycle.name}`,
      toTopicPartition(tp),
    )
  }

  /**
   * Commits given offsets (of the next record to read, as in Kafka: done with n commits n + 1), or all that is
   * finished.
   *
   * @throws CommitFailedError where a partition is no longer this consumer's; nothing is committed then
   * @throws OffsetMetadataTooLargeError, IllegalStateError where it has no group
   */
  async commit(offsets?: readonly TopicPartitionOffset<Record['topic']>[]): Promise<void> {
    if (this.#options.groupId === undefined) {
      throw new IllegalStateError(`${this.#lifecycle.name} has no groupId, so there is nothing to commit to`)
    }
    if (offsets !== undefined) requireArgument('commit', 'offsets', offsets, offsetList)
    if (this.#lifecycle.closed) throw this.#lifecycle.closedError()
    const { worker } = this.#lifecycle
    if (this.#mode === 'poll' && offsets === undefined && worker instanceof RecordStream) worker.markDone()
    await this.#coordinator.committer.commit(offsets)
  }

  /** The offsets after the records that `poll` or a loop handed out last. @internal */
  consumedOffsets(): ConsumedOffsets {
    const { worker } = this.#lifecycle
    if (worker instanceof RecordStream) return this.#coordinator.committer.consumed(worker.inHand)
    const why =
      this.#mode === undefined
        ? 'has handed out nothing yet'
        : "hands out records to a handler; give the handler's context instead"
    throw new IllegalStateError(`sendOffsets: ${this.#lifecycle.name} ${why}`)
  }

  /** Resolves to what its group has committed for a partition, or null. */
  async committed(tp: TopicPartition<Record['topic']>): Promise<OffsetAndMetadata | null> {
    requireArgument('committed', 'partition', tp, onePartition)
    return this.#coordinator.committer.committed(tp)
  }

  /** How many records of its partitions it has not finished. */
  lag(): number {
    return this.#coordinator.active.reduce((lag, state) => lag + state.unread, 0)
  }

  /**
   * Resolves when the consumer has finished every record up to the present end, so that a table read from a topic is
   * complete. It waits through a restart, but not for partitions that went to another member.
   *
   * @throws TimeoutError after `timeoutMs` milliseconds (default: it waits without end), saying what is left
   * @throws as `ready`; ClosedError once it is closed
   */
  async caughtUp(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    checkOptions('caughtUp', options, { timeoutMs: duration })
    this.#requireTold()
    const { backlog } = this.#lifecycle
    const ended = () => {
      this.#lifecycle.requireOpen()
      return false
    }
    const ends = this.#lifecycle.start().then(() => backlog.ends())
    await Promise.all([ends, backlog.reach(ends, ended, options.timeoutMs ?? Number.POSITIVE_INFINITY)])
  }

  // --- events -------------------------------------------------------------------------------------------------------

  /** Adds a listener, which is never awaited. What it throws, or rejects with, becomes an 'error' event. */
  on<Name extends keyof ConsumerEvents>(name: Name, listener: (event: ConsumerEvents[Name]) => void): this {
    this.#events.on(name, listener)
    return this
  }

  /** Adds a listener of the next event of that name only. */
  once<Name extends keyof ConsumerEvents>(name: Name, listener: (event: ConsumerEvents[Name]) => void): this {
    this.#events.once(name, listener)
    return this
  }

  /** Removes a listener. */
  off<Name extends keyof ConsumerEvents>(name: Name, listener: (event: ConsumerEvents[Name]) => void): this {
    this.#events.off(name, listener)
    return this
  }

  /** Closes, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

import { Deferred } from '../deferred.ts'
import type { AssignmentUpdate, Engine, FetchSession, Membership, MembershipListener } from '../engine.ts'
import { CommitFailedError, NoOffsetForPartitionError } from '../errors.ts'
import type { Events } from '../events.ts'
import { isThenable, type MaybePromise } from '../maybe-promise.ts'
import {
  formatTopicPartition,
  type OffsetAndMetadata,
  type OffsetSpec,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'
import { Committer, finishedOffset } from './committer.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import { Liveness } from './liveness.ts'
import { PartitionState, toTopicPartition } from './partition-state.ts'
import { Wakeup } from './wakeup.ts'

/** What the coordinator needs of its consumer. */
export interface CoordinatorHost {
  readonly engine: Engine
  readonly options: ResolvedConsumerOptions
  readonly events: Events<ConsumerEvents>
  readonly session: FetchSession<PartitionState>
  /** These are halted: retries and half-filled batches of them are to be forgotten. */
  halted(states: readonly PartitionState[]): void
  /** The consumer cannot go on. */
  fatal(error: unknown): void
  /** A hook threw: whoever polls is to hear of it. */
  hookFailed(error: unknown): void
}

type Task = { readonly update: AssignmentUpdate } | { readonly lost: unknown }

/**
 * A consumer's membership: it joins, follows the group's changes one after the other (give up, then take on), commits,
 * and leaves. (Kafka: ConsumerCoordinator)
 */
export class ConsumerCoordinator implements MembershipListener {
  readonly autoCommit: boolean
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none'
  readonly liveness: Liveness
  readonly #host: CoordinatorHost
  readonly #states = new Map<string, (PartitionState | undefined)[]>()
  readonly #wakeup = new Wakeup()
  readonly #committer: Committer
  #interest: ResolvedConsumerOptions['interest']
  #startAt: ReadonlyMap<string, OffsetSpec | undefined>
  #tasks: Task[] = []
  #membership: Membership | undefined
  #ready = new Deferred()
  #settled = false
  #following = false
  #evicted = false
  #generation = 0
  #givingUp: Promise<void> | undefined
  #ended = false

  constructor(host: CoordinatorHost) {
    this.#host = host
    const { options } = host
    this.autoCommit = options.autoCommit && options.groupId !== undefined
    this.autoOffsetReset = options.autoOffsetReset
    this.#committer = new Committer({
      engine: host.engine,
      events: host.events,
      groupId: options.groupId,
      membership: () => this.#membership,
    })
    this.#interest = options.interest
    this.#startAt = new Map(options.startAt.map(tp => [formatTopicPartition(tp), tp.offset]))
    this.liveness = new Liveness(host.engine.clock, options.maxPollIntervalMs, () => this.#evict())
  }

  get memberId(): string | undefined {
    return this.#membership?.memberId
  }

  /** Resolves when joined, assigned and positioned. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Whether a change is being followed, or one is to come. */
  get settled(): boolean {
    return this.#settled && !this.#following && this.#tasks.length === 0
  }

  get states(): PartitionState[] {
    return [...this.#states.values()].flatMap(states => states.filter(state => state !== undefined))
  }

  /** The partitions that are this consumer's to read. */
  get assignment(): TopicPartition[] {
    return this.states.filter(({ phase }) => phase === 'active').map(toTopicPartition)
  }

  state({ topic, partition }: TopicPartition): PartitionState | undefined {
    return this.#states.get(topic)?.[partition]
  }

  /** Joins and begins to follow what the group says; what it starts runs in the caller's async context. */
  async join(): Promise<void> {
    const { engine, options } = this.#host
    const generation = ++this.#generation
    this.#settled = false
    this.#evicted = false
    try {
      const membership = await engine.join(
        {
          groupId: options.groupId,
          clientId: options.clientId,
          groupInstanceId: options.groupInstanceId,
          interest: this.#interest,
          assignor: options.assignor,
          rebalanceTimeoutMs: options.rebalanceTimeoutMs,
          sessionTimeoutMs: options.sessionTimeoutMs,
        },
        this,
      )
      if (generation !== this.#generation) return void (await membership.leave(false))
      this.#membership = membership
    } catch (error) {
      this.#ready.reject(error)
      throw error
    }
    void this.#follow(generation)
  }

  // --- the group speaks ---------------------------------------------------------------------------------------------

  assignmentChanged(update: AssignmentUpdate): void {
    for (const tp of update.lost) this.state(tp)?.halt('gone')
    for (const tp of update.revoked) this.state(tp)?.halt('revoking')
    this.#tasks.push({ update })
    this.#wakeup.wake()
  }

  fenced(error: unknown): void {
    this.#lose(error)
  }

  position(topic: string, partition: number): number | undefined {
    const state = this.#states.get(topic)?.[partition]
    return state?.positioned ? state.position : undefined
  }

  // --- following ----------------------------------------------------------------------------------------------------

  async #follow(generation: number): Promise<void> {
    while (generation === this.#generation) {
      const task = this.#tasks.shift()
      if (task === undefined) {
        this.#host.engine.touch()
        await this.#wakeup.wait()
        continue
      }
      this.#following = true
      try {
        if ('lost' in task) {
          await this.#followLoss(task.lost)
          return
        }
        await this.#followUpdate(task.update, generation)
      } catch (error) {
        this.#ready.reject(error)
        this.#host.fatal(error)
        return
      } finally {
        this.#following = false
      }
    }
  }

  async #followUpdate(update: AssignmentUpdate, generation: number): Promise<void> {
    if (update.lost.length > 0) await this.#tellLost(this.#take(update.lost), 'its topic was deleted')
    if (generation !== this.#generation) return
    if (update.revoked.length > 0) await this.#giveUp(this.#take(update.revoked))
    if (generation !== this.#generation) return
    if (update.assigned.length > 0 || !this.#settled) await this.#takeOn(update)
    if (generation !== this.#generation || !update.settled) return
    this.#settled = true
    this.#ready.resolve()
  }

  #take(partitions: readonly TopicPartition[]): PartitionState[] {
    return partitions.map(tp => this.state(tp)).filter(state => state !== undefined)
  }

  async #takeOn({ assigned, settled }: AssignmentUpdate): Promise<void> {
    const states = assigned.map(tp => new PartitionState(tp.topic, tp.partition, tp.assignmentEpoch))
    for (const state of states) this.#put(state)
    for (const state of states) {
      const positioned = this.#lookUp(state)
      if (isThenable(positioned)) await positioned
    }
    const partitions = states.map(toTopicPartition)
    // A member that ends up with nothing is told so, too, once.
    if (partitions.length > 0 || settled) await this.#hook('onAssigned', partitions)
    const wanted = states.filter(state => state.phase === 'assigned')
    for (const state of wanted) {
      state.phase = 'active'
      state.fetch = this.#host.session.start(state)
      if (this.#host.options.bounded) state.until ??= state.fetch.highWatermark
    }
    if (partitions.length > 0) this.#host.events.emit('assigned', { partitions })
    this.#host.engine.outbox.flush()
  }

  #put(state: PartitionState): void {
    let states = this.#states.get(state.topic)
    if (states === undefined) {
      states = []
      this.#states.set(state.topic, states)
    }
    states[state.partition] = state
  }

  #drop(state: PartitionState): void {
    const states = this.#states.get(state.topic)
    if (states?.[state.partition] === state) states[state.partition] = undefined
  }

  // Where to begin: what is committed, else where the caller said, else the reset policy.
  #lookUp(state: PartitionState): MaybePromise<void> {
    const spec = this.#startAt.get(formatTopicPartition(state)) ?? this.#host.options.from
    if (spec !== undefined) return this.#positionAt(state, spec)
    const committed = this.#membership!.committed(state)
    return isThenable(committed)
      ? Promise.resolve(committed).then(found => this.#beginAt(state, found))
      : this.#beginAt(state, committed)
  }

  #beginAt(state: PartitionState, committed: OffsetAndMetadata | null): MaybePromise<void> {
    if (committed !== null) {
      state.moveTo(committed.offset)
      state.committed = committed.offset
      return
    }
    return this.#positionAt(state, this.resetSpec(state))
  }

  #positionAt(state: PartitionState, spec: OffsetSpec): MaybePromise<void> {
    const offset = this.#host.engine.offsetFor(state, spec)
    if (isThenable(offset)) return Promise.resolve(offset).then(found => state.moveTo(found))
    state.moveTo(offset)
  }

  /** Where the reset policy begins; throws where it is `none`. */
  resetSpec(tp: TopicPartition): OffsetSpec {
    if (this.autoOffsetReset !== 'none') return this.autoOffsetReset === 'earliest' ? 'beginning' : 'end'
    const { groupId } = this.#host.options
    throw new NoOffsetForPartitionError(
      `Nothing is committed for ${formatTopicPartition(tp)}` +
        `${groupId === undefined ? '' : ` in group '${groupId}'`}, and autoOffsetReset is 'none'`,
      { topic: tp.topic, partition: tp.partition, ...(groupId === undefined ? {} : { groupId }) },
    )
  }

  async #giveUp(states: readonly PartitionState[]): Promise<void> {
    const partitions = await this.#handBack(states)
    if (partitions.length === 0) return
    for (const { topic, partition } of partitions) {
      const state = this.#states.get(topic)![partition]!
      state.phase = 'gone'
      this.#drop(state)
    }
    this.#host.events.emit('revoked', { partitions })
    this.#membership?.release(partitions)
    this.#host.engine.outbox.flush()
  }

  // Nothing more is handed out; what is in flight ends and is committed, and the hook may commit, too. Gives those that
  // were still held then.
  async #handBack(states: readonly PartitionState[]): Promise<TopicPartition[]> {
    for (const state of states) if (state.phase !== 'gone') state.halt('revoking')
    this.#host.halted(states)
    await Promise.all(states.map(state => state.whenIdle()))
    const held = states.filter(state => state.phase === 'revoking')
    if (held.length === 0) return []
    await this.#commitFinished(held)
    const partitions = held.map(toTopicPartition)
    await this.#hook('onRevoked', partitions)
    return held.filter(state => state.phase === 'revoking').map(toTopicPartition)
  }

  async #tellLost(states: readonly PartitionState[], reason: unknown): Promise<void> {
    if (states.length === 0) return
    this.#host.halted(states)
    for (const state of states) {
      state.abort(reason)
      this.#drop(state)
    }
    const partitions = states.map(toTopicPartition)
    await this.#hook('onLost', partitions)
    this.#host.events.emit('lost', { partitions, reason })
    this.#host.engine.outbox.flush()
  }

  // A hook that throws changes nothing about the assignment (ConsumerRebalanceListener); its error is told.
  async #hook(
    name: 'onAssigned' | 'onRevoked' | 'onLost',
    partitions: readonly TopicPartition[],
  ): Promise<void> {
    const { options } = this.#host
    if (options[name] === undefined) return
    try {
      await options[name](partitions)
    } catch (error) {
      this.#host.hookFailed(error)
    }
  }

  // --- losing the membership ----------------------------------------------------------------------------------------

  // A stuck handler: its consumer leaves by itself, as Kafka's clients do; a static one keeps its place for a session.
  #evict(): void {
    const membership = this.#membership
    const { options } = this.#host
    if (membership === undefined || this.#evicted || options.groupId === undefined) return
    this.#evicted = true
    const reason = new CommitFailedError(
      'UNKNOWN_MEMBER_ID',
      `Member '${membership.memberId}' of group '${options.groupId}' left: a handler, or the time between two polls, ` +
        `took longer than maxPollIntervalMs (${options.maxPollIntervalMs})`,
      { groupId: options.groupId, memberId: membership.memberId },
    )
    const commit = this.#commitFinished(this.states)
    const leave = () => membership.leave(options.groupInstanceId !== undefined)
    const left = isThenable(commit) ? commit.then(leave) : leave()
    if (isThenable(left)) left.then(undefined, error => this.#host.events.emit('error', error))
    this.#lose(reason)
    this.#host.engine.outbox.flush()
  }

  #lose(reason: unknown): void {
    for (const state of this.states) state.halt('gone')
    this.#membership = undefined
    this.#settled = false
    this.#tasks = [{ lost: reason }]
    this.#wakeup.wake()
  }

  async #followLoss(reason: unknown): Promise<void> {
    const { states } = this
    if (this.#ready.settled) this.#ready = new Deferred()
    await this.#tellLost(states, reason)
    const generation = this.#generation
    await Promise.all(states.map(state => state.whenIdle()))
    if (generation !== this.#generation) return
    try {
      await this.join()
    } catch (error) {
      this.#host.fatal(error)
    }
  }

  // --- committing ---------------------------------------------------------------------------------------------------

  #commitFinished(states: readonly PartitionState[]): MaybePromise<void> {
    if (this.autoCommit) return this.#committer.commitFinished(states)
  }

  /** Commits what is finished of one partition, where that is this consumer's to do: the way of every batch. */
  commitOne(state: PartitionState): void {
    if (this.autoCommit) this.#committer.commitOne(state)
  }

  /** Commits given offsets, or what is finished; throws where the group refuses. */
  commit(offsets: readonly TopicPartitionOffset[] | undefined): Promise<void> {
    if (offsets)
      return this.#committer.commit(
        offsets,
        offsets.map(tp => this.state(tp)),
      )
    const states = this.states.filter(state => state.positioned)
    return this.#committer.commit(states.map(finishedOffset), states)
  }

  async committedOffset(tp: TopicPartition): Promise<OffsetAndMetadata | null> {
    return (await this.#membership?.committed(tp)) ?? null
  }

  // --- changing and leaving -----------------------------------------------------------------------------------------

  /** Replaces what is read; before joining it is only noted. */
  async subscribe(
    interest: ResolvedConsumerOptions['interest'],
    startAt: ReadonlyMap<string, OffsetSpec | undefined>,
  ): Promise<void> {
    const before = this.#interest
    this.#interest = interest
    this.#startAt = startAt
    if (this.#membership === undefined) return
    this.#settled = false
    try {
      await this.#membership.subscribe(interest)
    } catch (error) {
      this.#interest = before
      throw error
    } finally {
      this.#settled = true
    }
  }

  /**
   * Gives everything up in order and leaves. `deadline` ends the waiting for what is in flight: its partitions go to
   * the others then, and nothing that it does later counts.
   */
  async leave(options: {
    readonly keepPlace: boolean
    readonly deadline: Promise<void>
    readonly beforeLeaving?: () => void
  }): Promise<void> {
    this.#generation++
    this.#tasks = []
    this.#settled = false
    this.#wakeup.wake()
    const { states } = this
    let expired = false
    // Shared, so that a close during a restart does not give the same partitions up twice.
    this.#givingUp ??= this.#giveUpAll(states)
    await Promise.race([this.#givingUp, options.deadline.then(() => (expired = true))])
    if (expired) await this.#abandon(states)
    options.beforeLeaving?.()
    const membership = this.#membership
    this.#membership = undefined
    this.#givingUp = undefined
    this.liveness.stop()
    this.#states.clear()
    if (this.#ready.settled) this.#ready = new Deferred()
    await membership?.leave(options.keepPlace)
  }

  async #giveUpAll(states: readonly PartitionState[]): Promise<void> {
    const partitions = await this.#handBack(states)
    if (partitions.length === 0) return
    this.#host.events.emit('revoked', { partitions })
    this.#host.engine.outbox.flush()
  }

  async #abandon(states: readonly PartitionState[]): Promise<void> {
    await this.#commitFinished(states)
    const reason = new CommitFailedError(
      'UNKNOWN_MEMBER_ID',
      `The consumer left before this record was done: its time to close was over`,
    )
    for (const state of states) {
      state.halt('gone')
      state.abort(reason)
    }
  }

  /** It will not join again: whoever waits for it to be ready hears why. */
  end(reason: Error): void {
    this.#ended = true
    this.#ready.reject(reason)
    this.#host.engine.touch()
  }

  get ended(): boolean {
    return this.#ended
  }
}

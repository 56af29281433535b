import type { AssignmentUpdate, Engine, FetchSession, Interest } from '../engine.ts'
import { CommitFailedError } from '../errors.ts'
import type { Events } from '../events.ts'
import { isThenable } from '../maybe-promise.ts'
import type { OffsetSpec, TopicPartition } from '../topic-partition.ts'
import { Committer } from './committer.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { ManualAssignment, ResolvedConsumerOptions } from './consumer-options.ts'
import { Handover } from './handover.ts'
import { includedIn } from './interest.ts'
import { Joiner } from './joiner.ts'
import { LastWord } from './last-word.ts'
import { Liveness } from './liveness.ts'
import type { Member } from './member-listener.ts'
import { PartitionStarter } from './partition-starter.ts'
import { type PartitionState, toTopicPartition } from './partition-state.ts'
import { PartitionStates } from './partition-states.ts'
import { Readiness } from './readiness.ts'
import { Reconciler, topicDeleted } from './reconciler.ts'
import { StartPositions } from './start-positions.ts'
import { Subscription } from './subscription.ts'

/** What the coordinator needs of its consumer. */
export interface CoordinatorHost {
  readonly engine: Engine
  readonly options: ResolvedConsumerOptions
  readonly events: Events<ConsumerEvents>
  readonly session: FetchSession<PartitionState>
  /** Says that partitions are halted: their retries and half-filled batches must be forgotten. */
  halted(states: readonly PartitionState[]): void
  /** Resolves when every handler has ended, also those of partitions that are gone. */
  idle(): Promise<void>
  /** The consumer cannot go on. */
  fatal(error: unknown): void
  /** Says that all updates of the group are followed: a bounded read may be complete. */
  caughtUp(): void
  /** Says that a hook threw: a caller of `poll` must get the error. */
  hookFailed(error: unknown): void
}

/**
 * A consumer's membership: it joins, follows the group's changes, commits, comes back where it is removed, and leaves.
 * (Kafka: ConsumerCoordinator)
 */
export class ConsumerCoordinator implements Member {
  readonly liveness: Liveness
  readonly committer: Committer
  readonly #host: CoordinatorHost
  readonly #states = new PartitionStates()
  readonly #readiness = new Readiness()
  readonly #subscription: Subscription
  readonly #positions: StartPositions
  readonly #handover: Handover
  readonly #lastWord: LastWord
  readonly #joiner: Joiner
  readonly #reconciler: Reconciler
  // The partitions that it had when it left, or was removed, until it is a member again.
  #before: readonly PartitionState[] = []
  // Resolves when the group was told, or could not be told, that the place of this evicted static member is free:
  // before that the group would refuse the place to this very consumer.
  #freeing: Promise<void> = Promise.resolve()
  #removals = 0
  #givingUp: Promise<void> | undefined
  // Why it was removed, until it is a member again.
  #removedFor: unknown

  constructor(host: CoordinatorHost) {
    this.#host = host
    const { engine, options } = host
    const lastWord = new LastWord(engine.clock)
    this.#lastWord = lastWord
    this.#subscription = new Subscription(options.interest)
    this.#positions = new StartPositions(engine, options)
    const shared = {
      ...host,
      states: this.#states,
      readiness: this.#readiness,
      subscription: this.#subscription,
      positions: this.#positions,
      lastWord,
    }
    this.committer = new Committer({ ...shared, ...options, membership: () => this.#joiner.membership })
    this.#handover = new Handover({
      ...shared,
      commitFinished: states => this.committer.commitFinished(states),
      release: partitions => this.#joiner.membership?.release(partitions),
    })
    this.#joiner = new Joiner({
      ...shared,
      member: this,
      joins: () => this.#reconciler.forget(),
      joined: () => {
        this.#removedFor = undefined
        this.#before = []
      },
      follow: generation => void this.#reconciler.follow(generation),
    })
    this.#reconciler = new Reconciler({
      ...shared,
      starter: new PartitionStarter({ ...shared, bounded: options.bounded }),
      handover: this.#handover,
      joiner: this.#joiner,
      comeBack: (lost, generation) => this.#comeBack(lost, generation),
    })
    this.liveness = new Liveness(engine.clock, options.maxPollIntervalMs, what => this.#evict(what))
  }

  get memberId(): string | undefined {
    return this.#joiner.membership?.memberId
  }

  /** How often it was removed from its group. */
  get removals(): number {
    return this.#removals
  }

  /** Resolves when it has joined, and has its partitions and their positions. */
  get ready(): Promise<void> {
    return this.#readiness.promise
  }

  /** Whether no change is being followed, and none is to come. */
  get settled(): boolean {
    return this.#readiness.settled && this.#reconciler.idle
  }

  /** The hooks that have not ended, by name. */
  get hooks(): Iterable<string> {
    return this.#handover.hooks
  }

  get states(): PartitionState[] {
    return this.#states.all
  }

  /** The partitions that it reads. */
  get active(): PartitionState[] {
    return this.states.filter(({ phase }) => phase === 'active')
  }

  /** Its partitions to control: those that it reads, and during `onAssigned` those that it is about to read. */
  get controlled(): PartitionState[] {
    return this.states.filter(({ controlled }) => controlled)
  }

  /** The partitions that it has, or had when it was last a member. */
  get hadLast(): readonly PartitionState[] {
    return this.#joiner.membership === undefined ? this.#before : this.states
  }

  state(tp: TopicPartition): PartitionState | undefined {
    return this.#states.find(tp)
  }

  /** Joins and begins to follow the group's updates; what it starts runs in the caller's async context. */
  join(): Promise<void> {
    return this.#joiner.join()
  }

  /**
   * Rejoins, with as many attempts as it takes; each temporary failure is an 'error' event.
   *
   * @throws a failure that is not temporary
   */
  rejoin(): Promise<void> {
    return this.#joiner.rejoin()
  }

  // --- the group speaks ---------------------------------------------------------------------------------------------

  assignmentChanged(update: AssignmentUpdate): void {
    const lost = this.#states.findAll(update.lost)
    for (const state of lost) state.halt('gone')
    for (const tp of update.revoked) this.state(tp)?.halt('revoking')
    this.#reconciler.add(update)
    if (this.#givingUp !== undefined) this.#reconciler.reportLosses()
    // At once, whatever is being followed.
    for (const state of lost) state.abort(topicDeleted)
  }

  fenced(error: unknown): void {
    this.#lose(error)
  }

  failing(error: unknown): void {
    this.#host.events.emitNow('error', error)
  }

  position(topic: string, partition: number): number | undefined {
    const state = this.state({ topic, partition })
    return state?.positioned ? state.position : undefined
  }

  // A group keeps the positions of its members; a reader without a group, or with given partitions, keeps its own.
  #remember(): void {
    const { interest } = this.#subscription
    if (this.#host.options.groupId !== undefined && interest.kind !== 'assign') return
    // While it leaves it may be told to read something else.
    this.#positions.remember(this.states.filter(includedIn(interest)))
  }

  // --- losing the membership ----------------------------------------------------------------------------------------

  // A handler is stuck: its consumer leaves by itself, as Kafka's clients do; a static member keeps its place for a
  // session.
  #evict(what: string): void {
    const { membership } = this.#joiner
    const { options } = this.#host
    if (membership === undefined || options.groupId === undefined) return
    // No other member waits for the partitions of a consumer that chose them itself.
    if (this.#subscription.interest.kind === 'assign') return
    const reason = new CommitFailedError(
      'UNKNOWN_MEMBER_ID',
      `Member '${membership.memberId}' of group '${options.groupId}' left: ${what} ` +
        `took longer than maxPollIntervalMs (${options.maxPollIntervalMs})`,
      { groupId: options.groupId, memberId: membership.memberId },
    )
    const commit = this.committer.commitFinished(this.states)
    // While it still is a member, for the report of a close that comes before it is one again.
    this.#reconciler.noteUntaken()
    const isStatic = options.groupInstanceId !== undefined
    const leave = () => this.#lastWord.leaving(membership.leave(isStatic))
    const left = isThenable(commit) ? commit.then(leave) : leave()
    if (isThenable(left)) {
      const told = left.then(undefined, error => this.failing(error))
      if (isStatic) this.#freeing = told
    }
    this.#lose(reason)
    this.#host.engine.outbox.flush()
  }

  #lose(reason: unknown): void {
    this.#removals++
    this.#removedFor = reason
    this.#remember()
    const { states } = this
    this.#endMembership()
    this.#readiness.unsettle()
    this.#reconciler.lose(reason)
    if (this.#givingUp !== undefined) this.#reconciler.reportLosses()
    // At once, whatever is being followed.
    for (const state of states) state.abort(reason)
  }

  async #comeBack(lost: readonly PartitionState[], generation: number): Promise<void> {
    // A consumer that stopped polling rejoins at its next poll, even with nothing in hand: it would only hold
    // partitions.
    await Promise.all([
      this.liveness.whenBack(),
      this.#host.idle(),
      this.#freeing,
      ...lost.map(state => state.whenIdle()),
    ])
    if (generation !== this.#joiner.generation) return
    try {
      await this.rejoin()
    } catch (error) {
      this.#host.fatal(error)
    }
  }

  #endMembership(): void {
    if (this.#joiner.membership !== undefined) this.#before = this.states
    // A commit that failed for now must not be made again by a later membership.
    for (const state of this.states) state.halt('gone')
    this.#joiner.endMembership()
  }

  // --- changing and leaving -----------------------------------------------------------------------------------------

  /** Replaces the interest; before joining it is only noted. */
  subscribe(interest: Interest, startAt: readonly ManualAssignment[]): Promise<void> {
    return this.#joiner.whenJoined(() => this.#subscribe(interest, startAt))
  }

  async #subscribe(interest: Interest, startAt: readonly ManualAssignment[]): Promise<void> {
    const undo = this.#positions.replace(interest, startAt, tp => this.state(tp))
    const change = this.#subscription.change(interest, undo, this.#readiness.settled)
    const { membership, generation } = this.#joiner
    if (membership === undefined) return this.#subscription.accept(change)
    const stays = () => membership === this.#joiner.membership && generation === this.#joiner.generation
    this.#readiness.unsettle()
    try {
      await membership.subscribe(interest)
    } catch (error) {
      const back = this.#subscription.refuse(change)
      if (back && change.settled && stays()) this.#readiness.become()
      if (back && membership !== this.#joiner.membership) this.#goBack()
      throw error
    }
    this.#subscription.accept(change)
  }

  // It may have joined again meanwhile, for what is refused by now.
  #goBack(): void {
    const goBack = async () => this.#joiner.membership?.subscribe(this.#subscription.interest)
    this.#joiner.whenJoined(goBack).catch(error => this.failing(error))
  }

  /**
   * Notes a seek while it leaves, to come back, or gives up a partition that it is to read again. A group keeps what is
   * committed, and nothing else of a position; but nobody else has partitions that the consumer chose itself.
   */
  sought(tp: TopicPartition, offset: OffsetSpec): void {
    const { interest } = this.#subscription
    if (interest.kind !== 'assign' || !includedIn(interest)(tp)) return
    this.#positions.seek(toTopicPartition(tp), offset)
  }

  /**
   * Gives all partitions up in order and leaves. `deadline` ends the wait for records in flight: their partitions
   * then go to other members, and nothing that a handler does later counts.
   */
  async leave(options: {
    readonly keepPlace: boolean
    readonly deadline: Promise<void>
    readonly beforeLeaving: (() => void) | undefined
  }): Promise<void> {
    this.#joiner.stop()
    this.#reconciler.reportLosses()
    // Not only once it has left: until then its handlers may take long.
    this.#readiness.unsettle()
    this.#reconciler.wake()
    let expired = false
    // Shared, so that a close during a restart does not give the same partitions up twice.
    this.#givingUp ??= this.#handover.giveAllUp(() => this.#reconciler.followed)
    await Promise.race([this.#givingUp, options.deadline.then(() => (expired = true))])
    const timeUp = expired ? await this.#handover.abandonAll(options.deadline) : undefined
    options.beforeLeaving?.()
    const { membership } = this.#joiner
    this.#endMembership()
    this.#givingUp = undefined
    this.liveness.stop()
    this.#remember()
    // What waits for a handler or a hook is not waited for again.
    const { states } = this
    const removedFor = this.#removedFor
    if (removedFor !== undefined) void this.#handover.lose(states, removedFor, true)
    else if (timeUp !== undefined) void this.#handover.lose(states, timeUp)
    this.#states.clear()
    // Whoever is let in after that leaves at once: the group has to hear that, too.
    const told = membership === undefined ? this.#joiner.joining : membership.leave(options.keepPlace)
    await this.#lastWord.heard(this.#lastWord.leaving(told), options.deadline)
  }

  /** Ends without committing, giving up or leaving; records in flight count for nothing. */
  vanish(reason: Error): void {
    this.#joiner.stop()
    this.#reconciler.forget()
    this.#readiness.unsettle()
    const { membership } = this.#joiner
    this.#endMembership()
    this.liveness.close()
    const { states } = this
    for (const state of states) state.abort(reason)
    this.#host.halted(states)
    this.#states.clear()
    this.#reconciler.wake()
    this.end(reason)
    void membership?.leave(true)
  }

  /** Says that it will not join again: `ready` rejects with the reason. */
  end(reason: Error): void {
    this.#readiness.fail(reason)
    this.#host.engine.touch()
  }
}

import { Deferred } from '../deferred.ts'
import type {
  AssignedPartition,
  AssignmentUpdate,
  Engine,
  FetchSession,
  Interest,
  Membership,
} from '../engine.ts'
import { CommitFailedError, isBrokerletError } from '../errors.ts'
import type { Events } from '../events.ts'
import { isThenable } from '../maybe-promise.ts'
import type { OffsetSpec, TopicPartition } from '../topic-partition.ts'
import { Committer } from './committer.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { ManualAssignment, ResolvedConsumerOptions } from './consumer-options.ts'
import { Handover } from './handover.ts'
import { includedIn } from './interest.ts'
import { LastWord } from './last-word.ts'
import { Liveness } from './liveness.ts'
import { type Member, MemberListener } from './member-listener.ts'
import { PartitionStarter } from './partition-starter.ts'
import { PartitionState, toTopicPartition } from './partition-state.ts'
import { PartitionStates } from './partition-states.ts'
import { PendingUpdates, type UpdateTask } from './pending-updates.ts'
import { Readiness } from './readiness.ts'
import { StartPositions } from './start-positions.ts'
import { Subscription } from './subscription.ts'
import { Wakeup } from './wakeup.ts'

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

// The pause between two attempts to rejoin.
const rejoinMs = 1000

const topicDeleted = 'its topic was deleted'

/**
 * A consumer's membership: it joins, follows the group's changes one after the other (give up, then take on), commits,
 * and leaves. (Kafka: ConsumerCoordinator)
 */
export class ConsumerCoordinator implements Member {
  readonly liveness: Liveness
  readonly committer: Committer
  readonly #host: CoordinatorHost
  readonly #states = new PartitionStates()
  readonly #wakeup = new Wakeup()
  readonly #subscription: Subscription
  // Resolves when its engine has answered a join, well or not.
  #joining: Promise<void> | undefined
  // The changes of interest that wait for it.
  #whenJoined: (() => void)[] = []
  readonly #positions: StartPositions
  readonly #starter: PartitionStarter
  readonly #handover: Handover
  readonly #lastWord: LastWord
  // The partitions that it had when it left, or was removed, until it is a member again.
  #before: readonly PartitionState[] = []
  readonly #updates = new PendingUpdates()
  #membership: Membership | undefined
  #listener: MemberListener | undefined
  readonly #readiness = new Readiness()
  // Whether this membership was told its assignment, even an empty one.
  #told = false
  #following = 0
  // The update that is being followed; it never rejects.
  #followed: Promise<void> = Promise.resolve()
  // Resolves when the group was told, or could not be told, that the place of this evicted static member is free:
  // before that the group would refuse the place to this very consumer.
  #freeing: Promise<void> = Promise.resolve()
  #generation = 0
  #joined = false
  #removals = 0
  // Why it was removed, until it is a member again.
  #removedFor: unknown
  #givingUp: Promise<void> | undefined

  constructor(host: CoordinatorHost) {
    this.#host = host
    const { options } = host
    this.committer = new Committer({
      engine: host.engine,
      events: host.events,
      groupId: options.groupId,
      clientId: options.clientId,
      autoCommit: options.autoCommit,
      states: this.#states,
      membership: () => this.#membership,
    })
    this.#subscription = new Subscription(options.interest)
    this.#positions = new StartPositions(host.engine, options)
    this.#starter = new PartitionStarter({
      engine: host.engine,
      positions: this.#positions,
      session: host.session,
      bounded: options.bounded,
      failing: error => this.#report(error),
      fatal: error => host.fatal(error),
    })
    this.#handover = new Handover({
      engine: host.engine,
      options,
      events: host.events,
      states: this.#states,
      halted: states => host.halted(states),
      commitFinished: states => this.committer.commitFinished(states),
      release: partitions => this.#membership?.release(partitions),
      hookFailed: error => host.hookFailed(error),
    })
    this.#lastWord = new LastWord(host.engine.clock)
    this.liveness = new Liveness(host.engine.clock, options.maxPollIntervalMs, what => this.#evict(what))
  }

  get memberId(): string | undefined {
    return this.#membership?.memberId
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
    return this.#readiness.settled && this.#following === 0 && this.#updates.isEmpty
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
    return this.states.filter(
      ({ phase, positioned }) => phase === 'active' || (phase === 'assigned' && positioned),
    )
  }

  /** The partitions that it has, or had when it was last a member. */
  get hadLast(): readonly PartitionState[] {
    return this.#membership === undefined ? this.#before : this.states
  }

  state(tp: TopicPartition): PartitionState | undefined {
    return this.#states.find(tp)
  }

  /** Joins and begins to follow the group's updates; what it starts runs in the caller's async context. */
  join(): Promise<void> {
    return this.#join(() => false)
  }

  /**
   * Rejoins, with as many attempts as it takes: a member must not end because its engine does not answer for a while.
   * Each temporary failure is an 'error' event.
   *
   * @throws a failure that is not temporary
   */
  async rejoin(): Promise<void> {
    const passes = (error: unknown) =>
      isBrokerletError(error) &&
      (error.retriable || (this.#lastWord.unheard && error.code === 'UNRELEASED_INSTANCE_ID'))
    for (;;) {
      const generation = this.#generation + 1
      try {
        return await this.#join(passes)
      } catch (error) {
        if (!passes(error)) throw error
        if (generation !== this.#generation) return
        this.#lastWord.unheard = true
        this.#report(error)
      }
      await this.#rejoinDelay()
      if (generation !== this.#generation) return
    }
  }

  // Ends early where the consumer leaves.
  async #rejoinDelay(): Promise<void> {
    const { engine, options } = this.#host
    const name = `rejoining of ${options.clientId}`
    const timer = engine.clock.setTimer(this.#wakeup.wake, rejoinMs, { hold: true, name })
    await this.#wakeup.wait()
    timer.cancel()
  }

  // A failure rejects `ready`, unless it is temporary.
  async #join(passes: (error: unknown) => boolean): Promise<void> {
    const { engine, options } = this.#host
    const generation = ++this.#generation
    this.#readiness.unsettle()
    this.#told = false
    this.#updates.clear()
    this.#listener?.mute()
    const listener = new MemberListener(options, this)
    this.#listener = listener
    const joined = new Deferred()
    this.#joining = joined.promise
    try {
      const membership = await engine.join(
        {
          groupId: options.groupId,
          clientId: options.clientId,
          groupInstanceId: options.groupInstanceId,
          interest: this.#subscription.interest,
          assignor: options.assignor,
          rebalanceTimeoutMs: options.rebalanceTimeoutMs,
          sessionTimeoutMs: options.sessionTimeoutMs,
          rejoins: this.#joined,
        },
        listener,
      )
      if (generation !== this.#generation) {
        listener.mute()
        return void (await membership.leave(false))
      }
      this.#membership = membership
      this.#joined = true
      this.#removedFor = undefined
      this.#lastWord.unheard = false
      this.#before = []
    } catch (error) {
      // Who leaves meanwhile says by itself that it is over.
      if (passes(error) || generation !== this.#generation) throw error
      this.#readiness.fail(error)
      this.#readiness.renew()
      throw error
    } finally {
      if (this.#joining === joined.promise) this.#joinEnded()
      joined.resolve()
    }
    void this.#follow(generation)
  }

  // At once: a later call must not come first, and where to begin in what the join brings may have been said meanwhile.
  #joinEnded(): void {
    this.#joining = undefined
    const changes = this.#whenJoined
    this.#whenJoined = []
    for (const change of changes) change()
  }

  // --- the group speaks ---------------------------------------------------------------------------------------------

  assignmentChanged(update: AssignmentUpdate): void {
    const lost = this.#states.findAll(update.lost)
    for (const state of lost) state.halt('gone')
    for (const tp of update.revoked) this.state(tp)?.halt('revoking')
    this.#updates.add(update, this.#subscription.interest)
    this.#wakeup.wake()
    if (this.#givingUp !== undefined) this.#reportLosses()
    // At once, whatever is being followed.
    for (const state of lost) state.abort(topicDeleted)
  }

  fenced(error: unknown): void {
    this.#lose(error)
  }

  failing(error: unknown): void {
    this.#report(error)
  }

  position(topic: string, partition: number): number | undefined {
    const state = this.state({ topic, partition })
    return state?.positioned ? state.position : undefined
  }

  // --- following ----------------------------------------------------------------------------------------------------

  async #follow(generation: number): Promise<void> {
    while (generation === this.#generation) {
      const task = this.#updates.shift()
      if (task === undefined) {
        this.#host.caughtUp()
        this.#host.engine.touch()
        await this.#wakeup.wait()
        continue
      }
      this.#following++
      const following =
        'lost' in task ? this.#followLoss(task.lost, generation) : this.#followUpdate(task, generation)
      // After a lost membership this waits for handlers, too, and leaving must not wait for that.
      if (!('lost' in task)) this.#followed = following.catch(() => {})
      try {
        await following
      } catch (error) {
        this.#readiness.fail(error)
        this.#host.fatal(error)
        return
      } finally {
        this.#following--
      }
      if ('lost' in task) return
      // A hook that changes its subscription each time must not keep the event loop from its turn.
      await this.#host.engine.clock.exhausted(1)
    }
  }

  async #followUpdate(task: UpdateTask, generation: number): Promise<void> {
    const { update } = task
    const membership = this.#membership
    // The consumer may leave, or lose its membership, while a handler or a hook takes its time.
    const current = () => generation === this.#generation && membership === this.#membership
    if (update.lost.length > 0) await this.#handover.lose(this.#states.findAll(update.lost), topicDeleted)
    if (!current()) return
    if (update.revoked.length > 0) await this.#handover.giveUp(this.#states.findAll(update.revoked))
    if (!current()) return
    if (update.assigned.length > 0 || !this.#told) await this.#takeOn(task, current)
    if (current()) this.#readyAfter(task)
  }

  async #takeOn(following: UpdateTask, current: () => boolean): Promise<void> {
    const { assigned, settled } = following.update
    const states = assigned.map(newState)
    // A close whose time is up, or a crash, has dropped them.
    const dropped = () => states.some(state => this.state(state) !== state)
    for (const state of states) this.#states.put(state)
    // Some may be revoked again already: they are followed as assigned, but not read.
    for (const tp of this.#updates.revoked()) this.state(tp)?.halt('revoking')
    // Kept here, because the membership may be lost before the engine answers.
    const membership = this.#membership!
    const positioned = this.#starter.lookUp(states, membership)
    if (isThenable(positioned)) await positioned
    if (dropped()) return
    // A member that gets no partitions is told so, too, once.
    if (states.length > 0 || settled) {
      this.#told = true
      for (const state of states) state.inHooks = true
      await this.#handover.hook('onAssigned', states)
    }
    if (dropped()) return
    const started = this.#starter.start(states)
    if (isThenable(started)) await started
    this.#starter.lookAgain(states, membership)
    // Before anything is handed out: a first handler that fails must not keep `run` waiting for the restart.
    if (current()) this.#readyAfter(following)
    for (const state of states) state.inEvents = true
    const partitions = states.map(toTopicPartition)
    if (partitions.length > 0) this.#host.events.emit('assigned', { partitions })
    this.#host.engine.outbox.flush()
  }

  // After `subscribe` only an update that answers the new interest makes the consumer ready.
  #readyAfter({ interest, update }: UpdateTask): void {
    if (update.settled && interest === this.#subscription.interest) this.#readiness.become()
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
    const membership = this.#membership
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
    const isStatic = options.groupInstanceId !== undefined
    const leave = () => this.#lastWord.leaving(membership.leave(isStatic))
    const left = isThenable(commit) ? commit.then(leave) : leave()
    if (isThenable(left)) {
      const told = left.then(undefined, error => this.#report(error))
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
    this.#readiness.renew()
    this.#updates.lose(reason)
    this.#wakeup.wake()
    if (this.#givingUp !== undefined) this.#reportLosses()
    // At once, whatever is being followed.
    for (const state of states) state.abort(reason)
  }

  // While the consumer leaves no update is followed any more, but what is lost is still reported.
  #reportLosses(): void {
    this.#noteUntaken()
    for (const task of this.#updates.clear()) {
      const [states, reason] =
        'lost' in task ? [this.states, task.lost] : [this.#states.findAll(task.update.lost), topicDeleted]
      // After the hooks that are under way.
      this.#followed = this.#followed.then(() => this.#handover.lose(states, reason, 'lost' in task))
    }
  }

  // What it was assigned and has not taken on yet is left unread, too.
  #noteUntaken(): void {
    const membership = this.#membership
    if (membership === undefined || this.#host.session.peek === undefined) return
    // What it has lost of the same name is still to be told.
    const untaken = [...this.#updates.assigned()].filter(tp => this.state(tp) === undefined)
    const states = untaken.map(newState)
    for (const state of states) {
      this.#states.put(state)
      // It is only looked at: where it is told to begin counts for the next assignment.
      state.halt('revoking')
    }
    const lookedUp = this.#starter.lookUp(states, membership)
    // Leaving waits for no look-up, nor does it fail with one.
    if (isThenable(lookedUp)) lookedUp.then(undefined, () => {})
  }

  async #followLoss(reason: unknown, generation: number): Promise<void> {
    const { states } = this
    this.#followed = this.#handover.lose(states, reason, true)
    await this.#followed
    // A consumer that stopped polling rejoins at its next poll, even with nothing in hand: it would only hold
    // partitions.
    await Promise.all([
      this.liveness.whenBack(),
      this.#host.idle(),
      this.#freeing,
      ...states.map(state => state.whenIdle()),
    ])
    if (generation !== this.#generation) return
    try {
      await this.rejoin()
    } catch (error) {
      this.#host.fatal(error)
    }
  }

  #endMembership(): void {
    if (this.#membership !== undefined) this.#before = this.states
    // A commit that failed for now must not be made again by a later membership.
    for (const state of this.states) state.halt('gone')
    this.#membership = undefined
    this.#listener?.mute()
  }

  // --- changing and leaving -----------------------------------------------------------------------------------------

  /** Replaces the interest; before joining it is only noted. */
  subscribe(interest: Interest, startAt: readonly ManualAssignment[]): Promise<void> {
    if (this.#joining === undefined) return this.#subscribe(interest, startAt)
    // The join tells the group the interest that it began with, so it has to end first.
    return new Promise((resolve, reject) => {
      this.#whenJoined.push(() => this.#subscribe(interest, startAt).then(resolve, reject))
    })
  }

  async #subscribe(interest: Interest, startAt: readonly ManualAssignment[]): Promise<void> {
    const undo = this.#positions.replace(interest, startAt, tp => this.state(tp))
    const change = this.#subscription.change(interest, undo, this.#readiness.settled)
    const membership = this.#membership
    if (membership === undefined) return this.#subscription.accept(change)
    this.#readiness.unsettle()
    // A caller that waits for `ready` from now on waits for the new interest.
    this.#readiness.renew()
    try {
      await membership.subscribe(interest)
    } catch (error) {
      const back = this.#subscription.refuse(change)
      if (back && change.settled && membership === this.#membership) this.#readiness.become()
      throw error
    }
    this.#subscription.accept(change)
  }

  /**
   * Notes a seek while it leaves, to come back, or gives up a partition that it is to read again. A group keeps what is
   * committed, and nothing else of a position; but nobody else has partitions that the consumer chose itself.
   */
  sought({ topic, partition }: TopicPartition, offset: OffsetSpec): void {
    const { interest } = this.#subscription
    if (interest.kind !== 'assign') return
    const reads = interest.partitions.some(tp => tp.partition === partition && tp.topic === topic)
    if (reads) this.#positions.seek({ topic, partition }, offset)
  }

  /**
   * Gives all partitions up in order and leaves. `deadline` ends the wait for records in flight: their partitions
   * then go to other members, and nothing that a handler does later counts.
   */
  async leave(options: {
    readonly keepPlace: boolean
    readonly deadline: Promise<void>
    readonly beforeLeaving?: () => void
  }): Promise<void> {
    this.#generation++
    this.#reportLosses()
    this.#readiness.unsettle()
    // Not only once it has left: until then its handlers may take long.
    this.#readiness.renew()
    this.#wakeup.wake()
    let expired = false
    // Shared, so that a close during a restart does not give the same partitions up twice.
    this.#givingUp ??= this.#giveUpAll()
    await Promise.race([this.#givingUp, options.deadline.then(() => (expired = true))])
    const timeUp = expired ? await this.#abandon(this.states, options.deadline) : undefined
    options.beforeLeaving?.()
    const membership = this.#membership
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
    const told = membership === undefined ? this.#joining : membership.leave(options.keepPlace)
    await this.#lastWord.heard(this.#lastWord.leaving(told), options.deadline)
  }

  async #giveUpAll(): Promise<void> {
    for (const state of this.states) state.halt('revoking')
    // Partitions that are being given up already must not be given up twice.
    await this.#followed
    const held = await this.#handover.handBack(this.states)
    this.#handover.revoked(held)
    this.#host.engine.outbox.flush()
    // What was lost meanwhile.
    await this.#followed
  }

  async #abandon(states: readonly PartitionState[], deadline: Promise<void>): Promise<CommitFailedError> {
    await this.#lastWord.heard(this.committer.commitFinished(states), deadline)
    const reason = new CommitFailedError(
      'UNKNOWN_MEMBER_ID',
      'The consumer was closed before this record was finished: its close reached its timeoutMs',
    )
    for (const state of states) {
      state.halt('gone')
      state.abort(reason, false)
    }
    return reason
  }

  /** Ends without committing, giving up or leaving; records in flight count for nothing. */
  vanish(reason: Error): void {
    this.#generation++
    this.#updates.clear()
    this.#readiness.unsettle()
    const membership = this.#membership
    this.#endMembership()
    this.liveness.close()
    const { states } = this
    for (const state of states) state.abort(reason)
    this.#host.halted(states)
    this.#states.clear()
    this.#wakeup.wake()
    this.end(reason)
    const left = membership?.leave(true)
    if (isThenable(left)) left.then(undefined, error => this.#report(error))
  }

  /** Says that it will not join again: `ready` rejects with the reason. */
  end(reason: Error): void {
    this.#readiness.fail(reason)
    this.#host.engine.touch()
  }

  #report(error: unknown): void {
    this.#host.events.emit('error', error)
    this.#host.engine.outbox.flush()
  }
}

function newState({ topic, partition, assignmentEpoch }: AssignedPartition): PartitionState {
  return new PartitionState(topic, partition, assignmentEpoch)
}

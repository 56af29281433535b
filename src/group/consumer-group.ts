import type { Assignor, AssignorName } from '../assignor.ts'
import type { BrokerClock } from '../broker-clock.ts'
import { counted } from '../counted.ts'
import type { Engine } from '../engine.ts'
import {
  BrokerletError,
  GroupIdNotFoundError,
  GroupSubscribedToTopicError,
  InconsistentGroupProtocolError,
  NonEmptyGroupError,
  UnknownMemberIdError,
  UnreleasedInstanceIdError,
} from '../errors.ts'
import { groupOffsets, onePartition } from '../offset-checks.ts'
import type { Outbox } from '../outbox.ts'
import {
  formatTopicPartition,
  type OffsetAndMetadata,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'
import { checkOptions, duration, requireArgument } from '../validate.ts'
import { type ComputedTarget, GroupAssignment } from './group-assignment.ts'
import { GroupAssignor } from './group-assignor.ts'
import { GroupCommits } from './group-commits.ts'
import type { GroupState, MemberDescription, MemberLeftEvent, RebalancedEvent } from './group-description.ts'
import type { HeldGroup } from './group-holder.ts'
import { GroupLag } from './group-lag.ts'
import type { GroupTopics } from './group-log.ts'
import { GroupMember, type MemberOptions } from './group-member.ts'
import { GroupMembers } from './group-members.ts'
import { GroupOffsets } from './group-offsets.ts'
import { OffsetExpiry } from './offset-expiry.ts'
import type { OffsetStore } from './offset-store.ts'
import { RegisteredTopics } from './registered-topics.ts'
import type { Subscription } from './subscription.ts'

/** What a group tells of itself: a reader without a group has one, too, of which nobody hears. */
export interface GroupNews {
  rebalanced(event: RebalancedEvent): void
  memberJoined(group: ConsumerGroup, memberId: string): void
  memberLeft(event: MemberLeftEvent): void
  /** The group reads the topic, or has an offset of it: its records are kept for the group. */
  registered(groupId: string, topic: string): void
}

/** What a group needs of the broker that keeps it. */
export interface GroupHost extends GroupNews {
  readonly clock: BrokerClock
  readonly outbox: Outbox
  readonly offsets: OffsetStore
  readonly topics: GroupTopics
  readonly offsetsRetentionMs: number
  failed(error: unknown): void
  /** Returns the classic members that hold the group, if any: then it is not empty. */
  held(groupId: string): HeldGroup | undefined
  /** Something has changed that `stable()`, `caughtUp()` or `idle()` may wait for. */
  touch(): void
  readonly waitUntil: Engine['waitUntil']
  /** @throws UnknownTopicOrPartitionError */
  requirePartition(tp: TopicPartition): void
  /** The group no longer reads the topic, so no records have to be kept for it. */
  unregistered(topic: string): void
  /** The group has no members and no offsets left. */
  expired(group: ConsumerGroup): void
}

/**
 * A consumer group: it assigns the partitions of its topics to its members, and keeps their committed offsets.
 *
 * The group assigns by itself, as in KIP-848: a change raises the epoch and produces a new target, and every member is
 * moved toward it one partition at a time. Partitions that stay with their owner never stop. The synchronous members of
 * this class exist only for a group in this process.
 */
export class ConsumerGroup {
  readonly id: string
  /** The commits of its members and, while it has none, of others. @internal */
  readonly commits: GroupCommits
  readonly #host: GroupHost
  readonly #members: GroupMembers
  readonly #assignment: GroupAssignment
  readonly #offsets: GroupOffsets
  readonly #expiry: OffsetExpiry
  readonly #lag: GroupLag
  readonly #assignor: GroupAssignor
  readonly #registered: RegisteredTopics
  // Offsets and holders go by the group's id: from then on they are those of a later group.
  #dead = false
  #emptySince: number

  /** @hidden */
  constructor(id: string, host: GroupHost) {
    this.id = id
    this.#host = host
    this.#emptySince = host.clock.now()
    this.#members = new GroupMembers(id, host.topics)
    this.#assignment = new GroupAssignment({
      clock: host.clock,
      outbox: host.outbox,
      topics: host.topics,
      members: this.#members,
      timer: member => this.#timer('rebalance', member),
      overdue: member => this.#fence(member, 'rebalance timeout'),
      atRest: moved => this.#atRest(moved),
    })
    this.#assignor = new GroupAssignor({
      groupId: id,
      members: this.#members,
      assignment: this.#assignment,
      failed: error => host.failed(error),
    })
    // The topics of classic members that hold the group are not known here.
    const subscribed = (topic: string) => host.held(id) !== undefined || this.#members.cover(topic)
    this.#registered = new RegisteredTopics({
      clock: host.clock,
      topics: host.topics,
      subscribed,
      registered: topic => host.registered(id, topic),
      unregistered: topic => host.unregistered(topic),
    })
    const store = host.offsets
    this.#offsets = new GroupOffsets({
      groupId: id,
      clock: host.clock,
      store,
      topics: host.topics,
      registered: this.#registered,
      committed: topic => host.registered(id, topic),
      dropped: (topic, partition) => {
        this.#assignment.forgetCommitted(topic, partition)
        host.touch()
      },
    })
    this.#expiry = new OffsetExpiry({
      groupId: id,
      clock: host.clock,
      outbox: host.outbox,
      store,
      offsets: this.#offsets,
      registered: this.#registered,
      offsetsRetentionMs: host.offsetsRetentionMs,
      emptySince: () => (this.#empty ? this.#emptySince : undefined),
      subscribed,
      expired: () => {
        this.#dead = true
        host.expired(this)
      },
    })
    this.commits = new GroupCommits({
      groupId: id,
      members: this.#members,
      assignment: this.#assignment,
      offsets: this.#offsets,
      expiry: this.#expiry,
      touch: host.touch,
    })
    this.#lag = new GroupLag({
      topics: host.topics,
      assignment: this.#assignment,
      offsets: this.#offsets,
      members: this.#members,
      held: () => (this.#members.size === 0 ? this.#held : undefined),
      registered: this.#registered,
    })
  }

  /** The group's state. */
  get state(): GroupState {
    if (this.#dead) return 'Dead'
    if (this.#members.size === 0) return this.#held?.state ?? 'Empty'
    if (this.#assignment.failed) return 'Assigning'
    return this.#assignment.settled ? 'Stable' : 'Reconciling'
  }

  /** Grows with every change of members, subscriptions or partitions. */
  get epoch(): number {
    return this.#assignment.epoch
  }

  /** The name of the group's assignor. */
  get assignor(): string {
    return this.#assignor.name
  }

  /** The members, in the order in which they joined. */
  get members(): readonly MemberDescription[] {
    if (this.#members.size === 0) return this.#held?.members ?? []
    return this.#members.all().map(member => member.describe())
  }

  /** The targets of the members that have any, by their ids, whether or not they own all of it yet. @internal */
  get targets(): ReadonlyMap<string, readonly TopicPartition[]> {
    return this.#assignment.targets
  }

  /** The place of a member that is away: only its session keeps it a member. @internal */
  away(memberId: string): Pick<MemberDescription, 'memberId' | 'groupInstanceId'> | undefined {
    const member = this.#members.get(memberId)
    return member?.connected === false ? member : undefined
  }

  /** The id of the static member with an instance id. @internal */
  holderOf(groupInstanceId: string): string | undefined {
    return this.#members.withInstance(groupInstanceId)?.memberId
  }

  /** How many members there are. @internal */
  get memberCount(): number {
    return this.#members.size
  }

  /** Whether any member is connected. @internal */
  get live(): boolean {
    return this.#members.some(member => member.connected)
  }

  /** Whether the group is held by classic members. @internal */
  get held(): boolean {
    return this.#held !== undefined
  }

  #atRest(moved: number): void {
    this.#host.rebalanced({ groupId: this.id, epoch: this.epoch, members: this.#members.size, moved })
    this.#host.touch()
  }

  // --- members ------------------------------------------------------------------------------------------------------

  /**
   * Adds a member. A member with the instance id of one that is away takes its place, and nothing moves; a classic
   * member is replaced even while it is connected, as its protocol has it.
   *
   * @throws InconsistentGroupProtocolError where the group has another assignor, or a member of that id
   * @throws UnreleasedInstanceIdError where a live member has that instance id
   * @throws InvalidAssignmentError where a custom assignor failed; nothing has changed then
   * @internal
   */
  join(options: MemberOptions, assignor: Assignor | AssignorName | undefined): GroupMember {
    const former = this.#former(options.groupInstanceId)
    this.#requireNewId(options.memberId, former)
    const chosen = this.#assignor.choose(assignor)
    const member = new GroupMember(options)
    member.topics = this.#members.resolve(member.subscription)
    const same = former?.topics === member.topics && this.#assignor.is(chosen) && !this.#assignment.adopted
    const replaced = same ? former : undefined
    const computed = replaced
      ? undefined
      : this.#assignor.compute([...this.#members.all().filter(other => other !== former), member], chosen)
    // No user code runs after this line, so the change cannot fail half way.
    this.#assignor.become(chosen)
    this.#lag.readAs(options.listener)
    if (former?.connected) this.#fenceReplaced(former)
    this.#enter(member, former, replaced !== undefined)
    this.#host.memberJoined(this, member.memberId)
    if (replaced) this.#assignment.takePlace(replaced, member)
    else if (computed) this.#assignment.apply(computed, member)
    return member
  }

  #former(groupInstanceId: string | undefined): GroupMember | undefined {
    const former = this.#members.withInstance(groupInstanceId)
    if (!former?.connected || former.classic) return former
    throw new UnreleasedInstanceIdError(
      `Group '${this.id}' has a live member with groupInstanceId '${former.groupInstanceId}'`,
      { groupId: this.id, groupInstanceId: former.groupInstanceId!, memberId: former.memberId },
    )
  }

  #requireNewId(memberId: string, former: GroupMember | undefined): void {
    const known = this.#members.get(memberId)
    if (known === undefined || known === former) return
    throw new InconsistentGroupProtocolError(`Group '${this.id}' has another member '${memberId}'`, {
      groupId: this.id,
      memberId,
    })
  }

  #fenceReplaced(former: GroupMember): void {
    const { memberId, groupInstanceId } = former
    const error = new BrokerletError(
      'FENCED_INSTANCE_ID',
      `Member '${memberId}' of group '${this.id}' was replaced by another with groupInstanceId '${groupInstanceId}'`,
      { groupId: this.id, memberId },
    )
    this.#host.outbox.push(() => former.listener.fenced(error))
  }

  /**
   * Adds a member with the partitions that it was assigned elsewhere, and keeps until the next change. Computes no
   * target: the caller lets another member join, which does.
   *
   * @internal
   */
  adopt(options: MemberOptions, owned: readonly TopicPartition[], epoch: number): GroupMember {
    const member = new GroupMember(options)
    member.topics = this.#members.resolve(member.subscription)
    this.#enter(member, undefined, false)
    this.#assignment.adopt(member, owned, epoch)
    this.#host.memberJoined(this, member.memberId)
    return member
  }

  #enter(member: GroupMember, former: GroupMember | undefined, inPlace: boolean): void {
    if (former) this.#unschedule(former)
    this.#members.enter(member, former, inPlace)
    if (former && !inPlace) this.#assignment.disownAll(former)
    this.register(member.topics)
    this.#membersChanged()
  }

  #membersChanged(): void {
    this.#registered.membersChanged()
    this.#expiry.schedule()
  }

  /** Notes topics that members read: those of the group, or classic ones that hold it. @internal */
  register(topics: readonly string[]): void {
    this.#registered.add(topics)
  }

  /** Replaces a member's subscription. @internal */
  subscribe(member: GroupMember, subscription: Subscription): void {
    this.#members.require(member)
    const before = member.topics
    member.topics = this.#members.resolve(subscription)
    let computed: ComputedTarget
    try {
      computed = this.#assignor.compute(this.#members.all())
    } catch (error) {
      member.topics = before
      throw error
    }
    member.subscription = subscription
    this.register(member.topics)
    this.#assignment.apply(computed, member)
    this.#membersChanged()
  }

  /** A member has finished with these partitions, so their next owners may get them. @internal */
  release(member: GroupMember, partitions: readonly TopicPartition[]): void {
    this.#assignment.release(member, partitions)
  }

  /** Removes a member that leaves, and frees its partitions. @internal */
  leave(member: GroupMember): void {
    if (this.#members.has(member)) this.#remove(member, 'left')
  }

  /** Removes a member and tells it; it may come back. Returns whether there is such a member. @internal */
  expel(memberId: string): boolean {
    const member = this.#members.get(memberId)
    if (member !== undefined) this.#fence(member, 'left', 'an administrator removed it')
    return member !== undefined
  }

  /** A member has gone silent, or is static and was closed: it stays a member until its session expires. @internal */
  disconnect(member: GroupMember): void {
    if (!this.#members.has(member) || !member.connected) return
    member.connected = false
    this.#assignment.positionsLost(member)
    this.#host.clock.unschedule(this.#timer('rebalance', member))
    this.#host.clock.schedule(this.#timer('session', member), member.sessionTimeoutMs, () =>
      this.#fence(member, 'session expired'),
    )
    this.#host.touch()
  }

  #fence(member: GroupMember, reason: MemberLeftEvent['reason'], why: string = reason): void {
    const error = new UnknownMemberIdError(
      `Member '${member.memberId}' was removed from group '${this.id}': ${why}`,
      { groupId: this.id, memberId: member.memberId },
    )
    // The member hears of it before the new owners hear of their partitions.
    this.#host.outbox.push(() => member.listener.fenced(error))
    this.#remove(member, reason)
    this.#host.outbox.flush()
  }

  #remove(member: GroupMember, reason: MemberLeftEvent['reason']): void {
    const remaining = this.#members.all().filter(other => other !== member)
    const computed = this.#assignor.computeForced(remaining)
    this.#unschedule(member)
    this.#members.delete(member)
    this.#assignment.disownAll(member)
    this.#host.memberLeft({ groupId: this.id, memberId: member.memberId, reason })
    if (this.#members.size === 0) this.#emptySince = this.#host.clock.now()
    this.#assignment.apply(computed)
    this.#membersChanged()
  }

  #unschedule(member: GroupMember): void {
    this.#host.clock.unschedule(this.#timer('session', member))
    this.#host.clock.unschedule(this.#timer('rebalance', member))
  }

  #timer(what: 'session' | 'rebalance', { memberId }: GroupMember): string {
    return `group '${this.id}': ${what} of ${memberId}`
  }

  // --- topics -------------------------------------------------------------------------------------------------------

  /** A topic was created or deleted, or it grew: the members get a new target. @internal */
  topicChanged(topic: string): void {
    // Even without members.
    if (!this.#host.topics.has(topic)) this.#registered.deleted(topic)
    else if (this.#held?.members.some(({ topics }) => topics.includes(topic))) this.register([topic])
    if (!this.#assignment.has(topic) && !this.#members.cover(topic)) return
    this.#members.topicChanged(topic)
    if (this.#members.read(topic)) this.register([topic])
    const lost = this.#host.topics.has(topic) ? undefined : this.#assignment.forgetTopic(topic)
    this.#assignment.apply(this.#assignor.computeForced(this.#members.all()), undefined, lost)
  }

  // --- offsets ------------------------------------------------------------------------------------------------------

  /** The committed offset of a partition, or null. */
  committed(tp: TopicPartition): OffsetAndMetadata | null {
    requireArgument('committed', 'partition', tp, onePartition)
    return this.#dead ? null : this.#offsets.committed(tp)
  }

  /** The leader epoch that a client committed with the offset of a partition. @internal */
  committedLeaderEpoch(tp: TopicPartition): number | undefined {
    return this.#offsets.leaderEpoch(tp)
  }

  /** Every committed offset of the group. */
  get offsets(): readonly TopicPartitionOffset[] {
    return this.#dead ? [] : this.#offsets.all()
  }

  /**
   * Sets the group's committed offsets: to the given ones, or of every topic that it has committed offsets of to the
   * beginning, the end or a time. (Kafka: kafka-consumer-groups --reset-offsets)
   *
   * @throws NonEmptyGroupError unless the group is Empty.
   * @throws GroupIdNotFoundError once it was deleted, or has expired
   */
  setOffsets(
    to: readonly TopicPartitionOffset[] | 'earliest' | 'latest' | { readonly timestamp: number },
  ): void {
    requireArgument('setOffsets', 'to', to, groupOffsets)
    this.#requireAlive()
    this.#requireEmpty('its offsets can be set')
    if (isList(to)) for (const tp of to) this.#host.requirePartition(tp)
    this.commits.commitFromOutside(isList(to) ? to : this.#offsets.everywhere(to))
    this.#host.outbox.flush()
  }

  /** Deletes committed offsets; throws for a topic that a member reads. (Kafka: OffsetDelete) @internal */
  deleteOffsets(partitions: readonly TopicPartition[]): void {
    for (const topic of new Set(partitions.map(tp => tp.topic))) {
      if (!this.#members.read(topic) && !this.#held?.reads(topic)) continue
      throw new GroupSubscribedToTopicError(`Group '${this.id}' is subscribed to topic '${topic}'`, {
        groupId: this.id,
        topic,
      })
    }
    this.#offsets.delete(partitions)
  }

  /** Ends the group, and deletes its offsets. @internal */
  delete(): void {
    this.#requireEmpty('it can be deleted')
    this.#dead = true
    this.#expiry.stop()
    this.#offsets.deleteAll()
    this.#host.touch()
  }

  get #empty(): boolean {
    return this.#members.size === 0 && this.#held === undefined
  }

  get #held(): HeldGroup | undefined {
    return this.#dead ? undefined : this.#host.held(this.id)
  }

  /** The classic members that held the group have left. @internal */
  emptied(): void {
    this.#emptySince = this.#host.clock.now()
    this.#membersChanged()
  }

  #requireAlive(): void {
    if (!this.#dead) return
    throw new GroupIdNotFoundError(`There is no group '${this.id}' any more`, { groupId: this.id })
  }

  #requireEmpty(what: string): void {
    if (this.#empty) return
    const members = this.#members.size === 0 ? 'members on the wire' : counted(this.#members.size, 'member')
    const rule = `it must be Empty before ${what}: close its consumers first`
    throw new NonEmptyGroupError(`Group '${this.id}' has ${members}; ${rule}`, { groupId: this.id })
  }

  // --- lag ----------------------------------------------------------------------------------------------------------

  /**
   * The number of records that the group still has to read, of all its topics: from what is committed, or from where
   * its members are if they commit by themselves and are further. Where nothing is committed, from where it would begin.
   */
  lag(): number {
    let lag = 0
    for (const partition of this.lagByPartition()) lag += partition.lag
    return lag
  }

  /** The lag of each partition: of every topic that a member reads, and of every committed offset. */
  lagByPartition(): readonly (TopicPartition & { readonly lag: number })[] {
    return this.#dead ? [] : this.#lag.byPartition()
  }

  /** The next offset that the group has to read, see `GroupLag.nextOffset`. @internal */
  nextOffset(topic: string, partition: number): number | undefined {
    return this.#lag.nextOffset(topic, partition)
  }

  /**
   * The offset up to which the group has committed a partition: 0 without a commit, or undefined where the group
   * does not read the topic. @internal
   */
  consumedBefore(topic: string, partition: number): number | undefined {
    const offset = this.#offsets.offset(topic, partition)
    if (offset !== undefined) return offset
    return this.#registered.has(topic) || this.#offsets.has(topic) ? 0 : undefined
  }

  // --- waiting ------------------------------------------------------------------------------------------------------

  /**
   * Resolves when no rebalance is under way.
   *
   * @throws TimeoutError after `timeoutMs` milliseconds (default 4,000), saying which member has not released what
   */
  async stable(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    checkOptions('stable', options, { timeoutMs: duration })
    const condition = () => !underWay.has(this.state)
    const what = `group '${this.id}' to be stable`
    await this.#host.waitUntil(what, condition, () => this.#explain(), options.timeoutMs)
  }

  /**
   * Resolves when the lag is 0.
   *
   * @throws TimeoutError after `timeoutMs` milliseconds (default 4,000), saying where there is lag
   */
  async caughtUp(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    checkOptions('caughtUp', options, { timeoutMs: duration })
    const explain = () => {
      const lagging = this.lagByPartition().filter(({ lag }) => lag > 0)
      const lags = lagging.map(partition => `${formatTopicPartition(partition)}: ${partition.lag}`)
      return `${this.#explain()}; lag ${lags.join(', ')}`
    }
    const what = `group '${this.id}' to catch up`
    await this.#host.waitUntil(what, () => this.lag() === 0, explain, options.timeoutMs)
  }

  #explain(): string {
    return [
      `state ${this.state}, ${counted(this.members.length, 'member')}`,
      ...this.#assignment.explain(),
    ].join('; ')
  }
}

const underWay: ReadonlySet<GroupState> = new Set<GroupState>([
  'Reconciling',
  'Assigning',
  'PreparingRebalance',
  'CompletingRebalance',
])

function isList(to: unknown): to is readonly TopicPartitionOffset[] {
  return Array.isArray(to)
}

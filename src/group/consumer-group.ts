import type { Assignor } from '../assignor.ts'
import type { BrokerClock } from '../broker-clock.ts'
import {
  CommitFailedError,
  GroupSubscribedToTopicError,
  InconsistentGroupProtocolError,
  NonEmptyGroupError,
  OffsetMetadataTooLargeError,
  UnknownMemberIdError,
  UnreleasedInstanceIdError,
} from '../errors.ts'
import type { Outbox } from '../events.ts'
import {
  formatTopicPartition,
  type OffsetAndMetadata,
  type OffsetSpec,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'
import { type ComputeAssignment, computeWith, type TargetAssignment } from './assignor.ts'
import { type AssignorName, assignors } from './assignors.ts'
import { type AssignmentChange, GroupMember, type MemberOptions } from './group-member.ts'
import { GroupPartition } from './group-partition.ts'
import type { OffsetStore } from './offset-store.ts'
import { countOwed, nextStep } from './reconciliation.ts'
import { covers, resolveTopics, type Subscription } from './subscription.ts'

/** What a group needs to know of a partition's log. */
export interface GroupLog {
  readonly logStartOffset: number
  readonly highWatermark: number
  offsetForTimestamp(timestamp: number): number | null
  /** What is from this offset on is not harmless to drop: somebody is to read it. */
  readFrom(offset: number): void
}

/** What a group needs of the broker that keeps it. */
export interface GroupHost {
  readonly clock: BrokerClock
  readonly outbox: Outbox
  readonly offsets: OffsetStore
  readonly topics: ReadonlyMap<string, { readonly partitions: readonly GroupLog[] }>
  readonly offsetsRetentionMs: number
  rebalanced(event: RebalancedEvent): void
  memberLeft(event: MemberLeftEvent): void
  failed(error: unknown): void
  /** Something changed that a `stable()`, `caughtUp()` or `idle()` may wait for. */
  touch(): void
  finished(): void
  waitUntil(
    what: string,
    condition: () => boolean,
    explain: () => string,
    timeoutMs: number | undefined,
  ): Promise<void>
  /** The group has no members and no offsets left. */
  expired(group: ConsumerGroup): void
}

/** A group came to rest after a change. */
export interface RebalancedEvent {
  readonly groupId: string
  readonly epoch: number
  readonly members: number
  /** How many partitions went from one member to another. */
  readonly moved: number
}

/** A member is gone from its group; `reason` says how. */
export interface MemberLeftEvent {
  readonly groupId: string
  readonly memberId: string
  readonly reason: 'left' | 'session expired' | 'rebalance timeout'
}

/** A group's state, in Kafka's words (KIP-848). `Assigning` means that the assignor failed and the old target stands. */
export type GroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable' | 'Dead'

/** A member, as `group.members` shows it. */
export interface MemberDescription {
  readonly memberId: string
  readonly groupInstanceId?: string
  readonly clientId: string
  /** The existing topics that it reads. */
  readonly topics: readonly string[]
  readonly assignment: readonly TopicPartition[]
  /** What it was told to give up and has not released yet. */
  readonly revoking: readonly TopicPartition[]
  /** False while only its session keeps its place. */
  readonly connected: boolean
}

/** An offset to commit and, for a member, the epoch of the assignment it was read under. */
export interface MemberCommit extends TopicPartitionOffset {
  readonly assignmentEpoch: number
}

interface MutableChange {
  lost: TopicPartition[]
  revoked: TopicPartition[]
  assigned: { topic: string; partition: number; assignmentEpoch: number }[]
  settled: boolean
}

interface Computed {
  readonly names: readonly string[]
  readonly target: TargetAssignment
  readonly members: readonly GroupMember[]
  readonly failed: boolean
}

const maxMetadataBytes = 4096

/**
 * A consumer group: it deals the partitions of its topics out to its members, and keeps what they have committed.
 *
 * Assignment is the group's own work, as in KIP-848: a change bumps the epoch and makes a new target, and every member
 * is led toward it one partition at a time. What does not move never stops. The synchronous members of this class exist
 * only for a group in this process.
 */
export class ConsumerGroup {
  readonly id: string
  readonly #host: GroupHost
  readonly #members = new Map<string, GroupMember>()
  readonly #static = new Map<string, GroupMember>()
  readonly #partitions = new Map<string, GroupPartition[]>()
  readonly #unsettled = new Set<GroupPartition>()
  #assignor: Assignor | AssignorName = 'uniform'
  #compute: ComputeAssignment = assignors.uniform
  #epoch = 0
  #moved = 0
  #atRest = true
  #assignorFailed = false
  #dead = false
  #emptySince: number
  #autoOffsetReset: 'earliest' | 'latest' | 'none' = 'earliest'

  constructor(id: string, host: GroupHost) {
    this.id = id
    this.#host = host
    this.#emptySince = host.clock.now()
  }

  /** What the group is doing. */
  get state(): GroupState {
    if (this.#dead) return 'Dead'
    if (this.#members.size === 0) return 'Empty'
    if (this.#assignorFailed) return 'Assigning'
    return this.#unsettled.size > 0 ? 'Reconciling' : 'Stable'
  }

  /** Grows with every change of members, subscriptions or partitions. */
  get epoch(): number {
    return this.#epoch
  }

  /** The name of the group's assignor. */
  get assignor(): string {
    return typeof this.#assignor === 'string' ? this.#assignor : this.#assignor.name
  }

  /** The members, in the order in which they joined. */
  get members(): readonly MemberDescription[] {
    return [...this.#members.values()].map(member => ({
      memberId: member.memberId,
      ...(member.groupInstanceId === undefined ? {} : { groupInstanceId: member.groupInstanceId }),
      clientId: member.clientId,
      topics: member.topics,
      assignment: member.assignment,
      revoking: [...member.owned]
        .filter(partition => partition.revokingSince !== undefined)
        .map(({ topic, partition }) => ({ topic, partition })),
      connected: member.connected,
    }))
  }

  /** Whether any member is there that is not merely waited for. @internal */
  get live(): boolean {
    for (const member of this.#members.values()) if (member.connected) return true
    return false
  }

  // --- membership ---------------------------------------------------------------------------------------------------

  /**
   * Takes a member in. One with the instance id of a member that is gone takes that one's place, and nothing moves.
   *
   * @throws InconsistentGroupProtocolError where the group has another assignor
   * @throws UnreleasedInstanceIdError where a live member has that instance id
   * @throws InvalidAssignmentError where a custom assignor failed; nothing has changed then
   * @internal
   */
  join(options: MemberOptions, assignor: Assignor | AssignorName | undefined): GroupMember {
    const former =
      options.groupInstanceId === undefined ? undefined : this.#static.get(options.groupInstanceId)
    if (former?.connected) {
      throw new UnreleasedInstanceIdError(
        `Group '${this.id}' has a live member with groupInstanceId '${former.groupInstanceId}'`,
        { groupId: this.id, groupInstanceId: former.groupInstanceId!, memberId: former.memberId },
      )
    }
    const [nextAssignor, compute] = this.#chooseAssignor(assignor)
    const member = new GroupMember(options)
    member.topics = this.#resolve(member.subscription, [...this.#members.values()])
    const replaces = former !== undefined && former.topics === member.topics && compute === this.#compute
    const members = [...this.#members.values()].filter(other => other !== former)
    const computed = replaces ? undefined : this.#computeTarget([...members, member], compute)
    // Nothing of the user's runs after this line, so nothing can fail half way.
    this.#assignor = nextAssignor
    this.#compute = compute
    this.#autoOffsetReset = options.listener.autoOffsetReset
    if (former) this.#takePlace(former, member)
    else this.#members.set(member.memberId, member)
    if (member.groupInstanceId !== undefined) this.#static.set(member.groupInstanceId, member)
    this.#host.clock.unschedule(this.#timer('offset expiry'))
    if (computed) this.#apply(computed, member)
    else this.#reconcileAll(member)
    return member
  }

  #chooseAssignor(wanted: Assignor | AssignorName | undefined): [Assignor | AssignorName, ComputeAssignment] {
    const name = typeof wanted === 'object' ? wanted.name : wanted
    if (this.#members.size > 0) {
      if (name === undefined || wanted === this.#assignor) return [this.#assignor, this.#compute]
      throw new InconsistentGroupProtocolError(
        `Group '${this.id}' assigns by '${this.assignor}'; a member asked for '${name}'` +
          (name === this.assignor ? ' from another object of that name' : ''),
        { groupId: this.id, assignor: this.assignor, received: name },
      )
    }
    const assignor = wanted ?? 'uniform'
    if (assignor === this.#assignor) return [assignor, this.#compute]
    return [assignor, typeof assignor === 'string' ? assignors[assignor] : computeWith(assignor)]
  }

  // The new one stands where the former stood, so its partitions are its own at once; only their epochs are new.
  #takePlace(former: GroupMember, member: GroupMember): void {
    this.#unscheduleMember(former)
    const members = [...this.#members.values()]
    this.#members.clear()
    for (const other of members) {
      const next = other === former ? member : other
      this.#members.set(next.memberId, next)
    }
    this.#epoch++
    for (const partition of this.#all()) if (partition.target === former) partition.target = member
    for (const partition of former.owned) {
      partition.owner = undefined
      partition.lastOwner = member
      partition.revokingSince = undefined
    }
    former.owned.clear()
  }

  /** Replaces what a member reads. @internal */
  subscribe(member: GroupMember, subscription: Subscription): void {
    this.#requireMember(member)
    const members = [...this.#members.values()]
    const topics = this.#resolve(subscription, members)
    const before = member.topics
    member.topics = topics
    let computed: Computed
    try {
      computed = this.#computeTarget(members, this.#compute)
    } catch (error) {
      member.topics = before
      throw error
    }
    member.subscription = subscription
    this.#apply(computed, member)
    this.#scheduleOffsetExpiry()
  }

  /** A member has ended what it was doing with these partitions: they may go to their next owners. @internal */
  release(member: GroupMember, partitions: readonly TopicPartition[]): void {
    const released: GroupPartition[] = []
    for (const { topic, partition } of partitions) {
      const owned = this.#partitions.get(topic)?.[partition]
      if (owned?.owner !== member || owned.revokingSince === undefined) continue
      this.#disown(owned)
      released.push(owned)
    }
    if (![...member.owned].some(partition => partition.revokingSince !== undefined)) {
      this.#host.clock.unschedule(this.#timer(`rebalance of ${member.memberId}`))
    }
    this.#reconcile(released)
  }

  /** A member goes, and its partitions with it. @internal */
  leave(member: GroupMember): void {
    if (this.#members.get(member.memberId) === member) this.#remove(member, 'left')
  }

  /** A member is gone without a word, or is static and closed: its place is kept for its session time. @internal */
  disconnect(member: GroupMember): void {
    if (this.#members.get(member.memberId) !== member || !member.connected) return
    member.connected = false
    this.#host.clock.schedule(this.#timer(`session of ${member.memberId}`), member.sessionTimeoutMs, () => {
      this.#fence(member, 'session expired')
      this.#host.finished()
    })
    this.#host.touch()
  }

  #fence(member: GroupMember, reason: 'session expired' | 'rebalance timeout'): void {
    this.#remove(member, reason)
    const error = new UnknownMemberIdError(
      `Member '${member.memberId}' was removed from group '${this.id}': ${reason}`,
      { groupId: this.id, memberId: member.memberId },
    )
    this.#host.outbox.push(() => member.listener.fenced(error))
  }

  #remove(member: GroupMember, reason: MemberLeftEvent['reason']): void {
    const remaining = [...this.#members.values()].filter(other => other !== member)
    const computed = this.#computeForced(remaining)
    this.#unscheduleMember(member)
    this.#members.delete(member.memberId)
    if (member.groupInstanceId !== undefined) this.#static.delete(member.groupInstanceId)
    member.connected = false
    for (const partition of [...member.owned]) this.#disown(partition)
    this.#host.memberLeft({ groupId: this.id, memberId: member.memberId, reason })
    if (this.#members.size === 0) {
      this.#emptySince = this.#host.clock.now()
      this.#scheduleOffsetExpiry()
    }
    this.#apply(computed)
  }

  #unscheduleMember(member: GroupMember): void {
    this.#host.clock.unschedule(this.#timer(`session of ${member.memberId}`))
    this.#host.clock.unschedule(this.#timer(`rebalance of ${member.memberId}`))
  }

  #timer(what: string): string {
    return `group '${this.id}': ${what}`
  }

  #requireMember(member: GroupMember): void {
    if (this.#members.get(member.memberId) === member) return
    throw new UnknownMemberIdError(`Group '${this.id}' does not know member '${member.memberId}'`, {
      groupId: this.id,
      memberId: member.memberId,
    })
  }

  // --- topics -------------------------------------------------------------------------------------------------------

  /** A topic was made or deleted, or it grew; whoever reads it gets a new target. @internal */
  topicChanged(topic: string): void {
    const known = this.#partitions.get(topic)
    const members = [...this.#members.values()]
    if (known === undefined && !members.some(member => covers(member.subscription, topic))) return
    for (const member of members) member.topics = this.#resolve(member.subscription, members)
    const lost = this.#host.topics.has(topic) ? undefined : this.#forgetTopic(topic)
    this.#apply(this.#computeForced(members), undefined, lost)
  }

  #forgetTopic(topic: string): Map<GroupMember, TopicPartition[]> {
    const lost = new Map<GroupMember, TopicPartition[]>()
    for (const partition of this.#partitions.get(topic) ?? []) {
      const { owner } = partition
      if (owner) {
        this.#disown(partition)
        const list = lost.get(owner) ?? []
        list.push({ topic, partition: partition.partition })
        lost.set(owner, list)
      }
      this.#unsettled.delete(partition)
    }
    this.#partitions.delete(topic)
    return lost
  }

  // Members who read the same share one array: an assignor then sees at once that they are alike.
  #resolve(subscription: Subscription, members: readonly GroupMember[]): readonly string[] {
    const topics = resolveTopics(subscription, this.#host.topics)
    const alike = members.find(
      member =>
        member.topics.length === topics.length && member.topics.every((name, i) => name === topics[i]),
    )
    return alike?.topics ?? topics
  }

  // --- target and reconciliation ------------------------------------------------------------------------------------

  #computeTarget(members: readonly GroupMember[], compute: ComputeAssignment): Computed {
    const lists = new Set(members.map(member => member.topics))
    const names = [...new Set([...lists].flat())].sort()
    const indexOf = new Map(names.map((name, index) => [name, index]))
    const subscribed = new Map([...lists].map(list => [list, list.map(name => indexOf.get(name)!)]))
    for (const partition of this.#all()) if (partition.target) partition.target.index = -1
    for (let index = 0; index < members.length; index++) members[index]!.index = index
    const topics = names.map(name => ({ name, partitions: this.#host.topics.get(name)!.partitions.length }))
    const target = compute({
      members: members.map(({ memberId, groupInstanceId, topics: list }) => ({
        memberId,
        groupInstanceId,
        subscribed: subscribed.get(list)!,
      })),
      topics,
      current: topics.map(topic => this.#currentTarget(topic)),
    })
    return { names, target, members, failed: false }
  }

  #currentTarget({ name, partitions: count }: { name: string; partitions: number }): Int32Array {
    const partitions = this.#partitions.get(name)
    const current = new Int32Array(count).fill(-1)
    if (partitions) {
      const known = Math.min(count, partitions.length)
      for (let i = 0; i < known; i++) current[i] = partitions[i]!.target?.index ?? -1
    }
    return current
  }

  // A member that leaves cannot be refused: if the assignor fails now, what is left of the old target stands, the
  // partitions in between wait for the next change, and the broker hears of it.
  #computeForced(members: readonly GroupMember[]): Computed {
    try {
      return this.#computeTarget(members, this.#compute)
    } catch (error) {
      this.#host.failed(error)
      const keep: ComputeAssignment = problem =>
        problem.current.map((owners, topic) =>
          owners.map(owner =>
            owner >= 0 && problem.members[owner]!.subscribed.includes(topic) ? owner : -1,
          ),
        )
      return { ...this.#computeTarget(members, keep), failed: true }
    }
  }

  #apply(computed: Computed, changed?: GroupMember, lost?: Map<GroupMember, TopicPartition[]>): void {
    this.#epoch++
    this.#assignorFailed = computed.failed
    for (const [name, partitions] of this.#partitions) {
      if (computed.names.includes(name)) continue
      for (const partition of partitions) partition.target = undefined
    }
    for (let t = 0; t < computed.names.length; t++) {
      const name = computed.names[t]!
      const owners = computed.target[t]!
      let partitions = this.#partitions.get(name)
      if (partitions === undefined) {
        partitions = []
        this.#partitions.set(name, partitions)
      }
      for (let p = 0; p < owners.length; p++) {
        const partition = partitions[p] ?? new GroupPartition(name, p)
        partitions[p] = partition
        partition.target = computed.members[owners[p]!]
      }
    }
    this.#reconcileAll(changed, lost)
  }

  #reconcileAll(changed?: GroupMember, lost?: Map<GroupMember, TopicPartition[]>): void {
    const waited = [...this.#members.values()].filter(member => member.owed > 0)
    countOwed(this.#members.values(), this.#all())
    const changes = new Map<GroupMember, MutableChange>()
    for (const [member, partitions] of lost ?? []) this.#changeOf(changes, member).lost = partitions
    this.#atRest = false
    this.#reconcile(this.#all(), changes, () => {
      if (changed) this.#changeOf(changes, changed)
      for (const member of waited) if (member.owed === 0) this.#changeOf(changes, member)
    })
    for (const [name, partitions] of this.#partitions) {
      if (!partitions.some(({ owner, target }) => owner ?? target)) this.#partitions.delete(name)
    }
  }

  #reconcile(
    partitions: Iterable<GroupPartition>,
    changes: Map<GroupMember, MutableChange> = new Map(),
    complete?: () => void,
  ): void {
    for (const partition of partitions) {
      const step = nextStep(partition)
      if (step === 'grant') this.#grant(partition, changes)
      else if (step === 'revoke') this.#revoke(partition, changes)
      if (partition.settled) this.#unsettled.delete(partition)
      else this.#unsettled.add(partition)
    }
    complete?.()
    for (const [member, change] of changes) {
      change.settled = member.owed === 0
      if (member.connected) this.#host.outbox.push(() => member.listener.assignmentChanged(change))
    }
    this.#rest()
  }

  #changeOf(changes: Map<GroupMember, MutableChange>, member: GroupMember): MutableChange {
    let change = changes.get(member)
    if (change === undefined) {
      change = { lost: [], revoked: [], assigned: [], settled: false } satisfies AssignmentChange
      changes.set(member, change)
    }
    return change
  }

  #grant(partition: GroupPartition, changes: Map<GroupMember, MutableChange>): void {
    const member = partition.target!
    partition.owner = member
    partition.epoch = this.#epoch
    if (partition.lastOwner !== undefined && partition.lastOwner !== member) this.#moved++
    partition.lastOwner = member
    member.owned.add(partition)
    member.owed--
    this.#changeOf(changes, member).assigned.push({
      topic: partition.topic,
      partition: partition.partition,
      assignmentEpoch: partition.epoch,
    })
  }

  #revoke(partition: GroupPartition, changes: Map<GroupMember, MutableChange>): void {
    const member = partition.owner!
    // A member whose session runs cannot give up anything; its session's end frees all it had.
    if (!member.connected) return
    partition.revokingSince = this.#host.clock.monotonic()
    this.#changeOf(changes, member).revoked.push({ topic: partition.topic, partition: partition.partition })
    const timer = this.#timer(`rebalance of ${member.memberId}`)
    if (!this.#host.clock.scheduled(timer)) this.#limitRevocation(member, timer, member.rebalanceTimeoutMs)
  }

  #limitRevocation(member: GroupMember, timer: string, delayMs: number): void {
    this.#host.clock.schedule(timer, delayMs, () => {
      const now = this.#host.clock.monotonic()
      let longest = 0
      for (const { revokingSince } of member.owned) longest = Math.max(longest, now - (revokingSince ?? now))
      const left = member.rebalanceTimeoutMs - longest
      if (left > 0) this.#limitRevocation(member, timer, left)
      else this.#fence(member, 'rebalance timeout')
      this.#host.finished()
    })
  }

  #disown(partition: GroupPartition): void {
    partition.owner?.owned.delete(partition)
    partition.owner = undefined
    partition.revokingSince = undefined
  }

  #rest(): void {
    if (this.#unsettled.size > 0 || this.#atRest) return
    this.#atRest = true
    const moved = this.#moved
    this.#moved = 0
    this.#host.rebalanced({ groupId: this.id, epoch: this.#epoch, members: this.#members.size, moved })
    this.#host.touch()
  }

  *#all(): IterableIterator<GroupPartition> {
    for (const partitions of this.#partitions.values()) yield* partitions
  }

  // --- offsets ------------------------------------------------------------------------------------------------------

  /** What is committed for a partition, or null. */
  committed({ topic, partition }: TopicPartition): OffsetAndMetadata | null {
    const committed = this.#host.offsets.get(this.id, topic, partition)
    return committed ? toOffsetAndMetadata(committed) : null
  }

  /** Every committed offset of the group. */
  get offsets(): readonly TopicPartitionOffset[] {
    return [...this.#host.offsets.entries(this.id)].map(({ topic, partition, committed }) => ({
      topic,
      partition,
      ...toOffsetAndMetadata(committed),
    }))
  }

  /**
   * Commits for a member. A partition counts only under the very assignment it was read under, held or being given up
   * (KIP-1251); where one does not, nothing is committed.
   *
   * @throws CommitFailedError
   * @internal
   */
  commit(member: GroupMember, offsets: readonly MemberCommit[]): void {
    if (this.#members.get(member.memberId) !== member)
      throw this.#commitFailed('UNKNOWN_MEMBER_ID', member, offsets)
    for (const offset of offsets) {
      const partition = this.#partitions.get(offset.topic)?.[offset.partition]
      if (partition?.owner !== member || partition.epoch !== offset.assignmentEpoch) {
        throw this.#commitFailed('STALE_MEMBER_EPOCH', member, offsets)
      }
      if (offset.metadata !== undefined) this.#checkMetadata(offset)
    }
    this.#store(offsets)
  }

  #commitFailed(
    code: 'UNKNOWN_MEMBER_ID' | 'STALE_MEMBER_EPOCH',
    member: GroupMember,
    offsets: readonly TopicPartition[],
  ): CommitFailedError {
    const which = offsets.map(formatTopicPartition).join(', ')
    const why =
      code === 'UNKNOWN_MEMBER_ID'
        ? `the group no longer knows member '${member.memberId}'`
        : `not all of them are member '${member.memberId}''s under the assignment they were read under`
    const first = offsets[0]
    return new CommitFailedError(code, `Group '${this.id}' refused the commit of ${which}: ${why}`, {
      groupId: this.id,
      memberId: member.memberId,
      ...(first ? { topic: first.topic, partition: first.partition } : {}),
    })
  }

  /**
   * Commits for somebody who is no member: a consumer with `assign`, or an administrator.
   *
   * @throws UnknownMemberIdError while the group has members
   * @internal
   */
  commitWithoutMember(offsets: readonly TopicPartitionOffset[]): void {
    if (this.#members.size > 0) {
      throw new UnknownMemberIdError(
        `Group '${this.id}' has members, and only they commit for it; ` +
          `received a commit of ${offsets.map(formatTopicPartition).join(', ')} from a consumer outside`,
        { groupId: this.id },
      )
    }
    for (const offset of offsets) this.#checkMetadata(offset)
    for (const { topic, partition, offset } of offsets) {
      this.#host.topics.get(topic)?.partitions[partition]?.readFrom(offset)
    }
    this.#store(offsets)
    this.#scheduleOffsetExpiry()
  }

  #checkMetadata({ topic, partition, metadata }: TopicPartitionOffset): void {
    if (metadata === undefined || Buffer.byteLength(metadata) <= maxMetadataBytes) return
    throw new OffsetMetadataTooLargeError(
      `Commit of ${topic}-${partition}: metadata expected at most ${maxMetadataBytes} bytes, ` +
        `received ${Buffer.byteLength(metadata)}`,
      { topic, partition, groupId: this.id },
    )
  }

  #store(offsets: readonly TopicPartitionOffset[]): void {
    const committedAt = this.#host.clock.now()
    for (const { topic, partition, offset, metadata } of offsets) {
      const committed = metadata === undefined ? { offset, committedAt } : { offset, committedAt, metadata }
      this.#host.offsets.set(this.id, topic, partition, committed)
    }
    this.#host.touch()
  }

  /**
   * Moves the group: to given offsets, or all it has ever committed to the beginning, the end or a time.
   * (Kafka: kafka-consumer-groups --reset-offsets)
   *
   * @throws NonEmptyGroupError unless the group is Empty.
   */
  setOffsets(
    to: readonly TopicPartitionOffset[] | 'earliest' | 'latest' | { readonly timestamp: number },
  ): void {
    this.#requireEmpty('its offsets can be set')
    this.commitWithoutMember(
      Array.isArray(to) ? to : this.#everywhere(to as Exclude<typeof to, readonly unknown[]>),
    )
    this.#host.finished()
  }

  #everywhere(to: 'earliest' | 'latest' | { readonly timestamp: number }): TopicPartitionOffset[] {
    const offsets: TopicPartitionOffset[] = []
    for (const topic of this.#host.offsets.topics(this.id)) {
      const partitions = this.#host.topics.get(topic)?.partitions ?? []
      for (let partition = 0; partition < partitions.length; partition++) {
        const spec: OffsetSpec = to === 'earliest' ? 'beginning' : to === 'latest' ? 'end' : to
        offsets.push({ topic, partition, offset: offsetAt(partitions[partition]!, spec) })
      }
    }
    return offsets
  }

  /** Forgets committed offsets; refused for a topic that a member reads. (Kafka: OffsetDelete) @internal */
  deleteOffsets(partitions: readonly TopicPartition[]): void {
    for (const { topic } of partitions) {
      if (![...this.#members.values()].some(member => member.topics.includes(topic))) continue
      throw new GroupSubscribedToTopicError(`Group '${this.id}' is subscribed to topic '${topic}'`, {
        groupId: this.id,
        topic,
      })
    }
    for (const { topic, partition } of partitions)
      this.#host.offsets.deletePartition(this.id, topic, partition)
  }

  /** Ends the group and forgets its offsets. @internal */
  delete(): void {
    this.#requireEmpty('it can be deleted')
    this.#dead = true
    this.#host.clock.unschedule(this.#timer('offset expiry'))
    this.#host.offsets.deleteGroup(this.id)
    this.#host.touch()
  }

  #requireEmpty(what: string): void {
    if (this.#members.size === 0) return
    throw new NonEmptyGroupError(
      `Group '${this.id}' has ${this.#members.size} members; it must be Empty before ${what}`,
      {
        groupId: this.id,
      },
    )
  }

  // While the group is empty all its offsets expire together, counted from when it became so or from a later commit;
  // while it has members, those of topics that nobody reads any more, each from its commit (KIP-211).
  #scheduleOffsetExpiry(): void {
    const timer = this.#timer('offset expiry')
    const due = this.#nextOffsetExpiry()
    if (due === Number.POSITIVE_INFINITY) return this.#host.clock.unschedule(timer)
    this.#host.clock.schedule(timer, Math.max(0, due - this.#host.clock.now()), () => {
      this.#expireOffsets()
      this.#host.finished()
    })
  }

  #nextOffsetExpiry(): number {
    const { offsets, offsetsRetentionMs } = this.#host
    if (offsetsRetentionMs === -1) return Number.POSITIVE_INFINITY
    let due = Number.POSITIVE_INFINITY
    let some = false
    for (const { topic, committed } of offsets.entries(this.id)) {
      some = true
      const since = this.#expirySince(topic, committed.committedAt)
      if (since !== undefined) due = Math.min(due, since + offsetsRetentionMs)
    }
    // An empty group that keeps nothing goes, too, after the same time.
    return some || this.#members.size > 0 ? due : this.#emptySince + offsetsRetentionMs
  }

  #expirySince(topic: string, committedAt: number): number | undefined {
    if (this.#members.size === 0) return Math.max(this.#emptySince, committedAt)
    return [...this.#members.values()].some(member => covers(member.subscription, topic))
      ? undefined
      : committedAt
  }

  #expireOffsets(): void {
    const { offsets, offsetsRetentionMs, clock } = this.#host
    const now = clock.now()
    for (const { topic, partition, committed } of [...offsets.entries(this.id)]) {
      const since = this.#expirySince(topic, committed.committedAt)
      if (since !== undefined && now - since >= offsetsRetentionMs)
        offsets.deletePartition(this.id, topic, partition)
    }
    if (this.#members.size > 0 || offsets.topics(this.id).length > 0) return this.#scheduleOffsetExpiry()
    if (now - this.#emptySince < offsetsRetentionMs) return this.#scheduleOffsetExpiry()
    this.#dead = true
    this.#host.expired(this)
  }

  // --- lag ----------------------------------------------------------------------------------------------------------

  /** How many records the group still has to read, of all its topics. */
  lag(): number {
    let lag = 0
    for (const partition of this.lagByPartition()) lag += partition.lag
    return lag
  }

  /** The same by partition: of every topic that a member reads, and of all that is committed. */
  lagByPartition(): readonly (TopicPartition & { readonly lag: number })[] {
    const lags: { topic: string; partition: number; lag: number }[] = []
    for (const [topic, wanted] of this.#interests()) {
      const logs = this.#host.topics.get(topic)?.partitions ?? []
      for (let partition = 0; partition < logs.length; partition++) {
        if (wanted && !wanted.has(partition)) continue
        const log = logs[partition]!
        const next = this.nextOffset(topic, partition, false) ?? this.#resetOffset(log)
        lags.push({
          topic,
          partition,
          lag: Math.max(0, log.highWatermark - Math.max(next, log.logStartOffset)),
        })
      }
    }
    return lags
  }

  // By topic: every partition where a member reads it, else those with a committed offset.
  #interests(): Map<string, Set<number> | undefined> {
    const interests = new Map<string, Set<number> | undefined>()
    for (const member of this.#members.values())
      for (const topic of member.topics) interests.set(topic, undefined)
    for (const { topic, partition } of this.#host.offsets.entries(this.id)) {
      if (!interests.has(topic)) interests.set(topic, new Set())
      interests.get(topic)?.add(partition)
    }
    return interests
  }

  #resetOffset(log: GroupLog): number {
    return this.#autoOffsetReset === 'latest' ? log.highWatermark : log.logStartOffset
  }

  /**
   * The next offset that the group has to read, or undefined where that is not decided: what is committed, or its
   * member's position where that is further and counts (`anyPosition`: also with autoCommit off). @internal
   */
  nextOffset(topic: string, partition: number, anyPosition: boolean): number | undefined {
    const committed = this.#host.offsets.get(this.id, topic, partition)?.offset
    const listener = this.#partitions.get(topic)?.[partition]?.owner?.listener
    const position =
      listener && (anyPosition || listener.autoCommit) ? listener.position(topic, partition) : undefined
    if (committed === undefined || position === undefined) return committed ?? position
    return Math.max(committed, position)
  }

  /** Whether the group reads this topic, or has committed an offset of it. @internal */
  reads(topic: string): boolean {
    return this.#partitions.has(topic)
  }

  // --- waiting ------------------------------------------------------------------------------------------------------

  /** Resolves when no rebalance is under way; rejects with a `TimeoutError` after `timeoutMs` (default 5,000). */
  stable(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    const condition = () => this.state !== 'Reconciling' && this.state !== 'Assigning'
    return this.#host.waitUntil(
      `group '${this.id}' to be stable`,
      condition,
      () => this.#explain(),
      options.timeoutMs,
    )
  }

  /** Resolves when the lag is 0; rejects with a `TimeoutError` after `timeoutMs` (default 5,000). */
  caughtUp(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    const explain = () =>
      `${this.#explain()}; lag ${this.lagByPartition()
        .filter(({ lag }) => lag > 0)
        .map(partition => `${formatTopicPartition(partition)}: ${partition.lag}`)
        .join(', ')}`
    return this.#host.waitUntil(
      `group '${this.id}' to catch up`,
      () => this.lag() === 0,
      explain,
      options.timeoutMs,
    )
  }

  #explain(): string {
    const owed = [...this.#unsettled].map(partition => {
      const { owner, target } = partition
      if (owner === undefined) return `${formatTopicPartition(partition)} has no owner`
      const next = target === undefined ? 'nobody' : `'${target.memberId}'`
      return `'${owner.memberId}' has not released ${formatTopicPartition(partition)} for ${next}`
    })
    return [`state ${this.state}, ${this.#members.size} members`, ...owed].join('; ')
  }
}

/** The offset that a place in a partition means now; a time after the last record means the end. */
export function offsetAt(log: GroupLog, spec: OffsetSpec): number {
  if (spec === 'beginning') return log.logStartOffset
  if (spec === 'end') return log.highWatermark
  return typeof spec === 'number' ? spec : (log.offsetForTimestamp(spec.timestamp) ?? log.highWatermark)
}

function toOffsetAndMetadata({ offset, metadata }: OffsetAndMetadata): OffsetAndMetadata {
  return metadata === undefined ? { offset } : { offset, metadata }
}

import type { Assignor, AssignorName } from '../assignor.ts'
import type { BrokerClock } from '../broker-clock.ts'
import type {
  Engine,
  GroupStoppedEvent,
  Interest,
  JoinRequest,
  MemberRequest,
  Membership,
  MembershipListener,
  Unread,
} from '../engine.ts'
import { GroupIdNotFoundError, InvalidGroupIdError, UnknownMemberIdError } from '../errors.ts'
import type { Events } from '../events.ts'
import { ConsumerGroup, type GroupHost, type GroupNews } from '../group/consumer-group.ts'
import type { GroupHolder, HeldGroup, OtherGroups } from '../group/group-holder.ts'
import { offsetAt } from '../group/group-log.ts'
import type { GroupMember, MemberOptions } from '../group/group-member.ts'
import { OffsetStore } from '../group/offset-store.ts'
import type { Ids } from '../ids.ts'
import type { Partition } from '../log/partition.ts'
import type { Topic } from '../log/topic.ts'
import type { Outbox } from '../outbox.ts'
import { didYouMean, suggest } from '../suggest.ts'
import type { TopicPartition, TopicPartitionOffset } from '../topic-partition.ts'
import { name as nonEmptyName } from '../validate.ts'
import { describeValue } from '../value-text.ts'
import type { BrokerEvents } from './broker-events.ts'
import { GroupMembership, type GroupMembershipHost, toSubscription } from './group-membership.ts'
import { type ManualHost, ManualMembership } from './manual-membership.ts'
import { StandaloneMembership } from './standalone-membership.ts'
import { TopicReaders } from './topic-readers.ts'

/** Why the last member of a group stopped, and what it left unread. */
export interface StoppedGroup {
  readonly cause: unknown
  left(): readonly Unread[]
}

/** What the groups need of their broker. */
export interface GroupCoordinatorHost {
  readonly clock: BrokerClock
  readonly outbox: Outbox
  readonly events: Events<BrokerEvents>
  readonly ids: Ids
  readonly topics: ReadonlyMap<string, Topic>
  readonly offsetsRetentionMs: number
  readonly createsTopics: boolean
  requireOpen(): void
  /** The topic, created where topics are created automatically. */
  topic(name: string): Topic
  /** The topic, or the partition, which must exist. */
  existingTopic(name: string): Topic
  partition(tp: TopicPartition): Partition
  /** Says that a group is gone, or no longer reads these topics: records kept for it alone may go. */
  unregistered(topics: Iterable<Topic>): void
  touch(): void
  readonly waitUntil: Engine['waitUntil']
}

/** Makes, finds and forgets the groups of a broker, and lets members into them. (Kafka: GroupCoordinator) */
export class GroupCoordinator {
  readonly groups: Map<string, ConsumerGroup> = new Map()
  readonly readers: TopicReaders = new TopicReaders(this.groups)
  readonly holders: Set<GroupHolder> = new Set()
  readonly others: Set<OtherGroups> = new Set()
  /** How a group stopped, until a member joins it again. */
  readonly stopped: Map<string, StoppedGroup> = new Map()
  readonly #host: GroupCoordinatorHost
  readonly #offsets = new OffsetStore()
  // Readers without a group: each is the only member of a hidden group.
  readonly #standalone = new Set<ConsumerGroup>()
  readonly #manual = new Set<ManualMembership>()
  readonly #groupHost: GroupHost
  // For the group of a reader without a group, of which nobody hears.
  readonly #hiddenGroupHost: GroupHost
  readonly #membershipHost: GroupMembershipHost
  readonly #manualHost: ManualHost

  constructor(host: GroupCoordinatorHost) {
    this.#host = host
    this.#groupHost = this.#makeGroupHost()
    this.#hiddenGroupHost = { ...this.#groupHost, ...unheard }
    this.#membershipHost = {
      outbox: host.outbox,
      requireTopics: wanted => this.#requireTopics(wanted),
    }
    this.#manualHost = {
      outbox: host.outbox,
      committed: (groupId, tp) => this.groups.get(groupId)?.committed(tp) ?? null,
      commitWithoutMember: (groupId, offsets) => this.commitWithoutMember(groupId, offsets),
      checkCommitWithoutMember: (groupId, offsets) => this.checkCommitWithoutMember(groupId, offsets),
      requireNotHeld: groupId => this.#requireNotHeld(groupId),
      requirePartition: tp => void host.partition(tp),
      left: membership => this.#manual.delete(membership),
    }
  }

  /** The group, which must exist. */
  existing(groupId: string): ConsumerGroup {
    const group = this.groups.get(groupId)
    if (group) return group
    this.#refuseOther(groupId)
    if (typeof groupId !== 'string') {
      const expected = 'a string'
      throw new GroupIdNotFoundError(`groupId expected ${expected}, received ${describeValue(groupId)}`, {
        expected,
        received: groupId,
      })
    }
    const suggestions = suggest(groupId, this.groups.keys())
    // A consumer, and a client still more, joins some time after it was made.
    const advice = didYouMean(suggestions) || '; a group begins with its first member, or by createGroup'
    throw new GroupIdNotFoundError(`There is no group '${groupId}'${advice}`, {
      groupId,
      suggestions,
    })
  }

  #find(groupId: string): ConsumerGroup {
    const existing = this.groups.get(groupId)
    if (existing) return existing
    if (typeof groupId !== 'string' || groupId === '') {
      const { expected } = nonEmptyName
      throw new InvalidGroupIdError(`groupId expected ${expected}, received ${describeValue(groupId)}`, {
        expected,
        received: groupId,
      })
    }
    this.#refuseOther(groupId)
    return new ConsumerGroup(groupId, this.#groupHost)
  }

  #refuseOther(groupId: string): void {
    if (!this.isOther(groupId)) return
    const message = `Group '${groupId}' is a share group of Kafka clients, which no consumer can join or commit for`
    throw new GroupIdNotFoundError(message, { groupId })
  }

  /** Whether a group of another kind has that id. */
  isOther(groupId: string): boolean {
    for (const each of this.others) if (each.has(groupId)) return true
    return false
  }

  /** Whether it has members that assign in another way than a holder's do. */
  isHeldByOther(groupId: string, own: GroupHolder): boolean {
    for (const each of this.holders) if (each !== own && each.held(groupId) !== undefined) return true
    return false
  }

  #held(groupId: string): HeldGroup | undefined {
    for (const holder of this.holders) {
      const held = holder.held(groupId)
      if (held !== undefined) return held
    }
    return undefined
  }

  #requireNotHeld(groupId: string): void {
    if (this.#held(groupId) === undefined) return
    const message = `Group '${groupId}' has members on the wire, and only they commit for it`
    throw new UnknownMemberIdError(message, { groupId })
  }

  // Called once the first call of a new group has succeeded: a call that is refused leaves no group behind.
  #keep(group: ConsumerGroup): void {
    if (this.groups.has(group.id)) return
    this.groups.set(group.id, group)
    this.#host.events.emit('groupCreated', { groupId: group.id })
  }

  /**
   * Registers a group whose members assign by themselves, with the topics that they read. It is one of the broker's
   * groups, created if it does not exist, and records that it has not committed are unread.
   */
  hold(groupId: string, topics: readonly string[]): void {
    const group = this.#find(groupId)
    group.register(topics)
    this.#keep(group)
    this.#host.outbox.flush()
  }

  /** Commits from outside of the group, which is created if it does not exist and there is something to commit. */
  commitWithoutMember(groupId: string, offsets: readonly TopicPartitionOffset[], anonymous = false): void {
    if (offsets.length === 0) return this.checkCommitWithoutMember(groupId, offsets, anonymous)
    for (const tp of offsets) this.#host.partition(tp)
    const group = this.#find(groupId)
    group.commits.commitFromOutside(offsets, anonymous)
    this.#keep(group)
    this.#host.outbox.flush()
  }

  /** Refuses what `commitWithoutMember` would refuse; creates no group. */
  checkCommitWithoutMember(
    groupId: string,
    offsets: readonly TopicPartitionOffset[],
    anonymous = false,
  ): void {
    for (const tp of offsets) this.#host.partition(tp)
    this.#find(groupId).commits.checkFromOutside(offsets, anonymous)
  }

  /** Commits the beginning or the end of topics where the group, created if need be, has committed nothing. */
  create(groupId: string, names: readonly string[], from: 'beginning' | 'end'): ConsumerGroup {
    const topics = names.map(name => this.#host.existingTopic(name))
    const group = this.#find(groupId)
    this.#requireNotHeld(groupId)
    const offsets = topics.flatMap(({ name: topic, partitions }) =>
      partitions.map((log, partition) => ({ topic, partition, offset: offsetAt(log, from) })),
    )
    group.commits.commitFromOutside(offsets.filter(tp => group.committed(tp) === null))
    this.#keep(group)
    this.#host.outbox.flush()
    return group
  }

  delete(groupId: string): void {
    this.#host.requireOpen()
    const group = this.existing(groupId)
    group.delete()
    this.#forget(groupId, 'deleted')
    this.#host.outbox.flush()
  }

  #forget(groupId: string, reason: 'deleted' | 'expired'): void {
    this.groups.delete(groupId)
    this.readers.deleteGroup(groupId)
    this.stopped.delete(groupId)
    this.#host.events.emit('groupDeleted', { groupId, reason })
    this.#host.unregistered(this.#host.topics.values())
  }

  // One for all groups: there may be thousands.
  #makeGroupHost(): GroupHost {
    const { clock, outbox, events, topics, offsetsRetentionMs } = this.#host
    return {
      clock,
      outbox,
      offsets: this.#offsets,
      topics,
      offsetsRetentionMs,
      rebalanced: event => events.emit('rebalanced', event),
      memberJoined: (group, memberId) => this.#joined(group, memberId),
      memberLeft: event => events.emit('memberLeft', event),
      failed: error => events.emit('error', error),
      touch: () => this.#host.touch(),
      held: groupId => this.#held(groupId),
      waitUntil: (...args) => this.#host.waitUntil(...args),
      requirePartition: tp => void this.#host.partition(tp),
      registered: (groupId, topic) => this.readers.add(topic, groupId),
      unregistered: name => this.#host.unregistered([topics.get(name)].filter(topic => topic !== undefined)),
      expired: group => this.#forget(group.id, 'expired'),
    }
  }

  #joined(group: ConsumerGroup, memberId: string): void {
    this.#keep(group)
    this.stopped.delete(group.id)
    this.#host.events.emit('memberJoined', { groupId: group.id, memberId })
  }

  // --- members ------------------------------------------------------------------------------------------------------

  join(request: JoinRequest, listener: MembershipListener): Membership {
    this.#host.requireOpen()
    const memberId = request.memberId ?? this.#host.ids.memberId(request.clientId)
    const { interest, groupId } = request
    if (interest.kind === 'assign') return this.#assign(memberId, groupId, interest, listener)
    const { rejoins, createsTopics = this.#host.createsTopics } = request
    if (!rejoins || createsTopics) this.#requireTopics(interest)
    const options = memberOptions(memberId, request, listener)
    if (groupId === undefined) {
      const group = new ConsumerGroup(memberId, this.#hiddenGroupHost)
      // No other member waits for the partitions of a reader without a group.
      const member = group.join({ ...options, rebalanceTimeoutMs: Number.POSITIVE_INFINITY }, undefined)
      this.#standalone.add(group)
      this.#host.outbox.flush()
      return new StandaloneMembership(group, member, this.#membershipHost, () =>
        this.#standalone.delete(group),
      )
    }
    const member = this.#joinGroup(groupId, options, request.assignor as Assignor | AssignorName | undefined)
    this.#host.outbox.flush()
    return new GroupMembership(this.groups.get(groupId)!, member, this.#membershipHost)
  }

  #joinGroup(
    groupId: string,
    options: MemberOptions,
    assignor: Assignor | AssignorName | undefined,
  ): GroupMember {
    for (const holder of this.holders) if (holder.held(groupId) !== undefined) holder.handOver(groupId)
    try {
      return this.#find(groupId).join(options, assignor)
    } catch (error) {
      for (const holder of this.holders) holder.takeBack(groupId)
      throw error
    }
  }

  /**
   * Takes a member into a group with partitions that it got elsewhere, under an epoch from there; its listener is told
   * which of them it owns from now on. No assignment is computed until another member joins.
   */
  adopt(
    request: MemberRequest,
    listener: MembershipListener,
    owned: readonly TopicPartition[],
    epoch: number,
  ): Membership {
    const group = this.#find(request.groupId)
    const member = group.adopt(memberOptions(request.memberId, request, listener), owned, epoch)
    const assigned = [...member.owned].map(({ topic, partition }) => ({
      topic,
      partition,
      assignmentEpoch: epoch,
    }))
    listener.assignmentChanged({ lost: [], revoked: [], assigned, settled: true })
    return new GroupMembership(group, member, this.#membershipHost)
  }

  #assign(
    memberId: string,
    groupId: string | undefined,
    interest: Interest,
    listener: MembershipListener,
  ): Membership {
    const membership = new ManualMembership(memberId, groupId, this.#manualHost, listener)
    membership.subscribe(interest)
    this.#manual.add(membership)
    this.#host.outbox.flush()
    return membership
  }

  #requireTopics(interest: Interest): void {
    if (interest.kind === 'topics') for (const name of interest.names) this.#host.topic(name)
  }

  /** Says that a member stopped because of an error; a group without another member has stopped with it. */
  consumerStopped(event: GroupStoppedEvent, left: () => readonly Unread[]): void {
    const group = this.groups.get(event.groupId)
    if (group === undefined || group.live || this.#held(event.groupId) !== undefined) return
    this.stopped.set(event.groupId, { cause: event.cause, left })
    this.#host.events.emit('groupStopped', event)
    this.#host.outbox.flush()
    this.#host.touch()
  }

  // --- topics -------------------------------------------------------------------------------------------------------

  /** Says that a topic was created, grew or was deleted. */
  topicChanged(name: string): void {
    for (const group of this.groups.values()) group.topicChanged(name)
    for (const group of this.#standalone) group.topicChanged(name)
    if (!this.#host.topics.has(name)) this.readers.deleteTopic(name)
  }

  /** Says that a topic is about to be deleted, and with it the offsets committed for it. */
  topicDeleted(name: string): void {
    this.#offsets.deleteTopic(name)
    for (const membership of this.#manual) membership.topicDeleted(name)
  }
}

const ignore = () => {}

const unheard: GroupNews = {
  rebalanced: ignore,
  memberJoined: ignore,
  memberLeft: ignore,
  registered: ignore,
}

function memberOptions(memberId: string, request: JoinRequest, listener: MembershipListener): MemberOptions {
  return { ...request, memberId, subscription: toSubscription(request.interest), listener }
}

import type { Broker } from '../broker.ts'
import type { EngineClient } from '../engine.ts'
import type { ErrorCode } from '../error-codes.ts'
import { ClassicGroup } from '../group/classic-group.ts'
import type { DescribedClassicMember } from '../group/classic-member.ts'
import {
  type ClassicIdentity,
  type ClassicJoin,
  type ClassicJoined,
  notJoined,
} from '../group/classic-protocol.ts'
import { firstEpoch } from '../group/group-assignment.ts'
import type { MemberDescription } from '../group/group-description.ts'
import type { GroupHolder, HeldGroup } from '../group/group-holder.ts'
import { Ids } from '../ids.ts'
import type { ClassicConsumerMember } from './classic-consumer-member.ts'
import { readAssignment, readSubscription } from './consumer-protocol.ts'
import { entryOf } from './entry-of.ts'
import type { FirstFetches } from './first-fetches.ts'
import { groupClient } from './group-client.ts'
import { MixedGroup } from './mixed-group.ts'
import { uncommitted } from './uncommitted.ts'

/** A group's protocol: in a 'consumer' group the group assigns, in a 'classic' one its leader does. */
export type GroupType = 'consumer' | 'classic'

/** A group, as the clients of the classic protocol know it. */
export type ClassicService = Pick<ClassicGroup | MixedGroup, 'join' | 'sync' | 'heartbeat' | 'leave'>

/**
 * The groups with members of the classic protocol. Their leader's client assigns while no other member is there, else
 * the broker's own group does. That group keeps the committed offsets in any case.
 */
export class WireGroups implements GroupHolder {
  readonly #engine: Broker['engine']
  readonly #initialRebalanceDelayMs: number
  readonly #firstFetches: FirstFetches
  readonly #ids: Ids
  readonly #groups = new Map<string, ClassicGroup>()
  readonly #mixed = new Map<string, MixedGroup>()
  readonly #clients = new Map<string, EngineClient>()
  // By group: the client id of each member that a leader assigns for.
  readonly #clientIds = new Map<string, Map<string, string>>()

  constructor(engine: Broker['engine'], initialRebalanceDelayMs: number, firstFetches: FirstFetches) {
    this.#engine = engine
    this.#initialRebalanceDelayMs = initialRebalanceDelayMs
    this.#firstFetches = firstFetches
    this.#ids = new Ids(engine.random)
    engine.groupCoordinator.holders.add(this)
    engine.events.on('memberJoined', this.#memberJoined)
    engine.events.on('memberLeft', this.#memberLeft)
    engine.events.on('groupDeleted', this.#groupDeleted)
  }

  held(groupId: string): HeldGroup | undefined {
    const group = this.#groups.get(groupId)
    if (group === undefined || group.state === 'Empty') return undefined
    const { topics } = this.#engine
    return {
      state: group.state,
      get members() {
        return group.members.map(member => describeMember(member, topics))
      },
      reads: topic => mayRead(group, topic),
      began: (clientId, tp) => this.#firstFetches.by(clientId, this.#engine.topics, tp),
    }
  }

  get all(): Iterable<ClassicGroup> {
    return this.#groups.values()
  }

  /** The work left in groups whose leader assigns, in words. */
  get left(): string[] {
    return [...this.#groups.values()].flatMap(group => this.#pending(group))
  }

  /** The ids of groups that assign and have classic members. */
  get mixed(): string[] {
    return [...this.#mixed.values()].filter(({ size }) => size > 0).map(({ id }) => id)
  }

  get(groupId: string): ClassicGroup | undefined {
    return this.#groups.get(groupId)
  }

  /** The protocol of a group's members, or of the last ones that it had. (Kafka: Group.GroupType) */
  typeOf(groupId: string): GroupType {
    const had = (this.#engine.groups.get(groupId)?.epoch ?? firstEpoch) > firstEpoch
    return had && !this.#groups.has(groupId) ? 'consumer' : 'classic'
  }

  /** A member of the classic protocol in a group that assigns. */
  classicMember(groupId: string, memberId: string): ClassicConsumerMember | undefined {
    return this.#mixed.get(groupId)?.get(memberId)
  }

  /** The group that serves classic clients, if there is one. */
  serving(groupId: string): ClassicService | undefined {
    return this.#assigns(groupId) ? this.#mixedGroup(groupId) : this.#groups.get(groupId)
  }

  /** Whether the broker's own group assigns, to members of both protocols. */
  #assigns(groupId: string): boolean {
    return (this.#engine.groups.get(groupId)?.memberCount ?? 0) > 0
  }

  /** The classic member that commits in a group that assigns, or why there is none; undefined for other groups. */
  findCommitter(groupId: string, identity: ClassicIdentity): ClassicConsumerMember | ErrorCode | undefined {
    if (!this.#assigns(groupId)) return undefined
    return this.#mixed.get(groupId)?.findCommitter(identity) ?? 'UNKNOWN_MEMBER_ID'
  }

  /** Answers a join, now or later. A member without an id creates the group if there is none. */
  join(groupId: string, request: ClassicJoin, answer: (joined: ClassicJoined) => void): void {
    const { groupCoordinator } = this.#engine
    if (groupCoordinator.isOther(groupId) || groupCoordinator.isHeldByOther(groupId, this))
      return answer(notJoined('INCONSISTENT_GROUP_PROTOCOL', request.memberId))
    if (request.memberId !== '' && this.serving(groupId) === undefined)
      return answer(notJoined('UNKNOWN_MEMBER_ID', request.memberId))
    const group = this.#assigns(groupId) ? this.#mixedGroup(groupId) : this.#classic(groupId)
    group.join(request, joined => {
      if (joined.error === undefined) this.#joined(groupId, joined.memberId, request.clientId)
      answer(joined)
    })
    // It may have taken the place of the last member that does not speak the classic protocol.
    this.takeBack(groupId)
    this.#dropUnused(groupId)
  }

  #joined(groupId: string, memberId: string, clientId: string): void {
    if (this.#assigns(groupId)) return
    const clientIds = entryOf(this.#clientIds, groupId, () => new Map<string, string>())
    if (clientIds.has(memberId)) return
    clientIds.set(memberId, clientId)
    this.#engine.outbox.show(this.#engine, 'clientJoined', { groupId, memberId })
    this.#firstFetches.joined(clientId, groupId, memberId)
  }

  #mixedGroup(groupId: string): MixedGroup {
    return entryOf(this.#mixed, groupId, () => {
      const newMemberId = (clientId: string) => this.#ids.memberId(clientId)
      return new MixedGroup(groupId, { engine: this.#engine, newMemberId })
    })
  }

  #classic(groupId: string): ClassicGroup {
    return entryOf(this.#groups, groupId, () => {
      const group = new ClassicGroup(groupId, {
        clock: this.#engine.clock,
        initialRebalanceDelayMs: this.#initialRebalanceDelayMs,
        newMemberId: clientId => this.#ids.memberId(clientId),
        changed: changed => this.#changed(changed),
        left: ({ id }, memberId) => this.#left(id, memberId),
        forgotten: ({ id }) => this.#dropUnused(id),
      })
      this.#track(group)
      return group
    })
  }

  handOver(groupId: string): void {
    this.#mixedGroup(groupId).takeOver(this.#classic(groupId))
  }

  takeBack(groupId: string): void {
    const mixed = this.#mixed.get(groupId)
    const group = this.#engine.groups.get(groupId)
    if (mixed === undefined || mixed.size === 0 || mixed.size !== group?.memberCount) return
    const { epoch } = group
    this.#classic(groupId).takeBack(mixed.handOver(), 'consumer', epoch)
    this.#mixed.delete(groupId)
  }

  // Once another member has joined, an empty classic group no longer decides the group's type.
  readonly #memberJoined = ({ groupId }: { readonly groupId: string }): void => {
    if (this.#assigns(groupId) && this.#groups.get(groupId)?.state === 'Empty') this.#drop(groupId)
  }

  readonly #memberLeft = ({ groupId }: { readonly groupId: string }): void => this.takeBack(groupId)

  // Deleted in this process, or expired because it was empty for too long: it has no members.
  readonly #groupDeleted = ({ groupId }: { readonly groupId: string }): void => {
    if (this.held(groupId) === undefined) this.delete(groupId)
  }

  /** Why a commit is refused, if it is. A group that no member has joined takes commits without a generation. */
  checkCommit(groupId: string, identity: ClassicIdentity, transactional: boolean): ErrorCode | undefined {
    const group = this.#groups.get(groupId)
    if (group !== undefined) return group.checkCommit(identity, transactional)
    return identity.generation >= 0 ? 'UNKNOWN_MEMBER_ID' : undefined
  }

  delete(groupId: string): void {
    this.#mixed.delete(groupId)
    this.#drop(groupId)
  }

  // A group that nobody has joined, nor committed for, is none of the broker's groups, which expire by themselves.
  #dropUnused(groupId: string): void {
    if (this.#groups.get(groupId)?.unused && !this.#engine.groups.has(groupId)) this.#drop(groupId)
  }

  #drop(groupId: string): void {
    const group = this.#groups.get(groupId)
    if (group === undefined) return
    group.delete()
    this.#clientIds.delete(groupId)
    this.#groups.delete(groupId)
    this.#untrack(groupId)
  }

  #changed(group: ClassicGroup): void {
    if (group.state === 'Empty') this.#engine.groups.get(group.id)?.emptied()
    else this.#engine.groupCoordinator.hold(group.id, this.#topicsOf(group))
    this.#engine.touch()
  }

  #left(groupId: string, memberId: string): void {
    const clientIds = this.#clientIds.get(groupId)
    const clientId = clientIds?.get(memberId)
    if (clientId !== undefined) {
      clientIds!.delete(memberId)
      this.#engine.outbox.show(this.#engine, 'clientLeft', { groupId, memberId })
      this.#firstFetches.left(clientId, groupId, memberId)
    }
    // What it had in hand is no work under way any more.
    this.#engine.touch()
  }

  #topicsOf({ members }: ClassicGroup): string[] {
    return members.flatMap(({ metadata }) => topicsIn(metadata, this.#engine.topics))
  }

  // Counts for `idle`: records that were delivered to a member and are not committed are work under way.
  #track(group: ClassicGroup): void {
    const client = groupClient(group.id, () => this.#pending(group))
    this.#clients.set(group.id, client)
    this.#engine.track(client)
  }

  #untrack(groupId: string): void {
    const client = this.#clients.get(groupId)
    if (client !== undefined) this.#engine.untrack(client)
    this.#clients.delete(groupId)
  }

  #pending(group: ClassicGroup): string[] {
    if (group.members.length === 0) return []
    if (group.state !== 'Stable') return [`group '${group.id}' of the wire is rebalancing`]
    return group.members.flatMap(({ memberId, clientId, assignment }) =>
      uncommitted(this.#engine, this.#firstFetches, ['group', group.id], {
        memberId,
        clientId,
        partitions: readAssignment(assignment),
      }),
    )
  }

  /** Removes all groups, since no client is served any more. */
  close(): void {
    this.#engine.events.off('memberJoined', this.#memberJoined)
    this.#engine.events.off('memberLeft', this.#memberLeft)
    this.#engine.events.off('groupDeleted', this.#groupDeleted)
    this.#engine.groupCoordinator.holders.delete(this)
    for (const mixed of this.#mixed.values()) mixed.close()
    for (const groupId of [...this.#groups.keys()]) this.delete(groupId)
  }
}

// The topics are those that the client named to its leader; the assignment is the one that the leader gave.
function describeMember(
  { memberId, groupInstanceId, clientId, metadata, assignment }: DescribedClassicMember,
  topics: ReadonlyMap<string, unknown>,
): MemberDescription {
  return {
    memberId,
    ...(groupInstanceId === null ? {} : { groupInstanceId }),
    clientId,
    topics: topicsIn(metadata, topics),
    assignment: readAssignment(assignment),
    revoking: [],
    connected: true,
  }
}

// The existing topics of a client's subscription.
function topicsIn(metadata: Uint8Array, topics: ReadonlyMap<string, unknown>): string[] {
  return readSubscription(metadata)?.topics.filter(name => topics.has(name)) ?? []
}

/** Whether a member reads the topic, or nobody knows: its metadata is no subscription, or the first members still join. */
function mayRead({ protocolType, subscriptions }: ClassicGroup, topic: string): boolean {
  const named = subscriptions?.map(metadata => readSubscription(metadata)?.topics.includes(topic))
  return named === undefined ? protocolType === 'consumer' : named.some(each => each !== false)
}

import type { Broker } from '../broker.ts'
import type { EngineClient } from '../engine.ts'
import { type ErrorCode, errorCodes } from '../error-codes.ts'
import { ClassicGroup } from '../group/classic-group.ts'
import type { DescribedClassicMember } from '../group/classic-member.ts'
import {
  type ClassicIdentity,
  type ClassicJoin,
  type ClassicJoined,
  notJoined,
} from '../group/classic-protocol.ts'
import type { MemberDescription } from '../group/group-description.ts'
import type { GroupHolder, HeldGroup } from '../group/group-holder.ts'
import { Ids } from '../ids.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { ClassicConsumerMember } from './classic-consumer-member.ts'
import { readAssignment, readSubscription } from './consumer-protocol.ts'
import type { FirstFetches } from './first-fetches.ts'
import { MixedGroup } from './mixed-group.ts'

/** By which protocol a group's members are in it: each assigns by itself, or their leader for all. */
export type GroupType = 'consumer' | 'classic'

/** A group, as the clients of the classic protocol know it. */
export type ClassicService = Pick<ClassicGroup | MixedGroup, 'join' | 'sync' | 'heartbeat' | 'leave'>

/**
 * The groups whose members speak the classic protocol: their leader's client assigns while they are among themselves, and
 * the broker's own group once another member is in it. What they commit is that group's in any case.
 */
export class WireGroups implements GroupHolder {
  readonly #engine: Broker['engine']
  readonly #initialRebalanceDelayMs: number
  readonly #firstFetches: FirstFetches
  readonly #ids: Ids
  readonly #groups = new Map<string, ClassicGroup>()
  readonly #mixed = new Map<string, MixedGroup>()
  readonly #clients = new Map<string, EngineClient>()
  // By group: the members that a leader assigns for, and their clients' ids.
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
    }
  }

  get all(): Iterable<ClassicGroup> {
    return this.#groups.values()
  }

  /** What members have left to do where their leader assigns, in words. */
  get left(): string[] {
    return [...this.#groups.values()].flatMap(group => this.#pending(group))
  }

  /** The groups that assign, and have members whose leader could do so. */
  get mixed(): string[] {
    return [...this.#mixed.values()].filter(({ size }) => size > 0).map(({ id }) => id)
  }

  get(groupId: string): ClassicGroup | undefined {
    return this.#groups.get(groupId)
  }

  /** What a group's members are, or the last ones were, that it has had. (Kafka: Group.GroupType) */
  typeOf(groupId: string): GroupType {
    if (this.#assigns(groupId)) return 'consumer'
    const had = (this.#engine.groups.get(groupId)?.epoch ?? 0) > 0
    return had && !this.#groups.has(groupId) ? 'consumer' : 'classic'
  }

  /** A member of a group that assigns by itself whose client speaks the classic protocol. */
  classicMember(groupId: string, memberId: string): ClassicConsumerMember | undefined {
    return this.#mixed.get(groupId)?.get(memberId)
  }

  /** Who serves a group's members, if anybody does. */
  serving(groupId: string): ClassicService | undefined {
    return this.#assigns(groupId) ? this.#mixedGroup(groupId) : this.#groups.get(groupId)
  }

  /** Whether the broker's own group assigns, for whoever is in it. */
  #assigns(groupId: string): boolean {
    return (this.#engine.groups.get(groupId)?.memberCount ?? 0) > 0
  }

  /** Which classic member it is in a group that assigns by itself, or why it is none; undefined in any other group. */
  findMixed(groupId: string, identity: ClassicIdentity): ClassicConsumerMember | ErrorCode | undefined {
    if (!this.#assigns(groupId)) return undefined
    return this.#mixed.get(groupId)?.find(identity) ?? 'UNKNOWN_MEMBER_ID'
  }

  /** Answers now or later what joining came to; the group is made where there is none, by one that has not been in it. */
  join(groupId: string, request: ClassicJoin, answer: (joined: ClassicJoined) => void): void {
    if (this.#engine.groupCoordinator.isOther(groupId))
      return answer(notJoined('INCONSISTENT_GROUP_PROTOCOL', request.memberId))
    if (request.memberId !== '' && this.serving(groupId) === undefined)
      return answer(notJoined('UNKNOWN_MEMBER_ID', request.memberId))
    const group = this.#assigns(groupId) ? this.#mixedGroup(groupId) : this.#classic(groupId)
    group.join(request, joined => {
      if (joined.error === undefined) this.#joined(groupId, joined.memberId, request.clientId)
      answer(joined)
    })
    // It may have taken the place of the last one that does not speak its protocol.
    this.takeBack(groupId)
  }

  #joined(groupId: string, memberId: string, clientId: string): void {
    if (this.#assigns(groupId)) return
    const clientIds = entryOf(this.#clientIds, groupId, () => new Map<string, string>())
    if (clientIds.has(memberId)) return
    clientIds.set(memberId, clientId)
    this.#firstFetches.joined(clientId, memberId)
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

  // Classic clients that have left are not the last ones any more.
  readonly #memberJoined = ({ groupId }: { readonly groupId: string }): void => {
    if (this.#assigns(groupId) && this.#groups.get(groupId)?.state === 'Empty') this.#drop(groupId)
  }

  readonly #memberLeft = ({ groupId }: { readonly groupId: string }): void => this.takeBack(groupId)

  // In its process, or because it was empty for too long: nobody is in it.
  readonly #groupDeleted = ({ groupId }: { readonly groupId: string }): void => {
    if (this.held(groupId) === undefined) this.delete(groupId)
  }

  /** Whether a commit counts; a group that nobody has joined takes those of anybody who names no generation. */
  checkCommit(groupId: string, identity: ClassicIdentity): ErrorCode | undefined {
    const group = this.#groups.get(groupId)
    if (group !== undefined) return group.checkCommit(identity)
    if (identity.generation >= 0) return 'UNKNOWN_MEMBER_ID'
    return this.#assigns(groupId) ? 'UNKNOWN_MEMBER_ID' : undefined
  }

  delete(groupId: string): void {
    this.#mixed.delete(groupId)
    this.#drop(groupId)
  }

  #drop(groupId: string): void {
    const group = this.#groups.get(groupId)
    if (group === undefined) return
    group.delete()
    this.#forgetLeft({ id: groupId, members: [] })
    this.#clientIds.delete(groupId)
    this.#groups.delete(groupId)
    this.#untrack(groupId)
  }

  #changed(group: ClassicGroup): void {
    this.#forgetLeft(group)
    if (group.state === 'Empty') this.#engine.groups.get(group.id)?.emptied()
    else this.#engine.groupCoordinator.hold(group.id, this.#topicsOf(group))
    this.#engine.touch()
  }

  #forgetLeft({ id, members }: Pick<ClassicGroup, 'id' | 'members'>): void {
    const left = this.#clientIds.get(id)
    const there = new Set(members.map(({ memberId }) => memberId))
    for (const [memberId, clientId] of left ?? []) {
      if (there.has(memberId)) continue
      left!.delete(memberId)
      this.#firstFetches.left(clientId, memberId)
    }
  }

  #topicsOf({ members }: ClassicGroup): string[] {
    return members.flatMap(({ metadata }) => topicsIn(metadata, this.#engine.topics))
  }

  // Counts for `idle`: what a member was given and has not committed is work that somebody does.
  #track(group: ClassicGroup): void {
    const client: EngineClient = {
      groupId: group.id,
      pending: () => this.#pending(group),
      paused: [],
      unread: () => 0,
      close: async () => [],
    }
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
      readAssignment(assignment).flatMap(tp => {
        const lag = this.#lag(group.id, clientId, tp)
        return lag === 0
          ? []
          : [
              `${memberId} of group '${group.id}': ${lag} records of ${formatTopicPartition(tp)} delivered, not committed`,
            ]
      }),
    )
  }

  // Where nothing is committed its client begins where it likes.
  #lag(groupId: string, clientId: string, { topic, partition }: TopicPartition): number {
    const log = this.#engine.topics.get(topic)?.partitions[partition]
    if (log === undefined) return 0
    const committed = this.#engine.groups.get(groupId)?.committed({ topic, partition })
    return log.countFrom(committed?.offset ?? this.#firstFetches.of(clientId, log) ?? 0)
  }

  /** No client is served any more. */
  close(): void {
    this.#engine.events.off('memberJoined', this.#memberJoined)
    this.#engine.events.off('memberLeft', this.#memberLeft)
    this.#engine.events.off('groupDeleted', this.#groupDeleted)
    this.#engine.groupCoordinator.holders.delete(this)
    for (const mixed of this.#mixed.values()) mixed.close()
    for (const groupId of [...this.#groups.keys()]) this.delete(groupId)
  }
}

// As its client and its leader have told each other.
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

// Of those that a client subscribes to the ones that are there.
function topicsIn(metadata: Uint8Array, topics: ReadonlyMap<string, unknown>): string[] {
  return readSubscription(metadata)?.topics.filter(name => topics.has(name)) ?? []
}

function entryOf<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

export function errnoOf(code: ErrorCode | undefined): number {
  return code === undefined ? 0 : errorCodes[code].errno
}

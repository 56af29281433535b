import type { Broker } from '../broker.ts'
import type { MemberRequest, MembershipListener } from '../engine.ts'
import type { ErrorCode } from '../error-codes.ts'
import { GroupIdNotFoundError, isBrokerletError } from '../errors.ts'
import type { ClassicLeaver, ClassicMember } from '../group/classic-member.ts'
import {
  agreesOn,
  type ClassicIdentity,
  type ClassicJoin,
  type ClassicJoined,
  type ClassicSync,
  type ClassicSynced,
  notJoined,
  notSynced,
} from '../group/classic-protocol.ts'
import { claimsOf } from './claims.ts'
import { type ClassicClient, ClassicConsumerMember } from './classic-consumer-member.ts'
import {
  type ConsumerSubscription,
  hasUserData,
  readSubscription,
  versionOf,
  writeAssignment,
} from './consumer-protocol.ts'

/** What a mixed group needs of its owner. */
export interface MixedGroupHost {
  readonly engine: Broker['engine']
  newMemberId(clientId: string): string
}

type Timer = 'session' | 'rebalance'

const protocolType = 'consumer'

/**
 * The members of a `ConsumerGroup` whose clients speak the classic protocol, beside members that do not. The group
 * assigns for all: a classic member is answered at once, and told to join again when there is something new for it.
 * (KIP-848, online migration; Kafka: classicGroupJoinToConsumerGroup and its like)
 */
export class MixedGroup {
  readonly id: string
  readonly #host: MixedGroupHost
  readonly #members = new Map<string, ClassicConsumerMember>()
  // Ids that were handed out, and with which no client has joined yet.
  readonly #promised = new Set<string>()

  constructor(id: string, host: MixedGroupHost) {
    this.id = id
    this.#host = host
  }

  get size(): number {
    return this.#members.size
  }

  get(memberId: string): ClassicConsumerMember | undefined {
    return this.#members.get(memberId)
  }

  get #epoch(): number {
    return this.#host.engine.groups.get(this.id)!.epoch
  }

  // --- joining ------------------------------------------------------------------------------------------------------

  /** Answers at once: the other members are not waited for. */
  join(request: ClassicJoin, answer: (joined: ClassicJoined) => void): void {
    const { memberId, groupInstanceId, clientId } = request
    const refuse = (error: ErrorCode, id = '') => answer(notJoined(error, id))
    const subscription = this.#subscriptionOf(request)
    if (subscription === undefined) return refuse('INCONSISTENT_GROUP_PROTOCOL')
    if (memberId === '' && groupInstanceId === null && request.requireKnownMemberId) {
      return refuse('MEMBER_ID_REQUIRED', this.#promise(clientId, request.sessionTimeoutMs))
    }
    const known = this.#members.get(memberId)
    const wrong = memberId === '' ? undefined : this.#checkInstance(memberId, groupInstanceId)
    if (wrong !== undefined) return refuse(wrong)
    // A member that was removed has to hear of it, or it would go on with partitions that others have by now.
    if (memberId !== '' && known === undefined && !this.#promised.has(memberId))
      return refuse('UNKNOWN_MEMBER_ID')
    try {
      if (known !== undefined) this.#rejoin(known, request, subscription)
      answer(this.#joinedAs(known ?? this.#add(request, subscription)))
    } catch (error) {
      if (!isBrokerletError(error)) throw error
      refuse(error.code)
    }
  }

  // Hands out an id to join with (KIP-394).
  #promise(clientId: string, sessionTimeoutMs: number): string {
    const memberId = this.#host.newMemberId(clientId)
    this.#promised.add(memberId)
    this.#schedule('session', memberId, sessionTimeoutMs, () => this.#promised.delete(memberId))
    return memberId
  }

  // Members that can go back to a group whose leader assigns need a protocol that all of them have.
  #subscriptionOf({ memberId, protocols, ...request }: ClassicJoin): ConsumerSubscription | undefined {
    if (request.protocolType !== protocolType || protocols.length === 0) return undefined
    const others = [...this.#members.values()].filter(other => other.memberId !== memberId)
    const common = protocols.some(({ name }) =>
      others.every(({ client }) => client.protocols.some(each => each.name === name)),
    )
    return common ? readSubscription(protocols[0]!.metadata) : undefined
  }

  #add(request: ClassicJoin, { topics }: ConsumerSubscription): ClassicConsumerMember {
    const { groupInstanceId, clientId } = request
    const memberId = request.memberId || this.#host.newMemberId(groupInstanceId ?? clientId)
    const member = this.#newMember({ ...request, memberId }, topics)
    member.join(listener => this.#host.engine.join(this.#requestOf(member), listener))
    this.#promised.delete(memberId)
    this.#members.set(memberId, member)
    return member
  }

  #newMember(
    member: ClassicClient & Pick<ClassicMember, 'memberId' | 'groupInstanceId'>,
    topics: readonly string[],
  ): ClassicConsumerMember {
    const { memberId, groupInstanceId } = member
    const { clock } = this.#host.engine
    return new ClassicConsumerMember(memberId, groupInstanceId, clock, clientOf(member), topics, removed =>
      this.#forget(removed),
    )
  }

  #requestOf({ memberId, groupInstanceId, client, topics }: ClassicConsumerMember): MemberRequest {
    const { clientId, rebalanceTimeoutMs, sessionTimeoutMs } = client
    return {
      memberId,
      groupId: this.id,
      clientId,
      groupInstanceId,
      interest: { kind: 'topics', names: topics },
      assignor: undefined,
      rebalanceTimeoutMs,
      sessionTimeoutMs,
      rejoins: true,
      createsTopics: false,
    }
  }

  // A partition that the member no longer names among its own is free.
  #rejoin(
    member: ClassicConsumerMember,
    request: ClassicJoin,
    { topics, owned }: ConsumerSubscription,
  ): void {
    member.client = clientOf(request)
    member.has(owned)
    if (sameNames(member.topics, topics)) return
    member.subscribe({ kind: 'topics', names: topics })
    member.topics = topics
  }

  #joinedAs(member: ClassicConsumerMember): ClassicJoined {
    // As long as it has partitions to give up it keeps its generation.
    member.advance(this.#epoch)
    member.changed = false
    this.#heard(member)
    this.#limit(member)
    return {
      error: undefined,
      memberId: member.memberId,
      generation: member.epoch,
      protocolType,
      protocol: member.chosen.name,
      leader: '',
      members: [],
      skipAssignment: false,
    }
  }

  // --- staying and going --------------------------------------------------------------------------------------------

  /** Answers at once with the member's assignment, or that it has to join again. */
  sync(request: ClassicSync, answer: (synced: ClassicSynced) => void): void {
    const member = this.#find(request)
    const refuse = (error: ErrorCode) => answer(notSynced(error))
    if (typeof member === 'string') return refuse(member)
    if (!agreesOn(request, protocolType, member.chosen.name)) return refuse('INCONSISTENT_GROUP_PROTOCOL')
    this.#heard(member)
    if (member.changed) return refuse('REBALANCE_IN_PROGRESS')
    this.#unschedule('rebalance', member.memberId)
    const assignment = writeAssignment(member.assignment, versionOf(member.chosen.metadata))
    answer({ error: undefined, protocolType, protocol: member.chosen.name, assignment })
  }

  /** Keeps a member's session alive; returns REBALANCE_IN_PROGRESS if it has to join again, or why it is refused. */
  heartbeat(identity: ClassicIdentity): ErrorCode | undefined {
    const member = this.#find(identity)
    if (typeof member === 'string') return member
    this.#heard(member)
    if (!member.outdated) return undefined
    const { clock } = this.#host.engine
    if (!clock.scheduled(this.#timer('rebalance', member.memberId))) this.#limit(member)
    return 'REBALANCE_IN_PROGRESS'
  }

  /** The member that asks, or why it may not. */
  #find({ memberId, generation, groupInstanceId }: ClassicIdentity): ClassicConsumerMember | ErrorCode {
    const wrong = this.#checkInstance(memberId, groupInstanceId)
    if (wrong !== undefined) return wrong
    const member = this.#members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    return member.epoch === generation ? member : 'ILLEGAL_GENERATION'
  }

  /**
   * The member that commits, or why it may not. Unlike its other requests, a commit goes by the member's id alone, and
   * may name an older generation, which counts for what the member has since. (Kafka: ConsumerGroup.validateOffsetCommit)
   */
  findCommitter({ memberId, generation }: ClassicIdentity): ClassicConsumerMember | ErrorCode {
    const member = this.#members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    return generation <= member.epoch ? member : 'ILLEGAL_GENERATION'
  }

  #checkInstance(memberId: string, groupInstanceId: string | null): ErrorCode | undefined {
    if (groupInstanceId === null) return undefined
    if (this.#members.get(memberId)?.groupInstanceId === groupInstanceId) return undefined
    return this.#memberOf(groupInstanceId) === undefined ? 'UNKNOWN_MEMBER_ID' : 'FENCED_INSTANCE_ID'
  }

  // Finds members of either protocol.
  #memberOf(groupInstanceId: string): string | undefined {
    return this.#host.engine.groups.get(this.id)?.holderOf(groupInstanceId)
  }

  /**
   * A member leaves, named by its id or by its instance id alone. One that does not speak the classic protocol does not
   * leave in this way: here an administrator removes it. (Kafka: removeMembersFromConsumerGroup)
   */
  leave(memberId: string, groupInstanceId: string | null): ErrorCode | undefined {
    if (this.#promised.delete(memberId)) return void this.#unschedule('session', memberId)
    const known = groupInstanceId === null ? memberId : this.#memberOf(groupInstanceId)
    if (known === undefined) return 'UNKNOWN_MEMBER_ID'
    if (memberId !== '' && memberId !== known) return 'FENCED_INSTANCE_ID'
    const member = this.#members.get(known)
    if (member !== undefined) return void this.#remove(member)
    return this.#host.engine.groups.get(this.id)?.expel(known) ? undefined : 'UNKNOWN_MEMBER_ID'
  }

  #remove(member: ClassicConsumerMember): void {
    this.#forget(member)
    member.leave(false)
  }

  #forget({ memberId }: ClassicConsumerMember): void {
    this.#unschedule('session', memberId)
    this.#unschedule('rebalance', memberId)
    this.#members.delete(memberId)
  }

  // The member's session timeout starts anew.
  #heard(member: ClassicConsumerMember): void {
    const { sessionTimeoutMs } = member.client
    this.#schedule('session', member.memberId, sessionTimeoutMs, () => this.#remove(member))
  }

  // The member has to join again, or to ask for its assignment, within its rebalance timeout.
  #limit(member: ClassicConsumerMember): void {
    const { rebalanceTimeoutMs } = member.client
    this.#schedule('rebalance', member.memberId, rebalanceTimeoutMs, () => this.#remove(member))
  }

  #schedule(what: Timer, memberId: string, delayMs: number, callback: () => void): void {
    this.#host.engine.clock.schedule(this.#timer(what, memberId), delayMs, callback)
  }

  #unschedule(what: Timer, memberId: string): void {
    this.#host.engine.clock.unschedule(this.#timer(what, memberId))
  }

  #timer(what: Timer, memberId: string): string {
    return `group '${this.id}': ${what} of classic ${memberId}`
  }

  // --- another way of assigning -------------------------------------------------------------------------------------

  /**
   * Takes over all members of a group whose leader assigned, with their partitions.
   *
   * @throws GroupIdNotFoundError if a member is not a consumer, or its assignor tells it more than partitions; nothing
   *   has changed then
   */
  takeOver(from: {
    readonly members: readonly ClassicMember[]
    readonly protocolType: string | null
    handOver(): readonly ClassicLeaver[]
  }): void {
    const subscriptions = from.members.map(({ protocols }) => readSubscription(protocols[0]!.metadata))
    if (from.protocolType !== protocolType || subscriptions.includes(undefined)) {
      throw new GroupIdNotFoundError(
        `Group '${this.id}' has Kafka clients that do not use the protocol type 'consumer', or send no subscription, so no other member can join it`,
        { groupId: this.id },
      )
    }
    // Whoever assigns next could not tell them that. (Kafka: ConsumerGroup.fromClassicGroup)
    if (from.members.some(({ assignment }) => hasUserData(assignment))) {
      throw new GroupIdNotFoundError(
        `Group '${this.id}' has Kafka clients whose assignor tells them more than partitions, so no other member can join it`,
        { groupId: this.id },
      )
    }
    const claims = claimsOf(from.members, subscriptions as ConsumerSubscription[])
    from.handOver().forEach((leaver, i) => {
      const member = this.#newMember(leaver, subscriptions[i]!.topics)
      member.epoch = leaver.generation
      const adopt = (listener: MembershipListener) =>
        this.#host.engine.groupCoordinator.adopt(
          this.#requestOf(member),
          listener,
          claims[i]!,
          leaver.generation,
        )
      member.join(adopt)
      this.#members.set(member.memberId, member)
      this.#heard(member)
      leaver.joining?.(this.#joinedAs(member))
      // They have to join again, since another member is about to join.
      member.changed = true
    })
  }

  /** Hands all members over to a group whose leader assigns. */
  handOver(): readonly ClassicMember[] {
    const leavers = [...this.#members.values()]
    const members = leavers.map(member => member.toClassicMember())
    for (const member of leavers) this.#forget(member)
    this.#breakPromises()
    for (const member of leavers) member.leave(false)
    return members
  }

  /** Removes all members, since no client is served any more. */
  close(): void {
    for (const member of [...this.#members.values()]) this.#remove(member)
    this.#breakPromises()
  }

  #breakPromises(): void {
    for (const memberId of this.#promised) this.#unschedule('session', memberId)
    this.#promised.clear()
  }
}

function clientOf({
  clientId,
  sessionTimeoutMs,
  rebalanceTimeoutMs,
  protocols,
}: ClassicClient): ClassicClient {
  return { clientId, sessionTimeoutMs, rebalanceTimeoutMs, protocols }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  const { size } = new Set([...a, ...b])
  return size === new Set(a).size && size === new Set(b).size
}

import type { BrokerClock } from '../broker-clock.ts'
import type { ErrorCode } from '../error-codes.ts'
import {
  type ClassicLeaver,
  type ClassicMember,
  type DescribedClassicMember,
  type JoinedClassicMember,
  offersTheSame,
} from './classic-member.ts'
import { ClassicMembers } from './classic-members.ts'
import {
  agreesOn,
  type ClassicIdentity,
  type ClassicJoin,
  type ClassicJoined,
  type ClassicSync,
  type ClassicSynced,
  notJoined,
  notSynced,
} from './classic-protocol.ts'

/** What a classic group needs of its keeper. */
export interface ClassicGroupHost {
  readonly clock: BrokerClock
  /** How long the first join of an empty group waits for more members, in milliseconds. */
  readonly initialRebalanceDelayMs: number
  newMemberId(clientId: string): string
  /** The members or their assignments have changed; not for each that leaves while the others join. */
  changed(group: ClassicGroup): void
  /** A member is gone. Many may go at once, so this must not take longer where there are many. */
  left(group: ClassicGroup, memberId: string): void
  /** A member id that was given will not be used. */
  forgotten(group: ClassicGroup): void
}

/** A group's state, in the words of Kafka's classic protocol. */
export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

// (Kafka: classicGroupNewMemberJoinTimeoutMs)
const newMemberJoinTimeoutMs = 5 * 60_000
const nothing = new Uint8Array(0)

/**
 * A group whose leader assigns in its client, by Kafka's classic protocol: all members join, the leader assigns
 * partitions, and all members learn their assignment. (Kafka: GroupCoordinator, KIP-62, KIP-345, KIP-394)
 */
export class ClassicGroup {
  readonly id: string
  readonly #host: ClassicGroupHost
  readonly #members = new ClassicMembers()
  // The ids that were given to members which have not joined with them yet.
  readonly #pending = new Set<string>()
  // The ids that have not asked for their assignment in this generation. One that is replaced meanwhile never will.
  #unsynced = new Set<string>()
  #state: ClassicState = 'Empty'
  #generation = 0
  #protocolType: string | null = null
  #protocol: string | null = null
  #subscriptions: readonly Uint8Array[] | undefined
  #leader = ''

  constructor(id: string, host: ClassicGroupHost) {
    this.id = id
    this.#host = host
  }

  get state(): ClassicState {
    return this.#state
  }

  /** Whether nobody is in it, nor was given an id to join with. */
  get unused(): boolean {
    return this.#state === 'Empty' && this.#pending.size === 0
  }

  get generation(): number {
    return this.#generation
  }

  get protocolType(): string | null {
    return this.#protocolType
  }

  get protocol(): string | null {
    return this.#protocol
  }

  get members(): readonly DescribedClassicMember[] {
    return this.#members.all().map(member => ({ ...member, metadata: this.#metadataOf(member) }))
  }

  /**
   * What the members of the present generation said by its protocol, also while they join the next one; undefined
   * before the first. (Kafka: ClassicGroup.subscribedTopics)
   */
  get subscriptions(): readonly Uint8Array[] | undefined {
    return this.#subscriptions
  }

  // --- joining ------------------------------------------------------------------------------------------------------

  /** Answers at once, or when all members have joined. */
  join(request: ClassicJoin, answer: (joined: ClassicJoined) => void): void {
    const refuse = (error: ErrorCode, memberId = request.memberId) => answer(notJoined(error, memberId))
    if (this.#state === 'Dead') return refuse('UNKNOWN_MEMBER_ID')
    if (!this.#members.fit(request, this.#protocolType)) return refuse('INCONSISTENT_GROUP_PROTOCOL')
    if (request.groupInstanceId !== null) return this.#joinStatic(request, request.groupInstanceId, answer)
    if (request.memberId === '') {
      const memberId = this.#host.newMemberId(request.clientId)
      if (!request.requireKnownMemberId) return this.#add(request, memberId, answer)
      this.#pending.add(memberId)
      this.#schedule(memberId, request.sessionTimeoutMs, () => this.#forgetPending(memberId))
      return refuse('MEMBER_ID_REQUIRED', memberId)
    }
    if (this.#pending.delete(request.memberId)) return this.#add(request, request.memberId, answer)
    const member = this.#members.get(request.memberId)
    if (member === undefined) return refuse('UNKNOWN_MEMBER_ID')
    this.#rejoin(member, request, answer)
  }

  #forgetPending(memberId: string): boolean {
    if (!this.#pending.delete(memberId)) return false
    this.#unschedule(memberId)
    this.#completeIfAllJoined()
    this.#host.forgotten(this)
    return true
  }

  #joinStatic(request: ClassicJoin, groupInstanceId: string, answer: (joined: ClassicJoined) => void): void {
    const known = this.#members.idOf(groupInstanceId)
    if (known === undefined) {
      if (request.memberId !== '') return answer(notJoined('UNKNOWN_MEMBER_ID', request.memberId))
      return this.#add(request, this.#host.newMemberId(groupInstanceId), answer)
    }
    const member = this.#members.get(known)!
    if (request.memberId === known) return this.#rejoin(member, request, answer)
    if (request.memberId !== '') return answer(notJoined('FENCED_INSTANCE_ID', request.memberId))
    this.#replace(member, request, groupInstanceId, answer)
  }

  // A static member has restarted. It takes its place again without a rebalance while the group's protocol stays the
  // same; a new subscription counts from the next rebalance. Between joining and assigning, the leader knows the member
  // by its former id, so then all members join again. (Kafka: updateStaticMemberThenRebalanceOrCompleteJoin)
  #replace(
    member: JoinedClassicMember,
    request: ClassicJoin,
    groupInstanceId: string,
    answer: (joined: ClassicJoined) => void,
  ): void {
    const former = member.memberId
    member.joining?.(notJoined('FENCED_INSTANCE_ID', former))
    member.syncing?.(notSynced('FENCED_INSTANCE_ID'))
    member.syncing = undefined
    this.#unschedule(former)
    this.#members.rename(member, this.#host.newMemberId(groupInstanceId))
    const led = this.#leader === former
    if (led) this.#leader = member.memberId
    this.#update(member, request)
    if (this.#state !== 'Stable' || this.#members.vote() !== this.#protocol) {
      // The former is gone once the next is there, so its client is known all the time.
      member.joining = joined => {
        answer(joined)
        this.#host.left(this, former)
      }
      return this.#prepare()
    }
    this.#heard(member)
    const joined = this.#joinedAs(member)
    // A leader that does not know `skipAssignment` is not told that it leads, or it would assign anew (KAFKA-7728).
    if (!led) answer(joined)
    else if (request.canSkipAssignment) answer({ ...joined, skipAssignment: true })
    else answer({ ...joined, leader: former, members: [] })
    this.#host.left(this, former)
    this.#host.changed(this)
  }

  #add(request: ClassicJoin, memberId: string, answer: (joined: ClassicJoined) => void): void {
    const member: JoinedClassicMember = {
      memberId,
      groupInstanceId: request.groupInstanceId,
      clientId: request.clientId,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      protocols: request.protocols,
      generation: this.#generation,
      assignment: nothing,
      joining: answer,
      syncing: undefined,
    }
    this.#members.add(member)
    this.#protocolType = request.protocolType
    // A client that is gone without a word must not be waited for as long as the others have time to join.
    this.#schedule(memberId, newMemberJoinTimeoutMs, () => this.#remove(member))
    this.#prepare()
  }

  #rejoin(member: JoinedClassicMember, request: ClassicJoin, answer: (joined: ClassicJoined) => void): void {
    const same = offersTheSame(member, request)
    const settled = this.#state === 'Stable' && same && member.memberId !== this.#leader
    // The member joins again because it did not get the answer.
    const repeated = this.#state === 'CompletingRebalance' && same
    this.#update(member, request)
    if (settled || repeated) {
      this.#heard(member)
      return answer(this.#joinedAs(member))
    }
    member.joining = answer
    this.#prepare()
  }

  #update(member: JoinedClassicMember, request: ClassicJoin): void {
    member.clientId = request.clientId
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    this.#members.offer(member, request.protocols)
  }

  #prepare(): void {
    if (this.#state !== 'PreparingRebalance') {
      const first = this.#state === 'Empty'
      this.#unschedule('sync')
      if (this.#state === 'CompletingRebalance') this.#interruptSync()
      this.#state = 'PreparingRebalance'
      const delayMs = first ? this.#host.initialRebalanceDelayMs : 0
      if (delayMs > 0) {
        this.#schedule('initial delay', delayMs, () => this.#completeJoin())
        return this.#host.changed(this)
      }
      this.#scheduleCompletion()
      this.#host.changed(this)
    }
    this.#completeIfAllJoined()
  }

  #scheduleCompletion(): void {
    this.#schedule('rebalance', this.#members.rebalanceTimeoutMs, () => this.#completeJoin())
  }

  #interruptSync(): void {
    for (const member of this.#members) {
      member.assignment = nothing
      this.#answerSync(member, notSynced('REBALANCE_IN_PROGRESS'))
    }
  }

  // Its session begins anew, as it could not be heard of while it waited.
  #answerSync(member: JoinedClassicMember, answer: ClassicSynced): void {
    const { syncing } = member
    if (syncing === undefined) return
    member.syncing = undefined
    this.#heard(member)
    syncing(answer)
  }

  #completeIfAllJoined(): void {
    if (this.#state !== 'PreparingRebalance' || this.#host.clock.scheduled(this.#timer('initial delay')))
      return
    if (this.#pending.size > 0) return
    for (const { joining } of this.#members) if (joining === undefined) return
    this.#completeJoin()
  }

  // Removes members that have not joined again in time; a static member stays.
  #completeJoin(): void {
    this.#unschedule('rebalance')
    this.#unschedule('initial delay')
    for (const member of this.#members.all()) {
      if (member.joining === undefined && member.groupInstanceId === null) this.#forget(member)
    }
    if (this.#members.size === 0) return this.#endGeneration()
    const leader = this.#joinedLeader()
    // Only static members are left, and none is there: nobody could assign until one is back or its session over.
    if (leader === undefined) return this.#scheduleCompletion()
    this.#leader = leader
    this.#generation++
    this.#choose(this.#members.vote())
    this.#state = 'CompletingRebalance'
    for (const member of this.#members.all()) {
      const { joining } = member
      member.joining = undefined
      member.generation = this.#generation
      this.#heard(member)
      joining?.(this.#joinedAs(member))
    }
    // Members that do not sync in time, the leader included, are removed as well.
    this.#unsynced = new Set(this.#members.all().map(({ memberId }) => memberId))
    this.#schedule('sync', this.#members.rebalanceTimeoutMs, () => this.#expireSync())
    this.#host.changed(this)
  }

  // The leader stays the same if it has joined. (Kafka: ClassicGroup.maybeElectNewJoinedLeader)
  #joinedLeader(): string | undefined {
    if (this.#members.get(this.#leader)?.joining !== undefined) return this.#leader
    return this.#members.all().find(({ joining }) => joining !== undefined)?.memberId
  }

  #endGeneration(): void {
    this.#generation++
    this.#becomeEmpty()
  }

  #becomeEmpty(): void {
    this.#state = 'Empty'
    this.#choose(null)
    this.#unschedule('sync')
    this.#host.changed(this)
  }

  #choose(protocol: string | null): void {
    this.#protocol = protocol
    this.#subscriptions = this.#members.all().map(member => this.#metadataOf(member))
  }

  #expireSync(): void {
    for (const memberId of this.#unsynced) {
      const member = this.#members.get(memberId)
      if (member !== undefined) this.#forget(member)
    }
    if (this.#members.size === 0) this.#endGeneration()
    else this.#prepare()
  }

  #joinedAs(member: JoinedClassicMember): ClassicJoined {
    const leads = member.memberId === this.#leader
    return {
      error: undefined,
      memberId: member.memberId,
      generation: this.#generation,
      protocolType: this.#protocolType,
      protocol: this.#protocol,
      leader: this.#leader,
      members: leads
        ? this.#members.all().map(each => ({
            memberId: each.memberId,
            groupInstanceId: each.groupInstanceId,
            metadata: this.#metadataOf(each),
          }))
        : [],
      skipAssignment: false,
    }
  }

  #metadataOf(member: JoinedClassicMember): Uint8Array {
    return member.protocols.find(({ name }) => name === this.#protocol)?.metadata ?? nothing
  }

  // --- assigning ----------------------------------------------------------------------------------------------------

  /** Answers at once, or when the leader has assigned. */
  sync(request: ClassicSync, answer: (synced: ClassicSynced) => void): void {
    const refuse = (error: ErrorCode) => answer(notSynced(error))
    const error = this.#members.check(request)
    if (error !== undefined) return refuse(error)
    if (!agreesOn(request, this.#protocolType, this.#protocol)) return refuse('INCONSISTENT_GROUP_PROTOCOL')
    const { assignments } = request
    const member = this.#members.get(request.memberId)!
    if (this.#state === 'PreparingRebalance') return refuse('REBALANCE_IN_PROGRESS')
    this.#heard(member)
    this.#unsynced.delete(member.memberId)
    if (this.#unsynced.size === 0) this.#unschedule('sync')
    if (this.#state === 'Stable') return answer(this.#synced(member.assignment))
    member.syncing = answer
    if (member.memberId !== this.#leader) return
    const given = new Map(assignments.map(each => [each.memberId, each.assignment]))
    this.#state = 'Stable'
    for (const each of this.#members) {
      // A copy, since it outlives the frame that it came in.
      each.assignment = Uint8Array.from(given.get(each.memberId) ?? nothing)
      this.#answerSync(each, this.#synced(each.assignment))
    }
    this.#host.changed(this)
  }

  #synced(assignment: Uint8Array): ClassicSynced {
    return { error: undefined, protocolType: this.#protocolType, protocol: this.#protocol, assignment }
  }

  // --- staying and going --------------------------------------------------------------------------------------------

  /** Notes that a member is alive; the answer tells it whether to join again. */
  heartbeat(identity: ClassicIdentity): ErrorCode | undefined {
    const error = this.#members.check(identity)
    if (error !== undefined) return error
    this.#heard(this.#members.get(identity.memberId)!)
    return this.#state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : undefined
  }

  /**
   * Whether a member's commit counts. A group without members accepts commits that name no member. While the leader
   * assigns, members commit only in transactions. (Kafka: ClassicGroup.validateOffsetCommit)
   */
  checkCommit(identity: ClassicIdentity, transactional = false): ErrorCode | undefined {
    if (identity.generation < 0 && this.#members.size === 0) return undefined
    const error = this.#members.check(identity)
    if (error !== undefined) return error
    return this.#state === 'CompletingRebalance' && !transactional ? 'REBALANCE_IN_PROGRESS' : undefined
  }

  /** Removes a member; by its instance id where no member id is given. */
  leave(memberId: string, groupInstanceId: string | null): ErrorCode | undefined {
    if (groupInstanceId === null && this.#forgetPending(memberId)) return undefined
    const found = this.#members.find(memberId, groupInstanceId)
    if (typeof found === 'string') return found
    this.#remove(found)
    return undefined
  }

  #remove(member: JoinedClassicMember): void {
    this.#forget(member)
    if (this.#state === 'PreparingRebalance') this.#afterLoss()
    else if (this.#members.size === 0) this.#endGeneration()
    else this.#prepare()
  }

  #afterLoss(): void {
    if (this.#members.size === 0 && this.#pending.size === 0) this.#completeJoin()
    else this.#completeIfAllJoined()
  }

  #forget(member: JoinedClassicMember): void {
    const { joining, syncing, memberId } = member
    member.joining = undefined
    member.syncing = undefined
    joining?.(notJoined('UNKNOWN_MEMBER_ID', ''))
    syncing?.(notSynced('UNKNOWN_MEMBER_ID'))
    this.#unschedule(memberId)
    this.#members.delete(member)
    this.#host.left(this, memberId)
  }

  // Restarts the member's session. One that waits for an answer cannot be heard of, and stays.
  // (Kafka: ClassicGroupMember.hasSatisfiedHeartbeat)
  #heard(member: JoinedClassicMember): void {
    this.#schedule(member.memberId, member.sessionTimeoutMs, () => {
      if (member.joining === undefined && member.syncing === undefined) this.#remove(member)
    })
  }

  // --- another way of assigning -------------------------------------------------------------------------------------

  /** Hands all members to a consumer group, which leaves this group empty. (KIP-848, online migration) */
  handOver(): readonly ClassicLeaver[] {
    const leavers = this.#members.all().map(member => ({ ...member }))
    for (const { memberId, syncing } of leavers) {
      this.#unschedule(memberId)
      syncing?.(notSynced('REBALANCE_IN_PROGRESS'))
    }
    for (const timer of ['rebalance', 'initial delay', ...this.#pending]) this.#unschedule(timer)
    this.#members.clear()
    for (const { memberId } of leavers) this.#host.left(this, memberId)
    this.#pending.clear()
    this.#becomeEmpty()
    return leavers
  }

  /** Takes members back: they have to join again, and keep the generation that they know until then. */
  takeBack(members: readonly ClassicMember[], protocolType: string, generation: number): void {
    this.#generation = Math.max(this.#generation, generation)
    this.#protocolType = protocolType
    for (const each of members) {
      const member = { ...each, joining: undefined, syncing: undefined }
      this.#members.add(member)
      this.#heard(member)
    }
    this.#choose(this.#members.vote())
    // The members have been together before, so the group does not wait for others.
    this.#state = 'Stable'
    this.#prepare()
  }

  /** Ends the group, and answers every waiting request with an error. */
  delete(): void {
    for (const member of this.#members.all()) this.#forget(member)
    for (const timer of ['rebalance', 'initial delay', 'sync', ...this.#pending]) this.#unschedule(timer)
    this.#state = 'Dead'
  }

  #schedule(what: string, delayMs: number, callback: () => void): void {
    this.#host.clock.schedule(this.#timer(what), delayMs, callback)
  }

  #unschedule(what: string): void {
    this.#host.clock.unschedule(this.#timer(what))
  }

  #timer(what: string): string {
    return `classic group '${this.id}': ${what}`
  }
}

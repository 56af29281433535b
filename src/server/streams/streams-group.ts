import type { ErrorCode } from '../../error-codes.ts'
import { BrokerletError } from '../../errors.ts'
import type { Topic } from '../../log/topic.ts'
import type { TopicPartition } from '../../topic-partition.ts'
import { memberEpochs, unknownMember } from '../member-heartbeat.ts'
import type { MakeTopic } from './configured-topology.ts'
import { GroupTopology } from './group-topology.ts'
import { isReconciledTo, reconcile, TaskOwners } from './reconciliation.ts'
import { assignSticky } from './sticky-assignor.ts'
import { requireOffsets, type StreamsHeartbeat, type UserEndpoint } from './streams-heartbeat.ts'
import {
  isAway,
  isNews,
  newStreamsMember,
  nothingHeld,
  type StreamsMember,
  saidWith,
  successorOf,
} from './streams-member.ts'
import { StreamsMembers } from './streams-members.ts'
import { formatTask, noTasks } from './tasks.ts'
import { readerOf } from './topology.ts'
import { type StreamsStatus, status } from './topology-status.ts'

/** A streams group's state, in Kafka's words. `NotReady` means that its topics are not as its topology needs them. */
export type StreamsGroupState = 'Empty' | 'NotReady' | 'Assigning' | 'Reconciling' | 'Stable'

/** What a streams group needs of `StreamsGroups`. */
export interface StreamsGroupHost {
  readonly topics: ReadonlyMap<string, Topic>
  readonly standbyReplicas: number
  /** The client tags that each member is to have. */
  readonly clientTags: readonly string[]
  /** Whether the group still waits for further members before it assigns tasks. */
  readonly delayed: boolean
}

/**
 * A streams group: its members and their tasks. The broker compares their topology with its topics, creates the internal
 * ones, assigns the tasks, and leads each member to its target. (KIP-1071; Kafka: StreamsGroup)
 */
export class StreamsGroup {
  readonly id: string
  /** What its members run. */
  readonly topology: GroupTopology
  readonly #host: StreamsGroupHost
  readonly #members = new StreamsMembers()
  #epoch = 1
  #assignmentEpoch = 1
  // The epoch of the topology whose tasks can be assigned; -1 if they cannot.
  #validatedEpoch = -1
  // The topics as they were when the epoch was last raised.
  #topics: string | undefined = ''
  #standbyReplicas = 0
  #clientTags: readonly string[] = []
  #endpointEpoch = 0
  #shutdownBy: string | undefined

  constructor(id: string, host: StreamsGroupHost) {
    this.id = id
    this.topology = new GroupTopology(id, host.topics)
    this.#host = host
  }

  get epoch(): number {
    return this.#epoch
  }

  get assignmentEpoch(): number {
    return this.#assignmentEpoch
  }

  /** The epoch of the endpoints that members are told, with the partitions behind each. */
  get endpointEpoch(): number {
    return this.#endpointEpoch
  }

  get members(): readonly StreamsMember[] {
    return [...this.#members.all]
  }

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  get state(): StreamsGroupState {
    if (this.isEmpty) return 'Empty'
    if (this.topology.said?.epoch !== this.#validatedEpoch) return 'NotReady'
    if (this.#epoch > this.#assignmentEpoch) return 'Assigning'
    const reconciled = this.members.every(member => isReconciledTo(member, this.#assignmentEpoch))
    return reconciled ? 'Stable' : 'Reconciling'
  }

  /** Whether all members that are not away have what they are to have. */
  get isSettled(): boolean {
    const isDone = (member: StreamsMember) => isAway(member) || isReconciledTo(member, this.#assignmentEpoch)
    return this.state === 'Stable' || (this.state === 'Reconciling' && this.members.every(isDone))
  }

  get(memberId: string): StreamsMember | undefined {
    return this.#members.get(memberId)
  }

  /** The static member of that instance id. */
  ofInstance(instanceId: string | undefined): StreamsMember | undefined {
    return instanceId === undefined ? undefined : this.#members.ofInstance(instanceId)
  }

  /** Whether the group has members that read a topic. */
  reads(topic: string): boolean {
    return !this.isEmpty && this.topology.sourceTopics.includes(topic)
  }

  // --- joining and staying ------------------------------------------------------------------------------------------

  /**
   * Takes a member in, or keeps it in the group. A heartbeat that is refused changes nothing, except that internal topics
   * may have been created.
   *
   * @throws BrokerletError why it is refused
   */
  heartbeat(beat: StreamsHeartbeat, makeTopic: MakeTopic): StreamsMember {
    const joins = beat.memberEpoch === memberEpochs.joins
    const away = joins ? this.#awayAs(beat) : undefined
    const known = joins ? this.#members.get(beat.memberId) : this.#requireMember(beat)
    if (!joins) this.#requireEpoch(known!, beat)
    const topology = this.topology.compared(beat, makeTopic)
    this.topology.requireTasks(beat)
    requireOffsets(beat)
    const member = away ? successorOf(away, beat) : (known ?? newStreamsMember(beat))
    const { said: before } = member
    if (away !== undefined) this.#members.remove(away)
    this.#members.enter(member, saidWith(before, beat))
    member.taskOffsets = beat.taskOffsets ?? member.taskOffsets
    member.taskEndOffsets = beat.taskEndOffsets ?? member.taskEndOffsets
    this.topology.become(topology)
    if (this.#look() || isNews(before, member.said, beat)) this.#epoch++
    if (!this.#host.delayed) this.assign()
    this.#lead(member, before.userEndpoint, beat)
    if (beat.shutdown) this.#shutdownBy ??= member.memberId
    return member
  }

  /** Notes what tasks depend on beside the members: topics, standbys, and tags. Returns whether that changed. */
  #look(): boolean {
    const { said, subtopologies, topics } = this.topology
    const validatedEpoch = subtopologies === undefined ? -1 : said!.epoch
    const { standbyReplicas, clientTags } = this.#host
    const changed =
      topics !== this.#topics ||
      validatedEpoch !== this.#validatedEpoch ||
      standbyReplicas !== this.#standbyReplicas ||
      clientTags.join() !== this.#clientTags.join()
    this.#topics = topics
    this.#validatedEpoch = validatedEpoch
    this.#standbyReplicas = standbyReplicas
    this.#clientTags = clientTags
    return changed
  }

  #lead(
    member: StreamsMember,
    endpointBefore: UserEndpoint | null,
    { memberEpoch, owned }: StreamsHeartbeat,
  ): void {
    // A member that joins has no tasks, and one that comes with the epoch before has missed the last answer.
    const isBehind = memberEpoch !== member.epoch
    const has = memberEpoch === memberEpochs.joins ? noTasks : owned
    // Who has all that it is to have need not know who has what.
    const changed =
      !isReconciledTo(member, this.#assignmentEpoch) &&
      reconcile(member, this.#assignmentEpoch, has, new TaskOwners(this.#members.all))
    member.changed ||= isBehind || changed
    const { userEndpoint } = member.said
    const isElsewhere = JSON.stringify(userEndpoint) !== JSON.stringify(endpointBefore)
    if (isElsewhere || (changed && userEndpoint !== null)) this.#endpointEpoch++
  }

  /** The static member whose place one that joins takes, if there is one. @throws BrokerletError if it is not away */
  #awayAs({ memberId, instanceId }: StreamsHeartbeat): StreamsMember | undefined {
    const holder = this.ofInstance(instanceId)
    if (holder === undefined || isAway(holder)) return holder
    throw new BrokerletError(
      'UNRELEASED_INSTANCE_ID',
      `Streams group '${this.id}': member '${holder.memberId}' is '${instanceId}', and has to leave before '${memberId}' joins as that`,
      { groupId: this.id, memberId },
    )
  }

  /** @throws UnknownMemberIdError, or BrokerletError FENCED_INSTANCE_ID if another has taken the place */
  #requireMember({ memberId, instanceId }: Pick<StreamsHeartbeat, 'memberId' | 'instanceId'>): StreamsMember {
    const member = instanceId === undefined ? this.#members.get(memberId) : this.ofInstance(instanceId)
    if (member === undefined) throw unknownMember(this.id, memberId)
    if (member.memberId === memberId) return member
    throw new BrokerletError(
      'FENCED_INSTANCE_ID',
      `Streams group '${this.id}': member '${member.memberId}' has taken the place of '${memberId}' as '${instanceId}'`,
      { groupId: this.id, memberId },
    )
  }

  #requireEpoch(member: StreamsMember, { memberId, memberEpoch, owned, warmup }: StreamsHeartbeat): void {
    if (memberEpoch === member.epoch) return
    const { active, standby } = member.assigned
    const isHeld =
      owned !== undefined &&
      warmup.size === 0 &&
      [...owned.active].every(task => active.has(task)) &&
      [...owned.standby].every(task => standby.has(task))
    const isBehind = memberEpoch === member.epochBefore && !isAway(member)
    if (isBehind && isHeld) return
    throw new BrokerletError(
      'FENCED_MEMBER_EPOCH',
      `Member '${memberId}' of streams group '${this.id}' is at epoch ${member.epoch}, received ${memberEpoch}: it has to give up all its tasks and to join again`,
      { groupId: this.id, memberId },
    )
  }

  /** Assigns the tasks, if anything has changed since they were assigned last. */
  assign(): void {
    if (this.#assignmentEpoch >= this.#epoch) return
    const { subtopologies = [] } = this.topology
    const targets = assignSticky(
      this.members.map(({ memberId, said: { processId }, assigned, taskOffsets }) => ({
        memberId,
        processId,
        previous: { active: new Set(assigned.active.keys()), standby: assigned.standby },
        offsets: new Map(
          taskOffsets.map(({ subtopologyId, partition, offset }) => [
            formatTask(subtopologyId, partition),
            offset,
          ]),
        ),
      })),
      subtopologies.map(each => ({ ...each, stateful: each.stateChangelogTopics.length > 0 })),
      this.#standbyReplicas,
    )
    for (const member of this.#members.all) member.target = targets.get(member.memberId)!
    this.#assignmentEpoch = this.#epoch
  }

  /**
   * A static member that comes back keeps its place, and its tasks.
   *
   * @throws UnknownMemberIdError, or BrokerletError FENCED_INSTANCE_ID
   */
  leave(
    { memberId, instanceId, shutdown }: Pick<StreamsHeartbeat, 'memberId' | 'instanceId' | 'shutdown'>,
    comesBack = false,
  ): StreamsMember {
    // Also by one that was removed before, as its process may have failed over that.
    if (shutdown && !this.isEmpty) this.#shutdownBy ??= memberId
    const member = this.#requireMember({ memberId, instanceId })
    if (comesBack) {
      const { active, standby } = member.assigned
      member.epoch = memberEpochs.comesBack
      // Its commits count under whatever epoch its successor joins with.
      member.assigned = { active: new Map([...active.keys()].map(task => [task, 0])), standby }
      member.revoking = nothingHeld
      return member
    }
    this.#members.remove(member)
    this.#epoch++
    if (this.isEmpty) {
      this.#shutdownBy = undefined
      this.#assignmentEpoch = this.#epoch
    }
    return member
  }

  // --- what members are told ----------------------------------------------------------------------------------------

  statusesOf({ said: { topologyEpoch, clientTags } }: StreamsMember): readonly StreamsStatus[] {
    const missing = this.#clientTags.filter(tag => !clientTags.some(({ key }) => key === tag))
    const untagged = `Missing required client tags for rack-aware standby assignment: [${missing.join(', ')}]. Configure them via 'client.tag.<tagKey>' in your Streams config.`
    const { status: unfit } = this.topology
    const { epoch } = this.topology.said!
    const stale = `The member's topology epoch ${topologyEpoch} is behind the group's topology epoch ${epoch}.`
    const delayed = 'Assignment delayed due to the configured initial rebalance delay.'
    const shutdown = `Streams group member ${this.#shutdownBy} encountered a fatal error and requested a shutdown for the entire application.`
    return [
      ...(topologyEpoch < epoch ? [status('STALE_TOPOLOGY', stale)] : []),
      ...(this.#host.delayed ? [status('ASSIGNMENT_DELAYED', delayed)] : []),
      ...(unfit === undefined ? [] : [unfit]),
      ...(this.#shutdownBy === undefined ? [] : [status('SHUTDOWN_APPLICATION', shutdown)]),
      ...(missing.length === 0 ? [] : [status('MISSING_CLIENT_TAGS', untagged)]),
    ]
  }

  // --- commits ------------------------------------------------------------------------------------------------------

  /**
   * Checks that a member may commit: under its own epoch, or under an earlier one for tasks that it has had ever since.
   *
   * @throws UnknownMemberIdError, or BrokerletError STALE_MEMBER_EPOCH
   */
  checkCommit(memberId: string, memberEpoch: number, partitions: readonly TopicPartition[]): void {
    if (memberEpoch < 0 && this.isEmpty) return
    const member = this.#members.get(memberId)
    if (member === undefined) throw unknownMember(this.id, memberId)
    if (memberEpoch === member.epoch) return
    const { assigned, revoking } = member
    const isHeld = ({ topic, partition }: TopicPartition) => {
      const subtopologyId = readerOf(this.topology.said!, topic)?.subtopologyId
      if (subtopologyId === undefined) return false
      const task = formatTask(subtopologyId, partition)
      const since = assigned.active.get(task) ?? revoking.active.get(task)
      return since !== undefined && memberEpoch >= since
    }
    if (memberEpoch < member.epoch && partitions.every(isHeld)) return
    throw new BrokerletError(
      'STALE_MEMBER_EPOCH',
      `Member '${memberId}' of streams group '${this.id}' is at epoch ${member.epoch}, received a commit of epoch ${memberEpoch}`,
      { groupId: this.id, memberId },
    )
  }

  /** Returns why a member may not fetch committed offsets, which it may only under its own epoch; else undefined. */
  checkReader(memberId: string, memberEpoch: number): ErrorCode | undefined {
    const member = this.#members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    return member.epoch === memberEpoch ? undefined : 'STALE_MEMBER_EPOCH'
  }
}

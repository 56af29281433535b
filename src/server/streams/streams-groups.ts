import type { Broker } from '../../broker.ts'
import type { EngineClient } from '../../engine.ts'
import { GroupIdNotFoundError } from '../../errors.ts'
import type { MemberDescription } from '../../group/group-description.ts'
import type { GroupHolder, HeldGroup } from '../../group/group-holder.ts'
import { elementsOf } from '../config-definition.ts'
import type { FirstFetches } from '../first-fetches.ts'
import { groupClient } from '../group-client.ts'
import type { GroupConfigs } from '../group-configs.ts'
import { memberEpochs, unknownGroup } from '../member-heartbeat.ts'
import { uncommitted } from '../uncommitted.ts'
import type { WireGroups } from '../wire-groups.ts'
import type { MakeTopic } from './configured-topology.ts'
import { StreamsGroup } from './streams-group.ts'
import type { StreamsHeartbeat } from './streams-heartbeat.ts'
import { isAway, type StreamsMember } from './streams-member.ts'

/** What streams groups need of classic groups: an empty classic group may become a streams group. */
export type ClassicNeighbours = Pick<WireGroups, 'get' | 'delete' | 'typeOf'>

type Timer = 'heartbeat' | 'rebalance'

/**
 * The groups of Kafka Streams applications whose tasks the broker assigns (KIP-1071). Their offsets are kept by the
 * broker's own group of the same id.
 */
export class StreamsGroups implements GroupHolder {
  readonly #engine: Broker['engine']
  readonly #configs: GroupConfigs
  readonly #neighbours: ClassicNeighbours
  readonly #firstFetches: FirstFetches
  readonly #groups = new Map<string, StreamsGroup>()
  readonly #clients = new Map<string, EngineClient>()

  constructor(
    engine: Broker['engine'],
    configs: GroupConfigs,
    neighbours: ClassicNeighbours,
    firstFetches: FirstFetches,
  ) {
    this.#engine = engine
    this.#configs = configs
    this.#neighbours = neighbours
    this.#firstFetches = firstFetches
    engine.groupCoordinator.holders.add(this)
    engine.events.on('groupDeleted', this.#groupDeleted)
    engine.events.on('memberJoined', this.#memberJoined)
  }

  get(groupId: string): StreamsGroup | undefined {
    return this.#groups.get(groupId)
  }

  get all(): Iterable<StreamsGroup> {
    return this.#groups.values()
  }

  /** What their members have left to do, as sentences. */
  get left(): string[] {
    return [...this.#clients.values()].flatMap(client => client.pending())
  }

  held(groupId: string): HeldGroup | undefined {
    const group = this.#groups.get(groupId)
    if (group === undefined || group.isEmpty) return undefined
    return {
      state: group.state,
      get members() {
        return group.members.map(member => describeMember(group, member))
      },
      reads: topic => group.reads(topic),
      began: (clientId, tp) => this.#firstFetches.by(clientId, this.#engine.topics, tp),
    }
  }

  /** @throws GroupIdNotFoundError always: a consumer has no tasks, so it cannot be in such a group */
  handOver(groupId: string): never {
    const message = `Group '${groupId}' is a streams group of Kafka clients, which no consumer can join`
    throw new GroupIdNotFoundError(message, { groupId })
  }

  // Nothing was handed over.
  takeBack(): void {}

  /**
   * Serves a heartbeat: a member joins, leaves, or stays.
   *
   * @throws BrokerletError why it is refused
   */
  heartbeat(beat: StreamsHeartbeat, makeTopic: MakeTopic): StreamsMember {
    const { groupId, memberId, memberEpoch } = beat
    const group = this.#groupOf(beat)
    if (memberEpoch === memberEpochs.leaves) return this.#leave(group, beat)
    if (memberEpoch === memberEpochs.comesBack) return this.#goAway(group, beat)
    const epochBefore = group.get(memberId)?.epoch
    const member = this.#heard(group, beat, makeTopic)
    const isNew = epochBefore === undefined || epochBefore === memberEpochs.comesBack
    if (isNew) this.#firstFetches.joined(member.said.clientId, groupId, memberId)
    this.#engine.groupCoordinator.hold(groupId, group.topology.sourceTopics)
    this.#schedule('heartbeat', group, member, this.#configs.get(groupId).streamsSessionTimeoutMs)
    this.#limit(group, member, epochBefore)
    this.#engine.touch()
    return member
  }

  // If the first member is refused, the group is dropped again.
  #heard(group: StreamsGroup, beat: StreamsHeartbeat, makeTopic: MakeTopic): StreamsMember {
    const holder = group.ofInstance(beat.instanceId)
    if (group.isEmpty && beat.memberEpoch === memberEpochs.joins) this.#delay(group)
    try {
      const member = group.heartbeat(beat, makeTopic)
      this.#neighbours.delete(group.id)
      // One that was away, and whose place another has taken.
      if (holder !== undefined && group.get(holder.memberId) === undefined)
        this.#forgetTimers(group.id, holder.memberId)
      return member
    } catch (error) {
      if (group.topology.said === undefined) this.#drop(group.id)
      throw error
    }
  }

  #groupOf(beat: StreamsHeartbeat): StreamsGroup {
    const { groupId, memberEpoch } = beat
    const known = this.#groups.get(groupId)
    if (known !== undefined) return known
    this.#requireFree(groupId)
    if (memberEpoch === memberEpochs.joins) return this.#make(groupId)
    throw unknownGroup('streams group', beat)
  }

  // An empty classic group may become a streams group, which keeps the committed offsets.
  #requireFree(groupId: string): void {
    const { groups, groupCoordinator } = this.#engine
    const isOther = groupCoordinator.isOther(groupId) || groups.get(groupId)?.held
    if (!isOther && this.#neighbours.typeOf(groupId) !== 'consumer') return
    throw new GroupIdNotFoundError(`Group '${groupId}' is not a streams group`, { groupId })
  }

  #make(groupId: string): StreamsGroup {
    const { topics, clock } = this.#engine
    const configs = this.#configs
    const group = new StreamsGroup(groupId, {
      topics,
      get standbyReplicas() {
        return configs.get(groupId).streamsNumStandbyReplicas
      },
      get clientTags() {
        return elementsOf(configs.get(groupId).streamsRackAwareAssignmentTags)
      },
      get delayed() {
        return clock.scheduled(delayOf(groupId))
      },
    })
    // `idle` waits for it: records that its tasks have read and not committed are work that is under way.
    const client = groupClient(groupId, () => this.#pending(group))
    this.#groups.set(groupId, group)
    this.#clients.set(groupId, client)
    this.#engine.track(client)
    return group
  }

  #pending(group: StreamsGroup): string[] {
    const { id, state } = group
    if (state === 'Empty' || state === 'NotReady') return []
    if (!group.isSettled) return [`streams group '${id}' is rebalancing`]
    const present = group.members.filter(member => !isAway(member))
    return present.flatMap(({ memberId, said: { clientId }, assigned }) =>
      uncommitted(this.#engine, this.#firstFetches, ['streams group', id], {
        memberId,
        clientId,
        partitions: group.topology.partitionsOf(assigned.active.keys()),
      }),
    )
  }

  // The first member waits for further ones, so that tasks do not move with each of them.
  #delay(group: StreamsGroup): void {
    const { streamsInitialRebalanceDelayMs: delayMs } = this.#configs.get(group.id)
    if (delayMs === 0) return
    this.#engine.clock.schedule(delayOf(group.id), delayMs, () => group.assign())
  }

  // A member has to give up its tasks within its rebalance timeout, or it is removed.
  #limit(group: StreamsGroup, member: StreamsMember, epochBefore: number | undefined): void {
    const key = timerOf('rebalance', group.id, member.memberId)
    if (member.state !== 'unrevoked') return this.#engine.clock.unschedule(key)
    if (this.#engine.clock.scheduled(key) && epochBefore === member.epoch) return
    this.#schedule('rebalance', group, member, member.said.rebalanceTimeoutMs)
  }

  #schedule(timer: Timer, group: StreamsGroup, { memberId }: StreamsMember, delayMs: number): void {
    this.#engine.clock.schedule(timerOf(timer, group.id, memberId), delayMs, () =>
      this.#leave(group, { memberId, instanceId: undefined, shutdown: false }),
    )
  }

  // Its place is kept until its session is over.
  #goAway(group: StreamsGroup, beat: StreamsHeartbeat): StreamsMember {
    const member = group.leave(beat, true)
    this.#engine.clock.unschedule(timerOf('rebalance', group.id, member.memberId))
    this.#firstFetches.left(member.said.clientId, group.id, member.memberId)
    this.#engine.touch()
    return member
  }

  #leave(group: StreamsGroup, leaver: Parameters<StreamsGroup['leave']>[0]): StreamsMember {
    const member = group.leave(leaver)
    const { memberId } = member
    this.#forgetTimers(group.id, memberId)
    this.#firstFetches.left(member.said.clientId, group.id, memberId)
    if (group.isEmpty) this.#engine.groups.get(group.id)?.emptied()
    this.#engine.touch()
    return member
  }

  #forgetTimers(groupId: string, memberId: string): void {
    this.#engine.clock.unschedule(timerOf('heartbeat', groupId, memberId))
    this.#engine.clock.unschedule(timerOf('rebalance', groupId, memberId))
  }

  /** Drops an empty group, whose id another kind of group takes. (Kafka: maybeDeleteEmptyStreamsGroup) */
  yield(groupId: string): void {
    if (this.#groups.get(groupId)?.isEmpty) this.#drop(groupId)
  }

  #drop(groupId: string): void {
    const group = this.#groups.get(groupId)
    if (group === undefined) return
    for (const { memberId, said } of group.members) {
      this.#forgetTimers(groupId, memberId)
      this.#firstFetches.left(said.clientId, groupId, memberId)
    }
    this.#engine.clock.unschedule(delayOf(groupId))
    this.#engine.untrack(this.#clients.get(groupId)!)
    this.#clients.delete(groupId)
    this.#groups.delete(groupId)
    this.#engine.touch()
  }

  // The broker's own group was deleted or has expired, so it had no members.
  readonly #groupDeleted = ({ groupId }: { readonly groupId: string }): void => this.yield(groupId)

  readonly #memberJoined = ({ groupId }: { readonly groupId: string }): void => this.yield(groupId)

  /** Drops all groups: no client is served any more. */
  close(): void {
    this.#engine.events.off('groupDeleted', this.#groupDeleted)
    this.#engine.events.off('memberJoined', this.#memberJoined)
    this.#engine.groupCoordinator.holders.delete(this)
    for (const groupId of [...this.#groups.keys()]) this.#drop(groupId)
  }
}

function describeMember(group: StreamsGroup, member: StreamsMember): MemberDescription {
  const { memberId, said, assigned, revoking } = member
  return {
    memberId,
    clientId: said.clientId,
    topics: group.topology.sourceTopics,
    assignment: group.topology.partitionsOf(assigned.active.keys()),
    revoking: group.topology.partitionsOf(revoking.active.keys()),
    connected: !isAway(member),
    ...(said.instanceId !== null && { groupInstanceId: said.instanceId }),
  }
}

function delayOf(groupId: string): string {
  return `streams group '${groupId}': first rebalance`
}

function timerOf(timer: Timer, groupId: string, memberId: string): string {
  return `streams group '${groupId}': ${timer} of ${memberId}`
}

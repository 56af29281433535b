import type { Broker } from '../../broker.ts'
import type { EngineClient } from '../../engine.ts'
import { GroupIdNotFoundError, NonEmptyGroupError } from '../../errors.ts'
import type { OtherGroups, UnreadByGroup } from '../../group/group-holder.ts'
import type { Partition } from '../../log/partition.ts'
import type { GroupSummary } from '../../summaries.ts'
import { groupClient } from '../group-client.ts'
import type { GroupConfigs } from '../group-configs.ts'
import { memberEpochs, unknownGroup } from '../member-heartbeat.ts'
import type { WireGroups } from '../wire-groups.ts'
import type { DeadLetterWriter } from './dead-letters.ts'
import { ShareGroup, type ShareMember } from './share-group.ts'
import type { ShareHeartbeat } from './share-heartbeat.ts'
import { SharePartitions } from './share-partitions.ts'
import { summaryOf } from './share-summary.ts'
import { unfinishedOf } from './unfinished.ts'

/** A share group: its members, and how far they have read. */
export interface KeptShareGroup {
  readonly members: ShareGroup
  readonly partitions: SharePartitions
  readonly client: EngineClient
}

/** The other groups, which share groups must not share an id with. */
export type NeighbourGroups = Pick<WireGroups, 'get'>

/** How many members a share group has at most by default. (Kafka: group.share.max.size) */
export const shareGroupMaxSize = 200

/** The share groups of a broker (KIP-932), whose members are all clients on the wire. */
export class ShareGroups implements OtherGroups {
  readonly #engine: Broker['engine']
  readonly #configs: GroupConfigs
  readonly #neighbours: NeighbourGroups
  readonly #groups = new Map<string, KeptShareGroup>()
  /** Those of the broker's servers; the first one writes. */
  readonly deadLetterWriters: Set<DeadLetterWriter> = new Set()
  /** How many members each has at most. */
  readonly maxSize: number

  constructor(engine: Broker['engine'], configs: GroupConfigs, neighbours: NeighbourGroups, maxSize: number) {
    this.#engine = engine
    this.maxSize = maxSize
    this.#configs = configs
    this.#neighbours = neighbours
    engine.groupCoordinator.others.add(this)
    engine.events.on('topicDeleted', this.#topicDeleted)
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  get(groupId: string): KeptShareGroup | undefined {
    return this.#groups.get(groupId)
  }

  describe(): GroupSummary[] {
    return [...this.#groups.values()].map(({ members, partitions }) => summaryOf(members, partitions))
  }

  readers(log: Partition): { groupId: string; offset: number }[] {
    return [...this.#groups.values()].flatMap(({ members, partitions }) => {
      if (!partitions.all.has(log) && !members.logs.has(log)) return []
      return [{ groupId: members.id, offset: partitions.placeOf(log).startOffset }]
    })
  }

  // It is not decided yet where a group begins in a partition that it has not read.
  unread(log: Partition, from: number, to: number): UnreadByGroup[] {
    return [...this.#groups.values()].map(group => {
      const { members, partitions } = group
      const count = partitions.all.has(log) ? partitions.countUnread(log, from, to) : 0
      return { group, groupId: members.id, count }
    })
  }

  /** The records that members have not finished, in words. */
  get left(): string[] {
    return [...this.#groups.values()].flatMap(({ client }) => client.pending())
  }

  get all(): Iterable<KeptShareGroup> {
    return this.#groups.values()
  }

  /**
   * Finds a group, if it exists.
   *
   * @throws GroupIdNotFoundError if a group of another kind has its id
   */
  find(groupId: string): KeptShareGroup | undefined {
    const known = this.#groups.get(groupId)
    if (known === undefined) this.#requireFree(groupId)
    return known
  }

  /**
   * Finds a group, or creates it.
   *
   * @throws GroupIdNotFoundError if a group of another kind has its id
   */
  of(groupId: string): KeptShareGroup {
    const known = this.find(groupId)
    if (known !== undefined) return known
    const { clock, topics } = this.#engine
    const configs = this.#configs
    const members = new ShareGroup(groupId, topics, this.maxSize)
    const partitions = new SharePartitions(groupId, {
      clock,
      get config() {
        return configs.get(groupId)
      },
      touch: () => this.#engine.touch(),
      giveUp: (log, letters) => {
        const [writer] = this.deadLetterWriters
        writer?.write(groupId, log, letters)
      },
    })
    // Counts for `idle`: records that are available or acquired are work under way.
    const client = groupClient(groupId, () => unfinishedOf(members, partitions))
    const group: KeptShareGroup = { members, partitions, client }
    this.#groups.set(groupId, group)
    this.#engine.track(client)
    return group
  }

  #requireFree(groupId: string): void {
    if (!this.#engine.groups.has(groupId) && this.#neighbours.get(groupId) === undefined) return
    throw new GroupIdNotFoundError(`Group '${groupId}' is not a share group`, { groupId })
  }

  /**
   * A member joins, leaves, or shows that it is alive.
   *
   * @throws BrokerletError that says why it is refused
   */
  heartbeat(beat: ShareHeartbeat): ShareMember {
    const { groupId, memberId, memberEpoch } = beat
    const group = this.#groupOf(beat)
    const member = group.members.get(memberId)
    if (memberEpoch === memberEpochs.leaves) {
      this.#leave(group, memberId)
      return member!
    }
    const heard = group.members.heartbeat(beat)
    for (const name of heard.topics) {
      const topic = this.#engine.topics.get(name)
      if (topic !== undefined) group.partitions.subscribed(topic)
    }
    const { shareSessionTimeoutMs } = this.#configs.get(groupId)
    this.#engine.clock.schedule(timerOf(groupId, memberId), shareSessionTimeoutMs, () => {
      // The member will acknowledge nothing any more.
      group.partitions.release(memberId)
      this.#leave(group, memberId)
    })
    this.#engine.touch()
    return heard
  }

  #groupOf(beat: ShareHeartbeat): KeptShareGroup {
    if (beat.memberEpoch === memberEpochs.joins) return this.of(beat.groupId)
    const group = this.find(beat.groupId)
    if (group !== undefined) return group
    throw unknownGroup('share group', beat)
  }

  // A member that leaves keeps what it has acquired until its session ends: a client that subscribes anew leaves, and
  // comes back with its acknowledgements.
  #leave({ members }: KeptShareGroup, memberId: string): void {
    members.leave(memberId)
    this.#engine.clock.unschedule(timerOf(members.id, memberId))
    this.#engine.touch()
  }

  /** @throws NonEmptyGroupError if the group has members */
  requireEmpty({ members: { id: groupId, members } }: KeptShareGroup): void {
    if (members.length === 0) return
    const message = `Share group '${groupId}' has members: ${members.map(({ memberId }) => memberId).join(', ')}`
    throw new NonEmptyGroupError(message, { groupId })
  }

  /** @throws NonEmptyGroupError if the group has members */
  delete(group: KeptShareGroup): void {
    this.requireEmpty(group)
    this.#drop(group)
  }

  #drop({ members, partitions, client }: KeptShareGroup): void {
    for (const { memberId } of members.members) this.#engine.clock.unschedule(timerOf(members.id, memberId))
    partitions.close()
    this.#groups.delete(members.id)
    this.#engine.untrack(client)
    // Records that were kept for this group alone may be dropped.
    for (const log of partitions.all.keys()) log.offsetCommitted?.()
    this.#engine.touch()
  }

  readonly #topicDeleted = ({ topic }: { readonly topic: string }): void => {
    for (const { partitions } of this.#groups.values()) partitions.deleteTopic(topic)
  }

  /** Removes all groups, since no client is served any more. */
  close(): void {
    this.#engine.events.off('topicDeleted', this.#topicDeleted)
    this.#engine.groupCoordinator.others.delete(this)
    for (const group of [...this.#groups.values()]) this.#drop(group)
  }
}

function timerOf(groupId: string, memberId: string): string {
  return `share group '${groupId}': heartbeat of ${memberId}`
}

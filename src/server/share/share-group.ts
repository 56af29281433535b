import { counted } from '../../counted.ts'
import { BrokerletError } from '../../errors.ts'
import { firstEpoch } from '../../group/group-assignment.ts'
import type { Partition } from '../../log/partition.ts'
import type { Topic } from '../../log/topic.ts'
import { entryOf } from '../entry-of.ts'
import { memberEpochs, unknownMember } from '../member-heartbeat.ts'
import { topicStates } from '../topic-states.ts'
import type { ShareHeartbeat } from './share-heartbeat.ts'
import { assignSimply } from './simple-assignor.ts'

/** A partition of a topic as it is now: after the topic was deleted and created again, it is another one. */
export interface SharedPartition {
  readonly topic: Topic
  readonly partition: number
}

/** A member of a share group. */
export interface ShareMember {
  readonly memberId: string
  clientId: string
  rackId: string | null
  topics: readonly string[]
  /** The epoch that it was told last. */
  epoch: number
  /** The epoch before; a heartbeat names it if the member missed the last answer. */
  epochBefore: number
  assigned: readonly SharedPartition[]
  /** Whether there is something new to tell it. */
  changed: boolean
}

/**
 * The members of a share group, and the partitions that each reads. As no member owns a partition, nothing has to be
 * given up first, and a member is at the group's epoch with its next heartbeat. (KIP-932; Kafka: ShareGroup)
 */
export class ShareGroup {
  readonly id: string
  readonly #topics: ReadonlyMap<string, Topic>
  readonly #maxSize: number
  readonly #members = new Map<string, ShareMember>()
  // One object for each partition, so that partitions can be compared by identity.
  readonly #partitions = new WeakMap<Topic, SharedPartition[]>()
  #epoch = firstEpoch
  // Of what its members subscribe to and read, which all change at once. Heartbeats and acknowledgements ask for it.
  #subscribed: readonly string[] = []
  #logs: ReadonlySet<Partition> = new Set()
  // The topics that existed when the group last assigned.
  #known = ''

  constructor(id: string, topics: ReadonlyMap<string, Topic>, maxSize: number) {
    this.id = id
    this.#topics = topics
    this.#maxSize = maxSize
  }

  get epoch(): number {
    return this.#epoch
  }

  get state(): 'Empty' | 'Stable' {
    return this.#members.size === 0 ? 'Empty' : 'Stable'
  }

  get members(): readonly ShareMember[] {
    return [...this.#members.values()]
  }

  /** The logs of all partitions that members read. */
  get logs(): ReadonlySet<Partition> {
    return this.#logs
  }

  get(memberId: string): ShareMember | undefined {
    return this.#members.get(memberId)
  }

  /**
   * A member joins, or shows that it is alive.
   *
   * @throws BrokerletError that says why it is refused
   */
  heartbeat(beat: ShareHeartbeat): ShareMember {
    const joins = beat.memberEpoch === memberEpochs.joins
    const known = this.#members.get(beat.memberId)
    const member = joins ? (known ?? this.#add(beat)) : this.#existing(beat)
    const subscribed = beat.topics !== undefined && beat.topics.join() !== member.topics.join()
    member.clientId = beat.clientId
    member.rackId = beat.rackId ?? member.rackId
    member.topics = beat.topics ?? member.topics
    // A member that sends all its fields may have missed the last answer.
    member.changed ||= beat.topics !== undefined
    if (subscribed || this.#known !== this.#topicStates) this.#rebalance()
    if (member.epoch !== this.#epoch) {
      member.epochBefore = member.epoch
      member.epoch = this.#epoch
    }
    return member
  }

  #add({ groupId, memberId, clientId }: ShareHeartbeat): ShareMember {
    if (this.#members.size >= this.#maxSize) {
      const message = `Share group '${groupId}' has ${counted(this.#maxSize, 'member')}, and takes no more`
      throw new BrokerletError('GROUP_MAX_SIZE_REACHED', message, { groupId, memberId })
    }
    const member: ShareMember = {
      memberId,
      clientId,
      rackId: null,
      topics: [],
      epoch: 0,
      epochBefore: 0,
      assigned: [],
      changed: true,
    }
    this.#members.set(memberId, member)
    return member
  }

  #existing({ groupId, memberId, memberEpoch }: ShareHeartbeat): ShareMember {
    const member = this.#members.get(memberId)
    if (member === undefined) throw unknownMember(groupId, memberId)
    if (memberEpoch === member.epoch || memberEpoch === member.epochBefore) return member
    throw new BrokerletError(
      'FENCED_MEMBER_EPOCH',
      `Member '${memberId}' of share group '${groupId}' has to join again: it is at epoch ${member.epoch}, received ${memberEpoch}`,
      { groupId, memberId },
    )
  }

  /** @throws UnknownMemberIdError */
  leave(memberId: string): void {
    if (!this.#members.delete(memberId)) throw unknownMember(this.id, memberId)
    this.#rebalance()
  }

  #rebalance(): void {
    this.#epoch++
    const { members } = this
    this.#subscribed = [...new Set(members.flatMap(({ topics }) => topics))].sort()
    this.#known = this.#topicStates
    const assigned = assignSimply(members, topic => this.#partitionsOf(topic))
    for (const member of members) {
      const partitions = assigned.get(member.memberId)!
      const before = new Set(member.assigned)
      if (partitions.length === before.size && partitions.every(each => before.has(each))) continue
      member.assigned = partitions
      member.changed = true
    }
    const read = members.flatMap(each => each.assigned)
    this.#logs = new Set(read.map(({ topic, partition }) => topic.partitions[partition]!))
  }

  #partitionsOf(name: string): readonly SharedPartition[] {
    const topic = this.#topics.get(name)
    if (topic === undefined) return []
    const partitions = entryOf(this.#partitions, topic, () => [])
    for (let i = partitions.length; i < topic.partitionCount; i++) partitions.push({ topic, partition: i })
    return partitions
  }

  get #topicStates(): string {
    return topicStates(this.#subscribed, this.#topics)
  }
}

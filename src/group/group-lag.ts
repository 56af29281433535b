import type { MembershipListener } from '../engine.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { GroupAssignment } from './group-assignment.ts'
import type { MemberDescription } from './group-description.ts'
import type { HeldGroup } from './group-holder.ts'
import type { GroupLog, GroupTopics } from './group-log.ts'
import type { GroupMember } from './group-member.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { RegisteredTopics } from './registered-topics.ts'

/** What the lag of a group needs of the group. */
export interface GroupLagHost {
  readonly topics: GroupTopics
  readonly assignment: GroupAssignment
  readonly offsets: GroupOffsets
  readonly members: Iterable<GroupMember>
  /** The members that assign by themselves, if they hold the group: then it has no others. */
  held(): HeldGroup | undefined
  readonly registered: RegisteredTopics
}

/** How the members of a group read, as the last one that joined has said. */
type Reading = Pick<MembershipListener, 'autoOffsetReset' | 'isolationLevel'>

/** How many records a group still has to read. */
export class GroupLag {
  readonly #host: GroupLagHost
  #reading: Reading = { autoOffsetReset: 'earliest', isolationLevel: 'read_committed' }

  constructor(host: GroupLagHost) {
    this.#host = host
  }

  /** A member has joined, and reads so. */
  readAs({ autoOffsetReset, isolationLevel }: Reading): void {
    this.#reading = { autoOffsetReset, isolationLevel }
  }

  /** The lag of each partition: of every topic that a member reads, and of every committed offset. */
  byPartition(): (TopicPartition & { readonly lag: number })[] {
    const lags: { topic: string; partition: number; lag: number }[] = []
    const committed = this.#reading.isolationLevel === 'read_committed'
    const held = this.#host.held()
    const members = held?.members ?? []
    const clientIds = ownersOf(members)
    for (const [topic, wanted] of this.#interests(members)) {
      const logs = this.#host.topics.get(topic)?.partitions ?? []
      for (let partition = 0; partition < logs.length; partition++) {
        if (wanted && !wanted.has(partition)) continue
        const log = logs[partition]!
        const clientId = clientIds.get(formatTopicPartition({ topic, partition }))
        const began = clientId === undefined ? undefined : held?.began(clientId, { topic, partition })
        const next = this.#next(topic, partition, false) ?? began ?? this.#beginning(log, topic, partition)
        lags.push({ topic, partition, lag: log.countFrom(next, log.highWatermark, committed) })
      }
    }
    return lags
  }

  // By topic: every partition where a member reads it, else those with a committed offset.
  #interests(held: readonly MemberDescription[]): Map<string, Set<number> | undefined> {
    const interests = new Map<string, Set<number> | undefined>()
    for (const members of [this.#host.members, held]) {
      for (const { topics } of members) for (const topic of topics) interests.set(topic, undefined)
    }
    for (const { topic, partition } of this.#host.offsets.all()) {
      if (!interests.has(topic)) interests.set(topic, new Set())
      interests.get(topic)?.add(partition)
    }
    return interests
  }

  #beginning(log: GroupLog, topic: string, partition: number): number {
    const began = this.#host.assignment.partition(topic, partition)?.owner?.listener.began?.(topic, partition)
    if (began !== undefined) return began
    return this.#reading.autoOffsetReset === 'latest' ? log.highWatermark : log.logStartOffset
  }

  /**
   * The next offset that the group has to read: the committed one, or its owner's position where that is further, even
   * with autoCommit off; or where it will begin, if members read the topic. Undefined where that is undecided.
   */
  nextOffset(topic: string, partition: number): number | undefined {
    const begins = this.#host.registered.has(topic) && this.#reading.autoOffsetReset === 'earliest'
    return this.#next(topic, partition, true) ?? (begins ? 0 : undefined)
  }

  // The committed offset, or its owner's position where that is further and counts: with autoCommit, or `anyPosition`.
  #next(topic: string, partition: number, anyPosition: boolean): number | undefined {
    const committed = this.#host.offsets.offset(topic, partition)
    const listener = this.#host.assignment.partition(topic, partition)?.owner?.listener
    const counts = listener && (anyPosition || listener.autoCommit)
    const position = counts ? listener.position(topic, partition) : undefined
    if (committed === undefined || position === undefined) return committed ?? position
    return Math.max(committed, position)
  }
}

/** The client id of the member that has a partition, by the partition's name. */
function ownersOf(members: readonly MemberDescription[]): Map<string, string> {
  const clientIds = new Map<string, string>()
  for (const { clientId, assignment } of members)
    for (const tp of assignment) clientIds.set(formatTopicPartition(tp), clientId)
  return clientIds
}

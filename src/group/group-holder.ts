import type { Partition } from '../log/partition.ts'
import type { GroupSummary } from '../summaries.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { GroupState, MemberDescription } from './group-description.ts'

/** A group whose members assign by themselves (the classic protocol), as it is described. */
export interface HeldGroup {
  readonly state: GroupState
  readonly members: readonly MemberDescription[]
  /** Whether a member reads the topic, or nobody knows. */
  reads(topic: string): boolean
  /** Where the client of a member began to read a partition, if that is known. */
  began(clientId: string, tp: TopicPartition): number | undefined
}

/** Keeps groups of another kind, whose ids no group here can have. (Kafka: a group has one type) */
export interface OtherGroups {
  has(groupId: string): boolean
  describe(): readonly GroupSummary[]
  /** The groups that read a partition, each with the offset up to which it has finished. */
  readers(partition: Partition): readonly { readonly groupId: string; readonly offset: number }[]
  /** How many records each group has not finished, from an offset up to, but not including, another. */
  unread(partition: Partition, from: number, to: number): readonly UnreadByGroup[]
}

/** The number of records that a group has not read yet; `group` identifies it as long as it exists. */
export interface UnreadByGroup {
  readonly group: object
  readonly groupId: string
  readonly count: number
}

/** Keeps groups whose members assign by themselves: a server, for its clients on the wire. */
export interface GroupHolder {
  /** The group, while it has such members: then it can have no others. */
  held(groupId: string): HeldGroup | undefined
  /**
   * Moves its members to the consumer group, which assigns for all from now on, since a
   * member joins that does not assign.
   *
   * @throws InconsistentGroupProtocolError where they cannot be members of it
   */
  handOver(groupId: string): void
  /** Takes the members back, once no other member is in the group. */
  takeBack(groupId: string): void
}

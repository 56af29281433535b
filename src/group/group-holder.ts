import type { Partition } from '../log/partition.ts'
import type { GroupSummary } from '../summaries.ts'
import type { GroupState, MemberDescription } from './group-description.ts'

/** A group whose members assign by themselves, as it is described. */
export interface HeldGroup {
  readonly state: GroupState
  readonly members: readonly MemberDescription[]
}

/** Keeps groups of another kind: nobody else can have their ids. (Kafka: a group has one type) */
export interface OtherGroups {
  has(groupId: string): boolean
  describe(): readonly GroupSummary[]
  /** Those of them that read a partition, and up to where each has finished with it. */
  readers(partition: Partition): readonly { readonly groupId: string; readonly offset: number }[]
  /** How many records each of them has not finished with, from an offset on and before another one. */
  unread(partition: Partition, from: number, to: number): readonly UnreadByGroup[]
}

/** Records that a group has still to read; `group` stands for it for as long as it is there. */
export interface UnreadByGroup {
  readonly group: object
  readonly groupId: string
  readonly count: number
}

/** Keeps groups whose members assign by themselves: a server for clients on the wire. */
export interface GroupHolder {
  /** The group, where it has such members now: then nobody else can be in it. */
  held(groupId: string): HeldGroup | undefined
  /**
   * Lets its members join the group, which assigns for all from now on, since one comes that cannot assign.
   *
   * @throws InconsistentGroupProtocolError where they cannot be members of it
   */
  handOver(groupId: string): void
  /** Takes them back where nobody else is in the group. */
  takeBack(groupId: string): void
}

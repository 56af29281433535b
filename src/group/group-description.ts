import type { TopicPartition, TopicPartitionOffset } from '../topic-partition.ts'

/** A group came to rest after a change. */
export interface RebalancedEvent {
  readonly groupId: string
  readonly epoch: number
  readonly members: number
  /** How many partitions went from one member to another. */
  readonly moved: number
}

/** A member is gone from its group; `reason` says how. */
export interface MemberLeftEvent {
  readonly groupId: string
  readonly memberId: string
  readonly reason: 'left' | 'session expired' | 'rebalance timeout'
}

/**
 * A group's state, in Kafka's words (KIP-848). `Assigning` means that the assignor failed and the old target stands;
 * `PreparingRebalance` and `CompletingRebalance` are those of clients on the wire that have the group for themselves.
 */
export type GroupState =
  | 'Empty'
  | 'Assigning'
  | 'Reconciling'
  | 'PreparingRebalance'
  | 'CompletingRebalance'
  | 'Stable'
  | 'Dead'

/** A member, as `group.members` shows it. */
export interface MemberDescription {
  readonly memberId: string
  readonly groupInstanceId?: string
  readonly clientId: string
  /** The existing topics that it reads. */
  readonly topics: readonly string[]
  readonly assignment: readonly TopicPartition[]
  /** What it was told to give up and has not released yet. */
  readonly revoking: readonly TopicPartition[]
  /** False while only its session keeps its place. */
  readonly connected: boolean
}

/** An offset to commit and, for a member, the epoch of the assignment it was read under. */
export interface MemberCommit extends TopicPartitionOffset {
  readonly assignmentEpoch: number
}

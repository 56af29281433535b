import type { TopicPartition } from '../topic-partition.ts'

/** A group is stable again after a change. */
export interface RebalancedEvent {
  /** The group. */
  readonly groupId: string
  /** The group's epoch, which grows with every change. */
  readonly epoch: number
  /** How many members it has. */
  readonly members: number
  /** How many partitions moved from one member to another. */
  readonly moved: number
}

/** A member has left its group, or was removed; `reason` says why. */
export interface MemberLeftEvent {
  /** The group. */
  readonly groupId: string
  /** The member that is gone. */
  readonly memberId: string
  /** `left` also where an administrator removed it; `rebalance timeout` where it kept a partition for too long. */
  readonly reason: 'left' | 'session expired' | 'rebalance timeout'
}

/**
 * A group's state, in Kafka's words (KIP-848). `Assigning` means that the assignor failed and the old target stands.
 * `PreparingRebalance` and `CompletingRebalance` occur while classic clients on the wire hold the group. `NotReady` is a
 * streams group whose topics are not as its topology needs them (KIP-1071).
 */
export type GroupState =
  | 'Empty'
  | 'NotReady'
  | 'Assigning'
  | 'Reconciling'
  | 'PreparingRebalance'
  | 'CompletingRebalance'
  | 'Stable'
  | 'Dead'

/** A member, as `group.members` shows it. */
export interface MemberDescription {
  /** The id that the group gave the member. */
  readonly memberId: string
  /** Set for a static member. */
  readonly groupInstanceId?: string
  /** The consumer's `clientId`. */
  readonly clientId: string
  /** The existing topics that the member reads. */
  readonly topics: readonly string[]
  /** The partitions that it has, those that it has to give up included. */
  readonly assignment: readonly TopicPartition[]
  /** The partitions that it was told to give up and has not released yet. */
  readonly revoking: readonly TopicPartition[]
  /** False while the member is away, and its session has not expired yet. */
  readonly connected: boolean
}

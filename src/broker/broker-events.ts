import type { GroupStoppedEvent } from '../engine.ts'
import type { EventNames } from '../events.ts'
import type { MemberLeftEvent, RebalancedEvent } from '../group/group-description.ts'
import type { TrimReason } from '../log/partition.ts'
import type { TopicPartition } from '../topic-partition.ts'

/** Records were dropped from a log before a group had read them. */
export interface RecordsDroppedEvent extends TopicPartition {
  /** The records from this offset ... */
  readonly from: number
  /** ... up to, and without, this one are gone. */
  readonly to: number
  /** Why they are gone. */
  readonly reason: TrimReason
  /** The groups that had not read them, and how many of them. */
  readonly groups: readonly { readonly groupId: string; readonly count: number }[]
}

/** The events of a broker; each carries one object. */
export interface BrokerEvents {
  /** A topic was created, with so many partitions. */
  topicCreated: { readonly topic: string; readonly partitions: number }
  /** A topic was deleted, with its records and its committed offsets. */
  topicDeleted: { readonly topic: string }
  /** A topic has `to` partitions now, and had `from` before. */
  partitionsAdded: { readonly topic: string; readonly from: number; readonly to: number }
  /** Options of a topic were changed; `options` names those whose values are others now. */
  topicAltered: { readonly topic: string; readonly options: readonly string[] }
  /** A group has begun: with its first member, or by `createGroup` or offsets that were set for it. */
  groupCreated: { readonly groupId: string }
  /** A group is gone, with its offsets: it was deleted, or had been empty for `offsetsRetentionMs`. */
  groupDeleted: { readonly groupId: string; readonly reason: 'deleted' | 'expired' }
  /** A member has joined its group. */
  memberJoined: { readonly groupId: string; readonly memberId: string }
  /** A member has left its group, or was removed. */
  memberLeft: MemberLeftEvent
  /** A group is stable again after a change. */
  rebalanced: RebalancedEvent
  /** Records were dropped before a group had read them. Without a listener the process is warned. */
  recordsDropped: RecordsDroppedEvent
  /** The last member of a group stopped because of an error: no consumer reads for the group now. */
  groupStopped: GroupStoppedEvent
  /** The broker is closed. */
  closed: object
  /** Something went wrong that no call could throw: an assignor, or a listener of another event, threw. */
  error: unknown
}

/** The names of a broker's events. */
export const brokerEventNames: EventNames<BrokerEvents> = {
  topicCreated: true,
  topicDeleted: true,
  partitionsAdded: true,
  topicAltered: true,
  groupCreated: true,
  groupDeleted: true,
  memberJoined: true,
  memberLeft: true,
  rebalanced: true,
  recordsDropped: true,
  groupStopped: true,
  closed: true,
  error: true,
}

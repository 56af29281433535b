import type { BrokerletError } from '../errors.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { GroupPartition } from './group-partition.ts'
import type { Subscription } from './subscription.ts'

/** A partition that a member was given, and the epoch that its commits must carry. */
export interface AssignedPartition extends TopicPartition {
  readonly assignmentEpoch: number
}

/** What changed for a member, in the order in which it has to follow it. */
export interface AssignmentChange {
  /** Gone already: their topic was deleted. */
  readonly lost: readonly TopicPartition[]
  /** To give up: finish, commit, then release them. */
  readonly revoked: readonly TopicPartition[]
  /** Its own from now on. */
  readonly assigned: readonly AssignedPartition[]
  /** Whether the member now has all that the group means it to have. */
  readonly settled: boolean
}

/** How a group reaches a member. The calls come after the group's own change is complete. */
export interface MemberListener {
  assignmentChanged(change: AssignmentChange): void
  /** The group removed the member; all its partitions are gone. */
  fenced(error: BrokerletError): void
  /** The offset of the next record that the member hands out, or undefined where it does not know yet. */
  position(topic: string, partition: number): number | undefined
  /** Whether what it has handed out counts as read, even before it is committed. */
  readonly autoCommit: boolean
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none'
}

/** What a member says when it joins. */
export interface MemberOptions {
  readonly memberId: string
  readonly clientId: string
  readonly groupInstanceId: string | undefined
  readonly subscription: Subscription
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly listener: MemberListener
}

/** A member of a group, as the group knows it. */
export class GroupMember {
  readonly memberId: string
  readonly clientId: string
  readonly groupInstanceId: string | undefined
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly listener: MemberListener
  subscription: Subscription
  /** The existing topics that it reads, sorted; members who read the same share the array. */
  topics: readonly string[] = []
  readonly owned: Set<GroupPartition> = new Set()
  /** How many partitions the target gives it that it does not have yet. */
  owed = 0
  /** False once its session runs: it crashed, or it is static and was closed. */
  connected = true
  /** Its place among the members while a target is computed. */
  index = 0

  constructor(options: MemberOptions) {
    this.memberId = options.memberId
    this.clientId = options.clientId
    this.groupInstanceId = options.groupInstanceId
    this.rebalanceTimeoutMs = options.rebalanceTimeoutMs
    this.sessionTimeoutMs = options.sessionTimeoutMs
    this.listener = options.listener
    this.subscription = options.subscription
  }

  get assignment(): readonly TopicPartition[] {
    return [...this.owned].map(({ topic, partition }) => ({ topic, partition }))
  }
}

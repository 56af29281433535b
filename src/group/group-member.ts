import type { MembershipListener } from '../engine.ts'
import type { MemberDescription } from './group-description.ts'
import type { GroupPartition } from './group-partition.ts'
import type { Subscription } from './subscription.ts'

/** The data that a member joins with. */
export interface MemberOptions {
  readonly memberId: string
  readonly clientId: string
  readonly groupInstanceId: string | undefined
  readonly subscription: Subscription
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly listener: MembershipListener
}

/** A member of a group, as the group knows it. */
export class GroupMember {
  readonly memberId: string
  readonly clientId: string
  readonly groupInstanceId: string | undefined
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly listener: MembershipListener
  subscription: Subscription
  /** The existing topics that it reads, sorted; members that read the same topics share the array. */
  topics: readonly string[] = []
  readonly owned: Set<GroupPartition<GroupMember>> = new Set()
  /** How many partitions of its target it does not own yet. */
  owed = 0
  /** False while only its session keeps it a member: it crashed, or it is static and was closed. */
  connected = true
  /** Its index among the members while a target is computed. */
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

  /** Whether its client uses the classic protocol, and so has no say in the choice of the assignor. */
  get classic(): boolean {
    return this.listener.protocol === 'classic'
  }

  /** The member, as `group.members` shows it. */
  describe(): MemberDescription {
    const owned = [...this.owned]
    return {
      memberId: this.memberId,
      ...(this.groupInstanceId === undefined ? {} : { groupInstanceId: this.groupInstanceId }),
      clientId: this.clientId,
      topics: this.topics,
      assignment: owned.map(({ topic, partition }) => ({ topic, partition })),
      revoking: owned
        .filter(({ revokingSince }) => revokingSince !== undefined)
        .map(({ topic, partition }) => ({ topic, partition })),
      connected: this.connected,
    }
  }
}

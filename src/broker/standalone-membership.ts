import type { Interest, Membership } from '../engine.ts'
import { IllegalStateError } from '../errors.ts'
import type { ConsumerGroup } from '../group/consumer-group.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { GroupMembership } from './group-membership.ts'

/** The membership of a reader without a group: its hidden group ends with it, and nothing is committed. */
export class StandaloneMembership implements Membership {
  readonly #group: ConsumerGroup
  readonly #membership: GroupMembership
  readonly #left: () => void

  constructor(group: ConsumerGroup, membership: GroupMembership, left: () => void) {
    this.#group = group
    this.#membership = membership
    this.#left = left
  }

  get memberId(): string {
    return this.#membership.memberId
  }

  subscribe(interest: Interest): void {
    this.#membership.subscribe(interest)
  }

  release(partitions: readonly TopicPartition[]): void {
    this.#membership.release(partitions)
  }

  commit(): never {
    throw new IllegalStateError(`Reader '${this.memberId}' has no groupId, so there is nothing to commit to`)
  }

  committed(): null {
    return null
  }

  leave(): void {
    this.#left()
    this.#membership.leave(false)
    this.#group.delete()
  }
}

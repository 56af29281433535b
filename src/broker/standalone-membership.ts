import { IllegalStateError } from '../errors.ts'
import type { ConsumerGroup } from '../group/consumer-group.ts'
import type { GroupMember } from '../group/group-member.ts'
import { GroupMembership, type GroupMembershipHost } from './group-membership.ts'

/** The membership of a reader without a group: its hidden group ends with it, and nothing is committed. */
export class StandaloneMembership extends GroupMembership {
  readonly #group: ConsumerGroup
  readonly #left: () => void

  constructor(group: ConsumerGroup, member: GroupMember, host: GroupMembershipHost, left: () => void) {
    super(group, member, host)
    this.#group = group
    this.#left = left
  }

  override commit(): never {
    throw new IllegalStateError(`Reader '${this.memberId}' has no groupId, so there is nothing to commit to`)
  }

  override committed(): null {
    return null
  }

  override leave(): void {
    this.#left()
    super.leave(false)
    this.#group.delete()
  }
}

import type { EpochOffset, Interest, Membership, OwnedOffset, PendingCommit } from '../engine.ts'
import type { ConsumerGroup } from '../group/consumer-group.ts'
import type { GroupMember } from '../group/group-member.ts'
import type { Subscription } from '../group/subscription.ts'
import type { Outbox } from '../outbox.ts'
import type { OffsetAndMetadata, TopicPartition } from '../topic-partition.ts'

/** What a member's consumer needs of its engine. */
export interface GroupMembershipHost {
  readonly outbox: Outbox
  /** Makes sure that the named topics exist. */
  requireTopics(interest: Interest): void
}

/** A consumer's place in a group of this process. */
export class GroupMembership implements Membership {
  readonly #group: ConsumerGroup
  readonly #member: GroupMember
  readonly #host: GroupMembershipHost

  constructor(group: ConsumerGroup, member: GroupMember, host: GroupMembershipHost) {
    this.#group = group
    this.#member = member
    this.#host = host
  }

  get memberId(): string {
    return this.#member.memberId
  }

  subscribe(interest: Interest): void {
    this.#host.requireTopics(interest)
    this.#group.subscribe(this.#member, toSubscription(interest))
    this.#host.outbox.flush()
  }

  release(partitions: readonly TopicPartition[]): void {
    this.#group.release(this.#member, partitions)
    this.#host.outbox.flush()
  }

  commit(offsets: readonly EpochOffset[]): void {
    this.#group.commits.commit(this.#member, offsets)
  }

  prepareCommit(offsets: readonly EpochOffset[]): PendingCommit {
    return {
      groupId: this.#group.id,
      outbox: this.#host.outbox,
      offsets,
      check: () => this.#group.commits.check(this.#member, offsets),
      commit: () => this.#group.commits.commit(this.#member, offsets),
    }
  }

  ownedOffset(tp: TopicPartition, assignmentEpoch: number): OwnedOffset | undefined {
    return this.#group.commits.owned(this.#member, tp, assignmentEpoch)
  }

  committed(tp: TopicPartition): OffsetAndMetadata | null {
    return this.#group.committed(tp)
  }

  leave(keepPlace: boolean): void {
    if (keepPlace) this.#group.disconnect(this.#member)
    else this.#group.leave(this.#member)
    this.#host.outbox.flush()
  }
}

/** The subscription that a group sees of an interest: topics, but no single partitions. */
export function toSubscription(interest: Interest): Subscription {
  if (interest.kind === 'topics') return { names: new Set(interest.names) }
  if (interest.kind !== 'patterns') return { names: new Set() }
  const { patterns, except } = interest
  return except === undefined ? { patterns } : { patterns, except }
}

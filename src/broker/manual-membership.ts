import type {
  AssignmentUpdate,
  EpochOffset,
  Interest,
  Membership,
  MembershipListener,
  PendingCommit,
} from '../engine.ts'
import { CommitFailedError, InvalidArgumentError, UnknownMemberIdError } from '../errors.ts'
import type { Outbox } from '../outbox.ts'
import {
  formatTopicPartition,
  type OffsetAndMetadata,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'

/** What consumers with given partitions need of their engine. */
export interface ManualHost {
  readonly outbox: Outbox
  committed(groupId: string, tp: TopicPartition): OffsetAndMetadata | null
  commitWithoutMember(groupId: string, offsets: readonly TopicPartitionOffset[]): void
  /** Refuses what `commitWithoutMember` would refuse. */
  checkCommitWithoutMember(groupId: string, offsets: readonly TopicPartitionOffset[]): void
  /** @throws UnknownMemberIdError while the group has members that assign by themselves */
  requireNotHeld(groupId: string): void
  requirePartition(tp: TopicPartition): void
  left(membership: ManualMembership): void
}

/** A consumer that chose its partitions by itself: it is no member of any group and never rebalances. (Kafka: assign) */
export class ManualMembership implements Membership {
  readonly memberId: string
  // Under which it commits, if it has one.
  readonly #groupId: string | undefined
  readonly #host: ManualHost
  readonly #listener: MembershipListener
  #partitions: readonly TopicPartition[] = []
  // Partitions taken away and not released yet: the consumer may not even have followed that it got them.
  #leaving: readonly TopicPartition[] = []
  // The epoch of what is assigned: grows where a topic is deleted, so that no offset of it is committed for a later
  // topic of the same name.
  #epoch = 0
  // By topic, the first epoch after it was deleted.
  readonly #since = new Map<string, number>()

  constructor(memberId: string, groupId: string | undefined, host: ManualHost, listener: MembershipListener) {
    this.memberId = memberId
    this.#groupId = groupId
    this.#host = host
    this.#listener = listener
  }

  subscribe(interest: Interest): void {
    if (interest.kind !== 'assign')
      throw new InvalidArgumentError("A consumer made with 'assign' takes partitions, received topics")
    for (const tp of interest.partitions) this.#host.requirePartition(tp)
    const before = this.#partitions
    this.#partitions = interest.partitions
    // A partition that stays is left alone, and so keeps its position (SubscriptionState.assignFromUser).
    const revoked = without(before, interest.partitions)
    this.#leaving = [...without(this.#leaving, revoked), ...revoked]
    const assigned = without(interest.partitions, before).map(tp => ({
      ...tp,
      assignmentEpoch: this.#epoch,
    }))
    this.#tell({ lost: [], revoked, assigned })
    this.#host.outbox.flush()
  }

  #tell(update: Omit<AssignmentUpdate, 'settled'>): void {
    this.#host.outbox.push(() => this.#listener.assignmentChanged({ ...update, settled: true }))
  }

  /** Says that a topic is gone: its partitions are lost. */
  topicDeleted(topic: string): void {
    const lost = [...this.#partitions, ...without(this.#leaving, this.#partitions)].filter(
      tp => tp.topic === topic,
    )
    if (lost.length === 0) return
    this.#partitions = this.#partitions.filter(tp => tp.topic !== topic)
    this.#leaving = this.#leaving.filter(tp => tp.topic !== topic)
    this.#since.set(topic, ++this.#epoch)
    this.#tell({ lost, revoked: [], assigned: [] })
  }

  /** Only notes the release: no other member waits for the partitions. */
  release(partitions: readonly TopicPartition[]): void {
    this.#leaving = without(this.#leaving, partitions)
  }

  /** @throws CommitFailedError while its group has members, or where a topic was deleted since it was read */
  commit(offsets: readonly EpochOffset[]): void {
    this.#requireThere(offsets)
    this.#refusing(groupId => this.#host.commitWithoutMember(groupId, offsets))
  }

  prepareCommit(offsets: readonly EpochOffset[]): PendingCommit {
    const check = () => {
      this.#requireThere(offsets)
      this.#refusing(groupId => this.#host.checkCommitWithoutMember(groupId, offsets))
    }
    const { outbox } = this.#host
    return { groupId: this.#groupId, outbox, offsets, check, commit: () => this.commit(offsets) }
  }

  // An offset of no assignment (-1) was given by the caller, who may mean the topic that is there now.
  #requireThere(offsets: readonly EpochOffset[]): void {
    for (const { topic, partition, assignmentEpoch } of offsets) {
      if (assignmentEpoch === -1 || assignmentEpoch >= (this.#since.get(topic) ?? 0)) continue
      throw new CommitFailedError(
        'STALE_MEMBER_EPOCH',
        `The commit of ${formatTopicPartition({ topic, partition })} was refused: its topic was deleted since it was read`,
        { groupId: this.#groupId, memberId: this.memberId, topic, partition },
      )
    }
  }

  // Refuses with the error that any consumer gets: the group does not know this one, and throws UnknownMemberIdError.
  #refusing(commit: (groupId: string) => void): void {
    if (this.#groupId === undefined) return
    try {
      this.#host.requireNotHeld(this.#groupId)
      commit(this.#groupId)
    } catch (error) {
      if (!(error instanceof UnknownMemberIdError)) throw error
      const { memberId } = this
      const { groupId } = error
      throw new CommitFailedError('UNKNOWN_MEMBER_ID', error.message, { groupId, memberId, cause: error })
    }
  }

  committed(tp: TopicPartition): OffsetAndMetadata | null {
    return this.#groupId === undefined ? null : this.#host.committed(this.#groupId, tp)
  }

  leave(): void {
    this.#host.left(this)
  }
}

function without(partitions: readonly TopicPartition[], others: readonly TopicPartition[]): TopicPartition[] {
  const ids = new Set(others.map(formatTopicPartition))
  return partitions.filter(tp => !ids.has(formatTopicPartition(tp)))
}

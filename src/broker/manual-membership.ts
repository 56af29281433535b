import type { EpochOffset, Interest, Membership, MembershipListener, PendingCommit } from '../engine.ts'
import { CommitFailedError, InvalidArgumentError, UnknownMemberIdError } from '../errors.ts'
import type { Outbox } from '../events.ts'
import {
  formatTopicPartition,
  type OffsetAndMetadata,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'

/** What a consumer with given partitions needs of its engine. */
export interface ManualHost {
  readonly outbox: Outbox
  readonly groupId: string | undefined
  /** What is committed under its group id, if it has one. */
  committed(tp: TopicPartition): OffsetAndMetadata | null
  /** Commits under its group id, if it has one. */
  commit(offsets: readonly TopicPartitionOffset[]): void
  /** Refuses what `commit` would refuse. */
  checkCommit(offsets: readonly TopicPartitionOffset[]): void
  requirePartition(tp: TopicPartition): void
  left(membership: ManualMembership): void
}

/** A consumer that chose its partitions by itself: it is no member of any group and never rebalances. (Kafka: assign) */
export class ManualMembership implements Membership {
  readonly memberId: string
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

  constructor(memberId: string, host: ManualHost, listener: MembershipListener) {
    this.memberId = memberId
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

  #tell(update: {
    lost: TopicPartition[]
    revoked: readonly TopicPartition[]
    assigned: (TopicPartition & { assignmentEpoch: number })[]
  }): void {
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
    this.#refusing(() => this.#host.commit(offsets))
  }

  prepareCommit(offsets: readonly EpochOffset[]): PendingCommit {
    const check = () => {
      this.#requireThere(offsets)
      this.#refusing(() => this.#host.checkCommit(offsets))
    }
    const { groupId, outbox } = this.#host
    return { groupId, outbox, offsets, check, commit: () => this.commit(offsets) }
  }

  // An offset of no assignment (-1) was given by the caller, who may mean the topic that is there now.
  #requireThere(offsets: readonly EpochOffset[]): void {
    for (const { topic, partition, assignmentEpoch } of offsets) {
      if (assignmentEpoch === -1 || assignmentEpoch >= (this.#since.get(topic) ?? 0)) continue
      const { groupId } = this.#host
      throw new CommitFailedError(
        'STALE_MEMBER_EPOCH',
        `The commit of ${formatTopicPartition({ topic, partition })} was refused: its topic was deleted since it was read`,
        { groupId, memberId: this.memberId, topic, partition },
      )
    }
  }

  // Refuses with the error that any consumer gets: the group does not know this one, and throws UnknownMemberIdError.
  #refusing(commit: () => void): void {
    try {
      commit()
    } catch (error) {
      if (!(error instanceof UnknownMemberIdError)) throw error
      const { memberId } = this
      const { groupId } = error
      throw new CommitFailedError('UNKNOWN_MEMBER_ID', error.message, { groupId, memberId, cause: error })
    }
  }

  committed(tp: TopicPartition): OffsetAndMetadata | null {
    return this.#host.committed(tp)
  }

  leave(): void {
    this.#host.left(this)
  }
}

function without(partitions: readonly TopicPartition[], others: readonly TopicPartition[]): TopicPartition[] {
  const ids = new Set(others.map(formatTopicPartition))
  return partitions.filter(tp => !ids.has(formatTopicPartition(tp)))
}

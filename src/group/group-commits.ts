import type { EpochOffset } from '../engine.ts'
import { CommitFailedError, UnknownMemberIdError } from '../errors.ts'
import { formatTopicPartition, type TopicPartition, type TopicPartitionOffset } from '../topic-partition.ts'
import type { GroupAssignment } from './group-assignment.ts'
import type { GroupMember } from './group-member.ts'
import type { GroupMembers } from './group-members.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { OffsetExpiry } from './offset-expiry.ts'
import { OwnedPartition, type OwnedPartitionHost } from './owned-partition.ts'

/** What commits are checked against, and where they are stored. */
export interface GroupCommitsHost {
  readonly groupId: string
  readonly members: GroupMembers
  readonly assignment: GroupAssignment
  readonly offsets: GroupOffsets
  readonly expiry: OffsetExpiry
  touch(): void
}

/** Accepts the commits that count: of a partition's owner, or of any client while the group has no members. */
export class GroupCommits implements OwnedPartitionHost {
  readonly offsets: GroupOffsets
  readonly #host: GroupCommitsHost

  constructor(host: GroupCommitsHost) {
    this.offsets = host.offsets
    this.#host = host
  }

  touch(): void {
    this.#host.touch()
  }

  /**
   * Commits for a member. An offset counts only under the very assignment under which it was read, while the partition
   * is owned or being given up (KIP-1251). If one does not count, none is committed.
   *
   * @throws CommitFailedError
   */
  commit(member: GroupMember, offsets: readonly EpochOffset[]): void {
    this.check(member, offsets)
    for (const offset of offsets) {
      this.offsets.storeOwned(this.#host.assignment.partition(offset.topic, offset.partition)!, offset)
    }
    this.#host.touch()
  }

  /** Throws as `commit` would. */
  check(member: GroupMember, offsets: readonly EpochOffset[]): void {
    if (!this.#host.members.has(member)) throw this.#refused('UNKNOWN_MEMBER_ID', member, offsets)
    for (const offset of offsets) {
      const partition = this.#host.assignment.partition(offset.topic, offset.partition)
      if (partition?.owner !== member || partition.epoch !== offset.assignmentEpoch) {
        throw this.#refused('STALE_MEMBER_EPOCH', member, offsets)
      }
      if (offset.metadata !== undefined) this.offsets.checkMetadata(offset)
    }
  }

  /** Returns a partition that its owner commits with every record. */
  owned(
    member: GroupMember,
    { topic, partition }: TopicPartition,
    assignmentEpoch: number,
  ): OwnedPartition | undefined {
    const owned = this.#host.assignment.partition(topic, partition)
    return owned && new OwnedPartition(this, member, owned, assignmentEpoch)
  }

  #refused(
    code: 'UNKNOWN_MEMBER_ID' | 'STALE_MEMBER_EPOCH',
    { memberId }: GroupMember,
    offsets: readonly TopicPartition[],
  ): CommitFailedError {
    const { groupId } = this.#host
    const why =
      code === 'UNKNOWN_MEMBER_ID'
        ? `the group no longer knows member '${memberId}'`
        : `not all of them are held by member '${memberId}' under the assignment they were read under`
    const first = offsets[0]
    return new CommitFailedError(
      code,
      `Group '${groupId}' refused the commit of ${offsets.map(formatTopicPartition).join(', ')}: ${why}`,
      { groupId, memberId, ...(first ? { topic: first.topic, partition: first.partition } : {}) },
    )
  }

  /**
   * Commits for a client that is no member: a consumer with `assign`, or an administrator. `anonymous` is
   * for a transactional producer that does not name a member, as none did before KIP-447: its commit
   * counts whatever members there are.
   *
   * @throws UnknownMemberIdError while the group has members, unless anonymous
   */
  commitFromOutside(offsets: readonly TopicPartitionOffset[], anonymous = false): void {
    this.checkFromOutside(offsets, anonymous)
    this.offsets.storeFromOutside(offsets)
    this.#host.expiry.committed()
    for (const { topic, partition } of offsets) this.#host.assignment.forgetCommitted(topic, partition)
    this.#host.touch()
  }

  /** Throws as `commitFromOutside` would. */
  checkFromOutside(offsets: readonly TopicPartitionOffset[], anonymous: boolean): void {
    const { groupId, members } = this.#host
    if (members.size > 0 && !anonymous) {
      throw new UnknownMemberIdError(
        `Group '${groupId}' has members, and only they commit for it; ` +
          `received a commit of ${offsets.map(formatTopicPartition).join(', ')} from a consumer outside`,
        { groupId },
      )
    }
    for (const offset of offsets) this.offsets.checkMetadata(offset)
  }
}

import type { CommittedPosition, EpochOffset } from '../engine.ts'
import type { ErrorCode } from '../error-codes.ts'
import { CommitFailedError, isBrokerletError } from '../errors.ts'
import { TaskQueue } from '../task-queue.ts'
import { describeError } from '../thrown.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { Cluster } from './cluster.ts'
import { CommittedLookup, type Committing, commitOffsets, type GroupIdentity } from './group-offsets.ts'

/** A member that commits. */
export interface CommittingMember {
  readonly cluster: Cluster
  readonly groupId: string
  readonly memberId: string
  /** The identity that it commits under. */
  identity(): GroupIdentity
  /** Whether it owns a partition under that assignment. */
  holds(tp: TopicPartition, assignmentEpoch: number): boolean
  /** Why it is in its group no longer; undefined while it is. */
  gone(): unknown
  /** Resolves when it has learnt its epoch anew. */
  beatAgain(): Promise<void>
}

const staleCommits = 5

type Refusal = 'STALE_MEMBER_EPOCH' | 'UNKNOWN_MEMBER_ID' | 'GROUP_ID_NOT_FOUND'

/** The code of a `CommitFailedError`, by the error with which the group refuses a commit. */
const refusals: Partial<Record<ErrorCode, Refusal>> = {
  UNKNOWN_MEMBER_ID: 'UNKNOWN_MEMBER_ID',
  FENCED_MEMBER_EPOCH: 'STALE_MEMBER_EPOCH',
  STALE_MEMBER_EPOCH: 'STALE_MEMBER_EPOCH',
  ILLEGAL_GENERATION: 'STALE_MEMBER_EPOCH',
  GROUP_ID_NOT_FOUND: 'GROUP_ID_NOT_FOUND',
}

// The latter in answer to the offsets of a transaction: a producer knows generations, and no epochs.
const stale: ReadonlySet<ErrorCode> = new Set(['STALE_MEMBER_EPOCH', 'ILLEGAL_GENERATION'])

/** What a member commits: only offsets of partitions that it owns under the assignments in which their records were read. */
export class GroupCommits {
  readonly #member: CommittingMember
  readonly #queue = new TaskQueue()
  readonly #committed: CommittedLookup

  constructor(member: CommittingMember) {
    this.#member = member
    this.#committed = new CommittedLookup(member.cluster, member.groupId)
  }

  /** Commits one after the other, so that an earlier commit never overtakes a later one. */
  commit(offsets: readonly EpochOffset[]): Promise<void> {
    const { cluster } = this.#member
    return this.#queue.add(() =>
      this.asMember(offsets, identity => commitOffsets(cluster, identity, offsets)),
    )
  }

  /**
   * Commits under the current member epoch. Where that epoch is stale, tries again with the next one, as long as the
   * partitions are still owned under the assignments in which their records were read.
   *
   * @throws CommitFailedError
   */
  async asMember(
    offsets: readonly EpochOffset[],
    commit: (identity: Committing) => Promise<void>,
  ): Promise<void> {
    // With each request: whom to ask may have had to be found out first, and what was owned then be given up by now. Kafka
    // compares the member's epoch, and not whose the partitions are.
    const identity = () => {
      this.#requireOwned(offsets)
      return this.#member.identity()
    }
    for (let attempt = 1; ; attempt++) {
      try {
        return await commit(identity)
      } catch (error) {
        if (!isBrokerletError(error) || error instanceof CommitFailedError) throw error
        const refusal = refusals[error.code]
        if (refusal === undefined) throw error
        if (!stale.has(error.code) || attempt === staleCommits)
          throw this.#refused(refusal, error.message, error)
        await this.#member.beatAgain()
      }
    }
  }

  #requireOwned(offsets: readonly EpochOffset[]): void {
    const gone = this.#member.gone()
    if (gone !== undefined) throw this.#refused('UNKNOWN_MEMBER_ID', describeError(gone), gone)
    for (const tp of offsets) {
      if (this.#member.holds(tp, tp.assignmentEpoch)) continue
      throw this.#refused(
        'STALE_MEMBER_EPOCH',
        `${formatTopicPartition(tp)} is not owned by this member under that assignment`,
      )
    }
  }

  #refused(code: Refusal, why: string, cause?: unknown): CommitFailedError {
    const { groupId, memberId } = this.#member
    const text = `Member '${memberId}' of group '${groupId}' cannot commit: ${why}`
    return new CommitFailedError(code, text, {
      groupId,
      memberId,
      ...(cause === undefined ? {} : { cause }),
    })
  }

  /** What the group has committed; lookups of one turn share a request. */
  committed(tp: TopicPartition): Promise<CommittedPosition | null> {
    return this.#committed.find(tp)
  }

  /** Resolves when all commits have ended. */
  async idle(): Promise<void> {
    await this.#queue.idle()
  }
}

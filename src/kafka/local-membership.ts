import type {
  CommittedPosition,
  EpochOffset,
  Interest,
  JoinRequest,
  Membership,
  MembershipListener,
} from '../engine.ts'
import { CommitFailedError, IllegalStateError } from '../errors.ts'
import type { Outbox } from '../outbox.ts'
import { TaskQueue } from '../task-queue.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { Cluster } from './cluster.ts'
import { hasCode } from './cluster-error.ts'
import { partitionsOf } from './cluster-metadata.ts'
import type { MembershipHost } from './group-membership.ts'
import {
  CommittedLookup,
  type Committing,
  commitOffsets,
  type GroupIdentity,
  outsider,
} from './group-offsets.ts'
import { topicsOf, watchedBy } from './interest.ts'
import type { IdPartition } from './owned-partitions.ts'

/**
 * A consumer that shares its partitions with no other member: it reads given partitions, or all partitions of its
 * topics, and follows changes to them. With a `groupId`, it commits without being a member of the group.
 */
export class LocalMembership implements Membership {
  readonly memberId: string
  readonly autoCommitIntervalMs: number
  readonly #cluster: Cluster
  readonly #outbox: Outbox
  readonly #listener: MembershipListener
  readonly #groupId: string | undefined
  readonly #committed: CommittedLookup | undefined
  readonly #commits = new TaskQueue()
  // What it is told to read, in the order in which it is told so: each may have to be looked up.
  readonly #changes = new TaskQueue()
  #interest: Interest
  // What it was told to read last, also while that is still looked up.
  #last: Interest
  #held = new Map<string, IdPartition>()
  #unwatch: (() => void) | undefined
  #told = false
  #left = false
  // Whether everything that it reads must exist.
  #awaited = false

  constructor(host: MembershipHost, memberId: string, request: JoinRequest, listener: MembershipListener) {
    this.memberId = memberId
    this.autoCommitIntervalMs = host.autoCommitIntervalMs
    this.#cluster = host.cluster
    this.#outbox = host.outbox
    this.#listener = listener
    this.#groupId = request.groupId
    this.#interest = request.interest
    this.#last = request.interest
    this.#committed =
      request.groupId === undefined ? undefined : new CommittedLookup(host.cluster, request.groupId)
  }

  get cluster(): Cluster {
    return this.#cluster
  }

  async join(rejoins: boolean): Promise<void> {
    try {
      await this.#begin(this.#interest, rejoins)
    } catch (error) {
      this.#unwatch?.()
      throw error
    }
  }

  async #begin(interest: Interest, mayBeMissing: boolean): Promise<void> {
    await this.#require(interest, mayBeMissing)
    this.#interest = interest
    this.#awaited = !mayBeMissing
    // The listener is told even if nothing changes: the caller waits for it.
    this.#told = false
    this.#watch()
    await this.#cluster.refresh()
    if (this.#isIncomplete) await this.#require(interest, mayBeMissing)
    this.#awaited = false
    if (!this.#told) this.#look()
  }

  // --- what it reads ------------------------------------------------------------------------------------------------

  async #require(interest: Interest, mayBeMissing: boolean): Promise<void> {
    if (interest.kind === 'assign') {
      for (const tp of interest.partitions) await this.#cluster.requirePartition(tp)
    } else if (interest.kind === 'topics' && !mayBeMissing) {
      await this.#cluster.requireTopics(interest.names)
    }
  }

  #watch(): void {
    this.#unwatch?.()
    // It may have left while it was about to read something else.
    if (this.#left) return
    this.#unwatch = this.#cluster.watch(() => this.#look(), watchedBy(this.#interest, this.#cluster))
  }

  // A broker that lags behind may have reported that a topic is missing which was found a moment ago. Beginning without
  // it would miss the topic, and a bounded read would end at once.
  get #isIncomplete(): boolean {
    const names = topicsOf(this.#interest, this.#cluster)
    return this.#awaited && names.some(name => this.#cluster.knownTopic(name) === undefined)
  }

  #look(): void {
    if (this.#isIncomplete) return
    const wanted = new Map(this.#wanted().map(tp => [formatTopicPartition(tp), tp]))
    const leaving = [...this.#held].filter(([id, { topicId }]) => wanted.get(id)?.topicId !== topicId)
    const lost = leaving.filter(([, tp]) => this.#cluster.knownTopic(tp.topic)?.id !== tp.topicId)
    const revoked = leaving.filter(each => !lost.includes(each))
    const assigned = [...wanted].filter(([id, { topicId }]) => this.#held.get(id)?.topicId !== topicId)
    this.#held = wanted
    if (this.#told && leaving.length + assigned.length === 0) return
    this.#told = true
    const update = {
      lost: lost.map(([, tp]) => plain(tp)),
      revoked: revoked.map(([, tp]) => plain(tp)),
      assigned: assigned.map(([, tp]) => ({ ...plain(tp), assignmentEpoch: 0 })),
      settled: this.#interest === this.#last,
    }
    this.#outbox.push(() => this.#listener.assignmentChanged(update))
    this.#outbox.flush()
  }

  #wanted(): IdPartition[] {
    const interest = this.#interest
    const known = (name: string) => this.#cluster.knownTopic(name) ?? []
    const wanted =
      interest.kind === 'assign'
        ? interest.partitions
        : topicsOf(interest, this.#cluster).flatMap(known).flatMap(partitionsOf)
    return wanted.flatMap(({ topic, partition }) => {
      const topicId = this.#cluster.knownTopic(topic)?.id
      return topicId === undefined ? [] : [{ topic, partition, topicId }]
    })
  }

  subscribe(interest: Interest): Promise<void> {
    this.#last = interest
    return this.#changes.add(() => this.#change(interest))
  }

  async #change(interest: Interest): Promise<void> {
    const before = this.#interest
    try {
      await this.#begin(interest, false)
    } catch (error) {
      this.#interest = before
      if (this.#last === interest) this.#last = before
      this.#awaited = false
      this.#watch()
      // That it is settled, which it was not because of this. Later, since its consumer is still to hear of the refusal.
      this.#told = false
      void this.#cluster.clock.turn().then(() => {
        if (this.#changes.size === 0) this.#look()
      })
      throw error
    }
  }

  release(): void {
    // No other member waits for the partitions.
  }

  // --- committing ---------------------------------------------------------------------------------------------------

  // What it commits under.
  get #identity(): GroupIdentity {
    if (this.#groupId !== undefined) return outsider(this.#groupId)
    throw new IllegalStateError(`Reader '${this.memberId}' has no groupId, so there is nothing to commit to`)
  }

  async commit(offsets: readonly EpochOffset[]): Promise<void> {
    await this.#commits.add(() =>
      this.asMember(offsets, identity => commitOffsets(this.#cluster, identity, offsets)),
    )
  }

  /** @throws CommitFailedError where the group has members */
  async asMember(
    _offsets: readonly EpochOffset[],
    commit: (identity: Committing) => Promise<void>,
  ): Promise<void> {
    try {
      await commit(() => this.#identity)
    } catch (error) {
      if (!hasCode(error, 'UNKNOWN_MEMBER_ID')) throw error
      const { memberId } = this
      const groupId = this.#groupId!
      throw new CommitFailedError(
        'UNKNOWN_MEMBER_ID',
        `Consumer '${memberId}' is not in group '${groupId}', which has members: ${error.message}`,
        { groupId, memberId, cause: error },
      )
    }
  }

  async committed(tp: TopicPartition): Promise<CommittedPosition | null> {
    return this.#committed === undefined ? null : this.#committed.find(tp)
  }

  async leave(): Promise<void> {
    this.#left = true
    this.#unwatch?.()
    await this.#commits.idle()
  }
}

function plain({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}

import { committing } from '../diagnostics.ts'
import type { CommittedPosition, Engine, EpochOffset, Membership } from '../engine.ts'
import { ClosedError, CommitFailedError, isRetriable } from '../errors.ts'
import type { Events } from '../events.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { ConsumedOffsets } from '../offset-source.ts'
import type { OffsetAndMetadata, TopicPartition, TopicPartitionOffset } from '../topic-partition.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { PartitionState } from './partition-state.ts'
import type { PartitionStates } from './partition-states.ts'

/** What the committer needs of its consumer. */
export interface CommitterHost {
  readonly engine: Engine
  readonly events: Events<ConsumerEvents>
  readonly groupId: string | undefined
  readonly clientId: string
  /** Whether it commits by itself what is finished. */
  readonly autoCommit: boolean
  readonly states: PartitionStates
  /** The membership, while there is one. */
  membership(): Membership | undefined
}

/** Commits for one consumer, automatically or on request. */
export class Committer {
  readonly #host: CommitterHost
  readonly #due = new Set<PartitionState>()
  #cut = false

  constructor(host: CommitterHost) {
    this.#host = host
  }

  /** Commits what is finished of partitions and not committed yet, where the consumer commits automatically. */
  commitFinished(states: readonly PartitionState[]): MaybePromise<void> {
    if (!this.#host.autoCommit) return
    const due = states.filter(
      state =>
        state.positioned &&
        (state.finished !== state.committed || state.window?.metadata() !== undefined) &&
        state.phase !== 'gone' &&
        state.fetch,
    )
    if (due.length > 0) return this.#commitAutomatically(due, due.map(finishedOffset))
  }

  /** The same for one partition; called for every batch. */
  commitOne(state: PartitionState): void {
    if (!this.#host.autoCommit) return
    if (state.finished === state.committed || state.phase === 'gone') return
    const membership = this.#host.membership()
    if (membership === undefined) return
    if (membership.autoCommitIntervalMs !== undefined)
      return this.#commitLater(state, membership.autoCommitIntervalMs)
    try {
      const told = committing.listened || this.#host.events.listens('committed')
      if (!told && commitOwned(membership, state)) return
    } catch (error) {
      return this.#refused(error)
    }
    void this.#commitAutomatically([state], [plainOffset(state)])
  }

  // Not the only commit: a consumer that gives a partition up, or leaves, commits at once what is finished by then.
  #commitLater(state: PartitionState, intervalMs: number): void {
    const underWay = this.#due.size > 0
    this.#due.add(state)
    if (underWay) return
    const commit = () => {
      const due = [...this.#due]
      this.#due.clear()
      void this.commitFinished(due)
    }
    this.#host.engine.clock.setTimer(commit, intervalMs, { name: `commit of ${this.#host.clientId}` })
  }

  // A failed commit is an 'error' event and stops nothing: the records come again (ConsumerCoordinator.onJoinPrepare).
  #commitAutomatically(
    states: readonly PartitionState[],
    offsets: readonly EpochOffset[],
  ): MaybePromise<void> {
    const membership = this.#host.membership()
    if (membership === undefined) return
    try {
      const result = this.#commit(membership, states, offsets, true)
      if (result !== undefined) return this.#whenCommitted(membership, result, states, offsets)
      this.#committed(states, offsets)
    } catch (error) {
      this.#refused(error)
    }
  }

  async #whenCommitted(
    membership: Membership,
    result: Promise<void>,
    states: readonly PartitionState[],
    offsets: readonly EpochOffset[],
  ): Promise<void> {
    try {
      await result
      this.#committed(states, offsets)
    } catch (error) {
      this.#refused(error)
      if (isRetriable(error)) this.#commitAgain(membership, states)
    }
  }

  // No later record may come and be committed, and finished records must not look unread for ever.
  #commitAgain(membership: Membership, states: readonly PartitionState[]): void {
    const { autoCommitIntervalMs } = membership
    if (autoCommitIntervalMs === undefined) return
    for (const state of states) if (state.phase !== 'gone') this.#commitLater(state, autoCommitIntervalMs)
  }

  #commit(
    membership: Membership,
    states: readonly (PartitionState | undefined)[],
    finished: readonly EpochOffset[],
    automatic: boolean,
  ): MaybePromise<void> {
    const offsets = finished.map((offset, i) => underLeader(offset, states[i]))
    if (!committing.listened) return membership.commit(offsets)
    const { clientId, groupId } = this.#host
    const trace = { clientId, groupId, offsets: finished.map(toPlain), automatic }
    return committing.trace(trace, () => membership.commit(offsets))
  }

  // Once its connection is closed, every commit that still waits fails of that: one error tells of them all.
  #refused(error: unknown): void {
    if (error instanceof ClosedError) {
      if (this.#cut) return
      this.#cut = true
    }
    const { engine, events } = this.#host
    events.emitError(error, 'could not commit what it has finished, which may come again')
    engine.outbox.flush()
  }

  /**
   * Commits given offsets, or what is finished.
   *
   * @throws CommitFailedError where a partition is not this consumer's; nothing is committed then
   */
  commit(offsets: readonly TopicPartitionOffset[] | undefined): Promise<void> {
    const { states } = this.#host
    if (offsets) {
      return this.#commitGiven(
        offsets,
        offsets.map(tp => states.readUnder(tp)),
      )
    }
    const positioned = states.all.filter(state => state.positioned)
    return this.#commitGiven(positioned.map(offsetToCommit), positioned)
  }

  async #commitGiven(
    offsets: readonly TopicPartitionOffset[],
    states: readonly (PartitionState | undefined)[],
  ): Promise<void> {
    const membership = this.#host.membership()
    if (membership === undefined) {
      const { groupId } = this.#host
      throw new CommitFailedError(
        'UNKNOWN_MEMBER_ID',
        `This consumer is not a member of group '${groupId}' now: it was removed, or has not joined yet`,
        { groupId },
      )
    }
    if (offsets.length === 0) return
    const due = offsets.map((offset, i) => ({ ...offset, assignmentEpoch: states[i]?.assignmentEpoch ?? -1 }))
    // Through an async function, so that a refusal does not settle before the success of an earlier call.
    await (async () => this.#commit(membership, states, due, false))()
    this.#committed(states, due)
  }

  #committed(
    states: readonly (PartitionState | undefined)[],
    offsets: readonly TopicPartitionOffset[],
  ): void {
    for (let i = 0; i < states.length; i++) {
      const state = states[i]
      if (state) state.committed = offsets[i]!.offset
    }
    if (!this.#host.events.listens('committed')) return
    this.#host.events.emitNow('committed', { offsets: offsets.map(toPlain) })
  }

  /** What a transaction commits: offsets, and the membership and assignments under which they were read. */
  consumed(offsets: readonly { readonly state: PartitionState; readonly offset: number }[]): ConsumedOffsets {
    const { groupId, clientId, autoCommit } = this.#host
    const versions = offsets.map(({ state }) => state.version)
    return {
      consumer: clientId,
      groupId,
      autoCommit,
      membership: this.#host.membership(),
      offsets: offsets.map(({ state, offset }) => {
        const { topic, partition, assignmentEpoch } = state
        return underLeader({ topic, partition, offset, assignmentEpoch }, state)
      }),
      committed: () => {
        for (const [i, { state, offset }] of offsets.entries()) state.transacted(offset, versions[i]!)
      },
    }
  }

  /** The offset that the group has committed in a partition, or `null`. */
  async committed(tp: TopicPartition): Promise<OffsetAndMetadata | null> {
    const { engine, groupId } = this.#host
    const membership = this.#host.membership()
    const outside = () => (groupId === undefined ? null : engine.committed(groupId, tp))
    return withoutEpoch(await (membership === undefined ? outside() : membership.committed(tp)))
  }
}

// As its user names it, without the epochs under which it is committed.
function toPlain({ topic, partition, offset, metadata }: TopicPartitionOffset): TopicPartitionOffset {
  return withMetadata({ topic, partition, offset }, metadata)
}

function withMetadata<Offset>(
  offset: Offset,
  metadata: string | undefined,
): Offset | (Offset & { metadata: string }) {
  return metadata === undefined ? offset : { ...offset, metadata }
}

function withoutEpoch(committed: CommittedPosition | null): OffsetAndMetadata | null {
  if (committed?.leaderEpoch === undefined) return committed
  return withMetadata({ offset: committed.offset }, committed.metadata)
}

// With the leader epoch of the record before it: whoever begins there can ask a later leader whether it has that record.
function underLeader(offset: EpochOffset, state: PartitionState | undefined): EpochOffset {
  const leaderEpoch = state?.epochBefore(offset.offset)
  return leaderEpoch === undefined ? offset : { ...offset, leaderEpoch }
}

// A transaction may have committed the record in hand, which is not finished yet: that does not go back.
function offsetToCommit(state: PartitionState): EpochOffset {
  const offset = state.committedByTransaction
  return offset > state.finished ? { ...plainOffset(state), offset } : finishedOffset(state)
}

// The finished offset of a partition to commit, with what is finished out of order in its metadata.
function finishedOffset(state: PartitionState): EpochOffset {
  return withMetadata(plainOffset(state), state.metadata)
}

function plainOffset({ topic, partition, finished, assignmentEpoch }: PartitionState): EpochOffset {
  return { topic, partition, offset: finished, assignmentEpoch }
}

// Called for every record where a commit only changes memory, so it looks nothing up and allocates nothing.
function commitOwned(membership: Membership, state: PartitionState): boolean {
  state.ownedOffset ??= membership.ownedOffset?.(state, state.assignmentEpoch)
  if (state.ownedOffset === undefined) return false
  const { finished } = state
  state.ownedOffset.commit(finished)
  state.committed = finished
  return true
}

import type { AssignedPartition, Interest, Membership, PendingCommit } from '../engine.ts'
import { CommitFailedError } from '../errors.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { OffsetAndMetadata, TopicPartition, TopicPartitionOffset } from '../topic-partition.ts'
import { after, placesOf, type TestClient } from './test-client.ts'

type Commit = readonly (TopicPartitionOffset & { readonly assignmentEpoch: number })[]

/**
 * A consumer's membership in a group, behind the fault plan. It has no `ownedOffset`, so that every commit passes here.
 */
export class TestMembership implements Membership {
  readonly #membership: Membership
  readonly #client: TestClient

  constructor(membership: Membership, client: TestClient) {
    this.#membership = membership
    this.#client = client
  }

  get memberId(): string {
    return this.#membership.memberId
  }

  subscribe(interest: Interest): MaybePromise<void> {
    return after(this.#client.meet('subscribe', placesOf(interest)), () =>
      this.#membership.subscribe(interest),
    )
  }

  release(released: readonly AssignedPartition[]): void {
    if (this.#client.crashed) return
    const partitions = released.map(({ topic, partition }) => ({ topic, partition }))
    const release = () => {
      if (this.#client.crashed) return
      this.#client.note({ kind: 'released', member: this.memberId, partitions })
      this.#membership.release(released)
    }
    const lost = () => {
      // No caller waits for a release, so nobody can be told; the timeline has the fault.
    }
    try {
      const met = this.#client.meet('release', partitions)
      if (met === undefined) release()
      else met.then(release, lost)
    } catch {
      lost()
    }
  }

  commit(offsets: Commit): MaybePromise<void> {
    try {
      const result = after(this.#client.meet('commit', offsets), () => this.#membership.commit(offsets))
      if (isPromise(result)) return this.#later(offsets, result)
      this.#committed(offsets)
    } catch (error) {
      this.#refused(offsets, error)
      throw error
    }
  }

  prepareCommit(offsets: Commit): PendingCommit | undefined {
    const pending = this.#membership.prepareCommit?.(offsets)
    if (pending === undefined) return undefined
    return {
      groupId: pending.groupId,
      outbox: pending.outbox,
      offsets: pending.offsets,
      check: () => {
        try {
          this.#requireAlive()
          pending.check()
        } catch (error) {
          this.#refused(offsets, error)
          throw error
        }
      },
      commit: () => {
        pending.commit()
        this.#committed(offsets, { inTransaction: true })
      },
    }
  }

  // The group takes a dead member for alive until its session expires, but its transaction has died with it.
  #requireAlive(): void {
    const { crashed, member } = this.#client
    if (crashed)
      throw new CommitFailedError('UNKNOWN_MEMBER_ID', `sendOffsets: consumer '${member}' has crashed`)
  }

  async #later(offsets: Commit, result: Promise<void>): Promise<void> {
    try {
      await result
    } catch (error) {
      this.#refused(offsets, error)
      throw error
    }
    this.#committed(offsets)
  }

  #committed(offsets: Commit, how: { readonly inTransaction?: true } = {}): void {
    this.#client.onCommit?.()
    this.#client.note({ kind: 'committed', member: this.memberId, offsets: plain(offsets), ...how })
  }

  #refused(offsets: Commit, error: unknown): void {
    this.#client.note({ kind: 'commit refused', member: this.memberId, offsets: plain(offsets), error })
  }

  committed(tp: TopicPartition): MaybePromise<OffsetAndMetadata | null> {
    return after(this.#client.meet('committed', [tp]), () => this.#membership.committed(tp))
  }

  leave(keepPlace: boolean): MaybePromise<void> {
    // A dead process says nothing, so its membership lasts until the session expires, and
    // no fault may prevent the death.
    if (this.#client.crashed) return this.#membership.leave(true)
    try {
      const met = this.#client.meet('leave', [])
      return met === undefined ? this.#membership.leave(keepPlace) : this.#leaveLater(met, keepPlace)
    } catch (error) {
      return this.#leaveUnheard(error)
    }
  }

  async #leaveLater(met: Promise<void>, keepPlace: boolean): Promise<void> {
    try {
      await met
    } catch (error) {
      return this.#leaveUnheard(error)
    }
    await this.#membership.leave(keepPlace)
  }

  // The group does not learn that the member left: it keeps the membership until the session expires.
  #leaveUnheard(error: unknown): MaybePromise<never> {
    const left = this.#membership.leave(true)
    if (!isPromise(left)) throw error
    return left.then(() => {
      throw error
    })
  }
}

function plain(offsets: Commit): TopicPartitionOffset[] {
  return offsets.map(({ topic, partition, offset, metadata }) =>
    metadata === undefined ? { topic, partition, offset } : { topic, partition, offset, metadata },
  )
}

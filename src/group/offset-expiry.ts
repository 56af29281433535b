import type { BrokerClock } from '../broker-clock.ts'
import type { Outbox } from '../outbox.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { OffsetStore } from './offset-store.ts'
import type { RegisteredTopics } from './registered-topics.ts'

/** What the expiry of a group's offsets needs of the group. */
export interface OffsetExpiryHost {
  readonly groupId: string
  readonly clock: BrokerClock
  readonly outbox: Outbox
  readonly store: OffsetStore
  readonly offsets: GroupOffsets
  readonly registered: RegisteredTopics
  /** How long offsets of an empty group are kept, in milliseconds; -1 is for ever. */
  readonly offsetsRetentionMs: number
  /** When the last member left, or undefined while there are members. */
  emptySince(): number | undefined
  /** Whether a member reads the topic, or would if it existed. */
  subscribed(topic: string): boolean
  /** Whether somebody waits for the group though it has neither members nor offsets: it is then kept as one with these. */
  awaited(): boolean
  /** The group has neither members nor offsets any more. */
  expired(): void
}

// How long an empty group is kept that never had offsets, or has none any more. (Kafka:
// offsets.retention.check.interval.ms)
const emptyGroupMs = 10 * 60 * 1000

/**
 * When the offsets of a group expire, and with the last of them an empty group.
 *
 * While the group is empty, all its offsets expire together, counted from when it became empty or from a later commit.
 * While it has members, offsets of topics that no member reads expire, each counted from its commit (KIP-211). A topic
 * of which nothing was committed is forgotten after the same time, counted from when its last reader stopped.
 */
export class OffsetExpiry {
  readonly #host: OffsetExpiryHost
  readonly #timer: string
  readonly #retentionMs: number

  constructor(host: OffsetExpiryHost) {
    this.#host = host
    this.#retentionMs = host.offsetsRetentionMs === -1 ? Number.POSITIVE_INFINITY : host.offsetsRetentionMs
    this.#timer = `group '${host.groupId}': offset expiry`
  }

  /** The members, or what they read, have changed, or offsets were deleted. */
  schedule(): void {
    const due = this.#nextDue()
    const { clock } = this.#host
    if (due === Number.POSITIVE_INFINITY) return this.stop()
    clock.schedule(this.#timer, Math.max(0, due - clock.now()), () => {
      this.#expire()
      this.#host.outbox.flush()
    })
  }

  /** Offsets were committed: that can only make an expiry later, and a timer that comes too early looks again. */
  committed(): void {
    if (!this.#host.clock.scheduled(this.#timer)) this.schedule()
  }

  stop(): void {
    this.#host.clock.unschedule(this.#timer)
  }

  #nextDue(): number {
    const { store, groupId, clock } = this.#host
    const emptySince = this.#host.emptySince()
    let due = Number.POSITIVE_INFINITY
    if (emptySince !== undefined && !this.#hasOffsets) {
      if (!this.#host.awaited()) return clock.now() + Math.min(emptyGroupMs, this.#retentionMs)
      due = emptySince + this.#retentionMs
    }
    for (const topic of store.topics(groupId)) {
      // Looked at with every join and leave, so not partition by partition.
      if (emptySince === undefined && this.#host.subscribed(topic)) continue
      for (const { committed } of store.ofTopic(groupId, topic)) {
        const since = this.#since(topic, committed.committedAt)
        if (since !== undefined) due = Math.min(due, since + this.#retentionMs)
      }
    }
    for (const [, since] of this.#uncommitted()) due = Math.min(due, since + this.#retentionMs)
    return due
  }

  get #hasOffsets(): boolean {
    return this.#host.store.topics(this.#host.groupId).length > 0
  }

  // The topics that no member reads any more and of which nothing was committed, and since when their time runs.
  *#uncommitted(): IterableIterator<readonly [topic: string, since: number]> {
    const { offsets, registered } = this.#host
    for (const [topic, unreadSince] of registered.unread()) {
      const since = offsets.has(topic) ? undefined : this.#since(topic, unreadSince)
      if (since !== undefined) yield [topic, since]
    }
  }

  #since(topic: string, committedAt: number): number | undefined {
    const emptySince = this.#host.emptySince()
    if (emptySince !== undefined) return Math.max(emptySince, committedAt)
    return this.#host.subscribed(topic) ? undefined : committedAt
  }

  #expire(): void {
    const { store, offsets, registered, clock, groupId } = this.#host
    const now = clock.now()
    const isOver = (since: number | undefined) => since !== undefined && now - since >= this.#retentionMs
    const entries = [...store.entries(groupId)]
    offsets.delete(
      entries.filter(({ topic, committed }) => isOver(this.#since(topic, committed.committedAt))),
    )
    for (const [topic, since] of this.#uncommitted()) if (isOver(since)) registered.forget(topic)
    const emptySince = this.#host.emptySince()
    const awaited = this.#hasOffsets || (this.#host.awaited() && !isOver(emptySince))
    if (emptySince !== undefined && !awaited) this.#host.expired()
    else this.schedule()
  }
}

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
  /** The group has neither members nor offsets any more. */
  expired(): void
}

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

  constructor(host: OffsetExpiryHost) {
    this.#host = host
    this.#timer = `group '${host.groupId}': offset expiry`
  }

  /** The members, or what they read, have changed. */
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
    const { store, offsetsRetentionMs, groupId } = this.#host
    if (offsetsRetentionMs === -1) return Number.POSITIVE_INFINITY
    let due = Number.POSITIVE_INFINITY
    let some = false
    const emptySince = this.#host.emptySince()
    for (const topic of store.topics(groupId)) {
      some = true
      // Looked at with every join and leave, so not partition by partition.
      if (emptySince === undefined && this.#host.subscribed(topic)) continue
      for (const { committed } of store.ofTopic(groupId, topic)) {
        const since = this.#since(topic, committed.committedAt)
        if (since !== undefined) due = Math.min(due, since + offsetsRetentionMs)
      }
    }
    for (const [, since] of this.#uncommitted()) due = Math.min(due, since + offsetsRetentionMs)
    // An empty group without offsets expires after the same time.
    return some || emptySince === undefined ? due : emptySince + offsetsRetentionMs
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
    const { store, offsets, registered, offsetsRetentionMs, clock, groupId } = this.#host
    const now = clock.now()
    const isOver = (since: number | undefined) => since !== undefined && now - since >= offsetsRetentionMs
    const entries = [...store.entries(groupId)]
    offsets.delete(
      entries.filter(({ topic, committed }) => isOver(this.#since(topic, committed.committedAt))),
    )
    for (const [topic, since] of this.#uncommitted()) if (isOver(since)) registered.forget(topic)
    if (isOver(this.#host.emptySince()) && store.topics(groupId).length === 0) this.#host.expired()
    else this.schedule()
  }
}

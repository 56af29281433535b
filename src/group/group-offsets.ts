import type { BrokerClock } from '../broker-clock.ts'
import { OffsetMetadataTooLargeError } from '../errors.ts'
import type { OffsetAndMetadata, TopicPartition, TopicPartitionOffset } from '../topic-partition.ts'
import { type GroupTopics, offsetAt } from './group-log.ts'
import type { GroupPartition } from './group-partition.ts'
import type { CommittedOffset, OffsetStore } from './offset-store.ts'

/** What the offsets of a group need of the group. */
export interface GroupOffsetsHost {
  readonly groupId: string
  readonly clock: BrokerClock
  readonly offsets: OffsetStore
  readonly topics: GroupTopics
  /** How long offsets of an empty group are kept, in milliseconds; -1 is for ever. */
  readonly offsetsRetentionMs: number
  /** When the last member left, or undefined while there are members. */
  emptySince(): number | undefined
  /** Whether a member reads the topic, or would if it existed. */
  subscribed(topic: string): boolean
  /** The topics that members have read and none reads any more, and since when. */
  unread(): Iterable<readonly [topic: string, since: number]>
  /** There is a committed offset of the topic. */
  committed(topic: string): void
  /** The committed offset of a partition is gone: an owner that commits again starts a new entry. */
  dropped(topic: string, partition: number): void
  /** The last committed offset of the topic is gone, or there was none and its time is over. */
  forgot(topic: string): void
  /** The group has neither members nor offsets any more. */
  expired(): void
  finished(): void
}

const maxMetadataBytes = 4096

/** Whether the metadata of an offset may be kept with it. */
export function isKept(metadata: string | undefined): boolean {
  return metadata === undefined || Buffer.byteLength(metadata) <= maxMetadataBytes
}

/** The committed offsets of a group, and when they expire. */
export class GroupOffsets {
  readonly #host: GroupOffsetsHost
  readonly #timer: string

  constructor(host: GroupOffsetsHost) {
    this.#host = host
    this.#timer = `group '${host.groupId}': offset expiry`
  }

  committed({ topic, partition }: TopicPartition): OffsetAndMetadata | null {
    const committed = this.#host.offsets.get(this.#host.groupId, topic, partition)
    return committed ? toOffsetAndMetadata(committed) : null
  }

  /** The committed offset alone, which lag is counted from. */
  offset(topic: string, partition: number): number | undefined {
    return this.#host.offsets.get(this.#host.groupId, topic, partition)?.offset
  }

  /** The leader epoch that was committed with the offset, if there was one. */
  leaderEpoch({ topic, partition }: TopicPartition): number | undefined {
    return this.#host.offsets.get(this.#host.groupId, topic, partition)?.leaderEpoch
  }

  all(): TopicPartitionOffset[] {
    return [...this.#host.offsets.entries(this.#host.groupId)].map(({ topic, partition, committed }) => ({
      topic,
      partition,
      ...toOffsetAndMetadata(committed),
    }))
  }

  /** @throws OffsetMetadataTooLargeError */
  checkMetadata({ topic, partition, metadata }: TopicPartitionOffset): void {
    if (isKept(metadata)) return
    const received = Buffer.byteLength(metadata!)
    const expected = `at most ${maxMetadataBytes} bytes`
    throw new OffsetMetadataTooLargeError(
      `Commit of ${topic}-${partition}: metadata expected ${expected}, received ${received}`,
      { topic, partition, groupId: this.#host.groupId, expected, received },
    )
  }

  store(offsets: readonly TopicPartitionOffset[]): void {
    for (const offset of offsets) this.#set(offset)
  }

  /**
   * Stores the offset of an owned partition, which keeps the store's entry, so that `moveOwned` need not look it up.
   */
  storeOwned(partition: GroupPartition<unknown>, offset: TopicPartitionOffset): void {
    const { metadata, leaderEpoch } = offset
    const alone = metadata === undefined && leaderEpoch === undefined
    if (alone && this.moveOwned(partition, offset.offset)) return
    partition.committed = this.#set(offset)
  }

  /** Moves the committed offset of an owned partition in place; false where there is no entry to rewrite. */
  moveOwned({ committed, log }: GroupPartition<unknown>, offset: number): boolean {
    if (committed === undefined || committed.metadata !== undefined) return false
    committed.offset = offset
    committed.committedAt = this.#host.clock.latelyNow
    log?.offsetCommitted?.()
    return true
  }

  #set({ topic, partition, offset, metadata, leaderEpoch }: TopicPartitionOffset): CommittedOffset {
    const committedAt = this.#host.clock.latelyNow
    const committed =
      metadata === undefined && leaderEpoch === undefined
        ? { offset, committedAt }
        : { offset, committedAt, metadata: metadata ?? '', leaderEpoch }
    this.#host.offsets.set(this.#host.groupId, topic, partition, committed)
    this.#host.committed(topic)
    this.#host.topics.get(topic)?.partitions[partition]?.offsetCommitted?.()
    return committed
  }

  /**
   * Stores commits from outside. They may move the group back, so records from there on may
   * not be dropped without asking.
   */
  storeFromOutside(offsets: readonly TopicPartitionOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      this.#host.topics.get(topic)?.partitions[partition]?.readFrom(offset)
    }
    this.store(offsets)
    // A commit can only make an expiry later; a timer that comes too early looks again.
    if (!this.#host.clock.scheduled(this.#timer)) this.scheduleExpiry()
  }

  /** The offset of a place in every partition of the topics that the group has committed offsets of. */
  everywhere(to: 'earliest' | 'latest' | { readonly timestamp: number }): TopicPartitionOffset[] {
    const spec = to === 'earliest' ? 'beginning' : to === 'latest' ? 'end' : to
    return this.#host.offsets.topics(this.#host.groupId).flatMap(topic => {
      const partitions = this.#host.topics.get(topic)?.partitions ?? []
      return partitions.map((log, partition) => ({ topic, partition, offset: offsetAt(log, spec) }))
    })
  }

  /** Whether the group has committed an offset of the topic. */
  has(topic: string): boolean {
    return this.#host.offsets.has(this.#host.groupId, topic)
  }

  delete(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#drop(topic, partition)
  }

  #drop(topic: string, partition: number): void {
    this.#host.offsets.deletePartition(this.#host.groupId, topic, partition)
    this.#host.dropped(topic, partition)
  }

  deleteAll(): void {
    this.#host.clock.unschedule(this.#timer)
    this.#host.offsets.deleteGroup(this.#host.groupId)
  }

  // While the group is empty, all its offsets expire together, counted from when it became empty or
  // from a later commit. While it has members, offsets of topics that no member reads expire, each
  // counted from its commit (KIP-211). A topic of which nothing was committed is forgotten after the
  // same time, counted from when its last reader stopped.
  scheduleExpiry(): void {
    const due = this.#nextExpiry()
    const { clock } = this.#host
    if (due === Number.POSITIVE_INFINITY) return clock.unschedule(this.#timer)
    clock.schedule(this.#timer, Math.max(0, due - clock.now()), () => {
      this.#expire()
      this.#host.finished()
    })
  }

  #nextExpiry(): number {
    const { offsets, offsetsRetentionMs, groupId } = this.#host
    if (offsetsRetentionMs === -1) return Number.POSITIVE_INFINITY
    let due = Number.POSITIVE_INFINITY
    let some = false
    const emptySince = this.#host.emptySince()
    for (const topic of offsets.topics(groupId)) {
      some = true
      // Looked at with every join and leave, so not partition by partition.
      if (emptySince === undefined && this.#host.subscribed(topic)) continue
      for (const { committed } of offsets.ofTopic(groupId, topic)) {
        const since = this.#expirySince(topic, committed.committedAt)
        if (since !== undefined) due = Math.min(due, since + offsetsRetentionMs)
      }
    }
    for (const [, since] of this.#uncommitted()) due = Math.min(due, since + offsetsRetentionMs)
    // An empty group without offsets expires after the same time.
    return some || emptySince === undefined ? due : emptySince + offsetsRetentionMs
  }

  // The topics that no member reads any more and of which nothing was committed, and since when their time runs.
  *#uncommitted(): IterableIterator<readonly [topic: string, since: number]> {
    for (const [topic, unreadSince] of this.#host.unread()) {
      const since = this.has(topic) ? undefined : this.#expirySince(topic, unreadSince)
      if (since !== undefined) yield [topic, since]
    }
  }

  #expirySince(topic: string, committedAt: number): number | undefined {
    const emptySince = this.#host.emptySince()
    if (emptySince !== undefined) return Math.max(emptySince, committedAt)
    return this.#host.subscribed(topic) ? undefined : committedAt
  }

  #expire(): void {
    const { offsets, offsetsRetentionMs, clock, groupId } = this.#host
    const now = clock.now()
    for (const { topic, partition, committed } of [...offsets.entries(groupId)]) {
      const since = this.#expirySince(topic, committed.committedAt)
      if (since === undefined || now - since < offsetsRetentionMs) continue
      this.#drop(topic, partition)
      if (!this.has(topic)) this.#host.forgot(topic)
    }
    for (const [topic, since] of this.#uncommitted()) {
      if (now - since >= offsetsRetentionMs) this.#host.forgot(topic)
    }
    const emptySince = this.#host.emptySince()
    const over = emptySince !== undefined && now - emptySince >= offsetsRetentionMs
    if (over && offsets.topics(groupId).length === 0) this.#host.expired()
    else this.scheduleExpiry()
  }
}

function toOffsetAndMetadata({ offset, metadata, leaderEpoch }: CommittedOffset): OffsetAndMetadata {
  const none = metadata === undefined || (metadata === '' && leaderEpoch !== undefined)
  return none ? { offset } : { offset, metadata }
}

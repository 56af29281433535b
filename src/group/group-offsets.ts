import type { BrokerClock } from '../broker-clock.ts'
import { OffsetMetadataTooLargeError } from '../errors.ts'
import type { OffsetAndMetadata, TopicPartition, TopicPartitionOffset } from '../topic-partition.ts'
import { type GroupTopics, offsetAt } from './group-log.ts'
import type { GroupPartition } from './group-partition.ts'
import type { CommittedOffset, OffsetStore } from './offset-store.ts'
import type { RegisteredTopics } from './registered-topics.ts'

/** What the offsets of a group need of the group. */
export interface GroupOffsetsHost {
  readonly groupId: string
  readonly clock: BrokerClock
  readonly store: OffsetStore
  readonly topics: GroupTopics
  readonly registered: RegisteredTopics
  /** There is a committed offset of the topic. */
  committed(topic: string): void
  /** The committed offset of a partition is gone: an owner that commits again starts a new entry. */
  dropped(topic: string, partition: number): void
}

const maxMetadataBytes = 4096

/** Whether the metadata of an offset may be kept with it. */
export function isKept(metadata: string | undefined): boolean {
  return metadata === undefined || Buffer.byteLength(metadata) <= maxMetadataBytes
}

/** The committed offsets of a group. */
export class GroupOffsets {
  readonly #host: GroupOffsetsHost

  constructor(host: GroupOffsetsHost) {
    this.#host = host
  }

  committed({ topic, partition }: TopicPartition): OffsetAndMetadata | null {
    const committed = this.#host.store.get(this.#host.groupId, topic, partition)
    return committed ? toOffsetAndMetadata(committed) : null
  }

  /** The committed offset alone, which lag is counted from. */
  offset(topic: string, partition: number): number | undefined {
    return this.#host.store.get(this.#host.groupId, topic, partition)?.offset
  }

  /** The leader epoch that was committed with the offset, if there was one. */
  leaderEpoch({ topic, partition }: TopicPartition): number | undefined {
    return this.#host.store.get(this.#host.groupId, topic, partition)?.leaderEpoch
  }

  all(): TopicPartitionOffset[] {
    return [...this.#host.store.entries(this.#host.groupId)].map(({ topic, partition, committed }) => ({
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
    this.#host.store.set(this.#host.groupId, topic, partition, committed)
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
    for (const offset of offsets) this.#set(offset)
  }

  /** The offset of a place in every partition of the topics that the group has committed offsets of. */
  everywhere(to: 'earliest' | 'latest' | { readonly timestamp: number }): TopicPartitionOffset[] {
    const spec = to === 'earliest' ? 'beginning' : to === 'latest' ? 'end' : to
    return this.#host.store.topics(this.#host.groupId).flatMap(topic => {
      const partitions = this.#host.topics.get(topic)?.partitions ?? []
      return partitions.map((log, partition) => ({ topic, partition, offset: offsetAt(log, spec) }))
    })
  }

  /** Whether the group has committed an offset of the topic. */
  has(topic: string): boolean {
    return this.#host.store.has(this.#host.groupId, topic)
  }

  /** Deletes the offsets of partitions; a topic of which none is left no longer waits for the group. */
  delete(partitions: readonly TopicPartition[]): void {
    const { groupId, store, registered } = this.#host
    for (const { topic, partition } of partitions) {
      store.deletePartition(groupId, topic, partition)
      this.#host.dropped(topic, partition)
      if (!this.has(topic)) registered.forget(topic)
    }
  }

  deleteAll(): void {
    this.#host.store.deleteGroup(this.#host.groupId)
  }
}

function toOffsetAndMetadata({ offset, metadata, leaderEpoch }: CommittedOffset): OffsetAndMetadata {
  const none = metadata === undefined || (metadata === '' && leaderEpoch !== undefined)
  return none ? { offset } : { offset, metadata }
}

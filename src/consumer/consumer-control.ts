import type { Unread } from '../engine.ts'
import type {
  OffsetAndMetadata,
  OffsetSpec,
  TopicPartition,
  TopicPartitionOffset,
} from '../topic-partition.ts'

/** How a consumer is stopped. */
export interface CloseOptions {
  /** How long the records in flight may take, in milliseconds; default 30,000. 0 does not wait. */
  readonly timeoutMs?: number | undefined
  /**
   * Reads to the present end first, within `timeoutMs`. A consumer that restarts comes back for it, but not one that its
   * group has removed.
   */
  readonly drain?: boolean | undefined
  /** Whether a static member leaves for good and frees its partitions at once; default false. */
  readonly leave?: boolean | undefined
}

/** The controls of a consumer, as a handler reaches them through its context. */
export interface ConsumerControl {
  /** The group's id, or undefined for a reader without a group. */
  readonly groupId: string | undefined
  /** The partitions that are this consumer's to read. */
  readonly assignment: readonly TopicPartition[]
  /** The assigned partitions that are paused. */
  readonly paused: readonly TopicPartition[]
  /**
   * The offset of the next record that it hands out.
   *
   * @throws IllegalStateError where the partition is not assigned to it
   */
  position(tp: TopicPartition): number
  /**
   * Moves the position of a partition, once the handler has ended.
   *
   * @throws IllegalStateError where the partition is not assigned to it, InvalidArgumentError for a negative offset
   */
  seek(tp: TopicPartition, to: OffsetSpec): void
  /**
   * Hands out nothing more of these partitions, default all, until `resume`.
   *
   * @throws IllegalStateError where a partition is not assigned to it
   */
  pause(partitions?: readonly TopicPartition[]): void
  /**
   * Ends the pause of these partitions, default all.
   *
   * @throws IllegalStateError where a partition is not assigned to it
   */
  resume(partitions?: readonly TopicPartition[]): void
  /**
   * Commits given offsets (of the next record to read), or all that is finished.
   *
   * @throws CommitFailedError where a partition is no longer this consumer's; nothing is committed then
   * @throws OffsetMetadataTooLargeError, IllegalStateError where it has no group
   */
  commit(offsets?: readonly TopicPartitionOffset[]): Promise<void>
  /** Resolves to what its group has committed for a partition, or null. */
  committed(tp: TopicPartition): Promise<OffsetAndMetadata | null>
  /** How many records of its partitions it has not finished. */
  lag(): number
  /** Closes the consumer; do not await it in a handler, which it waits for. */
  close(options?: CloseOptions): Promise<readonly Unread[]>
}

import type { Unread } from '../engine.ts'
import type {
  OffsetAndMetadata,
  OffsetSpec,
  TopicPartition,
  TopicPartitionOffset,
} from '../topic-partition.ts'

/** How a consumer is stopped. */
export interface CloseOptions {
  /** How long what is in flight may take, in milliseconds; default 30,000. 0 does not wait. */
  readonly timeoutMs?: number
  /** Reads to the present end first, within `timeoutMs`. */
  readonly drain?: boolean
  /** A static member leaves for good and frees its partitions at once; default false. */
  readonly leave?: boolean
}

/** The controls of a consumer, as a handler reaches them through its context. */
export interface ConsumerControl {
  /** The group's id, or undefined for a reader by itself. */
  readonly groupId: string | undefined
  /** The partitions that are this consumer's to read. */
  readonly assignment: readonly TopicPartition[]
  /** The paused ones of them. */
  readonly paused: readonly TopicPartition[]
  /** The offset of the next record that it hands out. */
  position(tp: TopicPartition): number
  /** Goes on from there once the handler has ended. */
  seek(tp: TopicPartition, to: OffsetSpec): void
  /** Hands out nothing more of these, by default all, until `resume`. */
  pause(partitions?: readonly TopicPartition[]): void
  /** Ends a pause. */
  resume(partitions?: readonly TopicPartition[]): void
  /** Commits given offsets (the next to read), or all that is finished. */
  commit(offsets?: readonly TopicPartitionOffset[]): Promise<void>
  /** What its group has committed for a partition, or null. */
  committed(tp: TopicPartition): Promise<OffsetAndMetadata | null>
  /** How many records of its partitions it has not finished. */
  lag(): number
  /** Stops the consumer; do not await it in a handler, which it waits for. */
  close(options?: CloseOptions): Promise<readonly Unread[]>
}

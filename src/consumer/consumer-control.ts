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
  readonly assignment: readonly TopicPartition[]
  readonly paused: readonly TopicPartition[]
  position(tp: TopicPartition): number
  seek(tp: TopicPartition, to: OffsetSpec): void
  pause(partitions?: readonly TopicPartition[]): void
  resume(partitions?: readonly TopicPartition[]): void
  commit(offsets?: readonly TopicPartitionOffset[]): Promise<void>
  committed(tp: TopicPartition): Promise<OffsetAndMetadata | null>
  lag(): number
  close(options?: CloseOptions): Promise<readonly Unread[]>
}

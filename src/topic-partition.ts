/** One partition of one topic. */
export interface TopicPartition<Name extends string = string> {
  readonly topic: Name
  /** The number of the partition, from 0. */
  readonly partition: number
}

/** A partition and the offset of the next record to read, as Kafka commits it: done with n commits n + 1. */
export interface TopicPartitionOffset<Name extends string = string> extends TopicPartition<Name> {
  readonly offset: number
  /** Kept beside the offset; at most 4,096 bytes. */
  readonly metadata?: string
  /** The leader epoch of the last record read, which a client on the wire commits, and is told again. @internal */
  readonly leaderEpoch?: number
}

/** What is committed for a partition. */
export interface OffsetAndMetadata {
  /** The offset of the next record to read. */
  readonly offset: number
  /** What was committed beside it; left out where nothing was. */
  readonly metadata?: string
}

/** A place in a partition, by offset, by name or by time. */
export type OffsetSpec = number | 'beginning' | 'end' | { readonly timestamp: number }

/** Orders partitions by topic, and those of a topic by number. */
export function byTopicAndPartition(a: TopicPartition, b: TopicPartition): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
}

/** The usual short form, `orders-3`. */
export function formatTopicPartition(tp: TopicPartition): string {
  return `${tp.topic}-${tp.partition}`
}

/** Where a record is, as sentences say it: `offset 5 of orders-3`. */
export function formatOffset(place: TopicPartition & { readonly offset: number }): string {
  return `offset ${place.offset} of ${formatTopicPartition(place)}`
}

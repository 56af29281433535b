import type { GroupSummary, TopicSummary } from './summaries.ts'
import type { AnyTopic, TopicChanges, TopicOptions } from './topic-definition.ts'
import type { OffsetSpec, TopicPartition, TopicPartitionOffset } from './topic-partition.ts'

/** Administration as every engine has it: each method answers with a promise. */
export interface Admin {
  /** @throws TopicAlreadyExistsError, InvalidTopicError, InvalidOptionError */
  createTopic(name: string, options?: TopicOptions | AnyTopic): Promise<void>
  /** @throws UnknownTopicOrPartitionError */
  deleteTopic(name: string): Promise<void>
  /** The names, sorted. */
  listTopics(): Promise<readonly string[]>
  /** @throws UnknownTopicOrPartitionError */
  describeTopic(name: string): Promise<TopicSummary>
  /** Grows a topic to `total` partitions. */
  addPartitions(topic: string, total: number): Promise<void>
  /**
   * Changes options of a topic while it lives; null is the default again. (Kafka: IncrementalAlterConfigs)
   *
   * @throws InvalidOptionError, UnknownTopicOrPartitionError; nothing has changed then
   */
  alterTopic(name: string, changes: TopicChanges): Promise<void>
  /** Forgets what is before each offset. */
  deleteRecords(before: readonly TopicPartitionOffset[]): Promise<void>
  /** The offset that a place in each partition means now; null for a time after the last record. */
  listOffsets(
    partitions: readonly TopicPartition[],
    at: Exclude<OffsetSpec, number>,
  ): Promise<readonly (TopicPartition & { readonly offset: number | null })[]>
  /** The ids, sorted. */
  listGroups(): Promise<readonly string[]>
  /** @throws GroupIdNotFoundError */
  describeGroup(groupId: string): Promise<GroupSummary>
  /** @throws GroupIdNotFoundError, NonEmptyGroupError */
  deleteGroup(groupId: string): Promise<void>
  /** What a group has committed. */
  listGroupOffsets(groupId: string): Promise<readonly TopicPartitionOffset[]>
  /**
   * Moves an Empty group: to given offsets, which may make it, or to a place in every partition of the topics that it has
   * committed anything of.
   */
  setGroupOffsets(
    groupId: string,
    to: readonly TopicPartitionOffset[] | 'earliest' | 'latest' | { readonly timestamp: number },
  ): Promise<void>
  /**
   * Forgets committed offsets; refused for a topic that a member reads.
   *
   * @throws GroupIdNotFoundError, UnknownTopicOrPartitionError, GroupSubscribedToTopicError
   */
  deleteGroupOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<void>
}

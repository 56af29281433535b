import type { GroupSummary, TopicSummary } from './summaries.ts'
import type { AnyTopic, TopicChanges, TopicOptions } from './topic-definition.ts'
import type { OffsetSpec, TopicPartition, TopicPartitionOffset } from './topic-partition.ts'

/** Administers topics, groups and offsets as on every engine: each method returns a promise. */
export interface Admin {
  /**
   * Creates a topic, by default with one partition.
   *
   * @throws TopicAlreadyExistsError, InvalidTopicError, InvalidOptionError
   */
  createTopic(name: string, options?: TopicOptions | AnyTopic): Promise<void>
  /**
   * Deletes a topic, with its records and the offsets that groups have committed for it.
   *
   * @throws UnknownTopicOrPartitionError
   */
  deleteTopic(name: string): Promise<void>
  /** Lists the names of the topics, sorted. */
  listTopics(): Promise<readonly string[]>
  /**
   * Describes a topic: where each of its partitions begins and ends, and what it keeps.
   *
   * @throws UnknownTopicOrPartitionError
   */
  describeTopic(name: string): Promise<TopicSummary>
  /**
   * Grows a topic to `total` partitions.
   *
   * @throws UnknownTopicOrPartitionError, InvalidPartitionsError where it has as many already, or more
   */
  addPartitions(topic: string, total: number): Promise<void>
  /**
   * Changes options of a topic while it exists; null restores the default. (Kafka: IncrementalAlterConfigs)
   *
   * @throws InvalidOptionError, UnknownTopicOrPartitionError; nothing has changed then
   */
  alterTopic(name: string, changes: TopicChanges): Promise<void>
  /**
   * Deletes the records before each offset.
   *
   * @throws UnknownTopicOrPartitionError, OffsetOutOfRangeError past the end
   */
  deleteRecords(before: readonly TopicPartitionOffset[]): Promise<void>
  /**
   * Looks up the offset of the beginning, the end or a time in partitions; null for a time after the last record.
   *
   * @throws UnknownTopicOrPartitionError
   */
  listOffsets(
    partitions: readonly TopicPartition[],
    at: Exclude<OffsetSpec, number>,
  ): Promise<readonly (TopicPartition & { readonly offset: number | null })[]>
  /** Lists the ids of the groups, sorted. */
  listGroups(): Promise<readonly string[]>
  /**
   * Describes a group; its partitions are in the order of their topics' names.
   *
   * @throws GroupIdNotFoundError
   */
  describeGroup(groupId: string): Promise<GroupSummary>
  /**
   * Deletes a group without members, and what it has committed.
   *
   * @throws GroupIdNotFoundError, NonEmptyGroupError
   */
  deleteGroup(groupId: string): Promise<void>
  /**
   * Lists the offsets that a group has committed, in the order of topics' names and of partitions.
   *
   * @throws GroupIdNotFoundError
   */
  listGroupOffsets(groupId: string): Promise<readonly TopicPartitionOffset[]>
  /**
   * Sets the committed offsets of an Empty group: to given offsets, which creates a group that does not exist, or to
   * one place in every partition of the topics that the group has committed offsets of.
   *
   * @throws NonEmptyGroupError, UnknownTopicOrPartitionError, InvalidGroupIdError
   * @throws GroupIdNotFoundError where there is no group to set to one place
   */
  setGroupOffsets(
    groupId: string,
    to: readonly TopicPartitionOffset[] | 'earliest' | 'latest' | { readonly timestamp: number },
  ): Promise<void>
  /**
   * Deletes committed offsets of a group; refused for a topic that a member reads.
   *
   * @throws GroupIdNotFoundError, UnknownTopicOrPartitionError, GroupSubscribedToTopicError
   */
  deleteGroupOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<void>
}

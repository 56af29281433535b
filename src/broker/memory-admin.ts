import type { Admin } from '../admin.ts'
import { groupOffsets, namedOffset, offsetList, partitionList } from '../offset-checks.ts'
import type { GroupSummary, TopicSummary } from '../summaries.ts'
import { type AnyTopic, type TopicChanges, type TopicOptions, toTopicOptions } from '../topic-definition.ts'
import {
  byTopicAndPartition,
  type OffsetSpec,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'
import { requireArgument } from '../validate.ts'
import { describeGroup, describeTopic } from './broker-description.ts'
import type { MemoryEngine } from './memory-engine.ts'

/** Administers the broker in this process. Every method is async, so that an error is a rejection. */
export class MemoryAdmin implements Admin {
  readonly #engine: MemoryEngine

  constructor(engine: MemoryEngine) {
    this.#engine = engine
  }

  async createTopic(name: string, options: TopicOptions | AnyTopic = {}): Promise<void> {
    this.#engine.createTopic(name, toTopicOptions(name, options))
  }

  async deleteTopic(name: string): Promise<void> {
    this.#engine.deleteTopic(name)
  }

  async listTopics(): Promise<readonly string[]> {
    this.#engine.requireOpen()
    return [...this.#engine.topics.keys()].sort()
  }

  async describeTopic(name: string): Promise<TopicSummary> {
    return describeTopic(this.#engine.existingTopic(name))
  }

  async addPartitions(topic: string, total: number): Promise<void> {
    this.#engine.existingTopic(topic).addPartitions(total)
  }

  async alterTopic(name: string, changes: TopicChanges): Promise<void> {
    this.#engine.existingTopic(name).alter(changes)
  }

  async deleteRecords(before: readonly TopicPartitionOffset[]): Promise<void> {
    requireArgument('deleteRecords', 'before', before, offsetList)
    for (const tp of before) this.#engine.partition(tp).requireDeletable(tp.offset)
    this.#engine.outbox.together(() => {
      for (const tp of before) this.#engine.partition(tp).deleteRecords(tp.offset)
    })
  }

  async listOffsets(
    partitions: readonly TopicPartition[],
    at: Exclude<OffsetSpec, number>,
  ): Promise<readonly (TopicPartition & { readonly offset: number | null })[]> {
    requireArgument('listOffsets', 'partitions', partitions, partitionList)
    requireArgument('listOffsets', 'at', at, namedOffset)
    return partitions.map(tp => {
      const log = this.#engine.partition(tp)
      const offset =
        typeof at === 'object'
          ? log.offsetForTimestamp(at.timestamp)
          : this.#engine.offsetFor(tp, at, 'read_uncommitted')
      return { topic: tp.topic, partition: tp.partition, offset }
    })
  }

  async listGroups(): Promise<readonly string[]> {
    this.#engine.requireOpen()
    return [...this.#engine.groups.keys()].sort()
  }

  async describeGroup(groupId: string): Promise<GroupSummary> {
    this.#engine.requireOpen()
    return describeGroup(this.#engine.groupCoordinator.existing(groupId))
  }

  async deleteGroup(groupId: string): Promise<void> {
    this.#engine.groupCoordinator.delete(groupId)
  }

  async listGroupOffsets(groupId: string): Promise<readonly TopicPartitionOffset[]> {
    this.#engine.requireOpen()
    return this.#engine.groupCoordinator.existing(groupId).offsets.toSorted(byTopicAndPartition)
  }

  async setGroupOffsets(
    groupId: string,
    to: readonly TopicPartitionOffset[] | 'earliest' | 'latest' | { readonly timestamp: number },
  ): Promise<void> {
    requireArgument('setOffsets', 'to', to, groupOffsets)
    this.#engine.requireOpen()
    // Given offsets may create the group, before its first consumer has come: it then begins there.
    if (Array.isArray(to) && !this.#engine.groups.has(groupId))
      this.#engine.groupCoordinator.commitWithoutMember(groupId, to)
    else this.#engine.groupCoordinator.existing(groupId).setOffsets(to)
  }

  async deleteGroupOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<void> {
    requireArgument('deleteOffsets', 'partitions', partitions, partitionList)
    this.#engine.requireOpen()
    const group = this.#engine.groupCoordinator.existing(groupId)
    for (const tp of partitions) this.#engine.partition(tp)
    group.deleteOffsets(partitions)
  }
}

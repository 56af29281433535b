import type { ConsumerGroup } from '../group/consumer-group.ts'
import type { Topic } from '../log/topic.ts'
import type { GroupSummary, TopicSummary } from '../summaries.ts'
import { byTopicAndPartition } from '../topic-partition.ts'
import type { MemoryEngine } from './memory-engine.ts'

/** A broker as plain JSON: what a dashboard, a health check or a metric needs. */
export interface BrokerDescription {
  /** Whether it is closed, or closes. */
  readonly closed: boolean
  /** Records that count toward `maxRecords`: deleted ones do until the whole segment that they are in is gone. */
  readonly records: number
  /** The most records that it keeps; -1 for no limit. */
  readonly maxRecords: number
  /** Bytes that count toward `maxBytes`: of topics that keep bytes. */
  readonly bytes: number
  /** The most bytes that it keeps; -1 for no limit. */
  readonly maxBytes: number
  /** Its topics, in the order in which they were made. */
  readonly topics: readonly TopicSummary[]
  /** The groups, with share groups of Kafka clients, which count as committed up to the first record not finished. */
  readonly groups: readonly GroupSummary[]
}

/** The whole broker, as it is now. */
export function describeBroker(engine: MemoryEngine): BrokerDescription {
  return {
    closed: engine.closed,
    records: engine.log.records,
    maxRecords: engine.log.maxRecords,
    bytes: engine.log.bytes,
    maxBytes: engine.log.maxBytes,
    topics: [...engine.topics.values()].map(describeTopic),
    groups: [
      ...[...engine.groups.values()].map(describeGroup),
      ...[...engine.groupCoordinator.others].flatMap(others => others.describe()),
    ],
  }
}

/** One topic, as it is now. */
export function describeTopic({ name, id, partitions }: Topic): TopicSummary {
  return {
    name,
    id,
    partitions: partitions.map(partition => ({
      partition: partition.index,
      logStartOffset: partition.logStartOffset,
      highWatermark: partition.highWatermark,
      lastStableOffset: partition.lastStableOffset,
      records: partition.countFrom(partition.logStartOffset, partition.highWatermark, false),
      bytes: partition.bytes,
    })),
  }
}

/** One group, as it is now. */
export function describeGroup(group: ConsumerGroup): GroupSummary {
  const owners = new Map<string, string>()
  for (const { memberId, assignment } of group.members) {
    for (const { topic, partition } of assignment) owners.set(`${topic}/${partition}`, memberId)
  }
  return {
    groupId: group.id,
    state: group.state,
    epoch: group.epoch,
    assignor: group.assignor,
    lag: group.lag(),
    members: group.members.map(({ memberId, groupInstanceId, clientId, connected, assignment }) => ({
      memberId,
      ...(groupInstanceId === undefined ? {} : { groupInstanceId }),
      clientId,
      connected,
      assignment,
    })),
    partitions: group
      .lagByPartition()
      .toSorted(byTopicAndPartition)
      .map(({ topic, partition, lag }) => ({
        topic,
        partition,
        committed: group.committed({ topic, partition })?.offset ?? null,
        lag,
        memberId: owners.get(`${topic}/${partition}`) ?? null,
      })),
  }
}

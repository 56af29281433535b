import type { ApiName } from './protocol/api-name.ts'
import type { Api } from './protocol/message.ts'
import { type Parts, type Rest, toParts } from './request-parts.ts'

/**
 * Which brokers answer a request: the leader of each partition that is named; the coordinator of a group or a
 * transactional id; or every broker, for the groups or transactional ids that it coordinates.
 */
export type AnsweredBy =
  | { readonly kind: 'leader' }
  /** `field` of the request has the id. If `list` has items, they are the ids, or objects with a `groupId`. */
  | { readonly kind: 'coordinator'; readonly field?: string; readonly list?: string }
  /** `list` of the response has objects whose field `id` is the id. */
  | { readonly kind: 'each'; readonly list: string; readonly id: string }

/** What a server has to know of an API, beyond its messages, to refuse a part of a request. */
export interface RequestShape extends Rest {
  /** The lists that are answered item by item; each version of the API has one of them. */
  readonly parts?: readonly Parts[]
  /** Left out if any broker answers. */
  readonly answeredBy?: AnsweredBy
  /**
   * Whether its handler refuses partitions itself: to divide such a request would end its session, or its answer has
   * other lists.
   */
  readonly refusesItself?: true
}

const leader: AnsweredBy = { kind: 'leader' }
const ofGroup: AnsweredBy = { kind: 'coordinator', field: 'groupId' }
const ofTransaction: AnsweredBy = { kind: 'coordinator', field: 'transactionalId' }
const describesGroups: RequestShape = {
  parts: [toParts('groupIds', 'groups')],
  answeredBy: { kind: 'coordinator', list: 'groupIds' },
}
const topicPartitions = toParts('topics.partitions', 'topics.partitions')

/** The APIs whose requests have parts, or that not every broker answers. */
const shapes: { readonly [Name in ApiName]?: RequestShape } = {
  Produce: {
    parts: [toParts('topicData.partitionData', 'responses.partitionResponses')],
    answeredBy: leader,
  },
  // An error is answered at once: the rest does not wait for records.
  Fetch: {
    parts: [toParts('topics.partitions', 'responses.partitions')],
    answeredBy: leader,
    rest: { maxWaitMs: 0 },
  },
  ListOffsets: { parts: [topicPartitions], answeredBy: leader },
  OffsetForLeaderEpoch: { parts: [topicPartitions], answeredBy: leader },
  DeleteRecords: { parts: [topicPartitions], answeredBy: leader },
  DescribeProducers: {
    parts: [toParts('topics.partitionIndexes', 'topics.partitions')],
    answeredBy: leader,
  },

  JoinGroup: { answeredBy: ofGroup },
  SyncGroup: { answeredBy: ofGroup },
  Heartbeat: { answeredBy: ofGroup },
  LeaveGroup: { answeredBy: ofGroup },
  ConsumerGroupHeartbeat: { answeredBy: ofGroup },
  OffsetCommit: { parts: [topicPartitions], answeredBy: ofGroup },
  OffsetFetch: {
    parts: [
      toParts('groups.topics.partitionIndexes', 'groups.topics.partitions'),
      toParts('topics.partitionIndexes', 'topics.partitions'),
    ],
    answeredBy: { kind: 'coordinator', field: 'groupId', list: 'groups' },
  },
  OffsetDelete: { parts: [topicPartitions], answeredBy: ofGroup },
  TxnOffsetCommit: { parts: [topicPartitions], answeredBy: ofGroup },
  DescribeGroups: {
    parts: [toParts('groups', 'groups')],
    answeredBy: { kind: 'coordinator', list: 'groups' },
  },
  ConsumerGroupDescribe: describesGroups,
  // Their handlers find the leaders, too.
  ShareFetch: { refusesItself: true },
  ShareAcknowledge: { refusesItself: true },
  ShareGroupHeartbeat: { answeredBy: ofGroup },
  ShareGroupDescribe: describesGroups,
  DescribeShareGroupOffsets: {
    parts: [toParts('groups.topics.partitions', 'groups.topics.partitions')],
    answeredBy: { kind: 'coordinator', list: 'groups' },
  },
  AlterShareGroupOffsets: {
    parts: [toParts('topics.partitions', 'responses.partitions')],
    answeredBy: ofGroup,
  },
  DeleteShareGroupOffsets: { parts: [toParts('topics', 'responses')], answeredBy: ofGroup },
  StreamsGroupHeartbeat: { answeredBy: ofGroup },
  StreamsGroupTopologyDescriptionUpdate: { answeredBy: ofGroup },
  StreamsGroupDescribe: describesGroups,
  DeleteGroups: {
    parts: [toParts('groupsNames', 'results')],
    answeredBy: { kind: 'coordinator', list: 'groupsNames' },
  },
  ListGroups: { answeredBy: { kind: 'each', list: 'groups', id: 'groupId' } },

  InitProducerId: { answeredBy: ofTransaction },
  AddPartitionsToTxn: {
    parts: [toParts('v3AndBelowTopics.partitions', 'resultsByTopicV3AndBelow.resultsByPartition')],
    answeredBy: { kind: 'coordinator', field: 'v3AndBelowTransactionalId' },
    restFails: 'OPERATION_NOT_ATTEMPTED',
  },
  AddOffsetsToTxn: { answeredBy: ofTransaction },
  EndTxn: { answeredBy: ofTransaction },
  DescribeTransactions: {
    parts: [toParts('transactionalIds', 'transactionStates')],
    answeredBy: { kind: 'coordinator', list: 'transactionalIds' },
  },
  ListTransactions: {
    answeredBy: { kind: 'each', list: 'transactionStates', id: 'transactionalId' },
  },

  // Any broker answers: it knows the cluster, or hands the request on to the controller, as Kafka's do.
  Metadata: { parts: [toParts('topics', 'topics')] },
  FindCoordinator: { parts: [toParts('coordinatorKeys', 'coordinators')] },
  CreateTopics: { parts: [toParts('topics', 'topics')] },
  CreatePartitions: { parts: [toParts('topics', 'results')] },
  DeleteTopics: {
    parts: [toParts('topics', 'responses'), toParts('topicNames', 'responses')],
  },
  DescribeTopicPartitions: { parts: [toParts('topics', 'topics')] },
  ElectLeaders: {
    parts: [toParts('topicPartitions.partitions', 'replicaElectionResults.partitionResult')],
  },
  AlterPartitionReassignments: { parts: [toParts('topics.partitions', 'responses.partitions')] },
  // The answer has no list of directories.
  AlterReplicaLogDirs: { refusesItself: true },
  DescribeConfigs: { parts: [toParts('resources', 'results')] },
  AlterConfigs: { parts: [toParts('resources', 'responses')] },
  IncrementalAlterConfigs: { parts: [toParts('resources', 'responses')] },
}

export function shapeOf({ name }: Pick<Api, 'name'>): RequestShape | undefined {
  return shapes[name]
}

/** The lists that a request uses; undefined if it has no parts. */
export function partsOf({ name }: Pick<Api, 'name'>, request: unknown): Parts | undefined {
  return shapes[name]?.parts?.find(({ request: list }) => {
    const items = (request as Readonly<Record<string, readonly unknown[] | null | undefined>>)[list]
    return (items?.length ?? 0) > 0
  })
}

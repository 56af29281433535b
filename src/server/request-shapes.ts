import type { ErrorCode } from '../error-codes.ts'
import type { Api } from './protocol/message.ts'
import { addOffsetsToTxn } from './protocol/messages/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from './protocol/messages/add-partitions-to-txn.ts'
import { alterConfigs } from './protocol/messages/alter-configs.ts'
import { alterPartitionReassignments } from './protocol/messages/alter-partition-reassignments.ts'
import { alterReplicaLogDirs } from './protocol/messages/alter-replica-log-dirs.ts'
import { alterShareGroupOffsets } from './protocol/messages/alter-share-group-offsets.ts'
import { consumerGroupDescribe } from './protocol/messages/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from './protocol/messages/consumer-group-heartbeat.ts'
import { createPartitions } from './protocol/messages/create-partitions.ts'
import { createTopics } from './protocol/messages/create-topics.ts'
import { deleteGroups } from './protocol/messages/delete-groups.ts'
import { deleteRecords } from './protocol/messages/delete-records.ts'
import { deleteShareGroupOffsets } from './protocol/messages/delete-share-group-offsets.ts'
import { deleteTopics } from './protocol/messages/delete-topics.ts'
import { describeConfigs } from './protocol/messages/describe-configs.ts'
import { describeGroups } from './protocol/messages/describe-groups.ts'
import { describeProducers } from './protocol/messages/describe-producers.ts'
import { describeShareGroupOffsets } from './protocol/messages/describe-share-group-offsets.ts'
import { describeTopicPartitions } from './protocol/messages/describe-topic-partitions.ts'
import { describeTransactions } from './protocol/messages/describe-transactions.ts'
import { electLeaders } from './protocol/messages/elect-leaders.ts'
import { endTxn } from './protocol/messages/end-txn.ts'
import { fetch } from './protocol/messages/fetch.ts'
import { findCoordinator } from './protocol/messages/find-coordinator.ts'
import { heartbeat } from './protocol/messages/heartbeat.ts'
import { incrementalAlterConfigs } from './protocol/messages/incremental-alter-configs.ts'
import { initProducerId } from './protocol/messages/init-producer-id.ts'
import { joinGroup } from './protocol/messages/join-group.ts'
import { leaveGroup } from './protocol/messages/leave-group.ts'
import { listGroups } from './protocol/messages/list-groups.ts'
import { listOffsets } from './protocol/messages/list-offsets.ts'
import { listTransactions } from './protocol/messages/list-transactions.ts'
import { metadata } from './protocol/messages/metadata.ts'
import { offsetCommit } from './protocol/messages/offset-commit.ts'
import { offsetDelete } from './protocol/messages/offset-delete.ts'
import { offsetFetch } from './protocol/messages/offset-fetch.ts'
import { offsetForLeaderEpoch } from './protocol/messages/offset-for-leader-epoch.ts'
import { produce } from './protocol/messages/produce.ts'
import { shareAcknowledge } from './protocol/messages/share-acknowledge.ts'
import { shareFetch } from './protocol/messages/share-fetch.ts'
import { shareGroupDescribe } from './protocol/messages/share-group-describe.ts'
import { shareGroupHeartbeat } from './protocol/messages/share-group-heartbeat.ts'
import { streamsGroupDescribe } from './protocol/messages/streams-group-describe.ts'
import { streamsGroupHeartbeat } from './protocol/messages/streams-group-heartbeat.ts'
import { syncGroup } from './protocol/messages/sync-group.ts'
import { txnOffsetCommit } from './protocol/messages/txn-offset-commit.ts'
import { type Parts, toParts } from './request-parts.ts'

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
export interface RequestShape {
  /** The lists that are answered item by item; each version of the API has one of them. */
  readonly parts: readonly Parts[]
  /** Left out if any broker answers. */
  readonly answeredBy?: AnsweredBy
  /** Fields that replace the request's own for the rest, if a part is refused. */
  readonly rest?: object
  /** The error that the rest gets if a part is refused; left out if the rest is served. */
  readonly restFails?: ErrorCode
  /**
   * Whether its handler refuses partitions itself: to divide such a request would end its session, or its answer has
   * other lists.
   */
  readonly refusesItself?: true
}

interface GivenShape extends Omit<RequestShape, 'parts'> {
  readonly parts?: readonly (readonly [request: string, response: string])[]
}

function shape(
  { key }: Pick<Api, 'key'>,
  { parts = [], ...more }: GivenShape,
): readonly [number, RequestShape] {
  return [key, { ...more, parts: parts.map(([request, response]) => toParts(request, response)) }]
}

const leader: AnsweredBy = { kind: 'leader' }
const ofGroup: AnsweredBy = { kind: 'coordinator', field: 'groupId' }
const ofTransaction: AnsweredBy = { kind: 'coordinator', field: 'transactionalId' }
const topicPartitions = ['topics.partitions', 'topics.partitions'] as const

/** The APIs whose requests have parts, or that not every broker answers. */
const shapes: ReadonlyMap<number, RequestShape> = new Map([
  shape(produce, {
    parts: [['topicData.partitionData', 'responses.partitionResponses']],
    answeredBy: leader,
  }),
  // An error is answered at once: the rest does not wait for records.
  shape(fetch, {
    parts: [['topics.partitions', 'responses.partitions']],
    answeredBy: leader,
    rest: { maxWaitMs: 0 },
  }),
  shape(listOffsets, { parts: [topicPartitions], answeredBy: leader }),
  shape(offsetForLeaderEpoch, { parts: [topicPartitions], answeredBy: leader }),
  shape(deleteRecords, { parts: [topicPartitions], answeredBy: leader }),
  shape(describeProducers, {
    parts: [['topics.partitionIndexes', 'topics.partitions']],
    answeredBy: leader,
  }),

  shape(joinGroup, { answeredBy: ofGroup }),
  shape(syncGroup, { answeredBy: ofGroup }),
  shape(heartbeat, { answeredBy: ofGroup }),
  shape(leaveGroup, { answeredBy: ofGroup }),
  shape(consumerGroupHeartbeat, { answeredBy: ofGroup }),
  shape(offsetCommit, { parts: [topicPartitions], answeredBy: ofGroup }),
  shape(offsetFetch, {
    parts: [
      ['groups.topics.partitionIndexes', 'groups.topics.partitions'],
      ['topics.partitionIndexes', 'topics.partitions'],
    ],
    answeredBy: { kind: 'coordinator', field: 'groupId', list: 'groups' },
  }),
  shape(offsetDelete, { parts: [topicPartitions], answeredBy: ofGroup }),
  shape(txnOffsetCommit, { parts: [topicPartitions], answeredBy: ofGroup }),
  shape(describeGroups, {
    parts: [['groups', 'groups']],
    answeredBy: { kind: 'coordinator', list: 'groups' },
  }),
  shape(consumerGroupDescribe, {
    parts: [['groupIds', 'groups']],
    answeredBy: { kind: 'coordinator', list: 'groupIds' },
  }),
  // Their handlers find the leaders, too.
  shape(shareFetch, { refusesItself: true }),
  shape(shareAcknowledge, { refusesItself: true }),
  shape(shareGroupHeartbeat, { answeredBy: ofGroup }),
  shape(shareGroupDescribe, {
    parts: [['groupIds', 'groups']],
    answeredBy: { kind: 'coordinator', list: 'groupIds' },
  }),
  shape(describeShareGroupOffsets, {
    parts: [['groups.topics.partitions', 'groups.topics.partitions']],
    answeredBy: { kind: 'coordinator', list: 'groups' },
  }),
  shape(alterShareGroupOffsets, {
    parts: [['topics.partitions', 'responses.partitions']],
    answeredBy: ofGroup,
  }),
  shape(deleteShareGroupOffsets, { parts: [['topics', 'responses']], answeredBy: ofGroup }),
  shape(streamsGroupHeartbeat, { answeredBy: ofGroup }),
  shape(streamsGroupDescribe, {
    parts: [['groupIds', 'groups']],
    answeredBy: { kind: 'coordinator', list: 'groupIds' },
  }),
  shape(deleteGroups, {
    parts: [['groupsNames', 'results']],
    answeredBy: { kind: 'coordinator', list: 'groupsNames' },
  }),
  shape(listGroups, { answeredBy: { kind: 'each', list: 'groups', id: 'groupId' } }),

  shape(initProducerId, { answeredBy: ofTransaction }),
  shape(addPartitionsToTxn, {
    parts: [['v3AndBelowTopics.partitions', 'resultsByTopicV3AndBelow.resultsByPartition']],
    answeredBy: { kind: 'coordinator', field: 'v3AndBelowTransactionalId' },
    restFails: 'OPERATION_NOT_ATTEMPTED',
  }),
  shape(addOffsetsToTxn, { answeredBy: ofTransaction }),
  shape(endTxn, { answeredBy: ofTransaction }),
  shape(describeTransactions, {
    parts: [['transactionalIds', 'transactionStates']],
    answeredBy: { kind: 'coordinator', list: 'transactionalIds' },
  }),
  shape(listTransactions, {
    answeredBy: { kind: 'each', list: 'transactionStates', id: 'transactionalId' },
  }),

  // Any broker answers: it knows the cluster, or hands the request on to the controller, as Kafka's do.
  shape(metadata, { parts: [['topics', 'topics']] }),
  shape(findCoordinator, { parts: [['coordinatorKeys', 'coordinators']] }),
  shape(createTopics, { parts: [['topics', 'topics']] }),
  shape(createPartitions, { parts: [['topics', 'results']] }),
  shape(deleteTopics, {
    parts: [
      ['topics', 'responses'],
      ['topicNames', 'responses'],
    ],
  }),
  shape(describeTopicPartitions, { parts: [['topics', 'topics']] }),
  shape(electLeaders, {
    parts: [['topicPartitions.partitions', 'replicaElectionResults.partitionResult']],
  }),
  shape(alterPartitionReassignments, { parts: [['topics.partitions', 'responses.partitions']] }),
  // The answer has no list of directories.
  shape(alterReplicaLogDirs, { refusesItself: true }),
  shape(describeConfigs, { parts: [['resources', 'results']] }),
  shape(alterConfigs, { parts: [['resources', 'responses']] }),
  shape(incrementalAlterConfigs, { parts: [['resources', 'responses']] }),
])

export function shapeOf({ key }: Api): RequestShape | undefined {
  return shapes.get(key)
}

/** The lists that a request uses; undefined if it has no parts. */
export function partsOf({ key }: Api, request: unknown): Parts | undefined {
  return shapes.get(key)?.parts.find(({ request: list }) => {
    const items = (request as Readonly<Record<string, readonly unknown[] | null | undefined>>)[list]
    return (items?.length ?? 0) > 0
  })
}

import { logDir } from '../log-sizes.ts'
import type { Api, RequestOf, ResponseOf } from '../protocol/message.ts'
import { addPartitionsToTxn } from '../protocol/messages/add-partitions-to-txn.ts'
import { alterClientQuotas } from '../protocol/messages/alter-client-quotas.ts'
import { alterConfigs } from '../protocol/messages/alter-configs.ts'
import { alterPartitionReassignments } from '../protocol/messages/alter-partition-reassignments.ts'
import { alterReplicaLogDirs } from '../protocol/messages/alter-replica-log-dirs.ts'
import { alterShareGroupOffsets } from '../protocol/messages/alter-share-group-offsets.ts'
import { alterUserScramCredentials } from '../protocol/messages/alter-user-scram-credentials.ts'
import { consumerGroupDescribe } from '../protocol/messages/consumer-group-describe.ts'
import { createAcls } from '../protocol/messages/create-acls.ts'
import { createPartitions } from '../protocol/messages/create-partitions.ts'
import { createTopics } from '../protocol/messages/create-topics.ts'
import { deleteAcls } from '../protocol/messages/delete-acls.ts'
import { deleteGroups } from '../protocol/messages/delete-groups.ts'
import { deleteRecords } from '../protocol/messages/delete-records.ts'
import { deleteShareGroupOffsets } from '../protocol/messages/delete-share-group-offsets.ts'
import { deleteTopics } from '../protocol/messages/delete-topics.ts'
import { describeConfigs } from '../protocol/messages/describe-configs.ts'
import { describeGroups } from '../protocol/messages/describe-groups.ts'
import { describeLogDirs } from '../protocol/messages/describe-log-dirs.ts'
import { describeProducers } from '../protocol/messages/describe-producers.ts'
import { describeShareGroupOffsets } from '../protocol/messages/describe-share-group-offsets.ts'
import { describeTopicPartitions } from '../protocol/messages/describe-topic-partitions.ts'
import { describeTransactions } from '../protocol/messages/describe-transactions.ts'
import { electLeaders } from '../protocol/messages/elect-leaders.ts'
import { fetch } from '../protocol/messages/fetch.ts'
import { findCoordinator } from '../protocol/messages/find-coordinator.ts'
import { incrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.ts'
import { joinGroup } from '../protocol/messages/join-group.ts'
import { listOffsets } from '../protocol/messages/list-offsets.ts'
import { metadata } from '../protocol/messages/metadata.ts'
import { offsetCommit } from '../protocol/messages/offset-commit.ts'
import { offsetDelete } from '../protocol/messages/offset-delete.ts'
import { offsetFetch } from '../protocol/messages/offset-fetch.ts'
import { offsetForLeaderEpoch } from '../protocol/messages/offset-for-leader-epoch.ts'
import { produce } from '../protocol/messages/produce.ts'
import { shareGroupDescribe } from '../protocol/messages/share-group-describe.ts'
import { streamsGroupDescribe } from '../protocol/messages/streams-group-describe.ts'
import { txnOffsetCommit } from '../protocol/messages/txn-offset-commit.ts'
import { noUuid } from '../protocol/type.ts'
import type { Wire } from '../wire.ts'

type Refuse = (request: never, errorCode: number, wire: Wire) => unknown

function refusal<A extends Api<unknown, unknown>>(
  { key }: A,
  answer: (request: RequestOf<A>, errorCode: number, wire: Wire) => ResponseOf<A>,
): readonly [number, Refuse] {
  return [key, answer]
}

// The APIs whose answers carry an error for each thing that is named, not one for all.
const refusals: ReadonlyMap<number, Refuse> = new Map([
  refusal(produce, ({ topicData }, errorCode) => ({
    responses: topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
    })),
  })),
  refusal(fetch, ({ topics }, errorCode) => ({
    sessionId: 0,
    responses: topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }) => ({
        partitionIndex: partition,
        errorCode,
        highWatermark: -1,
        abortedTransactions: [],
        records: [],
      })),
    })),
  })),
  refusal(listOffsets, ({ topics }, errorCode) => ({
    topics: topics.map(each => partitionsOf(each, errorCode)),
  })),
  refusal(offsetCommit, ({ topics }, errorCode) => ({
    topics: topics.map(each => partitionsOf(each, errorCode)),
  })),
  refusal(txnOffsetCommit, ({ topics }, errorCode) => ({
    topics: topics.map(each => partitionsOf(each, errorCode)),
  })),
  refusal(offsetFetch, ({ topics, groups }, errorCode) => ({
    errorCode,
    topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: refusedOffsets(partitionIndexes, errorCode),
    })),
    groups: groups.map(each => ({
      groupId: each.groupId,
      topics: (each.topics ?? []).map(({ name, topicId, partitionIndexes }) => ({
        name,
        topicId,
        partitions: refusedOffsets(partitionIndexes, errorCode),
      })),
      errorCode,
    })),
  })),
  refusal(addPartitionsToTxn, ({ v3AndBelowTopics }, errorCode) => ({
    resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map(partitionIndex => ({
        partitionIndex,
        partitionErrorCode: errorCode,
      })),
    })),
  })),
  refusal(metadata, ({ topics }, errorCode, { cluster, clusterId, engine }) => ({
    brokers: cluster.running,
    clusterId,
    controllerId: cluster.controllerId,
    topics: (topics ?? [...engine.topics.values()].map(({ name, id }) => ({ name, topicId: id }))).map(
      ({ name, topicId }) => ({ name, topicId, errorCode, partitions: [] }),
    ),
    errorCode,
  })),
  refusal(findCoordinator, ({ key, coordinatorKeys }, errorCode) => {
    const nowhere = { nodeId: -1, host: '', port: -1, errorCode, errorMessage: null }
    return { key, ...nowhere, coordinators: coordinatorKeys.map(each => ({ key: each, ...nowhere })) }
  }),
  refusal(joinGroup, ({ memberId }, errorCode) => ({ errorCode, memberId })),
  refusal(describeGroups, ({ groups }, errorCode) => ({
    groups: groups.map(groupId => ({ groupId, errorCode, groupState: '' })),
  })),
  refusal(consumerGroupDescribe, ({ groupIds }, errorCode) => ({
    groups: groupIds.map(groupId => ({ groupId, errorCode, groupState: '' })),
  })),
  refusal(shareGroupDescribe, ({ groupIds }, errorCode) => ({
    groups: groupIds.map(groupId => ({ groupId, errorCode, groupState: '' })),
  })),
  refusal(streamsGroupDescribe, ({ groupIds }, errorCode) => ({
    groups: groupIds.map(groupId => ({ groupId, errorCode, groupState: '' })),
  })),
  refusal(describeShareGroupOffsets, ({ groups }, errorCode, wire) => ({
    groups: groups.map(({ groupId, topics }) => ({
      groupId,
      topics: (topics ?? []).map(({ topicName, partitions }) => ({
        ...withId(wire, topicName),
        partitions: partitions.map(partitionIndex => ({ partitionIndex, startOffset: -1, errorCode })),
      })),
      errorCode,
    })),
  })),
  refusal(alterShareGroupOffsets, ({ topics }, errorCode, wire) => ({
    errorCode,
    responses: topics.map(topic => ({ ...partitionsOf(topic, errorCode), ...withId(wire, topic.topicName) })),
  })),
  refusal(deleteShareGroupOffsets, ({ topics }, errorCode, wire) => ({
    errorCode,
    responses: topics.map(({ topicName }) => ({ ...withId(wire, topicName), errorCode })),
  })),
  refusal(deleteGroups, ({ groupsNames }, errorCode) => ({
    results: groupsNames.map(groupId => ({ groupId, errorCode })),
  })),
  refusal(createTopics, ({ topics }, errorCode) => ({
    topics: topics.map(({ name }) => ({ name, errorCode })),
  })),
  refusal(createPartitions, ({ topics }, errorCode) => ({
    results: topics.map(({ name }) => ({ name, errorCode })),
  })),
  refusal(deleteTopics, ({ topics, topicNames }, errorCode) => ({
    responses: [...topics, ...topicNames.map(name => ({ name, topicId: noUuid }))].map(each => ({
      ...each,
      errorCode,
    })),
  })),
  refusal(deleteRecords, ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode })),
    })),
  })),
  refusal(alterConfigs, ({ resources }, errorCode) => ({ responses: resourcesOf(resources, errorCode) })),
  refusal(incrementalAlterConfigs, ({ resources }, errorCode) => ({
    responses: resourcesOf(resources, errorCode),
  })),
  refusal(createAcls, ({ creations }, errorCode) => ({
    results: creations.map(() => ({ errorCode, errorMessage: null })),
  })),
  refusal(deleteAcls, ({ filters }, errorCode) => ({
    filterResults: filters.map(() => ({ errorCode, errorMessage: null, matchingAcls: [] })),
  })),
  refusal(describeProducers, ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map(partitionIndex => ({ partitionIndex, errorCode })),
    })),
  })),
  refusal(describeTransactions, ({ transactionalIds }, errorCode) => ({
    transactionStates: transactionalIds.map(transactionalId => ({ transactionalId, errorCode })),
  })),
  refusal(describeTopicPartitions, ({ topics }, errorCode, { engine }) => {
    const named = topics.length > 0 ? topics : [...engine.topics.values()]
    return { topics: named.map(({ name }) => ({ name, errorCode })) }
  }),
  refusal(offsetDelete, ({ topics }, errorCode) => ({
    errorCode,
    topics: topics.map(topic => partitionsOf(topic, errorCode)),
  })),
  refusal(offsetForLeaderEpoch, ({ topics }, errorCode) => ({
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode })),
    })),
  })),
  refusal(describeLogDirs, (_, errorCode) => ({ errorCode, results: [{ errorCode, logDir }] })),
  refusal(alterReplicaLogDirs, ({ dirs }, errorCode) => ({
    results: dirs.flatMap(({ topics }) =>
      topics.map(({ name, partitions }) => ({
        topicName: name,
        partitions: partitions.map(partitionIndex => ({ partitionIndex, errorCode })),
      })),
    ),
  })),
  refusal(electLeaders, ({ topicPartitions }, errorCode) => ({
    errorCode,
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map(partitionId => ({ partitionId, errorCode, errorMessage: null })),
    })),
  })),
  refusal(alterPartitionReassignments, ({ topics }, errorCode) => ({
    errorCode,
    errorMessage: null,
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode, errorMessage: null })),
    })),
  })),
  refusal(alterClientQuotas, ({ entries }, errorCode) => ({
    entries: entries.map(({ entity }) => ({ errorCode, errorMessage: null, entity })),
  })),
  refusal(alterUserScramCredentials, ({ deletions, upsertions }, errorCode) => ({
    results: [...deletions, ...upsertions].map(({ name }) => ({ user: name, errorCode, errorMessage: null })),
  })),
  refusal(describeConfigs, ({ resources }, errorCode) => ({
    results: resourcesOf(resources, errorCode).map(each => ({ ...each, configs: [] })),
  })),
])

function withId({ engine }: Wire, topicName: string) {
  return { topicName, topicId: engine.topics.get(topicName)?.id ?? noUuid }
}

function resourcesOf(
  resources: readonly { readonly resourceType: number; readonly resourceName: string }[],
  errorCode: number,
) {
  return resources.map(({ resourceType, resourceName }) => ({
    resourceType,
    resourceName,
    errorCode,
    errorMessage: null,
  }))
}

function partitionsOf<Topic extends { readonly partitions: readonly { readonly partitionIndex: number }[] }>(
  topic: Topic,
  errorCode: number,
) {
  const partitions = topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
  return { ...topic, partitions }
}

function refusedOffsets(partitionIndexes: readonly number[], errorCode: number) {
  return partitionIndexes.map(partitionIndex => ({
    partitionIndex,
    committedOffset: -1,
    metadata: '',
    errorCode,
  }))
}

/** Answers with an error for all that a request names; undefined for a Produce without acks, which has no answer. */
export function refuse(wire: Wire, { key }: Api, request: unknown, errorCode: number): unknown {
  if (key === produce.key && (request as RequestOf<typeof produce>).acks === 0) return undefined
  return refusals.get(key)?.(request as never, errorCode, wire) ?? { errorCode }
}

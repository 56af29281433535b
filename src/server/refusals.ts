import { describeBrokers } from './cluster/metadata-image.ts'
import { logDir } from './log-sizes.ts'
import type { ApiName } from './protocol/api-name.ts'
import type { apis } from './protocol/apis.ts'
import type { Api, RequestOf, ResponseOf } from './protocol/message.ts'
import { noUuid } from './protocol/type.ts'
import type { Wire } from './wire.ts'

type Refuse<A> = (request: RequestOf<A>, errorCode: number, wire: Wire) => ResponseOf<A>

// The APIs whose answers carry an error for each thing that is named, not one for all.
const refusals: { readonly [Name in ApiName]?: Refuse<(typeof apis)[Uncapitalize<Name>]> } = {
  Produce: ({ topicData }, errorCode) => ({
    responses: topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
    })),
  }),
  Fetch: ({ topics }, errorCode) => ({
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
  }),
  ListOffsets: refuseTopics,
  OffsetCommit: refuseTopics,
  TxnOffsetCommit: refuseTopics,
  OffsetFetch: ({ topics, groups }, errorCode) => ({
    errorCode,
    topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: refuseOffsets(partitionIndexes, errorCode),
    })),
    groups: groups.map(each => ({
      groupId: each.groupId,
      topics: (each.topics ?? []).map(({ name, topicId, partitionIndexes }) => ({
        name,
        topicId,
        partitions: refuseOffsets(partitionIndexes, errorCode),
      })),
      errorCode,
    })),
  }),
  AddPartitionsToTxn: ({ v3AndBelowTopics }, errorCode) => ({
    resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map(partitionIndex => ({
        partitionIndex,
        partitionErrorCode: errorCode,
      })),
    })),
  }),
  Metadata: ({ topics }, errorCode, wire) => ({
    ...describeBrokers(wire),
    topics: (topics ?? [...wire.engine.topics.values()].map(({ name, id }) => ({ name, topicId: id }))).map(
      ({ name, topicId }) => ({ name, topicId, errorCode, partitions: [] }),
    ),
    errorCode,
  }),
  FindCoordinator: ({ key, coordinatorKeys }, errorCode) => {
    const nowhere = { nodeId: -1, host: '', port: -1, errorCode, errorMessage: null }
    return { key, ...nowhere, coordinators: coordinatorKeys.map(each => ({ key: each, ...nowhere })) }
  },
  JoinGroup: ({ memberId }, errorCode) => ({ errorCode, memberId, protocolName: null }),
  DescribeGroups: ({ groups }, errorCode) => refuseGroups(groups, errorCode),
  ConsumerGroupDescribe: ({ groupIds }, errorCode) => refuseGroups(groupIds, errorCode),
  ShareGroupDescribe: ({ groupIds }, errorCode) => refuseGroups(groupIds, errorCode),
  StreamsGroupDescribe: ({ groupIds }, errorCode) => refuseGroups(groupIds, errorCode),
  DescribeShareGroupOffsets: ({ groups }, errorCode, wire) => ({
    groups: groups.map(({ groupId, topics }) => ({
      groupId,
      topics: (topics ?? []).map(({ topicName, partitions }) => ({
        ...withId(wire, topicName),
        partitions: partitions.map(partitionIndex => ({ partitionIndex, startOffset: -1, errorCode })),
      })),
      errorCode,
    })),
  }),
  AlterShareGroupOffsets: ({ topics }, errorCode, wire) => ({
    errorCode,
    responses: topics.map(topic => ({
      ...refusePartitions(topic, errorCode),
      ...withId(wire, topic.topicName),
    })),
  }),
  DeleteShareGroupOffsets: ({ topics }, errorCode, wire) => ({
    errorCode,
    responses: topics.map(({ topicName }) => ({ ...withId(wire, topicName), errorCode })),
  }),
  DeleteGroups: ({ groupsNames }, errorCode) => ({
    results: groupsNames.map(groupId => ({ groupId, errorCode })),
  }),
  CreateTopics: ({ topics }, errorCode) => ({
    topics: topics.map(({ name }) => ({ name, errorCode })),
  }),
  CreatePartitions: ({ topics }, errorCode) => ({
    results: topics.map(({ name }) => ({ name, errorCode })),
  }),
  DeleteTopics: ({ topics, topicNames }, errorCode) => ({
    responses: [...topics, ...topicNames.map(name => ({ name, topicId: noUuid }))].map(each => ({
      ...each,
      errorCode,
    })),
  }),
  DeleteRecords: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode })),
    })),
  }),
  AlterConfigs: ({ resources }, errorCode) => ({ responses: refuseResources(resources, errorCode) }),
  IncrementalAlterConfigs: ({ resources }, errorCode) => ({
    responses: refuseResources(resources, errorCode),
  }),
  CreateAcls: ({ creations }, errorCode) => ({
    results: creations.map(() => ({ errorCode, errorMessage: null })),
  }),
  DeleteAcls: ({ filters }, errorCode) => ({
    filterResults: filters.map(() => ({ errorCode, errorMessage: null, matchingAcls: [] })),
  }),
  DescribeProducers: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map(partitionIndex => ({ partitionIndex, errorCode })),
    })),
  }),
  DescribeTransactions: ({ transactionalIds }, errorCode) => ({
    transactionStates: transactionalIds.map(transactionalId => ({ transactionalId, errorCode })),
  }),
  DescribeTopicPartitions: ({ topics }, errorCode, { engine }) => {
    const named = topics.length > 0 ? topics : [...engine.topics.values()]
    return { topics: named.map(({ name }) => ({ name, errorCode })) }
  },
  OffsetDelete: (request, errorCode) => ({ errorCode, ...refuseTopics(request, errorCode) }),
  OffsetForLeaderEpoch: ({ topics }, errorCode) => ({
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode })),
    })),
  }),
  DescribeLogDirs: (_, errorCode) => ({ errorCode, results: [{ errorCode, logDir }] }),
  AlterReplicaLogDirs: ({ dirs }, errorCode) => ({
    results: dirs.flatMap(({ topics }) =>
      topics.map(({ name, partitions }) => ({
        topicName: name,
        partitions: partitions.map(partitionIndex => ({ partitionIndex, errorCode })),
      })),
    ),
  }),
  ElectLeaders: ({ topicPartitions }, errorCode) => ({
    errorCode,
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map(partitionId => ({ partitionId, errorCode, errorMessage: null })),
    })),
  }),
  AlterPartitionReassignments: ({ topics }, errorCode) => ({
    errorCode,
    errorMessage: null,
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode, errorMessage: null })),
    })),
  }),
  DescribeClientQuotas: (_, errorCode) => ({ errorCode, errorMessage: null, entries: null }),
  AlterClientQuotas: ({ entries }, errorCode) => ({
    entries: entries.map(({ entity }) => ({ errorCode, errorMessage: null, entity })),
  }),
  AlterUserScramCredentials: ({ deletions, upsertions }, errorCode) => ({
    results: [...deletions, ...upsertions].map(({ name }) => ({ user: name, errorCode, errorMessage: null })),
  }),
  DescribeConfigs: ({ resources }, errorCode) => ({
    results: refuseResources(resources, errorCode).map(each => ({ ...each, configs: [] })),
  }),
}

function withId({ engine }: Wire, topicName: string) {
  return { topicName, topicId: engine.topics.get(topicName)?.id ?? noUuid }
}

function refuseResources(
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

interface NamedPartitions {
  readonly partitions: readonly { readonly partitionIndex: number }[]
}

function refuseTopics<Topic extends NamedPartitions>(
  { topics }: { readonly topics: readonly Topic[] },
  errorCode: number,
) {
  return { topics: topics.map(topic => refusePartitions(topic, errorCode)) }
}

function refusePartitions<Topic extends NamedPartitions>(topic: Topic, errorCode: number) {
  const partitions = topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
  return { ...topic, partitions }
}

function refuseGroups(groupIds: readonly string[], errorCode: number) {
  return { groups: groupIds.map(groupId => ({ groupId, errorCode, groupState: '' })) }
}

function refuseOffsets(partitionIndexes: readonly number[], errorCode: number) {
  return partitionIndexes.map(partitionIndex => ({
    partitionIndex,
    committedOffset: -1,
    metadata: '',
    errorCode,
  }))
}

/** Answers with an error for all that a request names; undefined for a Produce without acks, which has no answer. */
export function refuse(
  wire: Wire,
  { name }: Pick<Api, 'name'>,
  request: unknown,
  errorCode: number,
): unknown {
  if (name === 'Produce' && (request as RequestOf<typeof apis.produce>).acks === 0) return undefined
  const own = refusals[name] as Refuse<Api<unknown, unknown>> | undefined
  return own?.(request, errorCode, wire) ?? { errorCode }
}

import { errorCodes } from '../../error-codes.ts'
import type { Topic } from '../../log/topic.ts'
import { type Handler, handler } from '../handler.ts'
import { apiVersions } from '../protocol/messages/api-versions.ts'
import { describeCluster } from '../protocol/messages/describe-cluster.ts'
import { describeTopicPartitions } from '../protocol/messages/describe-topic-partitions.ts'
import { findCoordinator } from '../protocol/messages/find-coordinator.ts'
import { metadata } from '../protocol/messages/metadata.ts'
import { toWireError, type Wire } from '../wire.ts'

// What clients go by beside the versions: groups that assign by themselves (KIP-848), and transactions that give another epoch
// with each end (KIP-890).
const features = [
  { name: 'group.version', level: 1 },
  { name: 'transaction.version', level: 2 },
] as const

// As many partitions as one answer may have. (Kafka: max.request.partition.size.limit)
const mostPartitions = 2000

/** What a client asks first: which versions are spoken, which brokers and topics there are, who coordinates. */
export function clusterHandlers(
  wire: Wire,
  supported: () => { readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number }[],
): Handler[] {
  const broker = () => ({ nodeId: wire.nodeId, ...wire.address })
  return [
    handler(apiVersions, (_, { version }) => ({
      apiKeys: supported(),
      // A client of before version 4 cannot read that a feature begins at 0 (KAFKA-17011).
      supportedFeatures:
        version < 4 ? [] : features.map(({ name, level }) => ({ name, minVersion: 0, maxVersion: level })),
      finalizedFeaturesEpoch: 0,
      finalizedFeatures: features.map(({ name, level }) => ({
        name,
        minVersionLevel: level,
        maxVersionLevel: level,
      })),
    })),

    handler(metadata, ({ topics, allowAutoTopicCreation }) => ({
      brokers: [broker()],
      clusterId: wire.clusterId,
      controllerId: wire.nodeId,
      topics:
        topics === null
          ? [...wire.engine.topics.values()].map(topic => describeTopic(wire, topic))
          : topics.map(({ name, topicId }) =>
              name === null ? topicById(wire, topicId) : topicByName(wire, name, allowAutoTopicCreation),
            ),
    })),

    handler(describeTopicPartitions, ({ topics, responsePartitionLimit, cursor }) =>
      describePartitions(wire, {
        names: topics.length === 0 ? [...wire.engine.topics.keys()] : topics.map(({ name }) => name),
        limit: Math.max(1, Math.min(responsePartitionLimit, mostPartitions)),
        cursor: cursor ?? { topicName: '', partitionIndex: 0 },
      }),
    ),

    handler(describeCluster, () => ({
      clusterId: wire.clusterId,
      controllerId: wire.nodeId,
      brokers: [{ brokerId: wire.nodeId, ...wire.address }],
    })),

    handler(findCoordinator, ({ key, keyType, coordinatorKeys }, { version }) => {
      const coordinator = broker()
      const unknown = keyType === 0 || keyType === 1 ? 0 : errorCodes.INVALID_REQUEST.errno
      if (version < 4) return { ...coordinator, errorCode: unknown, errorMessage: null, key }
      return {
        coordinators: coordinatorKeys.map(each => ({
          key: each,
          ...coordinator,
          errorCode: unknown,
          errorMessage: null,
        })),
      }
    }),
  ]
}

function describeTopic({ nodeId }: Wire, { name, id, partitions }: Topic) {
  return {
    name,
    topicId: id,
    partitions: partitions.map(({ index }) => ({
      partitionIndex: index,
      leaderId: nodeId,
      leaderEpoch: 0,
      replicaNodes: [nodeId],
      isrNodes: [nodeId],
    })),
  }
}

interface PartitionCursor {
  readonly topicName: string
  readonly partitionIndex: number
}

// By name, from the cursor on, until there are enough: the next cursor is the first that was left out (KIP-966).
function describePartitions(
  wire: Wire,
  { names, limit, cursor }: { names: readonly string[]; limit: number; cursor: PartitionCursor },
) {
  const described: object[] = []
  const sorted = [...new Set(names)].sort()
  if (cursor.partitionIndex < 0) {
    const { errno: errorCode } = errorCodes.INVALID_REQUEST
    return { topics: sorted.map(name => ({ name, errorCode })), nextCursor: null }
  }
  let left = limit
  for (const name of sorted) {
    if (name < cursor.topicName) continue
    const topic = wire.engine.topics.get(name)
    if (topic === undefined) {
      described.push({ name, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION.errno })
      continue
    }
    const from = name === cursor.topicName ? cursor.partitionIndex : 0
    if (left === 0) return { topics: described, nextCursor: { topicName: name, partitionIndex: from } }
    const { partitions, ...place } = describeTopic(wire, topic)
    // Kafka's client reads these lists without asking whether they are there.
    const taken = partitions
      .slice(from, from + left)
      .map(each => ({ ...each, eligibleLeaderReplicas: [], lastKnownElr: [] }))
    described.push({ ...place, partitions: taken })
    left -= taken.length
    const next = from + taken.length
    if (next < partitions.length) {
      return { topics: described, nextCursor: { topicName: name, partitionIndex: next } }
    }
  }
  return { topics: described, nextCursor: null }
}

function topicByName(wire: Wire, name: string, mayCreate: boolean) {
  try {
    const topic = mayCreate ? wire.engine.topic(name) : wire.engine.existingTopic(name)
    return describeTopic(wire, topic)
  } catch (error) {
    return { name, errorCode: toWireError(wire, error).errorCode }
  }
}

function topicById(wire: Wire, topicId: string) {
  for (const topic of wire.engine.topics.values()) if (topic.id === topicId) return describeTopic(wire, topic)
  return { name: null, topicId, errorCode: errorCodes.UNKNOWN_TOPIC_ID.errno }
}

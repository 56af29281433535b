import { errorCodes } from '../../error-codes.ts'
import type { Topic } from '../../log/topic.ts'
import { type Handler, handler } from '../handler.ts'
import { apiVersions } from '../protocol/messages/api-versions.ts'
import { describeCluster } from '../protocol/messages/describe-cluster.ts'
import { findCoordinator } from '../protocol/messages/find-coordinator.ts'
import { metadata } from '../protocol/messages/metadata.ts'
import { toWireError, type Wire } from '../wire.ts'

/** What a client asks first: which versions are spoken, which brokers and topics there are, who coordinates. */
export function clusterHandlers(
  wire: Wire,
  supported: () => { readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number }[],
): Handler[] {
  const broker = () => ({ nodeId: wire.nodeId, ...wire.address })
  return [
    handler(apiVersions, () => ({ apiKeys: supported() })),

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

import { errorCodes } from '../../error-codes.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { describeBrokers, describeTopic } from '../cluster/metadata-image.ts'
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
  const { cluster, engine } = wire
  return [
    handler(apiVersions, () => ({ apiKeys: supported() })),

    handler(metadata, ({ topics, allowAutoTopicCreation }) => ({
      ...describeBrokers(wire),
      topics:
        topics === null
          ? [...engine.topics.values()].map(topic => describeTopic(cluster, topic))
          : topics.map(({ name, topicId }) =>
              name === null ? topicById(wire, topicId) : topicByName(wire, name, allowAutoTopicCreation),
            ),
    })),

    handler(describeCluster, ({ includeFencedBrokers }) => ({
      clusterId: wire.clusterId,
      controllerId: cluster.controllerId,
      brokers: (includeFencedBrokers ? cluster.nodes : cluster.running).map(
        ({ nodeId, host, port, running }) => ({ brokerId: nodeId, host, port, isFenced: !running }),
      ),
    })),

    handler(findCoordinator, ({ key, keyType, coordinatorKeys }, { version }) => {
      const coordinators = (version < 4 ? [key] : coordinatorKeys).map(each => ({
        key: each,
        ...coordinatorOf(cluster, each, keyType),
        errorMessage: null,
      }))
      return version < 4 ? coordinators[0]! : { coordinators }
    }),
  ]
}

const keyTypes = { group: 0, transaction: 1 }

function coordinatorOf(cluster: Cluster, key: string, keyType: number) {
  const known = keyType === keyTypes.group || keyType === keyTypes.transaction
  const found = known ? cluster.coordinatorOf(key) : undefined
  if (found !== undefined) return { nodeId: found.nodeId, host: found.host, port: found.port, errorCode: 0 }
  const { errno: errorCode } = errorCodes[known ? 'COORDINATOR_NOT_AVAILABLE' : 'INVALID_REQUEST']
  return { nodeId: -1, host: '', port: -1, errorCode }
}

function topicByName(wire: Wire, name: string, mayCreate: boolean) {
  try {
    const topic = mayCreate ? wire.engine.topic(name) : wire.engine.existingTopic(name)
    return describeTopic(wire.cluster, topic)
  } catch (error) {
    return { name, errorCode: toWireError(wire, error).errorCode }
  }
}

function topicById(wire: Wire, topicId: string) {
  const topic = wire.engine.topicsById.get(topicId)
  if (topic !== undefined) return describeTopic(wire.cluster, topic)
  return { name: null, topicId, errorCode: errorCodes.UNKNOWN_TOPIC_ID.errno }
}

import type { Topic } from '../../log/topic.ts'
import { checkTopicName } from '../../topic-name.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import { madeByClient, requireNoCollision } from '../client-topics.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { coordinatorTypes } from '../cluster/coordinator-types.ts'
import { describeBrokers, describeTopic } from '../cluster/metadata-image.ts'
import { features } from '../features.ts'
import { type Handler, handler } from '../handler.ts'
import { warnOfMissingTopic } from '../missing-topics.ts'
import { type AskedTopic, askedTopics, isNamed, topicIdsSince } from '../named-topic.ts'
import type { RequestOf } from '../protocol/message.ts'
import { apiVersions } from '../protocol/messages/api-versions.ts'
import { describeCluster } from '../protocol/messages/describe-cluster.ts'
import { describeTopicPartitions } from '../protocol/messages/describe-topic-partitions.ts'
import { findCoordinator } from '../protocol/messages/find-coordinator.ts'
import { metadata } from '../protocol/messages/metadata.ts'
import { toWireError, type Wire, wireError } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

// From this version on a client says what software it is. (KIP-511)
const softwareSince = 3
const softwareWord = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/

// The most partitions that one answer may have. (Kafka: max.request.partition.size.limit)
const mostPartitions = 2000

/** What a client asks first: which versions are supported, which brokers and topics there are, and who coordinates. */
export function clusterHandlers(
  wire: Wire,
  supported: () => { readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number }[],
  secured: boolean,
): Handler[] {
  const { cluster, engine } = wire
  return [
    handler(apiVersions, (client, { version, session, node }) => {
      // Between the choice of a mechanism and the proof nothing else is to be said.
      if (session.exchange !== undefined) {
        session.refused = true
        return { errorCode: errnoOf('ILLEGAL_SASL_STATE') }
      }
      if (version >= softwareSince && !isSoftware(client)) return { errorCode: errnoOf('INVALID_REQUEST') }
      // A client that is on the way to another broker, as one that was behind this address before, is to begin with the
      // addresses that it was given. (KIP-1242)
      const { clusterId, nodeId } = client
      const isElsewhere = clusterId !== null && (clusterId !== wire.clusterId || nodeId !== node.nodeId)
      // Who has still to authenticate is told the versions alone. (Kafka: SaslServerAuthenticator)
      if (isElsewhere && (!secured || session.user !== undefined))
        return { errorCode: errnoOf('REBOOTSTRAP_REQUIRED') }
      return {
        apiKeys: supported(),
        // A client of a version before 4 cannot read that a feature begins at 0 (KAFKA-17011).
        supportedFeatures: features
          .filter(({ minVersion }) => minVersion > 0 || version >= 4)
          .map(({ name, minVersion, level }) => ({ name, minVersion, maxVersion: level })),
        finalizedFeaturesEpoch: 0,
        finalizedFeatures: features.map(({ name, level }) => ({
          name,
          minVersionLevel: level,
          maxVersionLevel: level,
        })),
      }
    }),

    handler(metadata, ({ topics, allowAutoTopicCreation, ...included }, { version }) => {
      const asked = askedTopics(version, topics)
      const named =
        asked === null
          ? [...engine.topics.values()].map(topic => describeTopic(cluster, topic))
          : describeAsked(wire, version, asked, allowAutoTopicCreation)
      const { includeTopicAuthorizedOperations, includeClusterAuthorizedOperations } = included
      const topicAuthorizedOperations = authorizedOperations('TOPIC', includeTopicAuthorizedOperations)
      return {
        ...describeBrokers(wire),
        topics: named.map(each => (each.name === null ? each : { ...each, topicAuthorizedOperations })),
        clusterAuthorizedOperations: authorizedOperations('CLUSTER', includeClusterAuthorizedOperations),
      }
    }),

    handler(describeTopicPartitions, ({ topics, responsePartitionLimit, cursor }) => {
      const named = [...new Set(topics.map(({ name }) => name))].sort()
      if (cursor !== null && !isWithin(named, cursor)) {
        const errorCode = errnoOf('INVALID_REQUEST')
        return { topics: topics.map(({ name }) => ({ name, errorCode })), nextCursor: null }
      }
      return describePartitions(wire, {
        names: named.length > 0 ? named : [...engine.topics.keys()].sort(),
        limit: Math.max(1, Math.min(responsePartitionLimit, mostPartitions)),
        cursor: cursor ?? { topicName: '', partitionIndex: 0 },
      })
    }),

    handler(describeCluster, ({ endpointType, includeFencedBrokers, includeClusterAuthorizedOperations }) => {
      if (endpointType !== endpointTypes.broker) return refusedEndpoint(endpointType)
      return {
        clusterId: wire.clusterId,
        controllerId: cluster.controllerId,
        clusterAuthorizedOperations: authorizedOperations('CLUSTER', includeClusterAuthorizedOperations),
        brokers: (includeFencedBrokers ? cluster.nodes : cluster.running).map(
          ({ nodeId, host, port, rack, running }) => ({
            brokerId: nodeId,
            host,
            port,
            rack,
            isFenced: !running,
          }),
        ),
      }
    }),

    handler(findCoordinator, ({ key, keyType, coordinatorKeys }, { version }) => {
      const coordinators = (version < 4 ? [key] : coordinatorKeys).map(each => ({
        key: each,
        ...coordinatorOf(cluster, each, keyType),
      }))
      return version < 4 ? coordinators[0]! : { coordinators }
    }),
  ]
}

function describeAsked(wire: Wire, version: number, topics: readonly AskedTopic[], mayCreate: boolean) {
  // The two versions before have ids, but may not use them.
  if (version < topicIdsSince.Metadata && topics.some(each => !isNamed(each))) {
    const errorCode = errnoOf('INVALID_REQUEST')
    return topics.map(({ name, topicId }) => ({ name, topicId, errorCode }))
  }
  const distinct = new Map(topics.map(each => [isNamed(each) ? each.name : `by id ${each.topicId}`, each]))
  return [...distinct.values()].map(each =>
    isNamed(each) ? topicByName(wire, each.name, mayCreate) : topicById(wire, each.topicId),
  )
}

const endpointTypes = { broker: 1, controller: 2 }

// A client that looks for controllers, such as a tool that was given their address, hears that this is a broker
// (KIP-919).
function refusedEndpoint(endpointType: number) {
  return {
    ...(endpointType === endpointTypes.controller
      ? wireError('MISMATCHED_ENDPOINT_TYPE', 'This is a broker, not a controller')
      : wireError(
          'UNSUPPORTED_ENDPOINT_TYPE',
          `Expected endpoint type 1 (broker) or 2 (controller), received ${endpointType}`,
        )),
    clusterId: '',
    controllerId: -1,
    brokers: [],
  }
}

function coordinatorOf(cluster: Cluster, key: string, keyType: number) {
  const nowhere = { nodeId: -1, host: '', port: -1 }
  if (keyType !== coordinatorTypes.group && keyType !== coordinatorTypes.transaction)
    return { ...nowhere, ...wireError('INVALID_REQUEST', `keyType expected 0 or 1, received ${keyType}`) }
  const found = cluster.coordinatorOf(key)
  if (found === undefined) return { ...nowhere, ...wireError('COORDINATOR_NOT_AVAILABLE', 'no broker runs') }
  return { nodeId: found.nodeId, host: found.host, port: found.port, errorCode: 0, errorMessage: null }
}

interface PartitionCursor {
  readonly topicName: string
  readonly partitionIndex: number
}

// Without named topics the description goes on even if the topic at which it stopped is gone.
function isWithin(named: readonly string[], { topicName, partitionIndex }: PartitionCursor): boolean {
  return partitionIndex >= 0 && (named.length === 0 || named.includes(topicName))
}

// In the order of names, from the cursor on, up to the limit. The next cursor is the first that was left out (KIP-966).
function describePartitions(
  wire: Wire,
  { names, limit, cursor }: { names: readonly string[]; limit: number; cursor: PartitionCursor },
) {
  const described: object[] = []
  // This API has no flag to ask for it, so it is always told, also of a topic that is not there.
  const topicAuthorizedOperations = authorizedOperations('TOPIC', true)
  let left = limit
  for (const name of names) {
    if (name < cursor.topicName) continue
    const from = name === cursor.topicName ? cursor.partitionIndex : 0
    if (left === 0) return { topics: described, nextCursor: { topicName: name, partitionIndex: from } }
    const topic = wire.engine.topics.get(name)
    if (topic === undefined) {
      described.push({ ...topicByName(wire, name, false), topicAuthorizedOperations })
      continue
    }
    const { partitions, ...place } = describeTopic(wire.cluster, topic)
    const taken = partitions.slice(from, from + left)
    described.push({ ...place, partitions: taken, topicAuthorizedOperations })
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
    // A client waits for a topic that may still come, and gives up on a name that no topic can have.
    checkTopicName(name)
    const topic = wire.engine.topics.get(name) ?? (mayCreate ? made(wire, name) : undefined)
    // Not by an error of the engine, which looks through all topics for names like this one.
    if (topic === undefined) return { name, errorCode: errnoOf('UNKNOWN_TOPIC_OR_PARTITION') }
    return describeTopic(wire.cluster, topic)
  } catch (error) {
    return { name, errorCode: toWireError(wire, error).errorCode }
  }
}

function made({ engine }: Wire, name: string): Topic | undefined {
  if (engine.settings.autoCreateTopics === false) return void warnOfMissingTopic(engine, name)
  requireNoCollision(engine.topics, name)
  const topic = engine.topic(name)
  madeByClient(topic)
  return topic
}

function topicById(wire: Wire, topicId: string) {
  const topic = wire.engine.topicsById.get(topicId)
  if (topic !== undefined) return describeTopic(wire.cluster, topic)
  return { name: null, topicId, errorCode: errnoOf('UNKNOWN_TOPIC_ID') }
}

function isSoftware({ clientSoftwareName, clientSoftwareVersion }: RequestOf<typeof apiVersions>): boolean {
  return softwareWord.test(clientSoftwareName) && softwareWord.test(clientSoftwareVersion)
}

import type { Topic } from '../../log/topic.ts'
import type { ResponseOf } from '../protocol/message.ts'
import type { metadata } from '../protocol/messages/metadata.ts'
import type { Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'
import type { Cluster } from './cluster.ts'
import { idsOf, noLeaderId } from './cluster-node.ts'

type MetadataResponse = ResponseOf<typeof metadata>

/** All that a Metadata answer could tell at one moment. (Kafka: MetadataImage) */
export interface MetadataImage {
  readonly cluster: MetadataResponse
  readonly topics: readonly TopicMetadata[]
}

type TopicMetadata = ReturnType<typeof describeTopic>

/** The brokers in an answer. They are the nodes themselves, since some get their ports once they listen. */
export function describeBrokers({ cluster, clusterId }: Wire): MetadataResponse {
  return { brokers: cluster.running, clusterId, controllerId: cluster.controllerId }
}

const leaderNotAvailable = errnoOf('LEADER_NOT_AVAILABLE')

/** A topic in an answer. */
export function describeTopic(cluster: Cluster, { name, id, partitions }: Topic) {
  return {
    name,
    topicId: id,
    partitions: partitions.map(partition => {
      const { leader, epoch, replicas, isr, elr, lastKnownElr } = cluster.registrationOf(partition)
      return {
        errorCode: leader === undefined ? leaderNotAvailable : 0,
        partitionIndex: partition.index,
        leaderId: leader?.nodeId ?? noLeaderId,
        leaderEpoch: epoch,
        replicaNodes: idsOf(replicas),
        isrNodes: idsOf(isr),
        eligibleLeaderReplicas: idsOf(elr),
        lastKnownElr: idsOf(lastKnownElr),
        offlineReplicas: idsOf(replicas.filter(({ running }) => !running)),
      }
    }),
  }
}

export function takeImage(wire: Wire): MetadataImage {
  return {
    cluster: describeBrokers(wire),
    topics: [...wire.engine.topics.values()].map(topic => describeTopic(wire.cluster, topic)),
  }
}

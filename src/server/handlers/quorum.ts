import { type Handler, handler } from '../handler.ts'
import { describeQuorum } from '../protocol/messages/describe-quorum.ts'
import { type Wire, wireError } from '../wire.ts'

const metadataTopic = '__cluster_metadata'

// At this kraft.version each voter has one. (KIP-853)
function directoryOf(nodeId: number): string {
  return `62726f6b-6572-4c65-b4d1-${nodeId.toString(16).padStart(12, '0')}`
}

/**
 * The quorum of controllers (KIP-595), for tools that show how a cluster fares. The brokers are its voters, and the
 * controller leads it. There is no log of metadata, so its end is 0, and nobody lags.
 */
export function quorumHandlers({ cluster, engine }: Wire): Handler[] {
  const describe = () => {
    const now = engine.clock.now()
    return {
      partitionIndex: 0,
      errorMessage: '',
      leaderId: cluster.controllerId,
      leaderEpoch: cluster.controllerEpoch,
      currentVoters: cluster.nodes.map(({ nodeId, running }) => ({
        replicaId: nodeId,
        replicaDirectoryId: directoryOf(nodeId),
        lastFetchTimestamp: running ? now : -1,
        lastCaughtUpTimestamp: running ? now : -1,
      })),
    }
  }
  return [
    handler(describeQuorum, ({ topics }) => {
      const named = topics.flatMap(({ topicName, partitions }) =>
        partitions.map(({ partitionIndex }) => topicName === metadataTopic && partitionIndex === 0),
      )
      // One partition is there, and a request that names anything else gets none. (Kafka: DescribeQuorumRequest)
      const known = topics.length === 1 && named.length === 1 && named[0]!
      return {
        errorMessage: '',
        topics: topics.map(({ topicName, partitions }) => ({
          topicName,
          partitions: partitions.map(({ partitionIndex }) =>
            known
              ? describe()
              : {
                  partitionIndex,
                  ...wireError(
                    'UNKNOWN_TOPIC_OR_PARTITION',
                    `There is one partition of '${metadataTopic}', and only it can be asked for`,
                  ),
                },
          ),
        })),
        nodes: known ? cluster.nodes.map(({ nodeId }) => ({ nodeId, listeners: [] })) : [],
      }
    }),
  ]
}

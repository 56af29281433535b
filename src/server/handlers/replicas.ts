import type { Partition } from '../../log/partition.ts'
import { errnoOfName } from '../faults/wire-error-code.ts'
import { type Handler, handler } from '../handler.ts'
import { alterPartitionReassignments } from '../protocol/messages/alter-partition-reassignments.ts'
import { electLeaders } from '../protocol/messages/elect-leaders.ts'
import { listPartitionReassignments } from '../protocol/messages/list-partition-reassignments.ts'
import type { Wire } from '../wire.ts'

interface Answered {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** The leaders and the replicas of partitions. Leaders move by themselves, and every broker has replicas of all. */
export function replicaHandlers(wire: Wire): Handler[] {
  const { engine } = wire
  const unknown = (topic: string, partition: number): Answered => ({
    errorCode: errnoOfName('UNKNOWN_TOPIC_OR_PARTITION'),
    errorMessage: `There is no partition ${topic}-${partition}`,
  })
  return [
    handler(electLeaders, ({ electionType, topicPartitions }) => {
      const refused = refusalOf(electionType)
      if (refused !== undefined) {
        return {
          errorCode: refused.errorCode,
          replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
            topic,
            partitionResult: partitions.map(partitionId => ({ partitionId, ...refused })),
          })),
        }
      }
      const elect = (log: Partition) => electLeader(wire, log, electionType)
      if (topicPartitions === null) {
        return { replicaElectionResults: [...engine.topics.values()].map(topic => failedOf(topic, elect)) }
      }
      return {
        replicaElectionResults: topicPartitions.map(({ topic, partitions }) => ({
          topic,
          partitionResult: partitions.map(partitionId => {
            const log = engine.topics.get(topic)?.partitions[partitionId]
            return { partitionId, ...(log === undefined ? unknown(topic, partitionId) : elect(log)) }
          }),
        })),
      }
    }),

    handler(listPartitionReassignments, () => ({})),

    handler(alterPartitionReassignments, ({ topics }) => ({
      responses: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, replicas }) => {
          const log = engine.topics.get(name)?.partitions[partitionIndex]
          const answer = log === undefined ? unknown(name, partitionIndex) : reassign(wire, log, replicas)
          return { partitionIndex, ...answer }
        }),
      })),
    })),
  ]
}

// (Kafka: ElectionType)
const [preferred, unclean] = [0, 1]

function refusalOf(electionType: number): Answered | undefined {
  if (electionType === preferred || electionType === unclean) return undefined
  return { errorCode: errnoOfName('INVALID_REQUEST'), errorMessage: `Unknown election type ${electionType}` }
}

const notNeeded: Answered = {
  errorCode: errnoOfName('ELECTION_NOT_NEEDED'),
  errorMessage: 'The preferred leader already leads this partition',
}

// The preferred leader leads as long as it runs, and no broker stands in when all are stopped.
function electLeader({ cluster }: Wire, log: Partition, electionType: number): Answered {
  const { leader, replicas } = cluster.registrationOf(log)
  const [first] = replicas
  if (electionType !== preferred || first === leader) return notNeeded
  return {
    errorCode: errnoOfName('PREFERRED_LEADER_NOT_AVAILABLE'),
    errorMessage: `Broker ${first!.nodeId}, the preferred leader of this partition, is stopped`,
  }
}

// A request that names no partition is told only of those that need an election and could not have one.
function failedOf(
  { name, partitions }: { readonly name: string; readonly partitions: readonly Partition[] },
  elect: (log: Partition) => Answered,
) {
  const answers = partitions.map(log => ({ partitionId: log.index, ...elect(log) }))
  return {
    topic: name,
    partitionResult: answers.filter(({ errorCode }) => errorCode !== notNeeded.errorCode),
  }
}

function reassign({ cluster }: Wire, log: Partition, replicas: readonly number[] | null): Answered {
  if (replicas === null) {
    const errorMessage = 'No reassignment of this partition is in progress'
    return { errorCode: errnoOfName('NO_REASSIGNMENT_IN_PROGRESS'), errorMessage }
  }
  const present = cluster.registrationOf(log).replicas.map(({ nodeId }) => nodeId)
  if (String(replicas) === String(present)) return { errorCode: 0, errorMessage: null }
  return {
    errorCode: errnoOfName('INVALID_REPLICA_ASSIGNMENT'),
    errorMessage: `The replicas of this partition are fixed: expected ${present}, received ${replicas}`,
  }
}

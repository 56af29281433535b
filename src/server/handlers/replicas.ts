import { BrokerletError } from '../../errors.ts'
import type { Partition } from '../../log/partition.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { idsOf } from '../cluster/cluster-node.ts'
import { isReassigning, presentReplicas } from '../cluster/partition-reassignment.ts'
import { type Handler, handler } from '../handler.ts'
import { findLog } from '../named-topic.ts'
import { alterPartitionReassignments } from '../protocol/messages/alter-partition-reassignments.ts'
import { electLeaders } from '../protocol/messages/elect-leaders.ts'
import { listPartitionReassignments } from '../protocol/messages/list-partition-reassignments.ts'
import { nodesOf } from '../replica-assignments.ts'
import { attempt, type Wire, wireError } from '../wire.ts'

interface Answered {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Elects the leaders of partitions, and moves partitions to other brokers. */
export function replicaHandlers(wire: Wire): Handler[] {
  const { engine, cluster } = wire
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
        return { replicaElectionResults: [...engine.topics.values()].map(topic => needingOf(topic, elect)) }
      }
      return {
        replicaElectionResults: topicPartitions.map(({ topic, partitions }) => ({
          topic,
          partitionResult: partitions.map(partitionId => {
            const found = logAsked(wire, topic, partitionId)
            return { partitionId, ...('log' in found ? elect(found.log) : found) }
          }),
        })),
      }
    }),

    handler(listPartitionReassignments, ({ topics }) => {
      const asked = topics ?? [...engine.topics.values()].map(allOf)
      const told = asked.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.flatMap(index => reassignmentOf(wire, name, index)),
      }))
      return { topics: told.filter(({ partitions }) => partitions.length > 0) }
    }),

    handler(alterPartitionReassignments, ({ topics, allowReplicationFactorChange: mayChange }) => ({
      allowReplicationFactorChange: mayChange,
      responses: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, replicas }) => {
          const found = logAsked(wire, name, partitionIndex)
          if (!('log' in found)) return { partitionIndex, ...found }
          if (replicas === null) return { partitionIndex, ...cancel(cluster, found.log) }
          const change = () => reassign(cluster, found.log, replicas, mayChange)
          return { partitionIndex, ...attempt(wire, change) }
        }),
      })),
    })),
  ]
}

function logAsked(wire: Wire, topic: string, partition: number): { readonly log: Partition } | Answered {
  const log = findLog(wire, topic, partition)
  if (log !== undefined) return { log }
  const isThere = wire.engine.topics.has(topic)
  const errorMessage = isThere ? `No such partition as ${topic}-${partition}` : `No such topic as ${topic}`
  return wireError('UNKNOWN_TOPIC_OR_PARTITION', errorMessage)
}

const done: Answered = { errorCode: 0, errorMessage: null }

// (Kafka: ElectionType)
const [preferred, unclean] = [0, 1]

function refusalOf(electionType: number): Answered | undefined {
  if (electionType === preferred || electionType === unclean) return undefined
  return wireError('INVALID_REQUEST', `Unknown election type ${electionType}`)
}

const notNeeded = wireError('ELECTION_NOT_NEEDED', 'The partition has the leader that it should have')

// (Kafka: ReplicationControlManager.electLeader)
function electLeader({ cluster }: Wire, log: Partition, electionType: number): Answered {
  const { leader, replicas } = cluster.registrationOf(log)
  const [first] = replicas
  if (electionType === preferred) {
    if (leader === first) return notNeeded
    if (cluster.electLeader(log, { preferred: true })) return done
    return wireError(
      'PREFERRED_LEADER_NOT_AVAILABLE',
      `The preferred leader was not available. Broker ${first!.nodeId} is stopped, or was not in sync`,
    )
  }
  if (leader !== undefined) return notNeeded
  if (cluster.electLeader(log, { unclean: true })) return done
  return wireError('ELIGIBLE_LEADERS_NOT_AVAILABLE', 'None of the replicas runs')
}

interface Partitioned {
  readonly name: string
  readonly partitions: readonly Partition[]
}

// A request that names no partition is told only of those that needed an election.
function needingOf({ name, partitions }: Partitioned, elect: (log: Partition) => Answered) {
  const answers = partitions.map(log => ({ partitionId: log.index, ...elect(log) }))
  return {
    topic: name,
    partitionResult: answers.filter(({ errorCode }) => errorCode !== notNeeded.errorCode),
  }
}

function allOf({ name, partitions }: Partitioned) {
  return { name, partitionIndexes: partitions.map(({ index }) => index) }
}

// Only those that wait for a broker that is stopped.
function reassignmentOf(wire: Wire, topic: string, partitionIndex: number) {
  const log = findLog(wire, topic, partitionIndex)
  const registration = log && wire.cluster.registrationOf(log)
  if (registration === undefined || !isReassigning(registration)) return []
  const { replicas, adding, removing } = registration
  return {
    partitionIndex,
    replicas: idsOf(replicas),
    addingReplicas: idsOf(adding),
    removingReplicas: idsOf(removing),
  }
}

function reassign(
  cluster: Cluster,
  log: Partition,
  brokerIds: readonly number[],
  mayChangeFactor: boolean,
): void {
  const target = nodesOf(cluster.nodes, log.topic, brokerIds)
  const { length: factor } = presentReplicas(cluster.registrationOf(log))
  if (target.length !== factor && !mayChangeFactor) {
    throw new BrokerletError(
      'INVALID_REPLICATION_FACTOR',
      `The replication factor is changed from ${factor} to ${target.length}`,
      { topic: log.topic, partition: log.index, received: target.length },
    )
  }
  cluster.reassign(log, target)
}

function cancel(cluster: Cluster, log: Partition): Answered {
  const { topic, index } = log
  if (!isReassigning(cluster.registrationOf(log))) {
    return wireError('NO_REASSIGNMENT_IN_PROGRESS', `No reassignment of ${topic}-${index} is in progress`)
  }
  if (cluster.cancelReassignment(log)) return done
  return wireError(
    'INVALID_REPLICA_ASSIGNMENT',
    `${topic}-${index} cannot go back: that would require an unclean leader election`,
  )
}

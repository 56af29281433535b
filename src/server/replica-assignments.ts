import { BrokerletError } from '../errors.ts'
import type { Assignment, Cluster } from './cluster/cluster.ts'
import { type ClusterNode, idsOf } from './cluster/cluster-node.ts'

/** The brokers that a client wants as the replicas of a new partition. */
interface WantedReplicas {
  readonly brokerIds: readonly number[]
}

/**
 * The brokers of new partitions, the first of which has the index `from`, as they are assigned by hand. A server of one
 * broker takes any brokers, and has the partitions itself: those of production need not be here.
 * (Kafka: ReplicationControlManager.validateManualPartitionAssignment)
 *
 * @throws INVALID_REPLICA_ASSIGNMENT if no cluster, or not this one, takes it
 */
export function assignedReplicas(
  { nodes }: Cluster,
  topic: string,
  wanted: readonly WantedReplicas[],
  {
    from = 0,
    factor = wanted[0]?.brokerIds.length,
  }: { readonly from?: number; readonly factor?: number } = {},
): Assignment {
  requireAssignable(topic, wanted)
  if (nodes.length === 1) return new Map()
  return new Map(
    wanted.map(({ brokerIds }, i) => {
      const replicas = nodesOf(nodes, topic, brokerIds)
      if (replicas.length !== factor)
        throw notAssignable(topic, `expected ${factor} brokers for each partition, received ${brokerIds}`)
      if (!replicas.some(({ running }) => running))
        throw notAssignable(topic, `all brokers of partition ${from + i} are stopped: ${brokerIds}`)
      return [from + i, replicas]
    }),
  )
}

/** Brokers for new partitions, from the index `from` up to `to`. */
export function placedReplicas(
  cluster: Cluster,
  topic: string,
  { from = 0, to, factor }: { readonly from?: number; readonly to: number; readonly factor: number },
): Assignment {
  const indexes = Array.from({ length: to - from }, (_, i) => from + i)
  return new Map(indexes.map(index => [index, cluster.place(topic, index, factor)]))
}

function requireAssignable(topic: string, wanted: readonly WantedReplicas[]): void {
  const factor = wanted[0]?.brokerIds.length
  for (const { brokerIds } of wanted) {
    if (brokerIds.length === 0) throw notAssignable(topic, 'expected at least one broker for each partition')
    if (new Set(brokerIds).size < brokerIds.length) throw notAssignable(topic, 'a broker is named twice')
    if (brokerIds.some(id => id < 0)) throw notAssignable(topic, 'no broker has a negative id')
    if (brokerIds.length !== factor)
      throw notAssignable(topic, 'partitions differ in how many brokers they have')
  }
}

/** The brokers of a partition by their numbers. @throws INVALID_REPLICA_ASSIGNMENT if there is one that is not here */
export function nodesOf(
  nodes: readonly ClusterNode[],
  topic: string,
  brokerIds: readonly number[],
): readonly ClusterNode[] {
  requireAssignable(topic, [{ brokerIds }])
  return brokerIds.map(id => {
    const node = nodes.find(({ nodeId }) => nodeId === id)
    if (node !== undefined) return node
    throw notAssignable(topic, `there is no broker ${id}, expected some of ${idsOf(nodes).join(', ')}`)
  })
}

/** An INVALID_REPLICA_ASSIGNMENT that says what is wrong. */
export function notAssignable(topic: string, why: string): BrokerletError {
  const message = `The partitions of '${topic}' cannot be assigned so: ${why}`
  return new BrokerletError('INVALID_REPLICA_ASSIGNMENT', message, { topic })
}

import type { Partition } from '../../log/partition.ts'
import type { Cluster } from './cluster.ts'
import type { ClusterNode } from './cluster-node.ts'

/**
 * The replica that a consumer should read instead of the leader that it asks: one in sync that is in its rack, if the
 * leader is not. (KIP-392; Kafka: RackAwareReplicaSelector)
 */
export function preferredReadReplica(
  cluster: Cluster,
  log: Partition,
  { node, rackId, offset }: { readonly node: ClusterNode; readonly rackId: string; readonly offset: number },
): ClusterNode | undefined {
  if (rackId === '' || node.rack === rackId) return undefined
  const { leader, isr } = cluster.registrationOf(log)
  // Only the leader sends consumers on, and it answers itself for an offset that nobody has.
  if (leader !== node || offset < log.logStartOffset || offset > log.highWatermark) return undefined
  return isr.find(({ rack }) => rack === rackId)
}

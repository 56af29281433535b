import type { ClusterNode } from './cluster-node.ts'
import type { PartitionRegistration } from './partition-registration.ts'

/**
 * A partition on its way to other brokers. It has both these and its present ones until all that are added are in sync,
 * which those that run are at once. (Kafka: PartitionReassignmentReplicas)
 */
export function reassigned(
  was: PartitionRegistration,
  target: readonly ClusterNode[],
): PartitionRegistration {
  const present = presentReplicas(was)
  const removing = was.replicas.filter(node => !target.includes(node))
  const adding = target.filter(node => !present.includes(node))
  return { ...was, replicas: [...target, ...removing], adding, removing }
}

/** The brokers that have a partition, without those that are only being added. */
export function presentReplicas({ replicas, adding }: PartitionRegistration): readonly ClusterNode[] {
  return replicas.filter(node => !adding.includes(node))
}

export function isReassigning({ adding, removing }: PartitionRegistration): boolean {
  return adding.length + removing.length > 0
}

/** A partition that stays where it was; undefined if nobody there could lead it. (Kafka: PartitionReassignmentRevert) */
export function cancelled(was: PartitionRegistration, unclean: boolean): PartitionRegistration | undefined {
  const replicas = presentReplicas(was)
  const isr = was.isr.filter(node => replicas.includes(node))
  const isLost = was.leader !== undefined && isr.length === 0
  return isLost && !unclean ? undefined : { ...was, replicas, isr, adding: [], removing: [] }
}

/** A partition that has arrived; the same one if it has not, or was not on its way. */
export function arrived(was: PartitionRegistration): PartitionRegistration {
  const { replicas, isr, adding, removing } = was
  const kept = isr.filter(node => !removing.includes(node))
  if (!isReassigning(was) || kept.length === 0 || !adding.every(node => isr.includes(node))) return was
  return {
    ...was,
    replicas: replicas.filter(node => !removing.includes(node)),
    isr: kept,
    adding: [],
    removing: [],
  }
}

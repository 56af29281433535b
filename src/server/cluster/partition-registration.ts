import { type ClusterNode, runningOf } from './cluster-node.ts'

/** The leader of a partition, and how often that has changed. */
export interface Leadership {
  /** Undefined while the partition is offline: none of those that could lead it runs. */
  readonly leader: ClusterNode | undefined
  readonly epoch: number
}

/**
 * Which brokers have a partition, and which of them leads it. There is one log behind all of them, so a broker that runs
 * is in sync. (Kafka: PartitionRegistration)
 */
export interface PartitionRegistration extends Leadership {
  /** The first one is the preferred leader. */
  readonly replicas: readonly ClusterNode[]
  /** The replicas in sync: those that run, or nobody while the partition is offline. */
  readonly isr: readonly ClusterNode[]
  /** Those that left the ISR while it was too small, and may still lead. (KIP-966: eligible leader replicas) */
  readonly elr: readonly ClusterNode[]
  /** The last leader of a partition that is offline. (KIP-966) */
  readonly lastKnownElr: readonly ClusterNode[]
  /** Those of the replicas that a reassignment adds, until all of them run. */
  readonly adding: readonly ClusterNode[]
  /** Those that it removes, once it is complete. */
  readonly removing: readonly ClusterNode[]
}

/** A new partition on these brokers. */
export function register(replicas: readonly ClusterNode[]): PartitionRegistration {
  const isr = runningOf(replicas)
  const [leader] = isr
  return {
    replicas,
    isr,
    leader,
    epoch: 0,
    // If none of them runs, each may lead: there is nothing yet that it could lack.
    elr: leader === undefined ? replicas : [],
    lastKnownElr: [],
    adding: [],
    removing: [],
  }
}

/** How many replicas have to be in sync for a write that asks for all of them. (Kafka: Partition.effectiveMinIsr) */
export function effectiveMinIsr(replicas: readonly ClusterNode[], minInSyncReplicas: number): number {
  return Math.min(minInSyncReplicas, replicas.length)
}

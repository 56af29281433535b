import type { ClusterNode } from './cluster-node.ts'

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
}

/** How a leader is chosen. A partition keeps the one it has, unless its preferred leader is asked for. */
export interface Election {
  /** Fewer replicas in sync than that do not acknowledge a write, and those that leave stay eligible. */
  readonly minInSyncReplicas: number
  /** Whether the first of the replicas takes over from another one. */
  readonly preferred?: boolean
  /** Whether one that was not in sync may lead if nobody else can. */
  readonly unclean?: boolean
}

/** A new partition on these brokers. */
export function register(replicas: readonly ClusterNode[]): PartitionRegistration {
  const isr = runningOf(replicas)
  const [leader] = isr
  // If none of them runs, each may lead: there is nothing yet that it could lack.
  return { replicas, isr, leader, epoch: 0, elr: leader === undefined ? replicas : [], lastKnownElr: [] }
}

/** What becomes of a partition once brokers have stopped or started, or its leader is elected. (Kafka: PartitionChangeBuilder) */
export function elect(was: PartitionRegistration, election: Election): PartitionRegistration {
  const { replicas } = was
  const leader = chooseLeader(was, election)
  // All that run have the whole log, but nobody says so of a partition without a leader.
  const isr = leader === undefined ? [] : runningOf(replicas)
  const epoch = leader === was.leader ? was.epoch : was.epoch + 1
  return { replicas, isr, leader, epoch, ...eligible(was, isr, leader, election) }
}

/** How many replicas have to be in sync for a write that asks for all of them. (Kafka: Partition.effectiveMinIsr) */
export function effectiveMinIsr({ replicas }: PartitionRegistration, minInSyncReplicas: number): number {
  return Math.min(minInSyncReplicas, replicas.length)
}

function chooseLeader(
  { replicas, isr, elr, leader }: PartitionRegistration,
  { preferred = false, unclean = false }: Election,
): ClusterNode | undefined {
  const running = runningOf(replicas)
  const inSync = running.filter(node => isr.includes(node) || elr.includes(node))
  const [first] = replicas
  if (preferred && inSync[0] === first) return first
  if (leader !== undefined && inSync.includes(leader)) return leader
  return inSync[0] ?? (unclean ? running[0] : undefined)
}

function eligible(
  was: PartitionRegistration,
  isr: readonly ClusterNode[],
  leader: ClusterNode | undefined,
  { minInSyncReplicas }: Election,
): Pick<PartitionRegistration, 'elr' | 'lastKnownElr'> {
  const enough = isr.length >= effectiveMinIsr(was, minInSyncReplicas)
  const unclean = leader !== undefined && !was.isr.includes(leader) && !was.elr.includes(leader)
  if (enough || unclean) return { elr: [], lastKnownElr: [] }
  const elr = was.replicas.filter(
    node => !isr.includes(node) && (was.isr.includes(node) || was.elr.includes(node)),
  )
  if (leader !== undefined) return { elr, lastKnownElr: [] }
  return { elr, lastKnownElr: was.leader === undefined ? was.lastKnownElr : [was.leader] }
}

function runningOf(nodes: readonly ClusterNode[]): readonly ClusterNode[] {
  return nodes.filter(({ running }) => running)
}

import { type ClusterNode, runningOf } from './cluster-node.ts'
import { arrived } from './partition-reassignment.ts'
import { effectiveMinIsr, type PartitionRegistration } from './partition-registration.ts'

/** How a leader is chosen. A partition keeps the one it has, unless its preferred leader is asked for. */
export interface Election {
  /** If fewer replicas than that are in sync, those that have left stay eligible. */
  readonly minInSyncReplicas: number
  /** Whether the first of the replicas takes over from another one. */
  readonly preferred?: boolean
  /** Whether one that was not in sync may lead if nobody else can. */
  readonly unclean?: boolean
}

/**
 * What becomes of a partition once brokers have stopped or started, its replicas were reassigned, or its leader is to be
 * elected. (Kafka: PartitionChangeBuilder)
 */
export function elect(was: PartitionRegistration, election: Election): PartitionRegistration {
  const elected = chooseLeader(was, election)
  // All that run have the whole log, but nobody says so of a partition without a leader.
  const isr = elected === undefined ? [] : runningOf(was.replicas)
  const next = arrived({ ...was, isr })
  const leader =
    next.replicas === was.replicas ? elected : chooseLeader({ ...next, leader: elected }, election)
  return { ...next, leader, ...eligible(was, next, leader, election) }
}

/** The same partition under its next leader epoch, if another broker leads it than before, or one has lost it. */
export function inNextEpoch(
  was: Pick<PartitionRegistration, 'leader' | 'replicas'>,
  is: PartitionRegistration,
): PartitionRegistration {
  const isSame = is.leader === was.leader && was.replicas.every(node => is.replicas.includes(node))
  return isSame ? is : { ...is, epoch: is.epoch + 1 }
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
  { replicas, isr }: PartitionRegistration,
  leader: ClusterNode | undefined,
  { minInSyncReplicas }: Election,
): Pick<PartitionRegistration, 'elr' | 'lastKnownElr'> {
  const wasInSync = (node: ClusterNode) => was.isr.includes(node) || was.elr.includes(node)
  const isUnclean = leader !== undefined && !wasInSync(leader) && was.leader === undefined
  if (isr.length >= effectiveMinIsr(replicas, minInSyncReplicas) || isUnclean) {
    return { elr: [], lastKnownElr: [] }
  }
  const elr = replicas.filter(node => !isr.includes(node) && wasInSync(node))
  if (leader !== undefined) return { elr, lastKnownElr: [] }
  return { elr, lastKnownElr: was.leader === undefined ? was.lastKnownElr : [was.leader] }
}

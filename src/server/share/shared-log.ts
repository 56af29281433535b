import type { Partition } from '../../log/partition.ts'
import type { Leadership } from '../cluster/partition-registration.ts'
import type { RequestContext } from '../handler.ts'
import type { Wire } from '../wire.ts'
import { errnoOf, type WireErrorCode } from '../wire-error-code.ts'

const notLeader: WireErrorCode = 'NOT_LEADER_OR_FOLLOWER'

/** A partition's log if the broker leads it, else why not. */
export type SharedLog = { readonly log: Partition } | Unshared

/** Why a broker does not serve a partition, and the leader if that is another broker. */
export interface Unshared {
  readonly errorCode: number
  readonly leadership?: Leadership
}

/** Finds the partition that a share consumer names, at the broker that it asks. */
export function sharedLog(
  { engine, cluster }: Wire,
  { node, refusalOf }: Pick<RequestContext, 'node' | 'refusalOf'>,
  topicId: string,
  partition: number,
): SharedLog {
  const topic = engine.topicsById.get(topicId)
  if (topic === undefined) return { errorCode: errnoOf('UNKNOWN_TOPIC_ID') }
  const log = topic.partitions[partition]
  if (log === undefined) return { errorCode: errnoOf('UNKNOWN_TOPIC_OR_PARTITION') }
  const errorCode = refusalOf?.(topic.name, partition) ?? 0
  if (errorCode !== 0) return { errorCode }
  const leadership = cluster.leadershipOf(log)
  return leadership.leader === node ? { log } : { errorCode: errnoOf(notLeader), leadership }
}

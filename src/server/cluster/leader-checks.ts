import type { Partition } from '../../log/partition.ts'
import { findLog, type NamedPartition, type NamedTopic, partitionNamed, topicNamed } from '../named-topic.ts'
import type { ApiName } from '../protocol/api-name.ts'
import type { Api } from '../protocol/message.ts'
import type { Parts } from '../request-parts.ts'
import type { Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'
import type { ClusterNode } from './cluster-node.ts'
import { CurrentLeaders } from './current-leaders.ts'

type Fields = Readonly<Record<string, unknown>>

/** Who is asked, and how. */
export interface Asked {
  readonly node: ClusterNode
  /** A replica answers, too, that does not lead. */
  readonly mayFollow: boolean
  readonly fetching: boolean
}

const notLeader = errnoOf('NOT_LEADER_OR_FOLLOWER')
const fencedEpoch = errnoOf('FENCED_LEADER_EPOCH')
const unknownEpoch = errnoOf('UNKNOWN_LEADER_EPOCH')

/** No leader epoch was given. A Fetch takes every negative one for it. (Kafka: FetchRequest.optionalEpoch) */
const noEpoch = -1

/**
 * The error of a broker that does not answer for a partition; 0 if it does, or if there is no such partition.
 */
export function errnoAtLeader(
  wire: Wire,
  { node, mayFollow, fetching }: Asked,
  topic: unknown,
  partition: unknown,
): number {
  const { cluster } = wire
  const { currentLeaderEpoch = noEpoch } = partition as { readonly currentLeaderEpoch?: number }
  const given = fetching ? Math.max(currentLeaderEpoch, noEpoch) : currentLeaderEpoch
  // A single broker has led every partition from the beginning.
  if (cluster.nodes.length === 1 && (given === noEpoch || given === 0)) return 0
  const log = partitionOf(wire, topic, partition)
  if (log === undefined) return 0
  const { leader, epoch, replicas } = cluster.registrationOf(log)
  // Who has no replica knows of no epoch.
  if (!replicas.includes(node)) return notLeader
  if (given !== noEpoch && given !== epoch) return given < epoch ? fencedEpoch : unknownEpoch
  return leader === node || mayFollow ? 0 : notLeader
}

function partitionOf(wire: Wire, topic: unknown, partition: unknown): Partition | undefined {
  const name = topicNamed(wire, topic as NamedTopic)
  const index = partitionNamed(partition as number | NamedPartition)
  return name === undefined || index === undefined ? undefined : findLog(wire, name, index)
}

// The first versions whose answers name the leader that should have been asked (KIP-951).
const tellingSince: { readonly [Name in ApiName]?: number } = { Produce: 10, Fetch: 16 }

/** Adds to an answer the leaders of the partitions that were refused in it. */
export function tellLeaders(
  wire: Wire,
  { response: list, inner }: Parts,
  answer: unknown,
  { name }: Api,
  version: number,
): unknown {
  const since = tellingSince[name]
  if (answer === undefined || inner === undefined || since === undefined || version < since) return answer
  const leaders = new CurrentLeaders()
  const tell = (topic: Fields, partition: Fields) => {
    if (partition.errorCode !== notLeader && partition.errorCode !== fencedEpoch) return partition
    const log = partitionOf(wire, topic, partition)
    if (log === undefined) return partition
    return { ...partition, currentLeader: leaders.add(wire.cluster.leadershipOf(log)) }
  }
  const topics = ((answer as Fields)[list] as readonly Fields[]).map(topic => ({
    ...topic,
    [inner.response]: (topic[inner.response] as readonly Fields[]).map(partition => tell(topic, partition)),
  }))
  return { ...(answer as Fields), [list]: topics, nodeEndpoints: leaders.nodeEndpoints }
}

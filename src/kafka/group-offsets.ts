import type { CommittedPosition } from '../engine.ts'
import { formatTopicPartition, type TopicPartition, type TopicPartitionOffset } from '../topic-partition.ts'
import type { Cluster } from './cluster.ts'
import { hasCode } from './cluster-error.ts'
import { byTopic, distinct } from './group-by.ts'
import type { CommittedPartition } from './library-messages.ts'
import { TurnBatch } from './turn-batch.ts'

/** The identity under which a group's offsets are committed; a `memberEpoch` of -1 means no member. */
export interface GroupIdentity {
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly groupInstanceId: string | undefined
}

/** The identity of a client outside the group: its commits count only while the group has no members. */
export function outsider(groupId: string): GroupIdentity {
  return { groupId, memberId: '', memberEpoch: -1, groupInstanceId: undefined }
}

/** The identity to commit under, asked for when a request is made; throws where nothing is to be committed any more. */
export type Committing = () => GroupIdentity

/** Commits offsets. */
export async function commitOffsets(
  cluster: Cluster,
  identity: Committing,
  offsets: readonly TopicPartitionOffset[],
): Promise<void> {
  const { groupId } = identity()
  await cluster.askCoordinator('group', groupId, {
    what: `Committing offsets of group '${groupId}'`,
    api: cluster.library.offsetCommitV9,
    request: () => {
      const { memberEpoch, memberId, groupInstanceId } = identity()
      return [groupId, memberEpoch, memberId, groupInstanceId ?? null, toCommitted(offsets)] as const
    },
    errno: ({ topics }) => firstErrno(topics),
    goesOn: error => areThere(cluster, offsets, error),
  })
}

/** Resolves after a failure with whether the partitions may still exist, so that another attempt can help. */
export async function areThere(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  failure: unknown,
): Promise<boolean> {
  if (!hasCode(failure, 'UNKNOWN_TOPIC_OR_PARTITION')) return true
  await cluster.refresh()
  return partitions.every(({ topic, partition }) => cluster.knownTopic(topic, partition))
}

/** Offsets as Kafka's requests list them. */
export function toCommitted(
  offsets: readonly TopicPartitionOffset[],
): { readonly name: string; readonly partitions: CommittedPartition[] }[] {
  return byTopic(offsets, ({ partition, offset, metadata, leaderEpoch = -1 }) => ({
    partitionIndex: partition,
    committedOffset: BigInt(offset),
    committedLeaderEpoch: leaderEpoch,
    committedMetadata: metadata ?? '',
  }))
}

/** The first error among those of partitions, or 0. */
export function firstErrno(
  topics: readonly { readonly partitions: readonly { readonly errorCode: number }[] }[],
): number {
  return topics.flatMap(({ partitions }) => partitions).find(each => each.errorCode !== 0)?.errorCode ?? 0
}

/** Resolves with all offsets that a group has committed by now, whatever open transactions will commit. */
export async function fetchOffsets(
  cluster: Cluster,
  groupId: string,
): Promise<Map<string, TopicPartitionOffset>> {
  const found = await fetchCommitted(cluster, groupId, null)
  return new Map(Array.from(found, ([id, { committed }]) => [id, committed]))
}

interface FetchedOffset {
  readonly committed: TopicPartitionOffset
  /** -1 where none was committed. */
  readonly leaderEpoch: number
}

// An administrator asks for all partitions, and is told what is committed by now: a group that always has a transaction
// open would keep it waiting. Who is to begin at some of them waits for the offsets of open transactions.
async function fetchCommitted(
  cluster: Cluster,
  groupId: string,
  asked: readonly TopicPartition[] | null,
): Promise<Map<string, FetchedOffset>> {
  const topics =
    asked &&
    byTopic(asked, ({ partition }) => partition).map(each => ({
      name: each.name,
      partitionIndexes: each.partitions,
    }))
  const { groups } = await cluster.askCoordinator('group', groupId, {
    what: `Reading what group '${groupId}' has committed`,
    api: cluster.library.offsetFetchV9,
    request: () => [[{ groupId, memberId: null, memberEpoch: -1, topics }], asked !== null] as const,
    errno: ({ groups: [group] }) => group!.errorCode || firstErrno(group!.topics),
  })
  const found = new Map<string, FetchedOffset>()
  for (const { name: topic, partitions } of groups[0]!.topics) {
    for (const { partitionIndex: partition, committedOffset, committedLeaderEpoch, metadata } of partitions) {
      if (committedOffset < 0n) continue
      const tp = { topic, partition, offset: Number(committedOffset) }
      const committed = metadata ? { ...tp, metadata } : tp
      found.set(formatTopicPartition(tp), { committed, leaderEpoch: committedLeaderEpoch })
    }
  }
  return found
}

/** Looks up committed offsets of a group; lookups of one turn share a request. */
export class CommittedLookup {
  readonly #batch: TurnBatch<TopicPartition, CommittedPosition | null>

  constructor(cluster: Cluster, groupId: string) {
    this.#batch = new TurnBatch(cluster.clock, async partitions => {
      const found = await fetchCommitted(cluster, groupId, distinct(partitions))
      return partitions.map(tp => toPosition(found.get(formatTopicPartition(tp))))
    })
  }

  find(tp: TopicPartition): Promise<CommittedPosition | null> {
    return this.#batch.add(tp)
  }
}

function toPosition(found: FetchedOffset | undefined): CommittedPosition | null {
  if (found === undefined) return null
  const { leaderEpoch, committed } = found
  const { offset, metadata } = committed
  const position = metadata === undefined ? { offset } : { offset, metadata }
  return leaderEpoch < 0 ? position : { ...position, leaderEpoch }
}

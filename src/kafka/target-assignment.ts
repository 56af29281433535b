import type { Cluster } from './cluster.ts'
import { consumerGroupDescribe } from './consumer-group-describe.ts'
import { groupBy } from './group-by.ts'
import type { IdPartitions } from './library-messages.ts'

/** A member, and what it has been assigned. */
export interface AssignedMember {
  readonly memberId: string
  /** The topics that it reads. */
  readonly names: readonly string[]
  readonly partitionCount: number
  /** Whether to go on asking where the coordinator cannot answer for now. */
  goesOn(): boolean
}

/**
 * Whether a member's assignment is its target, and that the target of all of its topics (KIP-848): otherwise it waits for
 * partitions that others give up, or its group is about to assign anew.
 */
export async function hasWhatIsMeant(
  cluster: Cluster,
  groupId: string,
  { memberId, names, partitionCount, goesOn }: AssignedMember,
): Promise<boolean> {
  const { groups } = await cluster.askCoordinator('group', groupId, {
    what: `Describing group '${groupId}'`,
    api: consumerGroupDescribe(cluster.library),
    request: () => [[groupId]] as const,
    errno: ({ groups: [group] }) => {
      const errno = group!.errorCode
      return cluster.error(errno, 'Describing').retriable ? errno : 0
    },
    goesOn,
  })
  const { errorCode, groupEpoch, assignmentEpoch, members } = groups[0]!
  // A member that may not describe the group accepts its assignment as it is.
  if (errorCode !== 0) return true
  const self = members.find(member => member.memberId === memberId)
  if (assignmentEpoch < groupEpoch || self === undefined) return false
  if (partitionsIn(self.targetAssignment) !== partitionCount) return false
  // If a partition of these topics is assigned to no member, the group does not know all of its subscriptions yet.
  const meant = groupBy(
    members.flatMap(({ targetAssignment }) => targetAssignment),
    ({ topicName }) => topicName,
  )
  return names.every(name => {
    const count = partitionsIn(meant.get(name) ?? [])
    return count >= (cluster.knownTopic(name)?.partitionCount ?? 0)
  })
}

function partitionsIn(assignment: readonly IdPartitions[]): number {
  return assignment.reduce((sum, { partitions }) => sum + partitions.length, 0)
}

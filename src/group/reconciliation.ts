import type { GroupMember } from './group-member.ts'
import type { GroupPartition } from './group-partition.ts'

/** The next step of one partition toward its target. */
export type Step = 'none' | 'wait' | 'revoke' | 'grant'

/**
 * What has to happen next with a partition (KIP-848): its owner gives it up first, and only a free one is granted. So
 * at no moment do two members own it.
 */
export function nextStep(partition: GroupPartition<unknown>): Step {
  if (partition.owner === undefined) return partition.target === undefined ? 'none' : 'grant'
  if (partition.revokingSince !== undefined) return 'wait'
  return partition.owner === partition.target ? 'none' : 'revoke'
}

/** How many partitions each member still lacks of what the target gives it. */
export function countOwed(
  members: Iterable<GroupMember>,
  partitions: Iterable<GroupPartition<GroupMember>>,
): void {
  for (const member of members) member.owed = 0
  for (const partition of partitions) {
    if (partition.target !== undefined && !partition.settled) partition.target.owed++
  }
}

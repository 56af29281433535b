import type { GroupMember } from './group-member.ts'
import type { GroupPartition } from './group-partition.ts'

/** The next step of one partition toward its target. */
export type Step = 'none' | 'wait' | 'revoke' | 'keep' | 'grant'

/**
 * Returns the next step of a partition (KIP-848): its owner gives it up first, and only a free partition is granted, so
 * two members never own it at once. An owner that is its target again may keep it, if it has not begun to give it up.
 */
export function nextStep(partition: GroupPartition<unknown>): Step {
  if (partition.owner === undefined) return partition.target === undefined ? 'none' : 'grant'
  if (partition.revokingSince !== undefined) return partition.owner === partition.target ? 'keep' : 'wait'
  return partition.owner === partition.target ? 'none' : 'revoke'
}

/** Counts for each member how many partitions of its target it does not own yet: those that are not settled. */
export function countOwed(
  members: Iterable<GroupMember>,
  unsettled: Iterable<GroupPartition<GroupMember>>,
): void {
  for (const member of members) member.owed = 0
  for (const { target } of unsettled) if (target !== undefined) target.owed++
}

import type { AssignmentProblem, ProblemMember, TargetAssignment } from './assignment-problem.ts'

/**
 * Gives each topic to its subscribers in contiguous ranges. Where the partitions do not divide evenly, the first
 * members get one more, so that topics with as many partitions line up (Kafka's `RangeAssignor`). It is not sticky.
 */
export function range(problem: AssignmentProblem): TargetAssignment {
  const { members, topics } = problem
  const subscribers = new Int32Array(topics.length)
  for (const member of members) {
    for (const topic of member.subscribed) subscribers[topic]!++
  }
  const target = topics.map(topic => new Int32Array(topic.partitions).fill(-1))
  const served = new Int32Array(topics.length)
  const nextStart = new Int32Array(topics.length)
  for (const index of inRangeOrder(members)) {
    for (const topic of members[index]!.subscribed) {
      const partitions = topics[topic]!.partitions
      const start = nextStart[topic]!
      if (start === partitions) continue
      const among = subscribers[topic]!
      const end = start + Math.floor(partitions / among) + (served[topic]!++ < partitions % among ? 1 : 0)
      target[topic]!.fill(index, start, end)
      nextStart[topic] = end
    }
  }
  return target
}

/** Static members first, by instance id, then the others by member id; in UTF-16 order, as Java compares. */
function inRangeOrder(members: readonly ProblemMember[]): number[] {
  return Array.from(members.keys()).sort((left, right) => {
    const a = members[left]!
    const b = members[right]!
    if (a.groupInstanceId === undefined && b.groupInstanceId === undefined)
      return compare(a.memberId, b.memberId)
    if (a.groupInstanceId === undefined) return 1
    if (b.groupInstanceId === undefined) return -1
    return compare(a.groupInstanceId, b.groupInstanceId)
  })
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

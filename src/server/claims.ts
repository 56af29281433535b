import type { ClassicMember } from '../group/classic-member.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import { type ConsumerSubscription, readAssignment } from './consumer-protocol.ts'

/**
 * The partitions that each member of a classic group may hold, each partition once. The leader assigned them to it, or
 * it named them as owned when it last joined (cooperative) and may not have given them up yet.
 */
export function claimsOf(
  members: readonly ClassicMember[],
  subscriptions: readonly ConsumerSubscription[],
): TopicPartition[][] {
  const claimed = new Set<string>()
  const claim = (tp: TopicPartition) => {
    const id = formatTopicPartition(tp)
    return !claimed.has(id) && claimed.add(id)
  }
  const given = members.map(({ assignment }) => readAssignment(assignment).filter(claim))
  return given.map((each, i) => [...each, ...subscriptions[i]!.owned.filter(claim)])
}

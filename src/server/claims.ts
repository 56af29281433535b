import type { ClassicMember } from '../group/classic-member.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import { type ConsumerSubscription, readAssignment } from './consumer-protocol.ts'

/**
 * What each member of a classic group may have, no partition twice: what its leader gave it, and what it said that it had
 * when it joined last (cooperative), as nobody knows yet whether it has given that up.
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

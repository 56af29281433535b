import { entryOf } from '../entry-of.ts'

/** A member, the topics that it subscribes to, and the partitions that it has. */
export interface ShareSubscriber<Part> {
  readonly memberId: string
  readonly topics: readonly string[]
  readonly assigned: readonly Part[]
}

/** The partitions of a topic. */
export type PartitionsOf<Part> = (topic: string) => readonly Part[]

/**
 * Assigns to each member some of the partitions that it subscribes to. All partitions have equally many readers, and
 * all members with the same subscriptions equally many partitions, to within one. With more members than partitions
 * several members read the same one. A member keeps its partitions as far as possible. (KIP-932; Kafka: SimpleAssignor)
 */
export function assignSimply<Part>(
  members: readonly ShareSubscriber<Part>[],
  partitionsOf: PartitionsOf<Part>,
): Map<string, Part[]> {
  const assigned = new Map<string, Part[]>(members.map(({ memberId }) => [memberId, []]))
  for (const { partitions, subscribers } of bySubscribers(members, partitionsOf)) {
    balance(partitions, subscribers, assigned)
  }
  return assigned
}

interface Shared<Part> {
  readonly partitions: Part[]
  readonly subscribers: readonly ShareSubscriber<Part>[]
}

// Partitions that the same members subscribe to are balanced together.
function bySubscribers<Part>(
  members: readonly ShareSubscriber<Part>[],
  partitionsOf: PartitionsOf<Part>,
): Iterable<Shared<Part>> {
  const shared = new Map<string, Shared<Part>>()
  for (const topic of [...new Set(members.flatMap(({ topics }) => topics))].sort()) {
    const subscribers = members.filter(({ topics }) => topics.includes(topic))
    const key = JSON.stringify(subscribers.map(({ memberId }) => memberId))
    const same = entryOf(shared, key, () => ({ partitions: [], subscribers }))
    same.partitions.push(...partitionsOf(topic))
  }
  return shared.values()
}

function balance<Part>(
  partitions: readonly Part[],
  subscribers: readonly ShareSubscriber<Part>[],
  assigned: ReadonlyMap<string, Part[]>,
): void {
  if (partitions.length === 0) return
  const sharing = Math.ceil(subscribers.length / partitions.length)
  const slots = sharing * partitions.length
  const upTo = (members: number) => Math.ceil((members * slots) / subscribers.length)
  const readers = new Map(partitions.map(partition => [partition, new Set<string>()]))
  const wanting = subscribers.map(({ memberId, assigned: had }, i) => {
    const mine = assigned.get(memberId)!
    let room = upTo(i + 1) - upTo(i)
    const give = (partition: Part) => {
      readers.get(partition)!.add(memberId)
      mine.push(partition)
      room--
    }
    for (const partition of had) {
      const sharedBy = readers.get(partition)
      if (sharedBy !== undefined && room > 0 && sharedBy.size < sharing) give(partition)
    }
    return { memberId, give, hasRoom: () => room > 0 }
  })
  for (const [partition, sharedBy] of readers) {
    while (sharedBy.size < sharing) {
      const next = wanting.findIndex(each => each.hasRoom() && !sharedBy.has(each.memberId))
      if (next < 0) break
      const [member] = wanting.splice(next, 1)
      member!.give(partition)
      // The member comes last the next time.
      wanting.push(member!)
    }
  }
}

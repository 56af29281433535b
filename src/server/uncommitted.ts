import type { Broker } from '../broker.ts'
import { counted } from '../counted.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { FirstFetches } from './first-fetches.ts'

interface ReadingMember {
  readonly memberId: string
  readonly clientId: string
  readonly partitions: readonly TopicPartition[]
}

/** What the client of a member was given and has not committed, as sentences; `kind` is what its group is called. */
export function uncommitted(
  engine: Broker['engine'],
  firstFetches: FirstFetches,
  [kind, groupId]: readonly [kind: 'group' | 'streams group', groupId: string],
  { memberId, clientId, partitions }: ReadingMember,
): string[] {
  return partitions.flatMap(tp => {
    const log = engine.topics.get(tp.topic)?.partitions[tp.partition]
    if (log === undefined) return []
    const committed = engine.groups.get(groupId)?.committed(tp)
    // Without a committed offset the lag counts from where the client began to read.
    const lag = log.countFrom(committed?.offset ?? firstFetches.of(clientId, log) ?? 0)
    if (lag === 0) return []
    const records = `${counted(lag, 'record')} of ${formatTopicPartition(tp)}`
    return [`${memberId} of ${kind} '${groupId}': ${records} delivered, not committed`]
  })
}

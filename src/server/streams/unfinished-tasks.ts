import type { Broker } from '../../broker.ts'
import { counted } from '../../counted.ts'
import { formatTopicPartition } from '../../topic-partition.ts'
import type { FirstFetches } from '../first-fetches.ts'
import type { StreamsGroup } from './streams-group.ts'

/** Returns what the members of a streams group have left to do, as sentences; nothing if it is empty or not ready. */
export function unfinishedTasks(
  group: StreamsGroup,
  engine: Broker['engine'],
  firstFetches: FirstFetches,
): string[] {
  const { state } = group
  if (state === 'Empty' || state === 'NotReady') return []
  if (state !== 'Stable') return [`streams group '${group.id}' is rebalancing`]
  return group.members.flatMap(({ memberId, said: { clientId }, assigned }) =>
    group.partitionsOf(assigned.active.keys()).flatMap(tp => {
      const log = engine.topics.get(tp.topic)!.partitions[tp.partition]!
      const committed = engine.groups.get(group.id)?.committed(tp)
      // Without a committed offset a client begins where its reset policy says.
      const lag = log.countFrom(committed?.offset ?? firstFetches.of(clientId, log) ?? 0)
      const place = formatTopicPartition(tp)
      return lag === 0
        ? []
        : [
            `${memberId} of streams group '${group.id}': ${counted(lag, 'record')} of ${place} delivered, not committed`,
          ]
    }),
  )
}

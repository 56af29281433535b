import { counted } from '../../counted.ts'
import { formatTopicPartition } from '../../topic-partition.ts'
import type { ShareGroup } from './share-group.ts'
import type { SharePartitions } from './share-partitions.ts'

/** Describes the records that members of a share group have not finished; nothing if it has no members. */
export function unfinishedOf(group: ShareGroup, partitions: SharePartitions): string[] {
  const { committed } = partitions
  return [...group.logs].flatMap(log => {
    const { endOffset, inFlight } = partitions.placeOf(log)
    const where = `of ${formatTopicPartition({ topic: log.topic, partition: log.index })}`
    let available = log.countFrom(endOffset, log.highWatermark, committed)
    const acquired = new Map<string, number>()
    for (const { first, last, state, memberId } of inFlight) {
      const count = log.countFrom(first, last + 1, committed)
      if (state === 'available') available += count
      else acquired.set(memberId, (acquired.get(memberId) ?? 0) + count)
    }
    return [
      ...(available > 0
        ? [`share group '${group.id}': ${counted(available, 'record')} ${where} available`]
        : []),
      ...[...acquired]
        .filter(([, count]) => count > 0)
        .map(
          ([memberId, count]) =>
            `share group '${group.id}': ${counted(count, 'record')} ${where} acquired by ${memberId}`,
        ),
    ]
  })
}

import type { GroupSummary } from '../../summaries.ts'
import type { ShareGroup } from './share-group.ts'
import type { SharePartitions } from './share-partitions.ts'

/** Describes a share group like other groups: no member owns a partition, and the start offset is committed. */
export function summaryOf(group: ShareGroup, sharePartitions: SharePartitions): GroupSummary {
  const logs = new Set([...sharePartitions.all.keys(), ...group.logs])
  const partitions = [...logs].map(log => ({
    topic: log.topic,
    partition: log.index,
    committed: sharePartitions.all.get(log)?.startOffset ?? null,
    lag: sharePartitions.countUnfinished(log, log.logStartOffset, log.highWatermark),
    memberId: null,
  }))
  return {
    groupId: group.id,
    state: group.state,
    epoch: group.epoch,
    assignor: 'simple',
    lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
    members: group.members.map(({ memberId, clientId, assigned }) => ({
      memberId,
      clientId,
      connected: true,
      assignment: assigned.map(({ topic, partition }) => ({ topic: topic.name, partition })),
    })),
    partitions,
  }
}

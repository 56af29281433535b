import type { Topic } from '../../log/topic.ts'
import { describedGroups } from '../described-groups.ts'
import { entryOf } from '../entry-of.ts'
import { type Handler, handler } from '../handler.ts'
import { memberEpochs } from '../member-heartbeat.ts'
import { shareGroupDescribe } from '../protocol/messages/share-group-describe.ts'
import { shareGroupHeartbeat } from '../protocol/messages/share-group-heartbeat.ts'
import type { SharedPartition, ShareGroup, ShareMember } from '../share/share-group.ts'
import { checkShareHeartbeat, type ShareHeartbeat } from '../share/share-heartbeat.ts'
import { toWireError, type Wire } from '../wire.ts'

/** Groups whose members share partitions (KIP-932). */
export function shareGroupHandlers(wire: Wire): Handler[] {
  return [
    handler(shareGroupHeartbeat, (request, { clientId }) => {
      const { groupId, memberId, memberEpoch, rackId, subscribedTopicNames: names } = request
      try {
        const beat: ShareHeartbeat = {
          groupId,
          memberId,
          memberEpoch,
          rackId: rackId ?? undefined,
          clientId,
          topics: names === null ? undefined : [...new Set(names)].sort(),
        }
        checkShareHeartbeat(beat)
        const member = wire.shareGroups.heartbeat(beat)
        return memberEpoch === memberEpochs.leaves
          ? { errorCode: 0, memberId, memberEpoch }
          : answer(wire, groupId, member)
      } catch (error) {
        return toWireError(wire, error)
      }
    }),

    handler(shareGroupDescribe, request =>
      describedGroups(wire, 'share', request, groupId => {
        const group = wire.shareGroups.get(groupId)
        return group && describe(group.members)
      }),
    ),
  ]
}

function answer({ groupConfigs }: Wire, groupId: string, member: ShareMember) {
  const tell = member.changed
  member.changed = false
  return {
    errorCode: 0,
    memberId: member.memberId,
    memberEpoch: member.epoch,
    heartbeatIntervalMs: groupConfigs.get(groupId).shareHeartbeatIntervalMs,
    assignment: tell ? { topicPartitions: topicPartitions(member.assigned) } : null,
  }
}

function topicPartitions(assigned: readonly SharedPartition[]) {
  const byTopic = new Map<Topic, number[]>()
  for (const { topic, partition } of assigned) entryOf(byTopic, topic, () => []).push(partition)
  return [...byTopic].map(([{ id: topicId, name: topicName }, partitions]) => ({
    topicId,
    topicName,
    partitions,
  }))
}

function describe({ id, state, epoch, members }: ShareGroup) {
  return {
    groupId: id,
    groupState: state,
    groupEpoch: epoch,
    assignmentEpoch: epoch,
    assignorName: 'simple',
    members: members.map(({ memberId, rackId, epoch: memberEpoch, clientId, topics, assigned }) => ({
      memberId,
      rackId,
      memberEpoch,
      clientId,
      clientHost: '/127.0.0.1',
      subscribedTopicNames: [...topics],
      assignment: { topicPartitions: topicPartitions(assigned) },
    })),
  }
}

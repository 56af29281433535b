import type { Interest } from '../../engine.ts'
import { BrokerletError, GroupIdNotFoundError } from '../../errors.ts'
import type { ConsumerGroup } from '../../group/consumer-group.ts'
import type { TopicPartition } from '../../topic-partition.ts'
import type { Rights } from '../authorizer/rights.ts'
import { byTopic } from '../by-topic.ts'
import { type ConsumerHeartbeat, checkHeartbeat } from '../consumer-heartbeat.ts'
import { type ConsumerMember, type MemberWords, noWords } from '../consumer-member.ts'
import { describedGroups } from '../described-groups.ts'
import { groupState } from '../group-state.ts'
import { type Handler, handler } from '../handler.ts'
import { memberEpochs } from '../member-heartbeat.ts'
import type { RequestOf } from '../protocol/message.ts'
import { consumerGroupDescribe } from '../protocol/messages/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from '../protocol/messages/consumer-group-heartbeat.ts'
import { wholeName } from '../whole-name.ts'
import { toWireError, type Wire } from '../wire.ts'

type HeartbeatRequest = RequestOf<typeof consumerGroupHeartbeat>

/** Groups that assign (KIP-848): the same ones that consumers of this process are members of. */
export function consumerGroupHandlers(wire: Wire): Handler[] {
  return [
    handler(consumerGroupHeartbeat, (request, { clientId, version, rights }) => {
      const { groupId, memberEpoch, instanceId, rackId, rebalanceTimeoutMs, serverAssignor } = request
      try {
        const words = wordsOf(request, wire.members.get(groupId, request.memberId)?.said)
        const interest = saysTopics(request) ? toInterest(words, rights) : undefined
        const beat: ConsumerHeartbeat = {
          groupId,
          memberId: request.memberId,
          memberEpoch,
          groupInstanceId: instanceId ?? undefined,
          rackId: rackId ?? undefined,
          clientId,
          rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? undefined : rebalanceTimeoutMs,
          interest,
          assignor: serverAssignor ?? undefined,
          partitions: request.topicPartitions?.flatMap(each => named(wire, each)),
        }
        checkHeartbeat(beat, version)
        requireNoStreams(wire, groupId)
        if (memberEpoch < 0) {
          wire.members.leave(beat)
          return { errorCode: 0, memberId: request.memberId, memberEpoch }
        }
        const member = wire.members.heartbeat(beat)
        member.said = words
        // A member that sends all its fields may have missed the last answer (KIP-848).
        if (rebalanceTimeoutMs >= 0 && interest !== undefined && request.topicPartitions !== null)
          member.changed = true
        return answer(wire, groupId, member)
      } catch (error) {
        return toWireError(wire, error)
      }
    }),

    handler(consumerGroupDescribe, request =>
      describedGroups(wire, 'consumer', request, groupId => {
        const group = wire.engine.groups.get(groupId)
        // Clients that hear so ask again by DescribeGroups.
        const isOther = wire.groups.typeOf(groupId) === 'classic' || isStreams(wire, groupId)
        return group === undefined || isOther ? undefined : describe(wire, group)
      }),
    ),
  ]
}

// What a heartbeat leaves out has not changed.
function wordsOf(
  { rackId, subscribedTopicNames, subscribedTopicRegex }: HeartbeatRequest,
  before: MemberWords = noWords,
): MemberWords {
  return {
    rackId: rackId ?? before.rackId,
    topics: subscribedTopicNames ?? before.topics,
    pattern: subscribedTopicRegex ?? before.pattern,
  }
}

function saysTopics({ subscribedTopicNames, subscribedTopicRegex }: HeartbeatRequest): boolean {
  return subscribedTopicNames !== null || subscribedTopicRegex !== null
}

/**
 * Names and a pattern together mean all topics of both. A pattern finds only what the client may describe.
 * @throws INVALID_REGULAR_EXPRESSION
 */
function toInterest({ topics: names, pattern: regex }: MemberWords, rights: Rights | undefined): Interest {
  if (regex === '') return { kind: 'topics', names }
  const pattern = wholeName(regex)
  if (pattern !== undefined) {
    const listed = new Set(names)
    const found = (topic: string) =>
      pattern.test(topic) && (rights === undefined || rights.may('DESCRIBE', 'TOPIC', topic))
    return { kind: 'patterns', patterns: [{ test: found }, { test: topic => listed.has(topic) }] }
  }
  const message = `subscribedTopicRegex expected a regular expression of RE2/J, received '${regex}'`
  throw new BrokerletError('INVALID_REGULAR_EXPRESSION', message, { received: regex })
}

// A topic that is not there, or no longer, has no name: nobody has its partitions.
function named(
  wire: Wire,
  { topicId, partitions }: { readonly topicId: string; readonly partitions: readonly number[] },
): TopicPartition[] {
  const topic = wire.engine.topicsById.get(topicId)
  return partitions.map(partition => ({ topic: topic?.name ?? '', partition }))
}

// A member has the group's epoch once it has given up what it must.
function answer(wire: Wire, groupId: string, member: ConsumerMember) {
  const tell = member.changed
  member.changed = false
  return {
    errorCode: 0,
    memberId: member.memberId,
    memberEpoch: member.epoch,
    heartbeatIntervalMs: wire.groupConfigs.get(groupId).consumerHeartbeatIntervalMs,
    assignment: tell ? { topicPartitions: topicPartitions(wire, member.answered) } : null,
  }
}

function topicPartitions(wire: Wire, partitions: readonly TopicPartition[]) {
  return byTopic(partitions).map(({ topic, partitions: numbers }) => ({
    topicId: wire.engine.topics.get(topic)!.id,
    topicName: topic,
    partitions: numbers,
  }))
}

function isStreams({ streamsGroups }: Wire, groupId: string): boolean {
  return streamsGroups.get(groupId) !== undefined
}

// Refuses an empty streams group, too. (Kafka: getOrMaybeCreateConsumerGroup)
function requireNoStreams(wire: Wire, groupId: string): void {
  if (!isStreams(wire, groupId)) return
  throw new GroupIdNotFoundError(`Group '${groupId}' is a streams group, which no consumer can join`, {
    groupId,
  })
}

function describe(wire: Wire, group: ConsumerGroup) {
  const { targets } = group
  return {
    groupId: group.id,
    groupState: groupState(wire, group),
    groupEpoch: group.epoch,
    assignmentEpoch: group.epoch,
    assignorName: group.assignor,
    members: group.members.map(({ memberId, groupInstanceId, clientId, topics, assignment, connected }) => {
      const classic = wire.groups.classicMember(group.id, memberId)
      const served = wire.members.get(group.id, memberId)
      return {
        memberId,
        instanceId: groupInstanceId ?? null,
        rackId: served?.said.rackId ?? null,
        memberEpoch: connected ? ((classic ?? served)?.epoch ?? group.epoch) : memberEpochs.comesBack,
        clientId,
        clientHost: '/127.0.0.1',
        subscribedTopicNames: [...(served?.said.topics ?? topics)],
        subscribedTopicRegex: served?.said.pattern ?? '',
        assignment: { topicPartitions: topicPartitions(wire, served?.told ?? assignment) },
        targetAssignment: { topicPartitions: topicPartitions(wire, targets.get(memberId) ?? []) },
        memberType: classic === undefined ? 1 : 0,
      }
    }),
  }
}

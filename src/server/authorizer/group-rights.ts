import { notAsked } from '../authorized-operations.ts'
import { type NamedTopic, topicIdsSince, topicNamed } from '../named-topic.ts'
import { noUuid } from '../protocol/type.ts'
import type { ApiRights, Asked, Message, RightsTable } from './asked.ts'
import { all, describeDenial, eachNamed, eachTopic, ofGroup, subscribed, topicDenial } from './needs.ts'
import { denials, type Rights } from './rights.ts'

const member: ApiRights = { whole: ofGroup('READ') }

/** What the APIs of groups, of all kinds, and of their offsets need. */
export const groupRights: RightsTable = {
  JoinGroup: { ...member, refused: answer => ({ ...answer, memberId: '' }) },
  SyncGroup: member,
  Heartbeat: member,
  LeaveGroup: member,
  ConsumerGroupHeartbeat: { whole: all(ofGroup('READ'), subscribed) },
  ShareGroupHeartbeat: { whole: all(ofGroup('READ'), subscribed) },
  StreamsGroupHeartbeat: {
    whole: all(ofGroup('READ'), ({ rights, request: { topology } }) =>
      describeDenial(topology === null ? [] : topologyTopics(topology), { rights }),
    ),
  },
  StreamsGroupTopologyDescriptionUpdate: member,
  ShareFetch: { ...member, partition: readable },
  ShareAcknowledge: { ...member, partition: readable },

  DescribeGroups: { part: eachNamed('DESCRIBE', 'GROUP'), shown: shownOperations },
  ConsumerGroupDescribe: describeRights(({ members }) =>
    members
      .flatMap(({ assignment, targetAssignment }: Message) => [
        ...assignment.topicPartitions,
        ...targetAssignment.topicPartitions,
      ])
      .map(({ topicName }: Message) => topicName),
  ),
  ShareGroupDescribe: describeRights(({ members }) =>
    members.flatMap(({ assignment }: Message) =>
      assignment.topicPartitions.map(({ topicName }: Message) => topicName),
    ),
  ),
  StreamsGroupDescribe: describeRights(({ topology }) => (topology === null ? [] : topologyTopics(topology))),
  DeleteGroups: { part: eachNamed('DELETE', 'GROUP') },
  ListGroups: {
    shown: (answer, { rights }) => ({
      ...answer,
      groups: rights.may('DESCRIBE', 'CLUSTER')
        ? answer.groups
        : answer.groups.filter(({ groupId }: Message) => rights.may('DESCRIBE', 'GROUP', groupId)),
    }),
  },

  OffsetCommit: { whole: ofGroup('READ'), part: eachTopic('READ', topicIdsSince.OffsetCommit) },
  OffsetDelete: { whole: ofGroup('DELETE'), part: eachTopic('READ'), refused: withoutAny('topics') },
  OffsetFetch: {
    // Before version 8 a request is about one group.
    whole: asked => (asked.version < 8 ? ofGroup('DESCRIBE')(asked) : 0),
    part: (path, asked) =>
      asked.version < 8 ? eachTopic('DESCRIBE')(path, asked) : ofGroupAndTopic(path, asked),
    refused: (answer, asked, errorCode) =>
      // The first versions have no place for the error of a group.
      refusedGroups(asked.version < 2 ? answer : withoutAny('topics')(answer, asked, errorCode)),
    shown: (answer, asked) => (asked.version < 8 ? shownTopics(answer, asked) : shownOffsets(answer, asked)),
  },
  DescribeShareGroupOffsets: {
    part: ofGroupAndTopic,
    refused: answer => ({
      ...answer,
      groups: refusedGroups(answer).groups.map((each: Message) => ({
        ...each,
        topics: each.topics.map(withoutId),
      })),
    }),
    shown: shownOffsets,
  },
  AlterShareGroupOffsets: {
    whole: ofGroup('READ'),
    part: eachTopic('READ'),
    refused: withoutAny('responses'),
  },
  DeleteShareGroupOffsets: {
    whole: ofGroup('DELETE'),
    part: eachTopic('READ'),
    refused: (answer, asked, errorCode) => {
      const { responses, ...rest } = withoutAny('responses')(answer, asked, errorCode)
      return { ...rest, responses: responses.map(withoutId) }
    },
  },
}

// The error of a group is told once, and not for each of its topics.
function withoutAny(list: string): NonNullable<ApiRights['refused']> {
  return (answer, _, errorCode) => (errorCode === denials.GROUP ? { ...answer, [list]: [] } : answer)
}

function readable(topic: string, rights: Rights): number {
  return rights.denial('READ', 'TOPIC', topic)
}

function topologyTopics({ subtopologies }: Message): readonly string[] {
  return (subtopologies ?? []).flatMap((each: Message) => [
    ...each.sourceTopics,
    ...each.repartitionSinkTopics,
    ...[...each.repartitionSourceTopics, ...each.stateChangelogTopics].map(({ name }: Message) => name),
  ])
}

/** What it takes to describe groups, and the topics of one, each of which its reader has to be allowed to describe. */
function describeRights(topicsOf: (group: Message) => readonly string[]): ApiRights {
  return {
    part: eachNamed('DESCRIBE', 'GROUP'),
    shown: (answer, asked) => {
      const { groups } = shownOperations(answer, asked)
      return {
        ...answer,
        groups: groups.map((each: Message) =>
          each.errorCode || describeDenial(topicsOf(each), asked) === 0 ? each : hidden(each),
        ),
      }
    },
  }
}

function hidden({ groupId }: Message): Message {
  return {
    groupId,
    groupState: '',
    errorCode: denials.TOPIC,
    errorMessage: `Group '${groupId}' has topics that may not be described`,
  }
}

function shownOperations(answer: Message, { rights, request }: Asked): Message {
  if (!request.includeAuthorizedOperations) return answer
  return {
    ...answer,
    groups: answer.groups.map((each: Message) =>
      (each.authorizedOperations ?? notAsked) === notAsked
        ? each
        : { ...each, authorizedOperations: rights.operations('GROUP', each.groupId) },
    ),
  }
}

function ofGroupAndTopic(path: readonly unknown[], asked: Asked): number {
  const { groupId } = path[0] as { readonly groupId: string }
  const denied = asked.rights.denial('DESCRIBE', 'GROUP', groupId)
  if (denied !== 0 || path.length === 1) return denied
  return topicDenial('DESCRIBE', path[1] as NamedTopic, asked, topicIdsSince.OffsetFetch)
}

// A group that may not be described has no topics in its answer; topics that may not be are no error of their group.
function refusedGroups(answer: Message): Message {
  return {
    ...answer,
    groups: answer.groups?.map((each: Message) =>
      each.errorCode === denials.GROUP ? { ...each, topics: [] } : { ...each, errorCode: 0 },
    ),
  }
}

// It would tell that there is such a topic.
function withoutId(topic: Message): Message {
  return { ...topic, topicId: noUuid }
}

// Who asks for all offsets of a group gets those of topics that it may describe, also if it names the group once more.
function shownOffsets(answer: Message, asked: Asked): Message {
  const whole = new Set(
    asked.request.groups.flatMap(({ groupId, topics }: Message) => (topics === null ? [groupId] : [])),
  )
  return {
    ...answer,
    groups: answer.groups.map((each: Message) =>
      whole.has(each.groupId) ? withDescribed(each, asked) : each,
    ),
  }
}

function shownTopics(answer: Message, asked: Asked): Message {
  return asked.request.topics === null ? withDescribed(answer, asked) : answer
}

function withDescribed(holder: Message, { rights, wire }: Asked): Message {
  if (holder.topics === undefined) return holder
  return {
    ...holder,
    topics: holder.topics.filter((each: NamedTopic) => {
      const topic = topicNamed(wire, each)
      return topic === undefined || rights.may('DESCRIBE', 'TOPIC', topic)
    }),
  }
}

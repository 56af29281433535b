import { BrokerletError } from '../../errors.ts'
import type { Rights } from '../authorizer/rights.ts'
import { byTopic } from '../by-topic.ts'
import { createTopic } from '../create-topic.ts'
import { describedGroups } from '../described-groups.ts'
import { type Handler, handler } from '../handler.ts'
import { memberEpochs } from '../member-heartbeat.ts'
import { streamsGroupDescribe } from '../protocol/messages/streams-group-describe.ts'
import { streamsGroupHeartbeat } from '../protocol/messages/streams-group-heartbeat.ts'
import { streamsGroupTopologyDescriptionUpdate } from '../protocol/messages/streams-group-topology-description-update.ts'
import type { StreamsGroup } from '../streams/streams-group.ts'
import { toStreamsHeartbeat } from '../streams/streams-heartbeat.ts'
import type { StreamsMember } from '../streams/streams-member.ts'
import { bySubtopology, type Task, toTaskIds } from '../streams/tasks.ts'
import type { InternalTopic, Topology } from '../streams/topology.ts'
import { statusCodes } from '../streams/topology-status.ts'
import { toWireError, type Wire, wireError } from '../wire.ts'

/** Groups of Kafka Streams applications whose tasks the broker assigns (KIP-1071). */
export function streamsGroupHandlers(wire: Wire): Handler[] {
  return [
    handler(streamsGroupHeartbeat, (request, { clientId, rights, version }) => {
      const { groupId, memberId, memberEpoch } = request
      try {
        const beat = toStreamsHeartbeat(request, clientId)
        const member = wire.streamsGroups.heartbeat(beat, topic => make(wire, topic, rights))
        return memberEpoch < memberEpochs.joins
          ? { errorCode: 0, memberId, memberEpoch, status: [] }
          : answer(wire, wire.streamsGroups.get(groupId)!, member, beat.endpointEpoch, version)
      } catch (error) {
        return toWireError(wire, error)
      }
    }),

    handler(streamsGroupDescribe, request =>
      describedGroups(wire, 'streams', request, groupId => {
        const group = wire.streamsGroups.get(groupId)
        return group && describe(wire, group, request.includeTopologyDescription)
      }),
    ),

    // Kafka hands them to a plugin, and comes without one. Members are not asked for them.
    handler(streamsGroupTopologyDescriptionUpdate, () =>
      wireError('UNSUPPORTED_VERSION', 'The broker has no plugin for descriptions of topologies'),
    ),
  ]
}

// @throws if the member may not create it, or no cluster would
function make(
  wire: Wire,
  { name, partitions: numPartitions, replicationFactor, topicConfigs }: InternalTopic,
  rights: Rights | undefined,
): void {
  requireCreatable(name, rights)
  const configs = topicConfigs.map(({ key, value }) => ({ name: key, value }))
  // Members say 0 for the default, CreateTopics says -1.
  const wanted = { name, numPartitions, replicationFactor: replicationFactor || -1, assignments: [], configs }
  createTopic(wire, wanted, false)
}

function requireCreatable(topic: string, rights: Rights | undefined): void {
  if (rights === undefined || rights.may('CREATE', 'CLUSTER') || rights.may('CREATE', 'TOPIC', topic)) return
  const message = `A member may not create topic '${topic}' (CREATE)`
  throw new BrokerletError('TOPIC_AUTHORIZATION_FAILED', message, { topic })
}

function answer(
  wire: Wire,
  group: StreamsGroup,
  member: StreamsMember,
  knownEndpoints: number,
  version: number,
) {
  const tell = member.changed
  member.changed = false
  const { active, standby } = member.assigned
  const { endpointEpoch } = group
  const configs = wire.groupConfigs.get(group.id)
  const statuses = group.statusesOf(member)
  return {
    errorCode: 0,
    memberId: member.memberId,
    memberEpoch: member.epoch,
    heartbeatIntervalMs: configs.streamsHeartbeatIntervalMs,
    taskOffsetIntervalMs: configs.streamsTaskOffsetIntervalMs,
    acceptableRecoveryLag: configs.streamsAcceptableRecoveryLag,
    // Clients of version 0 do not know that status, and would fail.
    status:
      version === 0
        ? statuses.filter(({ statusCode }) => statusCode !== statusCodes.MISSING_CLIENT_TAGS)
        : statuses,
    activeTasks: tell ? toTaskIds(active.keys()) : null,
    standbyTasks: tell ? toTaskIds(standby) : null,
    warmupTasks: tell ? [] : null,
    endpointInformationEpoch: endpointEpoch,
    partitionsByUserEndpoint: endpointEpoch === knownEndpoints ? null : endpointsOf(group),
  }
}

function endpointsOf(group: StreamsGroup) {
  return group.members.flatMap(({ said: { userEndpoint }, assigned }) =>
    userEndpoint === null
      ? []
      : {
          userEndpoint,
          activePartitions: byTopic(group.topology.partitionsOf(assigned.active.keys())),
          standbyPartitions: byTopic(group.topology.partitionsOf(assigned.standby)),
        },
  )
}

// Kafka's numbers of what a description says of the description of its topology.
const descriptionStatuses = { notRequested: 0, notStored: 1 } as const

function describe(wire: Wire, group: StreamsGroup, withTopology: boolean) {
  const { described: topology } = group.topology
  return {
    groupId: group.id,
    groupState: group.state,
    groupEpoch: group.epoch,
    assignmentEpoch: group.assignmentEpoch,
    topology: topology === undefined ? null : describeTopology(topology),
    members: group.members.map(({ memberId, epoch: memberEpoch, said, assigned, target, ...more }) => ({
      memberId,
      memberEpoch,
      ...said,
      taskOffsets: more.taskOffsets.toSorted(bySubtopology),
      taskEndOffsets: more.taskEndOffsets.toSorted(bySubtopology),
      clientHost: '/127.0.0.1',
      assignment: tasks(assigned.active.keys(), assigned.standby),
      targetAssignment: tasks(target.active, target.standby),
    })),
    topologyDescriptionStatus: descriptionStatuses[withTopology ? 'notStored' : 'notRequested'],
    assignorName: wire.groupConfigs.get(group.id).streamsAssignorName,
  }
}

function describeTopology({ epoch, subtopologies }: Topology) {
  return {
    epoch,
    subtopologies: subtopologies.map(each => ({
      subtopologyId: each.subtopologyId,
      sourceTopics: [...each.sourceTopics].sort(),
      repartitionSinkTopics: [...each.repartitionSinkTopics].sort(),
      repartitionSourceTopics: byName(each.repartitionSourceTopics),
      stateChangelogTopics: byName(each.stateChangelogTopics),
    })),
  }
}

function byName(topics: readonly InternalTopic[]): readonly InternalTopic[] {
  return [...topics].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function tasks(active: Iterable<Task>, standby: Iterable<Task>) {
  return { activeTasks: toTaskIds(active), standbyTasks: toTaskIds(standby), warmupTasks: [] }
}

import { InvalidArgumentError } from '../../errors.ts'
import { memberEpochs, requireGroupId, requirer } from '../member-heartbeat.ts'
import type { RequestOf } from '../protocol/message.ts'
import type { streamsGroupHeartbeat } from '../protocol/messages/streams-group-heartbeat.ts'
import { formatTask, fromTaskIds, type Task, type TaskParts, type Tasks } from './tasks.ts'
import { checkNames, type Topology, toTopology } from './topology.ts'

/** Where a process answers interactive queries. */
export interface UserEndpoint {
  readonly host: string
  readonly port: number
}

export interface ClientTag {
  readonly key: string
  readonly value: string
}

/** The sum of the offsets in the changelogs of a task. */
export interface TaskOffset extends TaskParts {
  readonly offset: number
}

/** What a heartbeat of a member says. What it leaves out is as in the heartbeats before. */
export interface StreamsHeartbeat {
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly clientId: string
  readonly instanceId: string | undefined
  readonly rackId: string | undefined
  readonly rebalanceTimeoutMs: number | undefined
  readonly topology: Topology | undefined
  /** All tasks that it has, if it reports them. */
  readonly owned: Tasks | undefined
  /** Warm-up tasks that it says it has, though Kafka 4.4 does not assign any. */
  readonly warmup: ReadonlySet<Task>
  /** How far its tasks are, and how far they could be, if it reports that. */
  readonly taskOffsets: readonly TaskOffset[] | undefined
  readonly taskEndOffsets: readonly TaskOffset[] | undefined
  readonly processId: string | undefined
  readonly userEndpoint: UserEndpoint | undefined
  readonly clientTags: readonly ClientTag[] | undefined
  /** The epoch of the endpoints that it knows. */
  readonly endpointEpoch: number
  /** Whether it asks for the whole application to shut down. */
  readonly shutdown: boolean
}

/**
 * Reads a request, and checks it. (Kafka: throwIfStreamsGroupHeartbeatRequestIsInvalid, and
 * ...IsUsingUnsupportedFeatures)
 *
 * @throws InvalidArgumentError, or STREAMS_INVALID_TOPOLOGY
 */
export function toStreamsHeartbeat(request: Request, clientId: string): StreamsHeartbeat {
  if (request.topology !== null) checkNames(request.topology)
  checkRequest(request)
  const { groupId, memberId, memberEpoch, rebalanceTimeoutMs, topology } = request
  const { activeTasks, standbyTasks } = request
  return {
    groupId,
    memberId,
    memberEpoch,
    clientId,
    instanceId: request.instanceId ?? undefined,
    rackId: request.rackId ?? undefined,
    rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? undefined : rebalanceTimeoutMs,
    topology: topology === null ? undefined : toTopology(topology),
    owned:
      activeTasks === null || standbyTasks === null
        ? undefined
        : { active: fromTaskIds(activeTasks), standby: fromTaskIds(standbyTasks) },
    warmup: fromTaskIds(request.warmupTasks ?? []),
    taskOffsets: request.taskOffsets ?? undefined,
    taskEndOffsets: request.taskEndOffsets ?? undefined,
    processId: request.processId ?? undefined,
    userEndpoint: request.userEndpoint ?? undefined,
    clientTags: request.clientTags ?? undefined,
    endpointEpoch: request.endpointInformationEpoch,
    shutdown: request.shutdownApplication,
  }
}

type Request = RequestOf<typeof streamsGroupHeartbeat>

function checkRequest(request: Request): void {
  const require = requirer('streams group', request)
  const { memberEpoch, instanceId, topology, activeTasks, standbyTasks, warmupTasks } = request
  // The protocol has a field for them, but Kafka 4.4 does not support them yet.
  const patterns = topology?.subtopologies.some(each => each.sourceTopicRegex.length > 0) ?? false
  require(!patterns, 'no regular expressions for source topics yet')
  require(request.memberId.trim() !== '', 'a memberId')
  requireGroupId(request.groupId, request.memberId)
  require(instanceId?.trim() !== '', 'an instanceId that is not empty, or none')
  require(request.rackId?.trim() !== '', 'a rackId that is not empty, or none')
  require(memberEpoch >= memberEpochs.comesBack, `a memberEpoch of -2 or more, received ${memberEpoch}`)
  if (memberEpoch === memberEpochs.comesBack) require(instanceId !== null, 'an instanceId')
  if (memberEpoch === memberEpochs.joins) {
    require(request.rebalanceTimeoutMs !== -1, 'a rebalanceTimeoutMs of who joins')
    require([activeTasks, standbyTasks, warmupTasks].every(isEmpty), 'no tasks yet of who joins')
    require(topology !== null, 'a topology of who joins')
  } else {
    require(topology === null, 'no topology but of who joins')
  }
  const tags = request.clientTags?.map(({ key }) => key) ?? []
  require(new Set(tags).size === tags.length, 'clientTags whose keys differ')
  const said = [activeTasks, standbyTasks, warmupTasks].filter(tasks => tasks !== null)
  require(said.length === 0 || said.length === 3, 'tasks of all kinds, or of none')
}

function isEmpty(list: readonly unknown[] | null): boolean {
  return list === null || list.length === 0
}

/** Refuses offsets of a task that are given twice. @throws InvalidArgumentError */
export function requireOffsets({
  groupId,
  memberId,
  taskOffsets = [],
  taskEndOffsets = [],
}: StreamsHeartbeat): void {
  for (const offsets of [taskOffsets, taskEndOffsets]) {
    const tasks = new Set<Task>()
    for (const { subtopologyId, partition } of offsets) {
      const task = formatTask(subtopologyId, partition)
      if (tasks.has(task)) {
        const message = `Offsets of task '${task}' are given twice`
        throw new InvalidArgumentError(message, { groupId, memberId })
      }
      tasks.add(task)
    }
  }
}

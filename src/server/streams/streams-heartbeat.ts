import { memberEpochs, requireGroupId, requirer } from '../consumer-heartbeat.ts'
import type { RequestOf } from '../protocol/message.ts'
import type { streamsGroupHeartbeat } from '../protocol/messages/streams-group-heartbeat.ts'
import { fromTaskIds, type Tasks } from './tasks.ts'
import { type Topology, toTopology } from './topology.ts'

/** Where a process answers interactive queries. */
export interface UserEndpoint {
  readonly host: string
  readonly port: number
}

export interface ClientTag {
  readonly key: string
  readonly value: string
}

/** What a heartbeat of a member says. What it leaves out is as in the heartbeats before. */
export interface StreamsHeartbeat {
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly clientId: string
  readonly rackId: string | undefined
  readonly rebalanceTimeoutMs: number | undefined
  readonly topology: Topology | undefined
  /** All tasks that it has, if it reports them. */
  readonly owned: Tasks | undefined
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
  checkRequest(request)
  const { groupId, memberId, memberEpoch, rebalanceTimeoutMs, topology } = request
  const { activeTasks, standbyTasks } = request
  return {
    groupId,
    memberId,
    memberEpoch,
    clientId,
    rackId: request.rackId ?? undefined,
    rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? undefined : rebalanceTimeoutMs,
    topology: topology === null ? undefined : toTopology(topology),
    owned:
      activeTasks === null || standbyTasks === null
        ? undefined
        : { active: fromTaskIds(activeTasks), standby: fromTaskIds(standbyTasks) },
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
  const { memberEpoch, topology, activeTasks, standbyTasks, warmupTasks } = request
  // The protocol has fields for these, but Kafka 4.3 does not support them yet.
  require(request.instanceId === null, 'no instanceId: there are no static members yet')
  require(request.taskOffsets === null && request.taskEndOffsets === null, 'no offsets of tasks yet')
  require(isEmpty(warmupTasks), 'no warm-up tasks yet')
  const patterns = topology?.subtopologies.some(each => each.sourceTopicRegex.length > 0) ?? false
  require(!patterns, 'no regular expressions for source topics yet')
  require(request.memberId.trim() !== '', 'a memberId')
  requireGroupId(request.groupId, request.memberId)
  require(request.rackId?.trim() !== '', 'a rackId that is not empty, or none')
  require(memberEpoch >= memberEpochs.leaves, `a memberEpoch of -1 or more, received ${memberEpoch}`)
  if (memberEpoch === memberEpochs.joins) {
    require(request.rebalanceTimeoutMs !== -1, 'a rebalanceTimeoutMs of who joins')
    require(isEmpty(activeTasks) && isEmpty(standbyTasks), 'no tasks yet of who joins')
    require(topology !== null, 'a topology of who joins')
  } else {
    require(topology === null, 'no topology but of who joins')
  }
  const said = [activeTasks, standbyTasks, warmupTasks].filter(tasks => tasks !== null)
  require(said.length === 0 || said.length === 3, 'tasks of all kinds, or of none')
}

function isEmpty(list: readonly unknown[] | null): boolean {
  return list === null || list.length === 0
}

import { memberEpochs } from '../member-heartbeat.ts'
import type { ClientTag, StreamsHeartbeat, TaskOffset, UserEndpoint } from './streams-heartbeat.ts'
import { noTasks, type Task, type Tasks } from './tasks.ts'

/** How far a member is on the way to its target. (Kafka: MemberState) */
export type StreamsMemberState = 'stable' | 'unrevoked' | 'unreleased'

/** The tasks that a member has; each active one with the epoch at which the member got it. */
export interface HeldTasks {
  readonly active: ReadonlyMap<Task, number>
  readonly standby: ReadonlySet<Task>
}

export const nothingHeld: HeldTasks = { active: new Map(), standby: new Set() }

/** What a member has said of itself. */
export interface SaidByMember {
  readonly clientId: string
  /** Of a static member, which may come back. */
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly rebalanceTimeoutMs: number
  readonly topologyEpoch: number
  readonly processId: string
  readonly userEndpoint: UserEndpoint | null
  readonly clientTags: readonly ClientTag[]
}

/** Whether tasks are dealt out anew because a member says other things of itself. */
export function isNews(before: SaidByMember, now: SaidByMember, { instanceId }: StreamsHeartbeat): boolean {
  const of = ({ topologyEpoch, rackId, clientTags, processId }: SaidByMember) => [
    topologyEpoch,
    rackId,
    clientTags,
    processId,
  ]
  // Of a static member only some of that counts: its process has been started anew.
  return instanceId === undefined
    ? JSON.stringify(before) !== JSON.stringify(now)
    : JSON.stringify(of(before)) !== JSON.stringify(of(now))
}

/** A member of a streams group: a thread of an application. */
export interface StreamsMember {
  readonly memberId: string
  said: SaidByMember
  state: StreamsMemberState
  /** The epoch that it was last told. */
  epoch: number
  /** The epoch before: the member sends it again if it missed the last answer. */
  epochBefore: number
  assigned: HeldTasks
  /** The tasks that it was told to give up, and still has. */
  revoking: HeldTasks
  /** The tasks that it shall have. */
  target: Tasks
  /** How far its tasks are, and how far they could be, as it last said. */
  taskOffsets: readonly TaskOffset[]
  taskEndOffsets: readonly TaskOffset[]
  /** Whether its next answer has to name its tasks. */
  changed: boolean
}

/** Whether a static member has left for a while. */
export function isAway({ epoch }: StreamsMember): boolean {
  return epoch === memberEpochs.comesBack
}

export function newStreamsMember({ memberId }: StreamsHeartbeat): StreamsMember {
  return {
    memberId,
    said: {
      clientId: '',
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: -1,
      topologyEpoch: -1,
      processId: '',
      userEndpoint: null,
      clientTags: [],
    },
    state: 'stable',
    epoch: 0,
    epochBefore: 0,
    assigned: nothingHeld,
    revoking: nothingHeld,
    target: noTasks,
    taskOffsets: [],
    taskEndOffsets: [],
    changed: true,
  }
}

/** Returns the member that takes the place of a static one that was away, with all that is assigned to it. */
export function successorOf(away: StreamsMember, { memberId }: StreamsHeartbeat): StreamsMember {
  return { ...away, memberId, epoch: 0, epochBefore: 0, taskOffsets: [], taskEndOffsets: [], changed: true }
}

/** Returns what a member has said, with what a heartbeat adds. One that joins again has no endpoint but a new one. */
export function saidWith(said: SaidByMember, beat: StreamsHeartbeat): SaidByMember {
  const joins = beat.memberEpoch === memberEpochs.joins
  return {
    clientId: beat.clientId,
    instanceId: beat.instanceId ?? said.instanceId,
    rackId: beat.rackId ?? said.rackId,
    rebalanceTimeoutMs: beat.rebalanceTimeoutMs ?? said.rebalanceTimeoutMs,
    topologyEpoch: beat.topology?.epoch ?? said.topologyEpoch,
    processId: beat.processId ?? said.processId,
    userEndpoint: beat.userEndpoint ?? (joins ? null : said.userEndpoint),
    clientTags: beat.clientTags ?? said.clientTags,
  }
}

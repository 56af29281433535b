import type { ClientTag, StreamsHeartbeat, UserEndpoint } from './streams-heartbeat.ts'
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
  readonly rackId: string | null
  readonly rebalanceTimeoutMs: number
  readonly topologyEpoch: number
  readonly processId: string
  readonly userEndpoint: UserEndpoint | null
  readonly clientTags: readonly ClientTag[]
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
  /** Whether its next answer has to name its tasks. */
  changed: boolean
}

export function newStreamsMember({ memberId }: StreamsHeartbeat): StreamsMember {
  return {
    memberId,
    said: {
      clientId: '',
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
    changed: true,
  }
}

/** Returns what a member has said, with what a heartbeat adds. */
export function saidWith(said: SaidByMember, beat: StreamsHeartbeat): SaidByMember {
  return {
    clientId: beat.clientId,
    rackId: beat.rackId ?? said.rackId,
    rebalanceTimeoutMs: beat.rebalanceTimeoutMs ?? said.rebalanceTimeoutMs,
    topologyEpoch: beat.topology?.epoch ?? said.topologyEpoch,
    processId: beat.processId ?? said.processId,
    userEndpoint: beat.userEndpoint ?? said.userEndpoint,
    clientTags: beat.clientTags ?? said.clientTags,
  }
}

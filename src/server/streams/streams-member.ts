import type { ClientTag, StreamsHeartbeat, UserEndpoint } from './streams-heartbeat.ts'
import { noTasks, type Task, type Tasks } from './tasks.ts'

/** What a member is doing about its target. (Kafka: MemberState) */
export type StreamsMemberState = 'stable' | 'unrevoked' | 'unreleased'

/** Tasks that a member has, each active one with the epoch since which it has it. */
export interface HeldTasks {
  readonly active: ReadonlyMap<Task, number>
  readonly standby: ReadonlySet<Task>
}

export const nothingHeld: HeldTasks = { active: new Map(), standby: new Set() }

/** What a member says of itself. */
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
  /** The epoch that it was told last. */
  epoch: number
  /** The one before, with which it comes where it has not heard the last answer. */
  epochBefore: number
  assigned: HeldTasks
  /** What it was told to give up, and has still. */
  revoking: HeldTasks
  /** What it is meant to have. */
  target: Tasks
  /** Whether it has something new to hear. */
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

/** What a member has said by now. */
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

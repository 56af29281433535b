import type { ErrorCode } from '../error-codes.ts'

/** What a classic member offers of one protocol: for a consumer, an assignor's name and its subscription. */
export interface ClassicProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

/** A member asks to join, or to join again. (Kafka: JoinGroup) */
export interface ClassicJoin {
  /** Empty for one that has no id yet. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly ClassicProtocol[]
  /** Whether one without an id is first only given one (KIP-394). */
  readonly requireKnownMemberId: boolean
  /** Whether it can be told that it leads and has nothing to assign (KIP-814). */
  readonly canSkipAssignment: boolean
}

/** What joining came to. */
export interface ClassicJoined {
  readonly error: ErrorCode | undefined
  readonly memberId: string
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly leader: string
  /** For the leader alone: who is to be given what. */
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Uint8Array
  }[]
  /** For the leader: what everybody has stays, it only has to watch the topics. */
  readonly skipAssignment: boolean
}

/** A member asks for its assignment; the leader says what everybody gets. (Kafka: SyncGroup) */
export interface ClassicSync extends ClassicIdentity {
  /** What it takes its group's protocol to be; null where its version of the protocol does not say. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[]
}

/** What a member was given. */
export interface ClassicSynced {
  readonly error: ErrorCode | undefined
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignment: Uint8Array
}

/** Who asks, as every request of a member says it. */
export interface ClassicIdentity {
  readonly memberId: string
  readonly generation: number
  readonly groupInstanceId: string | null
}

/** Whether it takes its group's protocol for what it is, where it says so. */
export function agreesOn(
  { protocolType, protocolName }: ClassicSync,
  type: string | null,
  name: string | null,
): boolean {
  return (protocolType ?? type) === type && (protocolName ?? name) === name
}

/** The answer to one that does not join. */
export function notJoined(error: ErrorCode, memberId: string): ClassicJoined {
  return {
    error,
    memberId,
    generation: -1,
    protocolType: null,
    protocol: null,
    leader: '',
    members: [],
    skipAssignment: false,
  }
}

/** The answer to one that is not given anything. */
export function notSynced(error: ErrorCode): ClassicSynced {
  return { error, protocolType: null, protocol: null, assignment: new Uint8Array(0) }
}

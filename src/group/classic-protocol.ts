import type { ErrorCode } from '../error-codes.ts'

/** One protocol that a classic member supports: for a consumer, an assignor's name and its subscription. */
export interface ClassicProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

/** A member joins, or joins again. (Kafka: JoinGroup) */
export interface ClassicJoin {
  /** Empty for a member that has no id yet. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly ClassicProtocol[]
  /** Whether a member without an id must first be given one (KIP-394). */
  readonly requireKnownMemberId: boolean
  /** Whether the member can be told that it leads and has nothing to assign (KIP-814). */
  readonly canSkipAssignment: boolean
}

/** The answer to JoinGroup. */
export interface ClassicJoined {
  readonly error: ErrorCode | undefined
  readonly memberId: string
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly leader: string
  /** The members to assign partitions to; for the leader alone. */
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Uint8Array
  }[]
  /** For the leader: every member keeps its assignment, and the leader only has to watch the topics. */
  readonly skipAssignment: boolean
}

/** A member asks for its assignment; the leader sends those of all members. (Kafka: SyncGroup) */
export interface ClassicSync extends ClassicIdentity {
  /** The protocol that the member takes for its group's; null where its version of SyncGroup lacks the field. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[]
}

/** The answer to SyncGroup. */
export interface ClassicSynced {
  readonly error: ErrorCode | undefined
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignment: Uint8Array
}

/** The identity that every request of a member carries. */
export interface ClassicIdentity {
  readonly memberId: string
  readonly generation: number
  readonly groupInstanceId: string | null
}

/** Whether the group's protocol is the one that the member takes it for; a member need not say. */
export function agreesOn(
  { protocolType, protocolName }: ClassicSync,
  type: string | null,
  name: string | null,
): boolean {
  return (protocolType ?? type) === type && (protocolName ?? name) === name
}

/** Returns the answer to a JoinGroup that is refused. */
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

/** Returns the answer to a SyncGroup that is refused. */
export function notSynced(error: ErrorCode): ClassicSynced {
  return { error, protocolType: null, protocol: null, assignment: new Uint8Array(0) }
}

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
}

/** What a member was given. (Kafka: SyncGroup) */
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

import type { ClassicJoin, ClassicJoined, ClassicProtocol, ClassicSynced } from './classic-protocol.ts'

/** A member as it moves between a classic group and a consumer group. */
export interface ClassicMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocols: readonly ClassicProtocol[]
  /** The generation that the member was last told. */
  readonly generation: number
  readonly assignment: Uint8Array
}

/** A member that leaves a classic group for a consumer group; `joining` waits for the answer to its JoinGroup. */
export interface ClassicLeaver extends ClassicMember {
  readonly joining: ((joined: ClassicJoined) => void) | undefined
}

/** A member of a classic group, described with the metadata that it sent for the chosen protocol. */
export interface DescribedClassicMember extends ClassicMember {
  readonly metadata: Uint8Array
}

/** A member, as its classic group keeps it. */
export interface JoinedClassicMember {
  memberId: string
  readonly groupInstanceId: string | null
  clientId: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly ClassicProtocol[]
  generation: number
  assignment: Uint8Array
  /** Answers JoinGroup, while the member waits for the others to join. */
  joining: ((joined: ClassicJoined) => void) | undefined
  /** Answers SyncGroup, while the member waits for the leader to assign. */
  syncing: ((synced: ClassicSynced) => void) | undefined
}

/** Whether a member that joins again offers the same protocols as before, in the same order. */
export function offersTheSame(member: JoinedClassicMember, { protocols }: ClassicJoin): boolean {
  return (
    member.protocols.length === protocols.length &&
    member.protocols.every(
      ({ name, metadata }, i) =>
        name === protocols[i]!.name && Buffer.compare(metadata, protocols[i]!.metadata) === 0,
    )
  )
}

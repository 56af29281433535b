import type { ClassicJoin, ClassicJoined, ClassicProtocol, ClassicSynced } from './classic-protocol.ts'

/** A member, as one way of assigning hands it over to the other. */
export interface ClassicMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocols: readonly ClassicProtocol[]
  /** The generation that it was told last. */
  readonly generation: number
  readonly assignment: Uint8Array
}

/** One that leaves for another way of assigning; `joining` waits to hear what its joining came to. */
export interface ClassicLeaver extends ClassicMember {
  readonly joining: ((joined: ClassicJoined) => void) | undefined
}

/** A member of a classic group, as it is described: with what it offers of the protocol that was chosen. */
export interface DescribedClassicMember extends ClassicMember {
  readonly metadata: Uint8Array
}

/** A member, as its group keeps it. */
export interface JoinedClassicMember {
  memberId: string
  readonly groupInstanceId: string | null
  clientId: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly ClassicProtocol[]
  generation: number
  assignment: Uint8Array
  /** Waits for the others to join. */
  joining: ((joined: ClassicJoined) => void) | undefined
  /** Waits for the leader to assign. */
  syncing: ((synced: ClassicSynced) => void) | undefined
}

/** Whether a member that joins again offers what it offered before, in the same order. */
export function offersTheSame(member: JoinedClassicMember, { protocols }: ClassicJoin): boolean {
  return (
    member.protocols.length === protocols.length &&
    member.protocols.every(
      ({ name, metadata }, i) =>
        name === protocols[i]!.name && Buffer.compare(metadata, protocols[i]!.metadata) === 0,
    )
  )
}

export function speaks({ protocols }: JoinedClassicMember, protocol: string): boolean {
  return protocols.some(({ name }) => name === protocol)
}

import type { BrokerClock } from '../broker-clock.ts'
import type { BrokerletError } from '../errors.ts'
import type { ClassicMember } from '../group/classic-member.ts'
import type { ClassicProtocol } from '../group/classic-protocol.ts'
import { ConsumerMember } from './consumer-member.ts'
import { writeAssignment } from './consumer-protocol.ts'

/** What a classic member says of itself whenever it joins. */
export type ClassicClient = Pick<
  ClassicMember,
  'clientId' | 'sessionTimeoutMs' | 'rebalanceTimeoutMs' | 'protocols'
>

/**
 * A member whose client speaks the classic protocol, in a group that assigns. By joining again it says what it has
 * given up, and by SyncGroup it gets its assignment. Its epoch is its generation. (KIP-848, online migration)
 */
export class ClassicConsumerMember extends ConsumerMember {
  readonly protocol = 'classic'
  client: ClassicClient
  /** The topics that it last subscribed to. */
  topics: readonly string[]
  readonly #removed: (member: ClassicConsumerMember) => void

  constructor(
    memberId: string,
    groupInstanceId: string | null,
    clock: Pick<BrokerClock, 'monotonic'>,
    client: ClassicClient,
    topics: readonly string[],
    removed: (member: ClassicConsumerMember) => void,
  ) {
    super(memberId, groupInstanceId ?? undefined, clock)
    this.client = client
    this.topics = topics
    this.#removed = removed
  }

  override fenced(error: BrokerletError): void {
    super.fenced(error)
    this.#removed(this)
  }

  // It hears of its partitions by SyncGroup, and of revocations by having to join again.
  override yields(): boolean {
    return false
  }

  override keeps(): boolean {
    return false
  }

  /** The protocol that it is told was chosen: its own first one, since no client assigns. */
  get chosen(): ClassicProtocol {
    return this.client.protocols[0]!
  }

  /** Whether it has to join again, to get partitions or to give them up. */
  get outdated(): boolean {
    return this.changed || this.revoking.length > 0
  }

  /** The member as a group takes it whose leader assigns: with all partitions that its client may still have. */
  toClassicMember(): ClassicMember {
    return {
      ...this.client,
      memberId: this.memberId,
      groupInstanceId: this.groupInstanceId ?? null,
      generation: this.epoch,
      assignment: writeAssignment([...this.assignment, ...this.revoking]),
    }
  }
}

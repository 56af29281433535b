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
 * A member whose client speaks the classic protocol, in a group that assigns by itself: it says what it has given up by
 * joining again, and hears what it gets by SyncGroup. Its epoch is its generation. (KIP-848, online migration)
 */
export class ClassicConsumerMember extends ConsumerMember {
  readonly protocol = 'classic'
  client: ClassicClient
  /** The topics that it named last. */
  topics: readonly string[]
  readonly #removed: (member: ClassicConsumerMember) => void

  constructor(
    memberId: string,
    groupInstanceId: string | null,
    client: ClassicClient,
    topics: readonly string[],
    removed: (member: ClassicConsumerMember) => void,
  ) {
    super(memberId, groupInstanceId ?? undefined)
    this.client = client
    this.topics = topics
    this.#removed = removed
  }

  override fenced(error: BrokerletError): void {
    super.fenced(error)
    this.#removed(this)
  }

  /** What it offers first is what it is told to be chosen: nobody's client assigns. */
  get chosen(): ClassicProtocol {
    return this.client.protocols[0]!
  }

  /** Whether it has to join again: for what it gets, or for what it has to give up. */
  get outdated(): boolean {
    return this.changed || this.revoking.length > 0
  }

  /** As a group takes it whose leader assigns: with all that its client may still have. */
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

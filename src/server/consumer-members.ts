import type { Broker } from '../broker.ts'
import type { Interest } from '../engine.ts'
import type { ErrorCode } from '../error-codes.ts'
import { Ids } from '../ids.ts'
import type { TopicPartition } from '../topic-partition.ts'
import { ConsumerMember } from './consumer-member.ts'

/** What a member says by one heartbeat. */
export interface ConsumerHeartbeat {
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly groupInstanceId: string | undefined
  readonly clientId: string
  readonly rebalanceTimeoutMs: number | undefined
  readonly interest: Interest | undefined
  readonly assignor: string | undefined
  /** All that it has, where it says so. */
  readonly partitions: readonly TopicPartition[] | undefined
}

const assignors = new Set(['uniform', 'range'])

/** The members of groups that assign by themselves, whose consumers come over the wire (KIP-848). */
export class ConsumerMembers {
  readonly #engine: Broker['engine']
  readonly #sessionTimeoutMs: number
  readonly #ids: Ids
  readonly #members = new Map<string, Map<string, ConsumerMember>>()
  // The topics that each said last that it reads, where it reads topics by name.
  readonly #names = new WeakMap<ConsumerMember, string | undefined>()

  constructor(engine: Broker['engine'], sessionTimeoutMs: number) {
    this.#engine = engine
    this.#sessionTimeoutMs = sessionTimeoutMs
    this.#ids = new Ids(engine.random)
  }

  get(groupId: string, memberId: string): ConsumerMember | undefined {
    return this.#members.get(groupId)?.get(memberId)
  }

  /** The member, or why it is not served. May throw what the group refuses. */
  heartbeat(beat: ConsumerHeartbeat): ConsumerMember | ErrorCode {
    if (beat.groupId === '') return 'INVALID_GROUP_ID'
    const { memberEpoch } = beat
    if (beat.assignor !== undefined && !assignors.has(beat.assignor)) return 'UNSUPPORTED_ASSIGNOR'
    if (memberEpoch === 0) return this.#join(beat)
    if (this.#isReplaced(beat)) return 'FENCED_INSTANCE_ID'
    const member = this.get(beat.groupId, beat.memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    const { groupInstanceId = member.groupInstanceId } = beat
    if (groupInstanceId !== member.groupInstanceId) return 'UNKNOWN_MEMBER_ID'
    if (memberEpoch < 0) return this.#leave(beat.groupId, member, memberEpoch === -2)
    if (member.gone !== undefined) {
      this.#forget(beat.groupId, member)
      return 'FENCED_MEMBER_EPOCH'
    }
    if (!member.mayComeWith(memberEpoch, beat.partitions)) return 'FENCED_MEMBER_EPOCH'
    if (beat.interest !== undefined) this.#subscribe(member, beat.interest)
    member.releaseUnheard()
    if (beat.partitions !== undefined) member.has(beat.partitions)
    return this.#heard(beat.groupId, member)
  }

  // Somebody else has its instance id by now.
  #isReplaced({ groupId, groupInstanceId, memberId }: ConsumerHeartbeat): boolean {
    if (groupInstanceId === undefined) return false
    const members = this.#engine.groups.get(groupId)?.members ?? []
    return members.some(each => each.groupInstanceId === groupInstanceId && each.memberId !== memberId)
  }

  // The same names once more are no change, and no reason to rebalance.
  #subscribe(member: ConsumerMember, interest: Interest): void {
    const names = namesOf(interest)
    if (names !== undefined && this.#names.get(member) === names) return
    member.subscribe(interest)
    this.#names.set(member, names)
  }

  #join(beat: ConsumerHeartbeat): ConsumerMember | ErrorCode {
    if (beat.interest === undefined) return 'INVALID_REQUEST'
    const { groupId, clientId, groupInstanceId, interest, rebalanceTimeoutMs = 300_000 } = beat
    const memberId = beat.memberId === '' ? this.#ids.memberId(clientId) : beat.memberId
    const former = this.get(groupId, memberId)
    // Said once more: it has not heard the answer.
    if (former !== undefined && former.gone === undefined) {
      former.changed = true
      return this.#heard(groupId, former)
    }
    const member = new ConsumerMember(memberId, groupInstanceId)
    member.join(listener =>
      this.#engine.join(
        {
          memberId,
          groupId,
          clientId,
          groupInstanceId,
          interest,
          assignor: beat.assignor,
          rebalanceTimeoutMs,
          sessionTimeoutMs: this.#sessionTimeoutMs,
          rejoins: true,
        },
        listener,
      ),
    )
    const members = this.#members.get(groupId) ?? new Map<string, ConsumerMember>()
    this.#names.set(member, namesOf(interest))
    members.set(memberId, member)
    this.#members.set(groupId, members)
    return this.#heard(groupId, member)
  }

  // Its session counts anew, and it hears how far its group is.
  #heard(groupId: string, member: ConsumerMember): ConsumerMember {
    member.advance(this.#engine.groups.get(groupId)!.epoch)
    this.#engine.clock.schedule(timerOf(groupId, member), this.#sessionTimeoutMs, () => {
      if (this.get(groupId, member.memberId) !== member) return
      this.#leave(groupId, member, false)
    })
    return member
  }

  // A static one that says so comes back: its place is kept for its session.
  #leave(groupId: string, member: ConsumerMember, comesBack: boolean): ConsumerMember {
    this.#forget(groupId, member)
    if (member.gone === undefined) member.leave(comesBack)
    return member
  }

  #forget(groupId: string, member: ConsumerMember): void {
    this.#engine.clock.unschedule(timerOf(groupId, member))
    const members = this.#members.get(groupId)
    members?.delete(member.memberId)
    if (members?.size === 0) this.#members.delete(groupId)
  }

  /** Everybody leaves: no client is served any more. */
  close(): void {
    for (const [groupId, members] of [...this.#members]) {
      for (const member of [...members.values()]) this.#leave(groupId, member, false)
    }
  }
}

function timerOf(groupId: string, { memberId }: ConsumerMember): string {
  return `group '${groupId}': heartbeat of ${memberId}`
}

function namesOf(interest: Interest): string | undefined {
  return interest.kind === 'topics' ? JSON.stringify([...interest.names].sort()) : undefined
}

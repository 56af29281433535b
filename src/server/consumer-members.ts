import type { Broker } from '../broker.ts'
import type { Interest } from '../engine.ts'
import { BrokerletError, UnknownMemberIdError } from '../errors.ts'
import { Ids } from '../ids.ts'
import type { ConsumerHeartbeat } from './consumer-heartbeat.ts'
import { ConsumerMember } from './consumer-member.ts'
import { entryOf } from './entry-of.ts'
import type { FirstFetches } from './first-fetches.ts'
import type { GroupConfigs } from './group-configs.ts'
import { memberEpochs } from './member-heartbeat.ts'

/** The members of groups that assign whose consumers are clients on the wire (KIP-848). */
export class ConsumerMembers {
  readonly #engine: Broker['engine']
  readonly #configs: GroupConfigs
  readonly #firstFetches: FirstFetches
  readonly #ids: Ids
  readonly #members = new Map<string, Map<string, ConsumerMember>>()
  // The topics that each member last subscribed to, if it did so by name.
  readonly #names = new WeakMap<ConsumerMember, string | undefined>()
  readonly #clientIds = new WeakMap<ConsumerMember, string>()

  constructor(engine: Broker['engine'], configs: GroupConfigs, firstFetches: FirstFetches) {
    this.#engine = engine
    this.#configs = configs
    this.#firstFetches = firstFetches
    this.#ids = new Ids(engine.random)
  }

  /** The groups that have such members. */
  get groupIds(): Iterable<string> {
    return this.#members.keys()
  }

  get(groupId: string, memberId: string): ConsumerMember | undefined {
    return this.#members.get(groupId)?.get(memberId)
  }

  /** A member joins, stays or leaves. @throws BrokerletError that says why it is refused */
  heartbeat(beat: ConsumerHeartbeat): ConsumerMember {
    const { groupId, memberEpoch } = beat
    if (memberEpoch === memberEpochs.joins) return this.#join(beat)
    if (this.#isAway(beat)) throw fenced(beat, 'it has left')
    const member = this.#present(beat)
    if (!member.mayComeWith(memberEpoch, beat.partitions)) {
      throw fenced(beat, `it is at epoch ${member.epoch}, received ${memberEpoch}`)
    }
    if (beat.partitions !== undefined) member.has(beat.partitions)
    if (beat.interest !== undefined) {
      this.#subscribe(member, beat.interest)
      // It may have given up already what it would be told to give up now.
      if (beat.partitions !== undefined) member.has(beat.partitions)
    }
    return this.#heard(groupId, member)
  }

  /**
   * A member leaves for good, or says that it comes back: then its place is kept for the time of its session, unless it
   * leaves for good after all.
   *
   * @throws BrokerletError if there is no such member
   */
  leave(beat: ConsumerHeartbeat): void {
    const { groupId, memberId, memberEpoch } = beat
    const comesBack = memberEpoch === memberEpochs.comesBack
    if (!this.#isAway(beat)) this.#leave(groupId, this.#present(beat), comesBack)
    else if (!comesBack) this.#engine.groups.get(groupId)!.expel(memberId)
  }

  #isAway({ groupId, memberId, groupInstanceId }: ConsumerHeartbeat): boolean {
    const place = this.#engine.groups.get(groupId)?.away(memberId)
    if (place === undefined) return false
    return groupInstanceId === undefined || groupInstanceId === place.groupInstanceId
  }

  // One that was removed hears of it now, and is forgotten.
  #present(beat: ConsumerHeartbeat): ConsumerMember {
    const member = this.#existing(beat)
    if (member.gone === undefined) return member
    this.#forget(beat.groupId, member)
    throw member.gone
  }

  // UNKNOWN_MEMBER_ID also if the group is unknown, where Kafka answers GROUP_ID_NOT_FOUND. Clients give up at that and
  // join again at this, as they should after a broker that forgets everything was restarted.
  #existing(beat: ConsumerHeartbeat): ConsumerMember {
    this.#requirePlace(beat)
    const { groupId, memberId } = beat
    const member = this.get(groupId, memberId)
    const { groupInstanceId = member?.groupInstanceId } = beat
    if (member !== undefined && groupInstanceId === member.groupInstanceId) return member
    const as = groupInstanceId === undefined ? '' : ` as '${groupInstanceId}'`
    throw new UnknownMemberIdError(`'${memberId}'${as} is no member of group '${groupId}'`, {
      groupId,
      memberId,
    })
  }

  #requirePlace({ groupId, memberId, groupInstanceId }: ConsumerHeartbeat): void {
    if (groupInstanceId === undefined) return
    const holder = this.#engine.groups.get(groupId)?.holderOf(groupInstanceId)
    if (holder === undefined || holder === memberId) return
    throw new BrokerletError(
      'FENCED_INSTANCE_ID',
      `Group '${groupId}': member '${holder}' has taken the place of '${memberId}' as '${groupInstanceId}'`,
      { groupId, memberId, groupInstanceId },
    )
  }

  // The same names once more are no change, and no reason to rebalance.
  #subscribe(member: ConsumerMember, interest: Interest): void {
    const names = namesOf(interest)
    if (names !== undefined && this.#names.get(member) === names) return
    member.subscribe(interest)
    this.#names.set(member, names)
  }

  #join(beat: ConsumerHeartbeat): ConsumerMember {
    const { groupId, clientId, groupInstanceId } = beat
    const interest = beat.interest!
    const memberId = beat.memberId === '' ? this.#ids.memberId(clientId) : beat.memberId
    const former = this.get(groupId, memberId)
    // It joins again because it missed the answer, or was fenced. Either way it has nothing, and its new subscription
    // counts.
    if (former !== undefined && former.gone === undefined) {
      // Kafka: throwIfInstanceIdIsUnreleased
      if (groupInstanceId !== undefined) {
        const message = `Member '${memberId}' has to leave before it joins again`
        throw new BrokerletError('UNRELEASED_INSTANCE_ID', message, { groupId, memberId, groupInstanceId })
      }
      this.#subscribe(former, interest)
      former.has([])
      return this.#heard(groupId, former)
    }
    const { clock, topics } = this.#engine
    const member = new ConsumerMember(memberId, groupInstanceId, clock, (topic, partition) =>
      this.#firstFetches.by(clientId, topics, { topic, partition }),
    )
    member.join(listener =>
      this.#engine.join(
        {
          memberId,
          groupId,
          clientId,
          groupInstanceId,
          interest,
          assignor: beat.assignor,
          rebalanceTimeoutMs: beat.rebalanceTimeoutMs!,
          sessionTimeoutMs: this.#configs.get(groupId).consumerSessionTimeoutMs,
          rejoins: true,
          // Its client asks for them by Metadata. (Kafka: allow.auto.create.topics)
          createsTopics: false,
        },
        listener,
      ),
    )
    this.#names.set(member, namesOf(interest))
    this.#clientIds.set(member, clientId)
    this.#firstFetches.joined(clientId, groupId, memberId)
    entryOf(this.#members, groupId, () => new Map()).set(memberId, member)
    return this.#heard(groupId, member)
  }

  // The member's session timeout starts anew, and it moves to the group's epoch.
  #heard(groupId: string, member: ConsumerMember): ConsumerMember {
    member.advance(this.#engine.groups.get(groupId)!.epoch)
    const { consumerSessionTimeoutMs } = this.#configs.get(groupId)
    this.#engine.clock.schedule(timerOf(groupId, member), consumerSessionTimeoutMs, () => {
      if (this.get(groupId, member.memberId) !== member) return
      this.#leave(groupId, member, false)
    })
    return member
  }

  // A static member that says it comes back keeps its place for the time of its session.
  #leave(groupId: string, member: ConsumerMember, comesBack: boolean): void {
    this.#forget(groupId, member)
    if (member.gone === undefined) member.leave(comesBack)
  }

  #forget(groupId: string, member: ConsumerMember): void {
    this.#engine.clock.unschedule(timerOf(groupId, member))
    this.#firstFetches.left(this.#clientIds.get(member)!, groupId, member.memberId)
    const members = this.#members.get(groupId)
    members?.delete(member.memberId)
    if (members?.size === 0) this.#members.delete(groupId)
  }

  /** Removes all members, since no client is served any more. */
  close(): void {
    for (const [groupId, members] of [...this.#members]) {
      for (const member of [...members.values()]) this.#leave(groupId, member, false)
    }
  }
}

function fenced({ groupId, memberId }: ConsumerHeartbeat, why: string): BrokerletError {
  return new BrokerletError(
    'FENCED_MEMBER_EPOCH',
    `Member '${memberId}' of group '${groupId}' has to give up all that it has, and to join again: ${why}`,
    { groupId, memberId },
  )
}

function timerOf(groupId: string, { memberId }: ConsumerMember): string {
  return `group '${groupId}': heartbeat of ${memberId}`
}

function namesOf(interest: Interest): string | undefined {
  return interest.kind === 'topics' ? JSON.stringify([...interest.names].sort()) : undefined
}

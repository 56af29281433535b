import { UnknownMemberIdError } from '../errors.ts'
import type { GroupTopics } from './group-log.ts'
import type { GroupMember } from './group-member.ts'
import { covers, resolveTopics, type Subscription } from './subscription.ts'

/** The members of a group, in the order in which they joined, and which of them have a static place. */
export class GroupMembers {
  readonly #groupId: string
  readonly #topics: GroupTopics
  readonly #byId = new Map<string, GroupMember>()
  readonly #static = new Map<string, GroupMember>()

  constructor(groupId: string, topics: GroupTopics) {
    this.#groupId = groupId
    this.#topics = topics
  }

  get size(): number {
    return this.#byId.size
  }

  [Symbol.iterator](): Iterator<GroupMember> {
    return this.#byId.values()
  }

  /** All of them as they are now. */
  all(): readonly GroupMember[] {
    return [...this.#byId.values()]
  }

  some(is: (member: GroupMember) => boolean): boolean {
    for (const member of this.#byId.values()) if (is(member)) return true
    return false
  }

  get(memberId: string): GroupMember | undefined {
    return this.#byId.get(memberId)
  }

  /** Who has a static place, or had it and may come back to it. */
  withInstance(groupInstanceId: string | undefined): GroupMember | undefined {
    return groupInstanceId === undefined ? undefined : this.#static.get(groupInstanceId)
  }

  /** Whether it still is a member, and not one that went or was replaced. */
  has(member: GroupMember): boolean {
    return this.#byId.get(member.memberId) === member
  }

  /** @throws UnknownMemberIdError */
  require(member: GroupMember): void {
    if (this.has(member)) return
    throw new UnknownMemberIdError(`Group '${this.#groupId}' does not know member '${member.memberId}'`, {
      groupId: this.#groupId,
      memberId: member.memberId,
    })
  }

  /** Takes one in as the last one, in the place of a former one that goes, or, `inPlace`, at its rank, which assignors go by. */
  enter(member: GroupMember, former: GroupMember | undefined, inPlace: boolean): void {
    const others = this.all()
    this.#byId.clear()
    for (const other of others) {
      if (other !== former) this.#byId.set(other.memberId, other)
      else if (inPlace) this.#byId.set(member.memberId, member)
    }
    if (!inPlace) this.#byId.set(member.memberId, member)
    if (member.groupInstanceId !== undefined) this.#static.set(member.groupInstanceId, member)
  }

  delete({ memberId, groupInstanceId }: GroupMember): void {
    this.#byId.delete(memberId)
    if (groupInstanceId !== undefined) this.#static.delete(groupInstanceId)
  }

  /** Whether one reads the topic. */
  read(topic: string): boolean {
    return this.some(member => member.topics.includes(topic))
  }

  /** Whether one reads the topic, or would if it existed. */
  cover(topic: string): boolean {
    return this.some(member => covers(member.subscription, topic))
  }

  /** The topics that a subscription reads; who reads the same shares one array, so that an assignor sees at once that they are alike. */
  resolve(subscription: Subscription): readonly string[] {
    const topics = resolveTopics(subscription, this.#topics)
    for (const member of this.#byId.values()) {
      const alike =
        member.topics.length === topics.length && member.topics.every((name, i) => name === topics[i])
      if (alike) return member.topics
    }
    return topics
  }
}

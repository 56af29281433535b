import { firstIndex } from '../binary-search.ts'
import { UnknownMemberIdError } from '../errors.ts'
import type { GroupTopics } from './group-log.ts'
import type { GroupMember } from './group-member.ts'
import { covers, resolveTopics, type Subscription } from './subscription.ts'

/** The members of a group, in the order in which they joined, with an index of the static ones. */
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

  /** Returns the present members, as a copy of the list. */
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

  /** The member with an instance id, which may be away and come back. */
  withInstance(groupInstanceId: string | undefined): GroupMember | undefined {
    return groupInstanceId === undefined ? undefined : this.#static.get(groupInstanceId)
  }

  /** Whether it is still a member, not one that left or was replaced. */
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

  /**
   * Adds a member as the last one. It replaces `former`, if given, and takes over its rank with
   * `inPlace`: assignors go by rank.
   */
  enter(member: GroupMember, former: GroupMember | undefined, inPlace: boolean): void {
    if (former !== undefined && inPlace) this.#replace(former, member)
    else {
      if (former !== undefined) this.#byId.delete(former.memberId)
      this.#byId.set(member.memberId, member)
    }
    if (member.groupInstanceId !== undefined) this.#static.set(member.groupInstanceId, member)
  }

  #replace(former: GroupMember, member: GroupMember): void {
    const others = this.all()
    this.#byId.clear()
    for (const other of others) {
      const next = other === former ? member : other
      this.#byId.set(next.memberId, next)
    }
  }

  delete({ memberId, groupInstanceId }: GroupMember): void {
    this.#byId.delete(memberId)
    if (groupInstanceId !== undefined) this.#static.delete(groupInstanceId)
  }

  /** Whether a member reads the topic. */
  read(topic: string): boolean {
    return this.some(member => member.topics.includes(topic))
  }

  /** Whether a member reads the topic, or would if it existed. */
  cover(topic: string): boolean {
    return this.some(member => covers(member.subscription, topic))
  }

  /**
   * A topic was created, or deleted: members read it from now on, or no longer. Of the others nothing is asked again, for
   * topics may come and go by the thousand.
   */
  topicChanged(topic: string): void {
    const exists = this.#topics.has(topic)
    const changed = new Set<readonly string[]>()
    // What a list becomes with the topic, and without it.
    const becomes = [new Map<readonly string[], readonly string[]>(), new Map()] as const
    for (const member of this.#byId.values()) {
      const wanted = exists && covers(member.subscription, topic)
      const known = becomes[wanted ? 0 : 1]
      const topics = known.get(member.topics) ?? shared(changed, withTopic(member.topics, topic, wanted))
      known.set(member.topics, topics)
      member.topics = topics
    }
  }

  /**
   * Returns the topics that a subscription reads. Members that read the same topics share one array, so that an
   * assignor recognizes equal subscriptions at once.
   */
  resolve(subscription: Subscription): readonly string[] {
    const lists = new Set<readonly string[]>()
    for (const member of this.#byId.values()) lists.add(member.topics)
    return shared(lists, resolveTopics(subscription, this.#topics))
  }
}

/** The list that is the same as this one, which is among them from then on. */
function shared(lists: Set<readonly string[]>, topics: readonly string[]): readonly string[] {
  if (lists.has(topics)) return topics
  for (const list of lists) {
    if (list.length === topics.length && list.every((name, i) => name === topics[i])) return list
  }
  lists.add(topics)
  return topics
}

/** A sorted list with or without a topic; the same list where that is so already. */
function withTopic(topics: readonly string[], topic: string, wanted: boolean): readonly string[] {
  const index = firstIndex(topics, each => each >= topic)
  const there = topics[index] === topic
  if (there === wanted) return topics
  return wanted ? topics.toSpliced(index, 0, topic) : topics.toSpliced(index, 1)
}

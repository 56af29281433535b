import type { MemberDescription } from '../../../src/group/group-description.ts'
import { type Assignment, type Delivery, partitionKey } from '../assignment.ts'
import type { Member } from '../member.ts'
import type { World } from '../world.ts'

/** One partition, one owner, and one handler (double-ownership, not-fetchable). */
export class Ownership {
  readonly #world: World
  readonly #inHand = new Map<string, Set<Delivery>>()

  constructor(world: World) {
    this.#world = world
  }

  check(members: readonly MemberDescription[]): void {
    const owners = new Map<string, string>()
    for (const { memberId, assignment, revoking } of members) {
      for (const { topic, partition } of assignment) {
        const key = partitionKey(topic, partition)
        const other = owners.get(key)
        if (other !== undefined) {
          this.#world.report(
            'double-ownership',
            `'${other}' and '${memberId}' both own ${topic}-${partition}`,
          )
        }
        owners.set(key, memberId)
      }
      for (const { topic, partition } of revoking) {
        if (owners.get(partitionKey(topic, partition)) === memberId) continue
        this.#world.report('double-ownership', `'${memberId}' gives up ${topic}-${partition}, not its own`)
      }
    }
  }

  /** Whether the member owns the partition under this very assignment. */
  held(assignment: Assignment): boolean {
    return assignment.over === undefined && this.owned(assignment)
  }

  /** Whether the group still counts the member as the partition's owner: until it has released what it gave up. */
  owned({ memberId, groupId, topic, topicId, partition }: Assignment): boolean {
    if (this.#world.broker.topics.get(topic)?.id !== topicId) return false
    const member = this.#world.broker.groups.get(groupId)?.members.find(each => each.memberId === memberId)
    return member?.assignment.some(tp => tp.topic === topic && tp.partition === partition) ?? false
  }

  taken(delivery: Delivery): void {
    const { assignment, pulled } = delivery
    if (!pulled) this.#checkFetchable(assignment)
    const key = `${assignment.groupId}|${partitionKey(assignment.topicId, assignment.partition)}`
    let others = this.#inHand.get(key)
    if (others === undefined) {
      others = new Set()
      this.#inHand.set(key, others)
    }
    for (const other of others) this.#checkApart(delivery, other)
    others.add(delivery)
  }

  /** The records that members of a group have in hand. */
  inHand(groupId: string): Delivery[] {
    const all = [...this.#inHand.values()].flatMap(deliveries => [...deliveries])
    return all.filter(({ assignment }) => assignment.groupId === groupId)
  }

  ended(delivery: Delivery): void {
    const { groupId, topicId, partition } = delivery.assignment
    this.#inHand.get(`${groupId}|${partitionKey(topicId, partition)}`)?.delete(delivery)
  }

  #checkFetchable(assignment: Assignment): void {
    const { member, memberId, groupId, topic, partition } = assignment
    const same = (tp: { readonly topic: string; readonly partition: number }) =>
      tp.topic === topic && tp.partition === partition
    const where = `${member.name} got a record of ${topic}-${partition}`
    if (!this.held(assignment)) return this.#world.report('not-fetchable', `${where}, which is not its own`)
    const found = this.#world.broker.group(groupId).members.find(each => each.memberId === memberId)
    if (found?.revoking.some(same)) this.#world.report('not-fetchable', `${where}, which it gives up`)
    if (member.consumer.paused.some(same)) this.#world.report('not-fetchable', `${where}, which is paused`)
  }

  // Two members may have the same partition in hand only if the first one's assignment was taken away.
  #checkApart({ assignment }: Delivery, { assignment: other, records }: Delivery): void {
    const { member, topic, partition } = assignment
    if (other !== assignment && other.member !== member && !this.held(other)) return
    this.#world.report(
      'double-ownership',
      `${member.name} got a record of ${topic}-${partition} while ${other.member.name} had offset ` +
        `${records[0]!.offset} of it in hand`,
    )
  }

  /** A member gives a partition up in order, so it must have no record of it in hand. */
  revoked(assignment: Assignment): void {
    const { groupId, topicId, partition, member, topic } = assignment
    for (const delivery of this.#inHand.get(`${groupId}|${partitionKey(topicId, partition)}`) ?? []) {
      if (delivery.assignment !== assignment) continue
      this.#world.report(
        'double-ownership',
        `${member.name} gives up ${topic}-${partition} with offset ${delivery.records[0]!.offset} in hand`,
      )
    }
  }

  /** A member left by itself: with records in hand it may do so only after its time is up. */
  left(member: Member, memberId: string): void {
    const now = this.#world.clock.monotonic()
    const { maxPollIntervalMs = 300_000 } = member.plan.options
    for (const deliveries of this.#inHand.values()) {
      for (const { assignment, aliveAt, pulled } of deliveries) {
        if (assignment.memberId !== memberId || assignment.over !== undefined || pulled) continue
        if (now - aliveAt >= maxPollIntervalMs) continue
        if (member.closesBy !== undefined && now >= member.closesBy) continue
        const { topic, topicId, partition } = assignment
        if (this.#world.broker.topics.get(topic)?.id !== topicId) continue
        this.#world.report('double-ownership', `${member.name} left with ${topic}-${partition} in hand`)
      }
    }
  }
}

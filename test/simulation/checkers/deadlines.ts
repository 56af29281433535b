import type { MemberDescription } from '../../../src/group/group-description.ts'
import { type Assignment, partitionKey } from '../assignment.ts'
import type { World } from '../world.ts'

/**
 * No member keeps a partition longer than its options allow: neither by a stuck handler, nor by giving it up slowly.
 */
export class Deadlines {
  readonly #world: World
  readonly #revokingSince = new Map<string, number>()
  // By member id: since when a member has been seen as gone, and when it died exactly.
  readonly #goneSince = new Map<string, number>()
  readonly #died = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  /** The member has released the partition; if it gets it again, the time starts anew. */
  released({ memberId, topic, partition }: Pick<Assignment, 'memberId' | 'topic' | 'partition'>): void {
    this.#revokingSince.delete(`${memberId}|${partitionKey(topic, partition)}`)
  }

  died(memberId: string): void {
    this.#died.set(memberId, this.#world.clock.monotonic())
  }

  /** The group has removed a member: a dead one stays until its session expires. */
  left(memberId: string, sessionTimeoutMs: number, reason: string): void {
    const died = this.#died.get(memberId)
    if (died === undefined) return
    const after = this.#world.clock.monotonic() - died
    if (reason === 'session expired' && after >= sessionTimeoutMs) return
    this.#world.report('restless', `'${memberId}' died, and is out after ${after} ms: ${reason}`)
  }

  check(groupId: string, members: readonly MemberDescription[]): void {
    const now = this.#world.clock.monotonic()
    for (const { assignment, aliveAt } of this.#world.ownership.inHand(groupId)) {
      const { member, topic, partition } = assignment
      const { maxPollIntervalMs = 300_000 } = member.plan.options
      if (now - aliveAt <= maxPollIntervalMs || member.closesBy !== undefined) continue
      // A static member stays until its session expires, although its consumer has lost the partition.
      const { groupInstanceId } = member.plan.options
      if (groupInstanceId !== undefined || !this.#world.ownership.held(assignment)) continue
      this.#world.report('restless', `${member.name} is stuck and keeps ${topic}-${partition}`)
    }
    for (const { clientId, memberId, revoking, connected } of members) {
      const { rebalanceTimeoutMs = 300_000, sessionTimeoutMs = 45_000 } =
        this.#world.member(clientId)?.plan.options ?? {}
      // The partitions of a member that is gone become free when its session expires.
      if (!connected) {
        const since = this.#goneSince.get(memberId) ?? now
        this.#goneSince.set(memberId, since)
        if (now - since > sessionTimeoutMs)
          this.#world.report('restless', `'${memberId}' is gone for ${now - since} ms and keeps its place`)
        continue
      }
      for (const { topic, partition } of revoking) {
        const key = `${memberId}|${partitionKey(topic, partition)}`
        const since = this.#revokingSince.get(key) ?? now
        this.#revokingSince.set(key, since)
        if (now - since <= rebalanceTimeoutMs) continue
        this.#world.report('restless', `'${memberId}' gives up ${topic}-${partition} for ${now - since} ms`)
      }
    }
    this.#forget(groupId, members)
  }

  #forget(groupId: string, members: readonly MemberDescription[]): void {
    const revoking = new Set(
      members.flatMap(member =>
        member.revoking.map(tp => `${member.memberId}|${partitionKey(tp.topic, tp.partition)}`),
      ),
    )
    for (const key of this.#revokingSince.keys()) {
      const member = this.#world.members.find(({ name }) => key.startsWith(`${name}-`))
      if (member?.groupId === groupId && !revoking.has(key)) this.#revokingSince.delete(key)
    }
  }
}

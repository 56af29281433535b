import { type JoinedClassicMember, speaks } from './classic-member.ts'
import type { ClassicJoin } from './classic-protocol.ts'

/** The members of a classic group, in the order in which they joined, and which of them have a static place. */
export class ClassicMembers {
  readonly #byId = new Map<string, JoinedClassicMember>()
  // The ids of members, by instance id.
  readonly #static = new Map<string, string>()

  get size(): number {
    return this.#byId.size
  }

  [Symbol.iterator](): Iterator<JoinedClassicMember> {
    return this.#byId.values()
  }

  /** All of them as they are now, for who takes some out on the way. */
  all(): readonly JoinedClassicMember[] {
    return [...this.#byId.values()]
  }

  get(memberId: string): JoinedClassicMember | undefined {
    return this.#byId.get(memberId)
  }

  has(memberId: string): boolean {
    return this.#byId.has(memberId)
  }

  /** The id of the member that has a static place. */
  idOf(groupInstanceId: string): string | undefined {
    return this.#static.get(groupInstanceId)
  }

  add(member: JoinedClassicMember): void {
    this.#byId.set(member.memberId, member)
    if (member.groupInstanceId !== null) this.#static.set(member.groupInstanceId, member.memberId)
  }

  delete({ memberId, groupInstanceId }: JoinedClassicMember): void {
    this.#byId.delete(memberId)
    if (groupInstanceId !== null) this.#static.delete(groupInstanceId)
  }

  /** A member with a static place comes back under another id; it is the last one then. */
  rename(member: JoinedClassicMember, memberId: string): void {
    this.delete(member)
    member.memberId = memberId
    this.add(member)
  }

  clear(): void {
    this.#byId.clear()
    this.#static.clear()
  }

  /** How long the slowest of them may take to join. */
  get rebalanceTimeoutMs(): number {
    return Math.max(...this.all().map(member => member.rebalanceTimeoutMs))
  }

  /**
   * Whether one that joins speaks a protocol that all of them speak; one that was in it before counts as well, with what it
   * spoke then. (Kafka: ClassicGroup.supportsProtocols)
   */
  fit({ protocolType, protocols }: ClassicJoin, spoken: string | null): boolean {
    if (protocolType === '' || protocols.length === 0) return false
    const members = this.all()
    if (members.length === 0) return true
    if (protocolType !== spoken) return false
    return protocols.some(({ name }) => members.every(member => speaks(member, name)))
  }

  /** Of the protocols that all of them speak, the one that most would like best. */
  vote(): string {
    const members = this.all()
    const common = members[0]!.protocols.filter(({ name }) => members.every(member => speaks(member, name)))
    const names = new Set(common.map(({ name }) => name))
    const votes = new Map<string, number>()
    for (const { protocols } of members) {
      const best = protocols.find(({ name }) => names.has(name))!.name
      votes.set(best, (votes.get(best) ?? 0) + 1)
    }
    return [...votes].reduce((best, each) => (each[1] > best[1] ? each : best))[0]
  }
}

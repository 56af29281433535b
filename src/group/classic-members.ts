import { type JoinedClassicMember, speaks } from './classic-member.ts'
import type { ClassicJoin } from './classic-protocol.ts'

/** The members of a classic group, in the order in which they joined, with an index of the static ones. */
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

  /** Returns a copy of the list, for callers that remove members while they go through it. */
  all(): readonly JoinedClassicMember[] {
    return [...this.#byId.values()]
  }

  get(memberId: string): JoinedClassicMember | undefined {
    return this.#byId.get(memberId)
  }

  /** The id of the static member with an instance id. */
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

  /** A static member comes back under another id; it is then the last one. */
  rename(member: JoinedClassicMember, memberId: string): void {
    this.delete(member)
    member.memberId = memberId
    this.add(member)
  }

  clear(): void {
    this.#byId.clear()
    this.#static.clear()
  }

  /** The longest rebalance timeout of the members. */
  get rebalanceTimeoutMs(): number {
    return Math.max(...this.all().map(member => member.rebalanceTimeoutMs))
  }

  /**
   * Whether a member that joins supports a protocol that all members support; one that joins again is among them, with
   * its earlier protocols. (Kafka: ClassicGroup.supportsProtocols)
   */
  fit({ protocolType, protocols }: ClassicJoin, spoken: string | null): boolean {
    if (protocolType === '' || protocols.length === 0) return false
    const members = this.all()
    if (members.length === 0) return true
    if (protocolType !== spoken) return false
    return protocols.some(({ name }) => members.every(member => speaks(member, name)))
  }

  /** Returns the protocol with the most votes, among those that all members support. */
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

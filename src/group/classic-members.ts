import type { ErrorCode } from '../error-codes.ts'
import type { JoinedClassicMember } from './classic-member.ts'
import type { ClassicIdentity, ClassicJoin, ClassicProtocol } from './classic-protocol.ts'

/** The members of a classic group, in the order in which they joined, with an index of the static ones. */
export class ClassicMembers {
  readonly #byId = new Map<string, JoinedClassicMember>()
  // The ids of members, by instance id.
  readonly #static = new Map<string, string>()
  // How many members support each protocol: a member that joins is not to ask all others.
  readonly #speakers = new Map<string, number>()

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

  /** The member that leaves; by its instance id where no member id is given. Else the error that the caller gets. */
  find(memberId: string, groupInstanceId: string | null): JoinedClassicMember | ErrorCode {
    const known = groupInstanceId === null ? memberId : this.#static.get(groupInstanceId)
    if (known !== undefined && memberId !== '' && memberId !== known) return 'FENCED_INSTANCE_ID'
    return this.#byId.get(known ?? '') ?? 'UNKNOWN_MEMBER_ID'
  }

  /** The error for a request that names a member, or an instance, as nobody here is. */
  check({ memberId, generation, groupInstanceId }: ClassicIdentity): ErrorCode | undefined {
    if (groupInstanceId !== null) {
      const known = this.#static.get(groupInstanceId)
      if (known === undefined) return 'UNKNOWN_MEMBER_ID'
      if (known !== memberId) return 'FENCED_INSTANCE_ID'
    }
    const member = this.#byId.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    return generation === member.generation ? undefined : 'ILLEGAL_GENERATION'
  }

  add(member: JoinedClassicMember): void {
    this.#byId.set(member.memberId, member)
    if (member.groupInstanceId !== null) this.#static.set(member.groupInstanceId, member.memberId)
    this.#count(member.protocols, 1)
  }

  delete({ memberId, groupInstanceId, protocols }: JoinedClassicMember): void {
    if (!this.#byId.delete(memberId)) return
    if (groupInstanceId !== null) this.#static.delete(groupInstanceId)
    this.#count(protocols, -1)
  }

  /** A member joins again, with other protocols maybe. */
  offer(member: JoinedClassicMember, protocols: readonly ClassicProtocol[]): void {
    this.#count(member.protocols, -1)
    member.protocols = protocols
    this.#count(protocols, 1)
  }

  // One protocol may be named twice.
  #count(protocols: readonly ClassicProtocol[], change: 1 | -1): void {
    for (const name of new Set(protocols.map(each => each.name))) {
      const speakers = (this.#speakers.get(name) ?? 0) + change
      if (speakers > 0) this.#speakers.set(name, speakers)
      else this.#speakers.delete(name)
    }
  }

  #allSpeak({ name }: ClassicProtocol): boolean {
    return this.#speakers.get(name) === this.size
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
    this.#speakers.clear()
  }

  /** The longest rebalance timeout of the members. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { rebalanceTimeoutMs } of this) longest = Math.max(longest, rebalanceTimeoutMs)
    return longest
  }

  /**
   * Whether a member that joins supports a protocol that all members support; one that joins again is among them, with
   * its earlier protocols. (Kafka: ClassicGroup.supportsProtocols)
   */
  fit({ protocolType, protocols }: ClassicJoin, spoken: string | null): boolean {
    if (protocolType === '' || protocols.length === 0) return false
    if (this.size === 0) return true
    return protocolType === spoken && protocols.some(each => this.#allSpeak(each))
  }

  /** Returns the protocol with the most votes, among those that all members support. */
  vote(): string {
    const members = this.all()
    const common = members[0]!.protocols.filter(each => this.#allSpeak(each))
    const names = new Set(common.map(({ name }) => name))
    const votes = new Map<string, number>()
    for (const { protocols } of members) {
      const best = protocols.find(({ name }) => names.has(name))!.name
      votes.set(best, (votes.get(best) ?? 0) + 1)
    }
    return [...votes].reduce((best, each) => (each[1] > best[1] ? each : best))[0]
  }
}

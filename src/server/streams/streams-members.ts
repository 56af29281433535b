import type { SaidByMember, StreamsMember } from './streams-member.ts'

/** The members of a streams group, in the order in which they came. */
export class StreamsMembers {
  readonly #byId = new Map<string, StreamsMember>()
  // The static ones. Each heartbeat of theirs asks who has their instance id.
  readonly #byInstanceId = new Map<string, StreamsMember>()

  get size(): number {
    return this.#byId.size
  }

  get all(): Iterable<StreamsMember> {
    return this.#byId.values()
  }

  get(memberId: string): StreamsMember | undefined {
    return this.#byId.get(memberId)
  }

  ofInstance(instanceId: string): StreamsMember | undefined {
    return this.#byInstanceId.get(instanceId)
  }

  /** Takes a member in, in place of one with the same id, or keeps it, with what it says of itself now. */
  enter(member: StreamsMember, said: SaidByMember): void {
    this.#forgetInstance(this.#byId.get(member.memberId))
    member.said = said
    this.#byId.set(member.memberId, member)
    if (said.instanceId !== null) this.#byInstanceId.set(said.instanceId, member)
  }

  remove(member: StreamsMember): void {
    this.#forgetInstance(member)
    this.#byId.delete(member.memberId)
  }

  #forgetInstance(member: StreamsMember | undefined): void {
    const instanceId = member?.said.instanceId ?? null
    if (instanceId !== null) this.#byInstanceId.delete(instanceId)
  }
}

import type {
  AssignmentProblem,
  ComputeAssignment,
  ProblemMember,
} from '../../src/group/assignment-problem.ts'

/** A group and its topics by name, which an assignor is run on again and again: its result is the next `current`. */
export class GroupModel {
  readonly #compute: ComputeAssignment
  readonly #topics = new Map<string, number>()
  readonly #members = new Map<string, { topics: string[]; instanceId: string | undefined }>()
  /** Owner by `topic-partition`. */
  #owners = new Map<string, string>()

  constructor(compute: ComputeAssignment, topics: Record<string, number>) {
    this.#compute = compute
    for (const [name, partitions] of Object.entries(topics)) this.#topics.set(name, partitions)
  }

  join(memberId: string, topics: string[] = [...this.#topics.keys()], instanceId?: string): this {
    this.#members.set(memberId, { topics, instanceId })
    return this
  }

  leave(memberId: string): this {
    this.#members.delete(memberId)
    return this
  }

  resize(topic: string, partitions: number): this {
    this.#topics.set(topic, partitions)
    return this
  }

  /** What the assignor is asked now. */
  problem(): AssignmentProblem {
    const names = [...this.#topics.keys()]
    const indexOf = new Map([...this.#members.keys()].map((memberId, index) => [memberId, index]))
    const shared = new Map<string, number[]>()
    const members: ProblemMember[] = []
    for (const [memberId, { topics, instanceId }] of this.#members) {
      const subscribed = topics.map(topic => names.indexOf(topic)).sort((a, b) => a - b)
      const key = subscribed.join()
      if (!shared.has(key)) shared.set(key, subscribed)
      members.push({ memberId, groupInstanceId: instanceId, subscribed: shared.get(key)! })
    }
    return {
      members,
      topics: names.map(name => ({ name, partitions: this.#topics.get(name)! })),
      current: names.map(name =>
        Int32Array.from(
          { length: this.#topics.get(name)! },
          (_, partition) => indexOf.get(this.#owners.get(`${name}-${partition}`) ?? '') ?? -1,
        ),
      ),
    }
  }

  /** Runs the assignor and returns the partitions that went from one living member to another. */
  assign(): string[] {
    const problem = this.problem()
    const target = this.#compute(problem)
    const moved: string[] = []
    this.#owners = new Map()
    for (const [index, { name }] of problem.topics.entries()) {
      for (const [partition, owner] of target[index]!.entries()) {
        const before = problem.current[index]![partition]!
        if (before !== -1 && before !== owner) moved.push(`${name}-${partition}`)
        if (owner !== -1) this.#owners.set(`${name}-${partition}`, problem.members[owner]!.memberId)
      }
    }
    return moved
  }

  /** The partitions of each member, `topic-partition`, in order. */
  get owned(): Record<string, string[]> {
    const owned: Record<string, string[]> = {}
    for (const memberId of this.#members.keys()) owned[memberId] = []
    for (const [name, memberId] of this.#owners) owned[memberId]!.push(name)
    return owned
  }

  /** How many partitions each member has. */
  get loads(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.owned).map(([memberId, { length }]) => [memberId, length]))
  }
}

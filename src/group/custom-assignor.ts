import type { Assignor, AssignorInput } from '../assignor.ts'
import { counted } from '../counted.ts'
import { type ErrorFields, InvalidAssignmentError } from '../errors.ts'
import { isError } from '../thrown.ts'
import type { TopicPartition } from '../topic-partition.ts'
import { describeValue } from '../value-text.ts'
import type { AssignmentProblem, ComputeAssignment, TargetAssignment } from './assignment-problem.ts'

/**
 * Adapts a custom assignor; an error that it throws, or a result that is invalid, becomes an `InvalidAssignmentError`.
 */
export function computeWith(assignor: Assignor): ComputeAssignment {
  return problem => {
    const input = toInput(problem)
    let result: unknown
    try {
      result = assignor.assign(input)
    } catch (cause) {
      const reason = isError(cause) ? cause.message : describeValue(cause)
      throw refuse(assignor, `threw: ${reason}`, { cause })
    }
    return new ResultReader(assignor, problem).read(result)
  }
}

function toInput({ members, topics, current }: AssignmentProblem): AssignorInput {
  const assignments = members.map((): TopicPartition[] => [])
  for (const [index, { name, partitions }] of topics.entries()) {
    const owners = current[index]!
    for (let partition = 0; partition < Math.min(partitions, owners.length); partition++) {
      const owner = owners[partition]!
      if (owner >= 0) assignments[owner]!.push({ topic: name, partition })
    }
  }
  return {
    topics: new Map(topics.map(topic => [topic.name, topic.partitions])),
    members: members.map(({ memberId, groupInstanceId, subscribed }, index) => ({
      memberId,
      ...(groupInstanceId !== undefined && { groupInstanceId }),
      topics: subscribed.map(topic => topics[topic]!.name),
      assignment: assignments[index]!,
    })),
  }
}

function refuse(assignor: Assignor, problem: string, fields: ErrorFields): InvalidAssignmentError {
  return new InvalidAssignmentError(`Assignor '${assignor.name}' ${problem}`, {
    assignor: assignor.name,
    ...fields,
  })
}

/** Turns the result of a custom assignor into a target, and refuses what no group may do. */
class ResultReader {
  readonly #assignor: Assignor
  readonly #problem: AssignmentProblem
  readonly #target: TargetAssignment
  readonly #memberIndex: ReadonlyMap<string, number>
  readonly #topicIndex: ReadonlyMap<string, number>

  constructor(assignor: Assignor, problem: AssignmentProblem) {
    this.#assignor = assignor
    this.#problem = problem
    this.#target = problem.topics.map(topic => new Int32Array(topic.partitions).fill(-1))
    this.#memberIndex = new Map(problem.members.map((member, index) => [member.memberId, index]))
    this.#topicIndex = new Map(problem.topics.map((topic, index) => [topic.name, index]))
  }

  read(result: unknown): TargetAssignment {
    if (!isMap(result)) {
      const expected = 'a Map of partitions by member id'
      const what = `returned ${describeValue(result)}, expected ${expected}`
      throw refuse(this.#assignor, what, { expected, received: result })
    }
    for (const [memberId, partitions] of result) this.#readMember(memberId, partitions)
    this.#refuseLeftOut()
    return this.#target
  }

  #readMember(memberId: unknown, partitions: unknown): void {
    const index = this.#memberIndex.get(memberId as string)
    if (index === undefined) {
      const fields = typeof memberId === 'string' ? { memberId } : {}
      throw refuse(this.#assignor, `returned the unknown member ${describeValue(memberId)}`, fields)
    }
    const member = this.#problem.members[index]!
    if (!Array.isArray(partitions)) {
      throw this.#gave(member.memberId, partitions, 'an array of partitions')
    }
    const subscribed = new Set(member.subscribed)
    for (const given of partitions as unknown[]) this.#readPartition(index, subscribed, given)
  }

  #gave(memberId: string, received: unknown, expected: string): InvalidAssignmentError {
    const what = `gave member '${memberId}' ${describeValue(received)}, expected ${expected}`
    return refuse(this.#assignor, what, { memberId, expected, received })
  }

  #readPartition(index: number, subscribed: ReadonlySet<number>, given: unknown): void {
    const { memberId } = this.#problem.members[index]!
    const { topic, partition } = (given ?? {}) as { topic?: unknown; partition?: unknown }
    if (typeof topic !== 'string' || typeof partition !== 'number') {
      throw this.#gave(memberId, given, '{ topic, partition }')
    }
    const fields = { memberId, topic, partition }
    const gave = `gave member '${memberId}' partition ${partition} of topic '${topic}'`
    const topicIndex = this.#topicIndex.get(topic)
    if (topicIndex === undefined)
      throw refuse(this.#assignor, `${gave}, to which no member subscribes`, fields)
    const owners = this.#target[topicIndex]!
    if (!Number.isInteger(partition) || partition < 0 || partition >= owners.length) {
      throw refuse(this.#assignor, `${gave}, which has ${counted(owners.length, 'partition')}`, fields)
    }
    if (!subscribed.has(topicIndex)) {
      throw refuse(this.#assignor, `${gave}, which that member does not subscribe to`, fields)
    }
    const owner = owners[partition]!
    if (owner !== -1) {
      const other = this.#problem.members[owner]!.memberId
      const twice = owner === index ? `${gave} twice` : `${gave}, which it gave to member '${other}' too`
      throw refuse(this.#assignor, twice, fields)
    }
    owners[partition] = index
  }

  #refuseLeftOut(): void {
    const subscriptions = new Set(this.#problem.members.map(member => member.subscribed))
    const wanted = new Set([...subscriptions].flat())
    const leftOut: TopicPartition[] = []
    for (const index of wanted) {
      const { name: topic } = this.#problem.topics[index]!
      for (const [partition, owner] of this.#target[index]!.entries()) {
        if (owner === -1) leftOut.push({ topic, partition })
      }
    }
    const first = leftOut[0]
    if (first === undefined) return
    const others = leftOut.length === 1 ? '' : ` and ${leftOut.length - 1} more`
    const what = `partition ${first.partition} of topic '${first.topic}'${others}`
    throw refuse(this.#assignor, `left out ${what}, to which a member subscribes`, { ...first })
  }
}

/** Whether the value is a Map, of this realm or another. */
function isMap(value: unknown): value is Map<unknown, unknown> {
  return Object.prototype.toString.call(value) === '[object Map]'
}

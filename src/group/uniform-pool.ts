import type { AssignmentProblem } from './assignment-problem.ts'

/** Topics with the same subscribers, so that their partitions are interchangeable. */
export interface Pool {
  /** Indices of topics, ascending. */
  readonly topics: readonly number[]
  /** Indices of members, ascending. */
  readonly members: readonly number[]
}

/** Groups the topics that have subscribers; with equal subscriptions there is one pool at most. */
export function poolsOf(problem: AssignmentProblem): Pool[] {
  const { members } = problem
  const first = members[0]?.subscribed ?? []
  if (members.every(member => member.subscribed === first)) {
    return first.length === 0 ? [] : [{ topics: first, members: members.map((_, index) => index) }]
  }
  return splitBySubscription(problem)
}

/** Starts with one pool of all topics, and splits it by one subscription after the other: linear in their lengths. */
function splitBySubscription({ members, topics }: AssignmentProblem): Pool[] {
  const subscriptions = new Set(members.map(member => member.subscribed))
  const poolOf = new Int32Array(topics.length)
  let used = 1
  for (const subscription of subscriptions) {
    const splitOff = new Map<number, number>()
    for (const topic of subscription) {
      const from = poolOf[topic]!
      let to = splitOff.get(from)
      if (to === undefined) {
        to = used++
        splitOff.set(from, to)
      }
      poolOf[topic] = to
    }
  }
  const pools = new Map<number, { topics: number[]; members: number[] }>()
  // Pool 0 holds the topics without subscribers.
  for (const [topic, pool] of poolOf.entries()) {
    if (pool === 0) continue
    const known = pools.get(pool)
    if (known === undefined) pools.set(pool, { topics: [topic], members: [] })
    else known.topics.push(topic)
  }
  const subscribedPools = new Map<readonly number[], ReadonlySet<number>>()
  for (const subscription of subscriptions) {
    subscribedPools.set(subscription, new Set(subscription.map(topic => poolOf[topic]!)))
  }
  for (const [index, member] of members.entries()) {
    for (const pool of subscribedPools.get(member.subscribed)!) pools.get(pool)!.members.push(index)
  }
  return [...pools.values()]
}

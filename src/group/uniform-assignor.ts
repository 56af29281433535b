import type { AssignmentProblem, TargetAssignment } from './assignment-problem.ts'
import { fillLoosePartitions, levelLoads } from './uniform-balance.ts'
import { makeNetwork } from './uniform-network.ts'
import { type Pool, poolsOf } from './uniform-pool.ts'
import { recallMoves } from './uniform-recall.ts'

/**
 * Gives the members as equal numbers of partitions as their subscriptions allow and, among all ways to do so, moves the
 * fewest: a partition keeps its owner unless balance forces it away (KIP-848's `uniform`). Free partitions go to
 * members with room in turn. A member that gives up partitions gives them up evenly over its topics.
 */
export function uniform(problem: AssignmentProblem): TargetAssignment {
  const pools = poolsOf(problem)
  const target = problem.topics.map(topic => new Int32Array(topic.partitions).fill(-1))
  const slotOf = new Int32Array(problem.members.length)
  const held = pools.map(pool => countHeld(problem, pool, slotOf))
  const shares = planShares(problem, pools, held)
  for (const [index, pool] of pools.entries()) {
    deal(problem, target, pool, slotOf, held[index]!, shares[index]!)
  }
  return target
}

/** Returns per pool and member how many of the pool's partitions the member shall own. */
function planShares(
  problem: AssignmentProblem,
  pools: readonly Pool[],
  held: readonly Int32Array[],
): Int32Array[] {
  const sizes = pools.map(pool =>
    pool.topics.reduce((sum, topic) => sum + problem.topics[topic]!.partitions, 0),
  )
  if (pools.length === 1) return [evenShares(held[0]!, sizes[0]!)]
  const network = makeNetwork(problem.members.length, pools, held)
  fillLoosePartitions(network, sizes)
  levelLoads(network)
  recallMoves(network)
  return pools.map((_, pool) =>
    network.share.subarray(network.poolStart[pool]!, network.poolStart[pool + 1]!),
  )
}

/** Fills `slotOf` with the index of each member in the pool, -1 for members outside. */
function placeMembers(pool: Pool, slotOf: Int32Array): void {
  slotOf.fill(-1)
  for (let slot = 0; slot < pool.members.length; slot++) slotOf[pool.members[slot]!] = slot
}

/** Returns how many partitions of the pool each of its members has now. */
function countHeld({ topics, current }: AssignmentProblem, pool: Pool, slotOf: Int32Array): Int32Array {
  placeMembers(pool, slotOf)
  const held = new Int32Array(pool.members.length)
  for (const topic of pool.topics) {
    const owners = current[topic]!
    const known = Math.min(owners.length, topics[topic]!.partitions)
    for (let partition = 0; partition < known; partition++) {
      const owner = owners[partition]!
      const slot = owner < 0 ? -1 : slotOf[owner]!
      if (slot >= 0) held[slot]!++
    }
  }
  return held
}

/** Returns equal shares; where they do not divide evenly, the members that hold most now get one more. */
function evenShares(held: Int32Array, partitions: number): Int32Array {
  const quota = Math.floor(partitions / held.length)
  const shares = new Int32Array(held.length).fill(quota)
  let extras = partitions % held.length
  for (let slot = 0; slot < held.length && extras > 0; slot++) {
    if (held[slot]! <= quota) continue
    shares[slot]!++
    extras--
  }
  for (let slot = 0; slot < held.length && extras > 0; slot++) {
    if (shares[slot]! > quota) continue
    shares[slot]!++
    extras--
  }
  return shares
}

/** Writes the pool's part of the target: each member keeps what its share allows, and the rest is dealt out in turn. */
function deal(
  { topics, current }: AssignmentProblem,
  target: TargetAssignment,
  pool: Pool,
  slotOf: Int32Array,
  held: Int32Array,
  shares: Int32Array,
): void {
  placeMembers(pool, slotOf)
  const takers = new Takers(pool, held, shares)
  const steps = firstSteps(held, shares)
  for (const topic of pool.topics) {
    const owners = current[topic]!
    const next = target[topic]!
    const known = Math.min(owners.length, topics[topic]!.partitions)
    for (let partition = 0; partition < known; partition++) {
      const owner = owners[partition]!
      const slot = owner < 0 ? -1 : slotOf[owner]!
      if (slot < 0) continue
      if (held[slot]! > shares[slot]!) {
        steps[slot]! += shares[slot]!
        if (steps[slot]! < held[slot]!) continue
        steps[slot]! -= held[slot]!
      }
      next[partition] = owner
    }
  }
  for (const topic of pool.topics) {
    const next = target[topic]!
    for (let partition = 0; partition < next.length; partition++) {
      if (next[partition] === -1) next[partition] = takers.next()
    }
  }
}

/**
 * Returns where the counter of each giving member starts. To keep k of n partitions, a member adds k for each one, and
 * keeps those at which the sum reaches n, so that the n - k others are spread evenly. Members start at different
 * counts, so that they do not all give up partitions of the same topic.
 */
function firstSteps(held: Int32Array, shares: Int32Array): Int32Array {
  let givers = 0
  for (let slot = 0; slot < held.length; slot++) if (held[slot]! > shares[slot]!) givers++
  const steps = new Int32Array(held.length)
  let giver = 0
  for (let slot = 0; slot < held.length; slot++) {
    if (held[slot]! > shares[slot]!) steps[slot] = Math.ceil((++giver * held[slot]!) / givers) - 1
  }
  return steps
}

/** The members with room for more, which take one partition each in turn until they are full. */
class Takers {
  readonly #members: Int32Array
  readonly #room: Int32Array
  #count = 0
  #read = 0
  #written = 0

  constructor(pool: Pool, held: Int32Array, shares: Int32Array) {
    this.#members = new Int32Array(shares.length)
    this.#room = new Int32Array(shares.length)
    for (let slot = 0; slot < shares.length; slot++) {
      const room = shares[slot]! - Math.min(held[slot]!, shares[slot]!)
      if (room === 0) continue
      this.#members[this.#count] = pool.members[slot]!
      this.#room[this.#count] = room
      this.#count++
    }
  }

  next(): number {
    const member = this.#members[this.#read]!
    const room = this.#room[this.#read]! - 1
    this.#read++
    if (room > 0) {
      this.#members[this.#written] = member
      this.#room[this.#written] = room
      this.#written++
    }
    if (this.#read === this.#count) {
      this.#count = this.#written
      this.#read = 0
      this.#written = 0
    }
    return member
  }
}

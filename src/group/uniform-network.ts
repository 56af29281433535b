import type { Pool } from './uniform-pool.ts'

/**
 * The possible assignments as a flow network: an arc is one member's place in one pool, and arcs are ordered by pool.
 * `held` is the number of the pool's partitions that a member has now, `share` the number that it shall have, `load`
 * the number that it shall have of all pools.
 */
export interface Network {
  /** The arcs of pool p are `poolStart[p]` to `poolStart[p + 1]`. */
  readonly poolStart: Int32Array
  readonly arcPool: Int32Array
  readonly arcMember: Int32Array
  /** The arcs of member m are `memberArcs[memberStart[m]]` to `memberArcs[memberStart[m + 1]]`. */
  readonly memberStart: Int32Array
  readonly memberArcs: Int32Array
  readonly held: Int32Array
  readonly share: Int32Array
  readonly load: Int32Array
}

/** Makes a network in which every member shall have what it has now. */
export function makeNetwork(
  memberCount: number,
  pools: readonly Pool[],
  held: readonly Int32Array[],
): Network {
  const poolStart = new Int32Array(pools.length + 1)
  for (const [index, pool] of pools.entries()) poolStart[index + 1] = poolStart[index]! + pool.members.length
  const arcCount = poolStart[pools.length]!
  const network: Network = {
    poolStart,
    arcPool: new Int32Array(arcCount),
    arcMember: new Int32Array(arcCount),
    memberStart: new Int32Array(memberCount + 1),
    memberArcs: new Int32Array(arcCount),
    held: new Int32Array(arcCount),
    share: new Int32Array(arcCount),
    load: new Int32Array(memberCount),
  }
  for (const [index, pool] of pools.entries()) {
    const start = poolStart[index]!
    network.arcPool.fill(index, start, poolStart[index + 1]!)
    network.arcMember.set(pool.members, start)
    network.held.set(held[index]!, start)
    network.share.set(held[index]!, start)
  }
  const { arcMember, memberStart, memberArcs, load } = network
  for (const member of arcMember) memberStart[member + 1]!++
  for (let member = 0; member < memberCount; member++) memberStart[member + 1]! += memberStart[member]!
  const filled = memberStart.slice()
  for (let arc = 0; arc < arcCount; arc++) {
    const member = arcMember[arc]!
    memberArcs[filled[member]!++] = arc
    load[member]! += network.held[arc]!
  }
  return network
}

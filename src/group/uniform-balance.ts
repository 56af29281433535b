import type { Network } from './uniform-network.ts'

/**
 * Gives the partitions without an owner to the members with the lowest loads; pools with the
 * fewest subscribers come first.
 */
export function fillLoosePartitions(network: Network, sizes: readonly number[]): void {
  const { poolStart, arcMember, share, load } = network
  const width = (pool: number): number => poolStart[pool + 1]! - poolStart[pool]!
  const order = Array.from(sizes.keys()).sort((a, b) => width(a) - width(b) || a - b)
  for (const pool of order) {
    const arcs = Array.from({ length: width(pool) }, (_, slot) => poolStart[pool]! + slot)
    const loose = arcs.reduce((left, arc) => left - share[arc]!, sizes[pool]!)
    if (loose === 0) continue
    const loadOf = (arc: number): number => load[arcMember[arc]!]!
    arcs.sort((a, b) => loadOf(a) - loadOf(b) || a - b)
    const { level, extras, count } = waterLevel(arcs.map(loadOf), loose)
    for (let index = 0; index < count; index++) {
      const arc = arcs[index]!
      const gain = level - loadOf(arc) + (index < extras ? 1 : 0)
      share[arc]! += gain
      load[arcMember[arc]!]! += gain
    }
  }
}

/**
 * The result of pouring `amount` over the ascending `loads`: the first `count` reach
 * `level`, and `extras` of them 1 more.
 */
function waterLevel(
  loads: readonly number[],
  amount: number,
): { level: number; extras: number; count: number } {
  let total = amount
  let count = 0
  while (count < loads.length && loads[count]! * count < total) total += loads[count++]!
  return { level: Math.floor(total / count), extras: total % count, count }
}

/**
 * Moves shares along chains (A gives to C, C to B) until no chain can make two loads more equal. The member with the
 * highest load goes first. When no chain leads from it to a member with at least 2 less, it and all members that it can
 * reach are settled: no member with a lower load will ever give to them.
 */
export function levelLoads(network: Network): void {
  const { load, memberStart } = network
  const chains = new ChainSearch(network)
  const unsettled = new Set<number>()
  let unsettledLoad = 0
  for (let member = 0; member < load.length; member++) {
    if (memberStart[member] === memberStart[member + 1]) continue
    unsettled.add(member)
    unsettledLoad += load[member]!
  }
  while (unsettled.size > 1) {
    let from = -1
    for (const member of unsettled) if (from === -1 || load[member]! > load[from]!) from = member
    const to = chains.find(from)
    if (to === -1) {
      for (const member of chains.settleReached()) {
        unsettled.delete(member)
        unsettledLoad -= load[member]!
      }
    } else {
      const average = unsettledLoad / unsettled.size
      // Moves many at once, as long as neither member passes the average, so that nothing has to be moved back later.
      const surplus = Math.min(load[from]! - Math.ceil(average), Math.floor(average) - load[to]!)
      chains.push(from, to, Math.max(surplus, 1))
    }
  }
}

/** Breadth-first search for the shortest chain of members along which a share can be passed on. */
class ChainSearch {
  readonly #network: Network
  readonly #queue: Int32Array
  #reached = 0
  #round = 0
  /** By member and by pool: the number of the last search that visited it. */
  readonly #memberSeen: Int32Array
  readonly #poolSeen: Int32Array
  readonly #settled: Uint8Array
  /** By pool: the arc of the member that gives. */
  readonly #giving: Int32Array
  /** By member: the arc on which it takes. */
  readonly #taking: Int32Array

  constructor(network: Network) {
    const memberCount = network.load.length
    const poolCount = network.poolStart.length - 1
    this.#network = network
    this.#queue = new Int32Array(memberCount)
    this.#memberSeen = new Int32Array(memberCount)
    this.#settled = new Uint8Array(memberCount)
    this.#taking = new Int32Array(memberCount)
    this.#poolSeen = new Int32Array(poolCount)
    this.#giving = new Int32Array(poolCount)
  }

  /** Returns the nearest member with at least 2 less than `from`, of several the one with the lowest load; or -1. */
  find(from: number): number {
    const queue = this.#queue
    this.#round++
    this.#memberSeen[from] = this.#round
    queue[0] = from
    this.#reached = 1
    const limit = this.#network.load[from]! - 2
    let best = -1
    for (let next = 0; next < this.#reached && best === -1; ) {
      for (const end = this.#reached; next < end; next++) best = this.#expand(queue[next]!, limit, best)
    }
    return best
  }

  #expand(giver: number, limit: number, found: number): number {
    const { memberStart, memberArcs, arcPool, arcMember, poolStart, share, load } = this.#network
    const round = this.#round
    let best = found
    for (let index = memberStart[giver]!; index < memberStart[giver + 1]!; index++) {
      const arc = memberArcs[index]!
      const pool = arcPool[arc]!
      if (share[arc] === 0 || this.#poolSeen[pool] === round) continue
      this.#poolSeen[pool] = round
      this.#giving[pool] = arc
      for (let taking = poolStart[pool]!; taking < poolStart[pool + 1]!; taking++) {
        const member = arcMember[taking]!
        if (this.#memberSeen[member] === round || this.#settled[member] === 1) continue
        this.#memberSeen[member] = round
        this.#taking[member] = taking
        this.#queue[this.#reached++] = member
        if (load[member]! <= limit && (best === -1 || load[member]! < load[best]!)) best = member
      }
    }
    return best
  }

  /** Excludes all members that the last search reached from later searches; returns them. */
  settleReached(): Int32Array {
    const reached = this.#queue.subarray(0, this.#reached)
    for (const member of reached) this.#settled[member] = 1
    return reached
  }

  /** Passes `amount`, or as much as the chain allows, from the start of the last search to a member that it found. */
  push(from: number, to: number, amount: number): void {
    const { arcPool, arcMember, share, load } = this.#network
    let possible = amount
    for (let member = to; member !== from; ) {
      const giving = this.#giving[arcPool[this.#taking[member]!]!]!
      possible = Math.min(possible, share[giving]!)
      member = arcMember[giving]!
    }
    for (let member = to; member !== from; ) {
      const taking = this.#taking[member]!
      const giving = this.#giving[arcPool[taking]!]!
      share[taking]! += possible
      share[giving]! -= possible
      member = arcMember[giving]!
    }
    load[from]! -= possible
    load[to]! += possible
  }
}

import type { Network } from './uniform-network.ts'

/** How many arcs one call examines before it leaves the remaining moves as they are; some 50 ms. */
const ARC_BUDGET = 20_000_000

/**
 * Undoes the moves that balance does not need. A cycle of members that each pass one partition on leaves all loads as
 * they are (or swaps two that differ by 1). If more of these members regain a partition that they held than lose one,
 * there are fewer moves. Such cycles are the negative cycles of the network (Klein's algorithm; found by Bellman and
 * Ford's). When none is left, the number of moves is the least possible.
 */
export function recallMoves(network: Network): void {
  const { held, share } = network
  if (!share.some((amount, arc) => amount < held[arc]!)) return
  const search = new CycleSearch(network)
  for (let budget = ARC_BUDGET; budget > 0; ) {
    budget -= search.run()
    if (!search.cancelCycles()) return
  }
}

/**
 * The nodes are members, then pools, then the one `exchange` node, through which a member with one partition more and a
 * member with one less can swap their loads. A load costs far more than a move.
 */
class CycleSearch {
  readonly #network: Network
  readonly #memberCount: number
  readonly #exchange: number
  readonly #loadWeight: number
  readonly #distance: Float64Array
  /** By node: the previous node on its cheapest path, -1 = none. */
  readonly #before: Int32Array
  /** By node: the last arc of that path, -1 = the exchange. */
  readonly #via: Int32Array
  readonly #mark: Int32Array

  constructor(network: Network) {
    this.#network = network
    this.#memberCount = network.load.length
    this.#exchange = network.load.length + network.poolStart.length - 1
    const nodes = this.#exchange + 1
    this.#loadWeight = 2 * nodes
    this.#distance = new Float64Array(nodes)
    this.#before = new Int32Array(nodes)
    this.#via = new Int32Array(nodes)
    this.#mark = new Int32Array(nodes)
  }

  /** Searches until there is a cycle or nothing gets cheaper; returns the number of arcs examined. */
  run(): number {
    this.#distance.fill(0)
    this.#before.fill(-1)
    let arcs = 0
    do {
      arcs += 2 * (this.#network.share.length + this.#memberCount)
    } while (this.#relaxAll() && this.#cycleStarts().length === 0)
    return arcs
  }

  /** Passes one partition on along every cycle that the last search found; returns whether there was one. */
  cancelCycles(): boolean {
    const { share, load } = this.#network
    const starts = this.#cycleStarts()
    for (const start of starts) {
      let node = start
      do {
        const before = this.#before[node]!
        if (node === this.#exchange) load[before]!++
        else if (before === this.#exchange) load[node]!--
        else if (before < this.#memberCount) share[this.#via[node]!]!--
        else share[this.#via[node]!]!++
        node = before
      } while (node !== start)
    }
    return starts.length > 0
  }

  #relaxAll(): boolean {
    const { poolStart, arcMember, held, share } = this.#network
    let changed = false
    for (let pool = 0; pool < poolStart.length - 1; pool++) {
      const node = this.#memberCount + pool
      const end = poolStart[pool + 1]!
      for (let arc = poolStart[pool]!; arc < end; arc++) {
        // Giving away a new partition is free, giving away a held one is a move.
        if (share[arc]! === 0) continue
        if (this.#relax(arcMember[arc]!, node, arc, share[arc]! > held[arc]! ? 0 : 1)) changed = true
      }
      for (let arc = poolStart[pool]!; arc < end; arc++) {
        if (this.#relax(node, arcMember[arc]!, arc, share[arc]! < held[arc]! ? -1 : 0)) changed = true
      }
    }
    // The exchange gets cheaper only where a member did, which is known by now.
    this.#relaxExchange()
    return changed
  }

  #relaxExchange(): void {
    const { load, memberStart } = this.#network
    for (let member = 0; member < this.#memberCount; member++) {
      if (memberStart[member] === memberStart[member + 1]) continue
      this.#relax(member, this.#exchange, -1, this.#loadWeight * (load[member]! + 1))
    }
    for (let member = 0; member < this.#memberCount; member++) {
      if (load[member] === 0) continue
      this.#relax(this.#exchange, member, -1, -this.#loadWeight * load[member]!)
    }
  }

  #relax(from: number, to: number, via: number, cost: number): boolean {
    const distance = this.#distance[from]! + cost
    if (distance >= this.#distance[to]!) return false
    this.#distance[to] = distance
    this.#before[to] = from
    this.#via[to] = via
    return true
  }

  /** Returns one node of every cycle among the paths found; each such cycle is negative, and no two share a node. */
  #cycleStarts(): number[] {
    const starts: number[] = []
    this.#mark.fill(-1)
    for (let root = 0; root <= this.#exchange; root++) {
      let node = root
      while (node !== -1 && this.#mark[node] === -1) {
        this.#mark[node] = root
        node = this.#before[node]!
      }
      if (node !== -1 && this.#mark[node] === root) starts.push(node)
    }
    return starts
  }
}

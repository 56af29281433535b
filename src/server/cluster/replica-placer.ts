import type { ClusterNode } from './cluster-node.ts'

/**
 * Chooses brokers for a new partition. Racks take turns, and so do the brokers of each, beginning at the partition's own
 * `turn`: each rack has a replica before one has two. Brokers that are stopped come last. (Kafka: StripedReplicaPlacer)
 */
export function placeReplicas(
  nodes: readonly ClusterNode[],
  turn: number,
  factor: number,
): readonly ClusterNode[] {
  const names = [...new Set(nodes.map(({ rack }) => rack))]
  const racks = names.map(name => nodes.filter(({ rack }) => rack === name))
  const inTurn: ClusterNode[] = []
  for (let round = 0; inTurn.length < nodes.length; round++) {
    for (let i = 0; i < racks.length; i++) {
      const rack = racks[(turn + i) % racks.length]!
      if (round < rack.length) inTurn.push(rack[(Math.floor(turn / racks.length) + round) % rack.length]!)
    }
  }
  return [...inTurn.filter(node => node.running), ...inTurn.filter(node => !node.running)].slice(0, factor)
}

import type { ClusterNode } from './cluster-node.ts'

/**
 * Chooses brokers for a new partition: one after the other, from its own place on, so that partitions take turns. Those
 * that are stopped come last. (Kafka: StripedReplicaPlacer)
 */
export function placeReplicas(
  nodes: readonly ClusterNode[],
  from: number,
  factor: number,
): readonly ClusterNode[] {
  const inTurn = nodes.map((_, i) => nodes[(from + i) % nodes.length]!)
  const running = inTurn.filter(node => node.running)
  return [...running, ...inTurn.filter(node => !node.running)].slice(0, factor)
}

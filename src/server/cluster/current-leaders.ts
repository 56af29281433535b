import { type ClusterNode, noLeaderId } from './cluster-node.ts'
import type { Leadership } from './partition-registration.ts'

/** The leaders that are told to a client which has asked other brokers, and where each of them is. (KIP-951) */
export class CurrentLeaders {
  readonly #nodes = new Set<ClusterNode>()

  /** The leader of one more partition, as its answer names it. */
  add({ leader, epoch }: Leadership): { readonly leaderId: number; readonly leaderEpoch: number } {
    if (leader !== undefined) this.#nodes.add(leader)
    return { leaderId: leader?.nodeId ?? noLeaderId, leaderEpoch: epoch }
  }

  get nodeEndpoints(): Pick<ClusterNode, 'nodeId' | 'host' | 'port' | 'rack'>[] {
    return Array.from(this.#nodes, ({ nodeId, host, port, rack }) => ({ nodeId, host, port, rack }))
  }
}

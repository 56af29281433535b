import { type ClusterNode, noLeaderId } from '../cluster/cluster-node.ts'
import type { Leadership } from '../cluster/partition-registration.ts'

const noLeader = { leaderId: noLeaderId, leaderEpoch: -1 }

/** Collects what is told of partitions under their topics, and the leaders of partitions led elsewhere (KIP-951). */
export class ShareAnswer<Told extends object> {
  readonly #topics = new Map<string, Map<number, Told>>()
  readonly #leaders = new Set<ClusterNode>()
  readonly #nothing: Partial<Told>

  /** `nothing`: the fields of a partition of which nothing else is told. */
  constructor(nothing: Partial<Told>) {
    this.#nothing = nothing
  }

  /** Adds fields to those that are told of a partition. */
  tell(topicId: string, partition: number, told: Partial<Told>, leadership?: Leadership): void {
    const partitions = this.#topics.get(topicId) ?? new Map<number, Told>()
    this.#topics.set(topicId, partitions)
    const before = partitions.get(partition) ?? {
      ...this.#nothing,
      partitionIndex: partition,
      currentLeader: noLeader,
    }
    const leader = leadership && {
      leaderId: leadership.leader?.nodeId ?? noLeaderId,
      leaderEpoch: leadership.epoch,
    }
    partitions.set(partition, { ...before, ...told, ...(leader && { currentLeader: leader }) } as Told)
    if (leadership?.leader !== undefined) this.#leaders.add(leadership.leader)
  }

  get responses(): { readonly topicId: string; readonly partitions: Told[] }[] {
    return [...this.#topics].map(([topicId, partitions]) => ({
      topicId,
      partitions: [...partitions.values()],
    }))
  }

  get nodeEndpoints(): { readonly nodeId: number; readonly host: string; readonly port: number }[] {
    return [...this.#leaders].map(({ nodeId, host, port }) => ({ nodeId, host, port }))
  }
}

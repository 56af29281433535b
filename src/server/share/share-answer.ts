import { noLeaderId } from '../cluster/cluster-node.ts'
import { CurrentLeaders } from '../cluster/current-leaders.ts'
import type { Leadership } from '../cluster/partition-registration.ts'
import { entryOf } from '../entry-of.ts'

const noLeader = { leaderId: noLeaderId, leaderEpoch: -1 }

/** Collects what is told of partitions under their topics, and the leaders of partitions led elsewhere (KIP-951). */
export class ShareAnswer<Told extends object> {
  readonly #topics = new Map<string, Map<number, Told>>()
  readonly #leaders = new CurrentLeaders()
  readonly #nothing: Partial<Told>

  /** `nothing`: the fields of a partition of which nothing else is told. */
  constructor(nothing: Partial<Told>) {
    this.#nothing = nothing
  }

  /** Adds fields to those that are told of a partition. */
  tell(topicId: string, partition: number, told: Partial<Told>, leadership?: Leadership): void {
    const partitions = entryOf(this.#topics, topicId, () => new Map<number, Told>())
    const before = partitions.get(partition) ?? {
      ...this.#nothing,
      partitionIndex: partition,
      currentLeader: noLeader,
    }
    const leader = leadership && { currentLeader: this.#leaders.add(leadership) }
    partitions.set(partition, { ...before, ...told, ...leader } as Told)
  }

  get responses(): { readonly topicId: string; readonly partitions: Told[] }[] {
    return [...this.#topics].map(([topicId, partitions]) => ({
      topicId,
      partitions: [...partitions.values()],
    }))
  }

  get nodeEndpoints(): CurrentLeaders['nodeEndpoints'] {
    return this.#leaders.nodeEndpoints
  }
}

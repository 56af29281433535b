import type { AssignedPartition } from '../engine.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { Cluster } from './cluster.ts'
import { groupBy } from './group-by.ts'
import type { IdPartitions } from './library-messages.ts'

/** A partition of one certain topic, not of a later one of the same name. */
export interface IdPartition extends TopicPartition {
  readonly topicId: string
}

/** A partition that a member owns. */
export interface OwnedPartition extends IdPartition, AssignedPartition {
  /** To be given up: the member owns it until its handlers have ended. */
  revoking: boolean
}

/** The partitions that a member of a cluster's group owns, and those that it is assigned (KIP-848). */
export class OwnedPartitions {
  readonly #cluster: Cluster
  readonly #owned = new Map<string, OwnedPartition>()
  #target: readonly IdPartition[] = []

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  get target(): readonly IdPartition[] {
    return this.#target
  }

  /** Whether some partitions are still to be given up. */
  get revoking(): boolean {
    for (const { revoking } of this.#owned.values()) if (revoking) return true
    return false
  }

  /** Notes the target assignment; `takeOn` adds the partitions that are missing. */
  aimAt(target: readonly IdPartition[]): void {
    this.#target = target
  }

  /** Adds the target partitions that the member does not own yet, under this epoch; returns them. */
  takeOn(assignmentEpoch: number): OwnedPartition[] {
    const assigned: OwnedPartition[] = []
    for (const tp of this.#target) {
      const id = formatTopicPartition(tp)
      if (this.#owned.has(id)) continue
      const owned = { ...tp, assignmentEpoch, revoking: false }
      this.#owned.set(id, owned)
      assigned.push(owned)
    }
    return assigned
  }

  /** The owned partitions that are no longer in the target, compared by topic id: a recreated topic is another one. */
  get leaving(): OwnedPartition[] {
    const target = new Map(this.#target.map(tp => [formatTopicPartition(tp), tp.topicId]))
    return [...this.#owned.values()].filter(tp => target.get(formatTopicPartition(tp)) !== tp.topicId)
  }

  /**
   * Drops leaving partitions whose topic is gone, and marks the others for revocation;
   * returns those that are new in each.
   */
  giveUp(): { readonly lost: OwnedPartition[]; readonly revoked: OwnedPartition[] } {
    const { leaving } = this
    const lost = leaving.filter(tp => this.#cluster.knownTopic(tp.topic)?.id !== tp.topicId)
    this.release(lost)
    const revoked = leaving.filter(tp => !tp.revoking && !lost.includes(tp))
    for (const tp of revoked) tp.revoking = true
    return { lost, revoked }
  }

  /** Drops partitions, each only under the assignment given: it may have been assigned again meanwhile. */
  release(partitions: readonly AssignedPartition[]): void {
    for (const tp of partitions) {
      const id = formatTopicPartition(tp)
      if (this.#owned.get(id)?.assignmentEpoch === tp.assignmentEpoch) this.#owned.delete(id)
    }
  }

  /**
   * Whether the member owns the partition under this very assignment, and of the topic as it is now: offsets of a
   * deleted topic mean nothing for a later one of the same name.
   */
  holds(tp: TopicPartition, assignmentEpoch: number): boolean {
    const owned = this.#owned.get(formatTopicPartition(tp))
    if (owned?.assignmentEpoch !== assignmentEpoch) return false
    const known = this.#cluster.knownTopic(tp.topic)
    return known === undefined || known.id === owned.topicId
  }

  /** Returns the owned partitions as a heartbeat lists them. */
  byTopicId(): IdPartitions[] {
    const byId = groupBy(this.#owned.values(), ({ topicId }) => topicId)
    return Array.from(byId, ([topicId, owned]) => ({
      topicId,
      partitions: owned.map(({ partition }) => partition),
    }))
  }
}

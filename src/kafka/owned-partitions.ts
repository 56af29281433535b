import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { IdPartitions } from './client-library.ts'
import type { Cluster } from './cluster.ts'
import { groupBy } from './group-by.ts'

/** A partition of a topic, and not of one that was made anew under its name. */
export interface IdPartition extends TopicPartition {
  readonly topicId: string
}

/** A partition that a member has. */
export interface OwnedPartition extends IdPartition {
  readonly assignmentEpoch: number
  /** To be given up: it counts as owned until its handlers have ended. */
  revoking: boolean
}

/** What a member of a cluster's group has, and what it is to have (KIP-848). */
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

  /** Whether some of them are still to be given up. */
  get revoking(): boolean {
    for (const { revoking } of this.#owned.values()) if (revoking) return true
    return false
  }

  /** What its group means it to have; what it has not got of that is taken on by `takeOn`. */
  aimAt(target: readonly IdPartition[]): void {
    this.#target = target
  }

  /** Takes on what it is to have and has not, under this epoch; gives what that was. */
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

  /** What it has and is to have no more, by id: a topic that was deleted and made anew is another one. */
  get leaving(): OwnedPartition[] {
    const target = new Map(this.#target.map(tp => [formatTopicPartition(tp), tp.topicId]))
    return [...this.#owned.values()].filter(tp => target.get(formatTopicPartition(tp)) !== tp.topicId)
  }

  /** Drops what is leaving and whose topic is gone, and marks the others as to be given up; gives what was new of both. */
  giveUp(): { readonly lost: OwnedPartition[]; readonly revoked: OwnedPartition[] } {
    const { leaving } = this
    const lost = leaving.filter(tp => this.#cluster.knownTopic(tp.topic)?.id !== tp.topicId)
    this.delete(lost)
    const revoked = leaving.filter(tp => !tp.revoking && !lost.includes(tp))
    for (const tp of revoked) tp.revoking = true
    return { lost, revoked }
  }

  delete(partitions: readonly TopicPartition[]): void {
    for (const tp of partitions) this.#owned.delete(formatTopicPartition(tp))
  }

  /** Whether it has this one under that very assignment; what was read of a topic that is gone is nothing of the next one of its name. */
  holds(tp: TopicPartition, assignmentEpoch: number): boolean {
    const owned = this.#owned.get(formatTopicPartition(tp))
    if (owned?.assignmentEpoch !== assignmentEpoch) return false
    const known = this.#cluster.knownTopic(tp.topic)
    return known === undefined || known.id === owned.topicId
  }

  /** As a heartbeat lists them. */
  byTopicId(): IdPartitions[] {
    const byId = groupBy(this.#owned.values(), ({ topicId }) => topicId)
    return Array.from(byId, ([topicId, owned]) => ({
      topicId,
      partitions: owned.map(({ partition }) => partition),
    }))
  }
}

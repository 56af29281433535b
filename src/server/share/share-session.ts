/** Partitions of topics, as requests of share consumers name them. */
export interface NamedPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

/** A partition that a member reads at a broker. */
export interface SessionPartition {
  readonly topicId: string
  readonly partition: number
  /** Whether the next answer has an entry for it, even if there is nothing to tell. */
  due: boolean
}

/** What a member reads at one broker, remembered so that its requests name only what changes. (Kafka: ShareSession) */
export class ShareSession {
  /** The number of the next request. */
  epoch = 1
  readonly #partitions = new Map<string, SessionPartition>()

  /** The partitions, beginning with another one for each request, so that each comes first at times. */
  get partitions(): readonly SessionPartition[] {
    const all = [...this.#partitions.values()]
    const from = all.length === 0 ? 0 : this.epoch % all.length
    return [...all.slice(from), ...all.slice(0, from)]
  }

  advance(): void {
    this.epoch = this.epoch === 0x7fffffff ? 1 : this.epoch + 1
  }

  /** The partitions that the session would have after a request adds and forgets some. */
  after(added: readonly NamedPartitions[], forgotten: readonly NamedPartitions[]): NamedPartitions[] {
    const next = new ShareSession()
    next.update(toNamed(this.#partitions.values()), [])
    next.update(added, forgotten)
    return toNamed(next.#partitions.values())
  }

  /** Adds and forgets the partitions that a request names. */
  update(added: readonly NamedPartitions[], forgotten: readonly NamedPartitions[]): void {
    for (const { topicId, partitions } of added) {
      for (const partition of partitions) {
        const key = keyOf(topicId, partition)
        if (!this.#partitions.has(key)) this.#partitions.set(key, { topicId, partition, due: true })
      }
    }
    for (const { topicId, partitions } of forgotten) {
      for (const partition of partitions) this.#partitions.delete(keyOf(topicId, partition))
    }
  }
}

function toNamed(partitions: Iterable<SessionPartition>): NamedPartitions[] {
  return [...partitions].map(({ topicId, partition }) => ({ topicId, partitions: [partition] }))
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId} ${partition}`
}

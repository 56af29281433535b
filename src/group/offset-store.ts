/** A committed offset, and when it was committed, on the clock's `now()`. */
export interface CommittedOffset {
  offset: number
  /** Where there is a leader epoch, it is empty at least: only an entry without it is moved in place. */
  metadata?: string
  leaderEpoch?: number | undefined
  committedAt: number
}

/** The committed offsets of a topic, by partition, and how many there are. */
interface TopicOffsets {
  readonly entries: (CommittedOffset | undefined)[]
  count: number
}

/** The committed offsets of every group, keyed by group and partition. */
export class OffsetStore {
  // Nested, since every batch is followed by a commit, and building a key out of three parts is not cheap.
  readonly #groups = new Map<string, Map<string, TopicOffsets>>()

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.entries[partition]
  }

  set(groupId: string, topic: string, partition: number, committed: CommittedOffset): void {
    let topics = this.#groups.get(groupId)
    if (topics === undefined) {
      topics = new Map()
      this.#groups.set(groupId, topics)
    }
    let offsets = topics.get(topic)
    if (offsets === undefined) {
      offsets = { entries: [], count: 0 }
      topics.set(topic, offsets)
    }
    if (offsets.entries[partition] === undefined) offsets.count++
    offsets.entries[partition] = committed
  }

  /** Every committed offset of a group, by topic and partition number. */
  *entries(
    groupId: string,
  ): IterableIterator<{ topic: string; partition: number; committed: CommittedOffset }> {
    for (const topic of this.topics(groupId)) {
      for (const { partition, committed } of this.ofTopic(groupId, topic))
        yield { topic, partition, committed }
    }
  }

  /** Every committed offset of a group in one topic, by partition number. */
  *ofTopic(
    groupId: string,
    topic: string,
  ): IterableIterator<{ partition: number; committed: CommittedOffset }> {
    const entries = this.#groups.get(groupId)?.get(topic)?.entries ?? []
    for (let partition = 0; partition < entries.length; partition++) {
      const committed = entries[partition]
      if (committed) yield { partition, committed }
    }
  }

  has(groupId: string, topic: string): boolean {
    return this.#groups.get(groupId)?.has(topic) ?? false
  }

  /** The topics for which a group has committed offsets. */
  topics(groupId: string): string[] {
    return [...(this.#groups.get(groupId)?.keys() ?? [])]
  }

  deletePartition(groupId: string, topic: string, partition: number): void {
    const topics = this.#groups.get(groupId)
    const offsets = topics?.get(topic)
    if (!topics || !offsets?.entries[partition]) return
    offsets.entries[partition] = undefined
    if (--offsets.count === 0) topics.delete(topic)
    if (topics.size === 0) this.#groups.delete(groupId)
  }

  deleteGroup(groupId: string): void {
    this.#groups.delete(groupId)
  }

  deleteTopic(topic: string): void {
    for (const [groupId, topics] of this.#groups) {
      topics.delete(topic)
      if (topics.size === 0) this.#groups.delete(groupId)
    }
  }
}

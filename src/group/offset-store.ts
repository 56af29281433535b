/** A committed offset, and when it was committed, on the clock's `now()`. */
export interface CommittedOffset {
  offset: number
  /** Where there is a leader epoch, it is empty at least: only an entry without it is moved in place. */
  metadata?: string
  leaderEpoch?: number | undefined
  committedAt: number
}

/** The committed offsets of every group, keyed by group and partition. */
export class OffsetStore {
  // Nested, since every batch is followed by a commit, and building a key out of three parts is not cheap.
  readonly #groups = new Map<string, Map<string, (CommittedOffset | undefined)[]>>()

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.[partition]
  }

  set(groupId: string, topic: string, partition: number, committed: CommittedOffset): void {
    let topics = this.#groups.get(groupId)
    if (topics === undefined) {
      topics = new Map()
      this.#groups.set(groupId, topics)
    }
    let entries = topics.get(topic)
    if (entries === undefined) {
      entries = []
      topics.set(topic, entries)
    }
    entries[partition] = committed
  }

  /** Every committed offset of a group, by topic and partition number. */
  *entries(
    groupId: string,
  ): IterableIterator<{ topic: string; partition: number; committed: CommittedOffset }> {
    for (const [topic, entries] of this.#groups.get(groupId) ?? []) {
      for (let partition = 0; partition < entries.length; partition++) {
        const committed = entries[partition]
        if (committed) yield { topic, partition, committed }
      }
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
    const entries = topics?.get(topic)
    if (!topics || !entries) return
    entries[partition] = undefined
    if (!entries.some(entry => entry !== undefined)) topics.delete(topic)
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

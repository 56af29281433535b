/** A topic, as plain JSON. */
export interface TopicSummary {
  /** Its name. */
  readonly name: string
  /** What tells it from an earlier topic of that name. (Kafka: topic id) */
  readonly id: string
  /** The partitions, by number. */
  readonly partitions: readonly PartitionSummary[]
}

/** A partition, as plain JSON. */
export interface PartitionSummary {
  /** Its number. */
  readonly partition: number
  /** The offset of the first record that is kept. */
  readonly logStartOffset: number
  /** The offset of the next record that is written. */
  readonly highWatermark: number
  /** Up to here readers of committed records read: the first offset of a transaction that is open, else the end. */
  readonly lastStableOffset: number
  /** Records that are kept. */
  readonly records: number
  /** Bytes that are kept, where the topic counts them, else 0. */
  readonly bytes: number
}

/** A group, as plain JSON. */
export interface GroupSummary {
  /** Its id. */
  readonly groupId: string
  /** Its state, in Kafka's words: `Stable`, `Empty`, `Reconciling` ... */
  readonly state: string
  /** Grows with each change of its members, and of what they read. */
  readonly epoch: number
  /** The name of its assignor. */
  readonly assignor: string
  /** How much of all its partitions it has not committed: records; on a cluster offsets. */
  readonly lag: number
  /** Its members; `connected` is false while one is away, and its session has not expired yet. */
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId?: string
    readonly clientId: string
    readonly connected: boolean
    readonly assignment: readonly { readonly topic: string; readonly partition: number }[]
  }[]
  /** The partitions that it reads, or has committed an offset of, each with the member that has it. */
  readonly partitions: readonly {
    readonly topic: string
    readonly partition: number
    /** The committed offset, which is the next to read; null for none. */
    readonly committed: number | null
    readonly lag: number
    readonly memberId: string | null
  }[]
}

/** A topic, as plain JSON. */
export interface TopicSummary {
  /** Its name. */
  readonly name: string
  /** Its id: a topic that is made again under the same name has another one. */
  readonly id: string
  /** Its partitions, by their numbers. */
  readonly partitions: readonly PartitionSummary[]
}

/** A partition, as plain JSON. */
export interface PartitionSummary {
  /** Its number, from 0. */
  readonly partition: number
  /** The offset of the oldest record that is kept; the high watermark where none is. */
  readonly logStartOffset: number
  /** The offset that the next record will get. */
  readonly highWatermark: number
  /** The offset of the first record of an open transaction, or the high watermark. */
  readonly lastStableOffset: number
  /** Records that are kept; on a cluster the distance of the offsets. */
  readonly records: number
  /** Bytes that are kept, where the topic counts them, else 0; on a cluster 0. */
  readonly bytes: number
}

/** A group, as plain JSON. */
export interface GroupSummary {
  /** Its id. */
  readonly groupId: string
  /** Its state, in Kafka's words: see `GroupState`. */
  readonly state: string
  /** Grows with every change of members, subscriptions or partitions; -1 for a classic group of a cluster. */
  readonly epoch: number
  /** The name of the assignor that it assigns by. */
  readonly assignor: string
  /** How many records it still has to read, of all its partitions. */
  readonly lag: number
  /** Its members, in the order in which they joined. */
  readonly members: readonly {
    /** The id that the group gave the member. */
    readonly memberId: string
    /** Set for a static member. */
    readonly groupInstanceId?: string
    /** The consumer's `clientId`. */
    readonly clientId: string
    /** False while the member is away, and its session has not expired yet. */
    readonly connected: boolean
    /** The partitions that the member has. */
    readonly assignment: readonly { readonly topic: string; readonly partition: number }[]
  }[]
  /** Each partition that it reads, or has committed an offset of, by topic and number. */
  readonly partitions: readonly {
    readonly topic: string
    readonly partition: number
    /** The committed offset, which is the next to read; null for none. */
    readonly committed: number | null
    /** How many records of the partition it still has to read. */
    readonly lag: number
    /** The member that has the partition; null for none. */
    readonly memberId: string | null
  }[]
}

/** A topic, as plain JSON. */
export interface TopicSummary {
  readonly name: string
  readonly id: string
  readonly partitions: readonly PartitionSummary[]
}

/** A partition, as plain JSON. */
export interface PartitionSummary {
  readonly partition: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  /** Records that are kept. */
  readonly records: number
  /** Bytes that are kept, where the topic counts them, else 0. */
  readonly bytes: number
}

/** A group, as plain JSON. */
export interface GroupSummary {
  readonly groupId: string
  readonly state: string
  readonly epoch: number
  readonly assignor: string
  readonly lag: number
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId?: string
    readonly clientId: string
    readonly connected: boolean
    readonly assignment: readonly { readonly topic: string; readonly partition: number }[]
  }[]
  readonly partitions: readonly {
    readonly topic: string
    readonly partition: number
    /** The committed offset, which is the next to read; null for none. */
    readonly committed: number | null
    readonly lag: number
    readonly memberId: string | null
  }[]
}

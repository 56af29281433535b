import type { BrokerAddress, LibraryConnection } from './library-connection.ts'

/** One version of one of Kafka's APIs. */
export interface Api<Request extends readonly unknown[], Response> {
  readonly api: {
    async(connection: LibraryConnection, ...request: Request): Promise<Response>
    readonly key: number
    readonly version: number
  }
}

/** Reads a response; arrays are compact, and their items end with tagged fields unless `tagged` is false. */
export interface LibraryReader {
  readInt16(): number
  readInt32(): number
  readInt64(): bigint
  readString(): string
  readNullableString(): string | null
  readUUID(): string
  readArray<Item>(read: (reader: LibraryReader) => Item, compact?: boolean, tagged?: boolean): Item[]
  readTaggedFields(): void
}

/** Writes a request, with the same rules. */
export interface LibraryWriter {
  appendString(value: string): LibraryWriter
  appendBoolean(value: boolean): LibraryWriter
  appendInt32(value: number): LibraryWriter
  appendArray<Item>(
    items: readonly Item[],
    write: (writer: LibraryWriter, item: Item) => unknown,
    compact?: boolean,
    tagged?: boolean,
  ): LibraryWriter
  appendTaggedFields(): LibraryWriter
}

/** A response, or a part of one, with an error code; 0 is none. */
export interface Coded {
  readonly errorCode: number
  readonly errorMessage?: string | null
}

/** Partitions by the name of their topic. */
export interface TopicPartitions<Partition> {
  readonly name: string
  readonly partitions: readonly Partition[]
}

/** Partitions by the id of their topic. */
export interface IdPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

export interface MetadataResponse {
  readonly clusterId: string | null
  readonly brokers: readonly (BrokerAddress & { readonly nodeId: number })[]
  readonly topics: readonly {
    readonly errorCode: number
    readonly name: string | null
    readonly topicId: string
    readonly isInternal: boolean
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly leaderId: number
      readonly leaderEpoch: number
    }[]
  }[]
}

/** A record as the library writes it. */
export interface WrittenRecord {
  readonly topic: string
  readonly partition: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: ReadonlyMap<Uint8Array, Uint8Array> | undefined
  readonly timestamp: bigint
}

/** How the library encodes batches of records: one for each partition among them. */
export interface BatchOptions {
  readonly transactionalId?: string
  readonly compression: string
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly sequences: { getWithDefault(partition: string, fallback: number): number }
}

export interface ProducedPartition {
  readonly index: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly baseOffset: bigint
  readonly logAppendTimeMs: bigint
}

/** A batch as the library reads it. */
export interface ReadBatch {
  readonly firstOffset: bigint
  readonly lastOffsetDelta: number
  readonly partitionLeaderEpoch: number
  readonly attributes: number
  readonly firstTimestamp: bigint
  readonly maxTimestamp: bigint
  readonly producerId: bigint
  readonly records: readonly {
    readonly timestampDelta: bigint
    readonly offsetDelta: number
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly headers: readonly (readonly [Buffer | null, Buffer | null])[]
  }[]
}

export interface FetchedPartition {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly highWatermark: bigint
  readonly lastStableOffset: bigint
  readonly logStartOffset: bigint
  readonly abortedTransactions:
    | readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]
    | null
  readonly records?: readonly ReadBatch[] | null
}

export interface CommittedPartition {
  readonly partitionIndex: number
  readonly committedOffset: bigint
  readonly committedLeaderEpoch: number
  readonly committedMetadata: string | null
}

import { addOffsets, type OffsetRange } from '../log/open-transactions.ts'
import type { TopicPartition } from '../topic-partition.ts'

/** A topic in whose partitions a transaction writes. */
export interface TransactionTopic {
  readonly name: string
  readonly partitions: readonly {
    beginTransaction(producerId: number, offset: number, count: number): OffsetRange[]
  }[]
  /** Writes the control record that ends a transaction; false where the topic was deleted. */
  endTransaction(partition: number, producerId: number, committed: boolean, now: number): boolean
}

/** Offsets of a group that are committed when their transaction commits. */
export interface PendingOffsets {
  /** Undefined for a consumer without a group. */
  readonly groupId: string | undefined
  readonly offsets: readonly TopicPartition[]
  /** @throws CommitFailedError where the member may no longer commit them */
  check(): void
  commit(): void
}

/** One transaction, with the records that it has written and the offsets that it will commit. */
export class OpenTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  // The ranges of its records, by topic and partition: none where a partition was added and not written to.
  readonly #written = new Map<TransactionTopic, (OffsetRange[] | undefined)[]>()
  readonly #offsets: PendingOffsets[] = []
  // The topic of the last record, which is mostly the topic of the next one, too.
  #topic: TransactionTopic | undefined
  #ranges: (OffsetRange[] | undefined)[] = []
  #ended: Error | 'committed' | undefined

  constructor(producerId: number, producerEpoch: number) {
    this.producerId = producerId
    this.producerEpoch = producerEpoch
  }

  /** How it has ended: 'committed', or the error that says why it was aborted; undefined while it is open. */
  get ended(): Error | 'committed' | undefined {
    return this.#ended
  }

  /** The partitions that it has written to, or that were added to it. */
  get partitions(): readonly TopicPartition[] {
    return [...this.#written].flatMap(([{ name }, partitions]) =>
      [...partitions.keys()]
        .filter(partition => partitions[partition] !== undefined)
        .map(partition => ({ topic: name, partition })),
    )
  }

  /** Throws where it was aborted, saying why. */
  requireOpen(): void {
    if (this.#ended instanceof Error) throw this.#ended
  }

  /** Notes consecutive records that were written. */
  wrote(topic: TransactionTopic, partition: number, offset: number, count: number = 1): void {
    if (topic !== this.#topic) this.#turnTo(topic)
    const ranges = this.#ranges[partition]
    if (ranges !== undefined && ranges.length > 0) addOffsets(ranges, offset, count)
    else
      this.#ranges[partition] = topic.partitions[partition]!.beginTransaction(this.producerId, offset, count)
  }

  /** Adds a partition to which it may write: that gets a control record, even if no record comes before it. */
  add(topic: TransactionTopic, partition: number): void {
    this.#turnTo(topic)
    this.#ranges[partition] ??= []
  }

  #turnTo(topic: TransactionTopic): void {
    this.#topic = topic
    this.#ranges = this.#written.get(topic) ?? []
    this.#written.set(topic, this.#ranges)
  }

  /** Notes offsets to commit with the transaction. */
  addOffsets(offsets: PendingOffsets): void {
    offsets.check()
    this.#offsets.push(offsets)
  }

  /** Whether it will commit an offset of a partition for a group. */
  pends(group: string, { topic, partition }: TopicPartition): boolean {
    return this.#offsets.some(
      ({ groupId, offsets }) =>
        groupId === group && offsets.some(each => each.topic === topic && each.partition === partition),
    )
  }

  /** Throws where a member may no longer commit its offsets. */
  checkOffsets(): void {
    for (const offsets of this.#offsets) offsets.check()
  }

  /** Ends it in every partition, and commits its offsets if it is committed; returns the number of control records. */
  end(result: Error | 'committed', now: number): number {
    this.#ended = result
    const committed = result === 'committed'
    let controls = 0
    for (const [topic, partitions] of this.#written) {
      for (let partition = 0; partition < partitions.length; partition++) {
        if (partitions[partition] === undefined) continue
        if (topic.endTransaction(partition, this.producerId, committed, now)) controls++
      }
    }
    if (committed) for (const offsets of this.#offsets) offsets.commit()
    return controls
  }
}

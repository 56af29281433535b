import { addOffsets, type OffsetRange } from '../log/open-transactions.ts'
import type { TopicPartition } from '../topic-partition.ts'

/** A topic in whose partitions a transaction writes. */
export interface TransactionTopic {
  readonly name: string
  readonly partitions: readonly {
    beginTransaction(producerId: number, offset: number, count: number): OffsetRange[]
  }[]
  /** Writes the control record of a transaction's end; false where the topic is gone. */
  endTransaction(partition: number, producerId: number, committed: boolean, now: number): boolean
}

/** Offsets of a group that count when their transaction commits. */
export interface PendingOffsets {
  /** Undefined where nobody shares what is read. */
  readonly groupId: string | undefined
  readonly offsets: readonly TopicPartition[]
  /** @throws CommitFailedError where they are no longer their member's to commit */
  check(): void
  commit(): void
}

/** One transaction: what it has written where, and what it will commit. */
export class OpenTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  // Where its records are, by topic and partition.
  readonly #written = new Map<TransactionTopic, (OffsetRange[] | undefined)[]>()
  readonly #offsets: PendingOffsets[] = []
  // The topic of the last record: mostly the next one is of that topic, too.
  #topic: TransactionTopic | undefined
  #ranges: (OffsetRange[] | undefined)[] = []
  #ended: Error | 'committed' | undefined

  constructor(producerId: number, producerEpoch: number) {
    this.producerId = producerId
    this.producerEpoch = producerEpoch
  }

  /** Why it has ended, where it was not its producer who ended it. */
  get ended(): Error | 'committed' | undefined {
    return this.#ended
  }

  /** Where it has written. */
  get partitions(): readonly TopicPartition[] {
    return [...this.#written].flatMap(([{ name }, partitions]) =>
      [...partitions.keys()]
        .filter(partition => partitions[partition] !== undefined)
        .map(partition => ({ topic: name, partition })),
    )
  }

  /** Refuses what comes after the end, saying why it has ended. */
  requireOpen(): void {
    if (this.#ended instanceof Error) throw this.#ended
  }

  /** Notes records that were written, one after the other. */
  wrote(topic: TransactionTopic, partition: number, offset: number, count: number = 1): void {
    if (topic !== this.#topic) this.#turnTo(topic)
    const ranges = this.#ranges[partition]
    if (ranges !== undefined) addOffsets(ranges, offset, count)
    else
      this.#ranges[partition] = topic.partitions[partition]!.beginTransaction(this.producerId, offset, count)
  }

  #turnTo(topic: TransactionTopic): void {
    this.#topic = topic
    this.#ranges = this.#written.get(topic) ?? []
    this.#written.set(topic, this.#ranges)
  }

  /** Notes offsets that are to count when it commits. */
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

  /** Refuses to commit where an offset is no longer its member's. */
  checkOffsets(): void {
    for (const offsets of this.#offsets) offsets.check()
  }

  /** Ends it in every partition, and lets its offsets count where it is committed; gives how many control records. */
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

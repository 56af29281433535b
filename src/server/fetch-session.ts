import type { RequestOf, ResponseOf } from './protocol/message.ts'
import type { fetch } from './protocol/messages/fetch.ts'

export type FetchRequest = RequestOf<typeof fetch>
export type FetchResponse = ResponseOf<typeof fetch>

type FetchTopic = FetchRequest['topics'][number]
type FetchPartition = FetchTopic['partitions'][number]
type FetchedTopic = NonNullable<FetchResponse['responses']>[number]
type FetchedPartition = NonNullable<FetchedTopic['partitions']>[number]

/** A partition that a client reads, and what it was told of it last. */
interface SessionPartition {
  readonly topic: FetchTopic
  readonly partition: FetchPartition
  told: Pick<FetchedPartition, 'highWatermark' | 'logStartOffset'> | undefined
}

/** What a client reads, remembered, so that it asks and is answered only for what changes. (KIP-227) */
export class FetchSession {
  readonly id: number
  /** Whether its client names topics by their ids. */
  readonly usesTopicIds: boolean
  /** The number of the next request. */
  epoch = 1
  // In the order in which the partitions get their turn.
  readonly #partitions = new Map<string, SessionPartition>()

  constructor(id: number, usesTopicIds: boolean) {
    this.id = id
    this.usesTopicIds = usesTopicIds
  }

  get size(): number {
    return this.#partitions.size
  }

  advance(): void {
    this.epoch = this.epoch === 0x7fffffff ? 1 : this.epoch + 1
  }

  /** Adds, changes and forgets the partitions that a request names. */
  update({ topics, forgottenTopicsData }: Pick<FetchRequest, 'topics' | 'forgottenTopicsData'>): void {
    for (const topic of topics) {
      for (const partition of topic.partitions) {
        const key = keyOf(topic, partition.partition)
        this.#partitions.set(key, { topic, partition, told: this.#partitions.get(key)?.told })
      }
    }
    for (const topic of forgottenTopicsData) {
      for (const partition of topic.partitions) this.#partitions.delete(keyOf(topic, partition))
    }
  }

  /** All partitions that the client reads, as a full request would name them. */
  get topics(): FetchTopic[] {
    const topics: FetchTopic[] = []
    for (const { topic, partition } of this.#partitions.values()) {
      const last = topics.at(-1)
      if (last?.topic === topic.topic && last.topicId === topic.topicId) last.partitions.push(partition)
      else topics.push({ ...topic, partitions: [partition] })
    }
    return topics
  }

  /** The part of an answer that the client has to be told; `whole`: all of it. */
  answer(topics: readonly FetchedTopic[], whole: boolean): FetchedTopic[] {
    const changed: FetchedTopic[] = []
    for (const topic of topics) {
      const partitions = (topic.partitions ?? []).filter(each => this.#tell(topic, each) || whole)
      if (partitions.length > 0) changed.push({ ...topic, partitions })
    }
    return changed
  }

  #tell(topic: FetchedTopic, partition: FetchedPartition): boolean {
    const { errorCode, highWatermark, logStartOffset, preferredReadReplica = -1, records } = partition
    const key = keyOf(topic, partition.partitionIndex!)
    const known = this.#partitions.get(key)
    if (known === undefined) return true
    const some = records !== null && records !== undefined && records.length > 0
    const { told } = known
    const changed = told?.highWatermark !== highWatermark || told?.logStartOffset !== logStartOffset
    // After an error the partition's next answer is told in any case.
    known.told = errorCode === 0 ? { highWatermark, logStartOffset } : undefined
    if (some) {
      // A partition that has had its turn comes last in the next one.
      this.#partitions.delete(key)
      this.#partitions.set(key, known)
    }
    return some || changed || errorCode !== 0 || preferredReadReplica !== -1
  }
}

function keyOf(
  { topic, topicId }: { readonly topic?: string; readonly topicId?: string },
  partition: number,
) {
  return `${topic ?? ''} ${topicId ?? ''} ${partition}`
}

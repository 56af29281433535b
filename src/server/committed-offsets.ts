import type { TopicPartition } from '../topic-partition.ts'
import { byTopic } from './by-topic.ts'
import { findTopic, topicIdsSince } from './named-topic.ts'
import type { Wire } from './wire.ts'
import { errnoOf } from './wire-error-code.ts'

/** Partitions of a topic whose committed offsets are asked for. */
export interface WantedOffsets {
  readonly name: string
  readonly topicId: string
  readonly partitionIndexes: readonly number[]
}

const unknownId = errnoOf('UNKNOWN_TOPIC_ID')
const unstable = errnoOf('UNSTABLE_OFFSET_COMMIT')

/** What a group has committed, as OffsetFetch tells it. */
export class CommittedOffsets {
  readonly #wire: Wire
  readonly #version: number
  readonly #groupId: string
  readonly #requireStable: boolean

  /** `requireStable`: an offset that an open transaction may replace is refused as unstable (KIP-447). */
  constructor(wire: Wire, version: number, groupId: string, requireStable: boolean) {
    this.#wire = wire
    this.#version = version
    this.#groupId = groupId
    this.#requireStable = requireStable
  }

  /** The offsets of the topics that are named, or of all; those whose ids are unknown come last, as at Kafka. */
  of(wanted: readonly WantedOffsets[] | null) {
    if (wanted === null) return this.#all()
    const [known, unknown] = [false, true].map(asked =>
      wanted.filter(each => this.#isUnknown(each) === asked),
    )
    return [...known!, ...unknown!].map(each => this.#ofTopic(each))
  }

  #all() {
    const { engine } = this.#wire
    const offsets = engine.groups.get(this.#groupId)?.offsets ?? []
    return byTopic(offsets).map(({ topic, partitions }) => ({
      name: topic,
      topicId: engine.topics.get(topic)!.id,
      partitions: partitions.map(partition => this.#ofPartition({ topic, partition })),
    }))
  }

  #topicOf({ name, topicId }: WantedOffsets) {
    return findTopic(this.#wire, this.#version, topicIdsSince.OffsetFetch, { name, topicId })
  }

  #isUnknown(wanted: WantedOffsets): boolean {
    return this.#version >= topicIdsSince.OffsetFetch && this.#topicOf(wanted) === undefined
  }

  #ofTopic(wanted: WantedOffsets) {
    const { name, topicId, partitionIndexes } = wanted
    const topic = this.#topicOf(wanted)
    const errorCode = this.#isUnknown(wanted) ? unknownId : 0
    return {
      name,
      topicId,
      partitions: partitionIndexes.map(partitionIndex =>
        topic?.partitions[partitionIndex] === undefined
          ? { ...nothing(partitionIndex), errorCode }
          : this.#ofPartition({ topic: topic.name, partition: partitionIndex }),
      ),
    }
  }

  #ofPartition(tp: TopicPartition) {
    const { engine, transactions } = this.#wire
    const { partition } = tp
    if (this.#requireStable && transactions.pends(this.#groupId, tp)) {
      return { ...nothing(partition), errorCode: unstable }
    }
    const group = engine.groups.get(this.#groupId)
    const committed = group?.committed(tp)
    if (!committed) return nothing(partition)
    const { offset: committedOffset, metadata = '' } = committed
    const committedLeaderEpoch = group!.committedLeaderEpoch(tp) ?? -1
    return { partitionIndex: partition, committedOffset, committedLeaderEpoch, metadata, errorCode: 0 }
  }
}

function nothing(partitionIndex: number) {
  return { partitionIndex, committedOffset: -1, metadata: '', errorCode: 0 }
}

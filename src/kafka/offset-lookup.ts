import { UnknownTopicOrPartitionError } from '../errors.ts'
import type { IsolationLevel } from '../record.ts'
import { formatTopicPartition, type OffsetSpec, type TopicPartition } from '../topic-partition.ts'
import type { Cluster } from './cluster.ts'
import { byTopic, distinct } from './group-by.ts'
import { firstErrno } from './group-offsets.ts'
import { TurnBatch } from './turn-batch.ts'

/** A place in a log that only its leader knows. */
type NamedOffset = Exclude<OffsetSpec, number>

const earliest = -2
const latest = -1

/** Resolves an offset spec to an offset. Lookups of the same turn share one request for each leader. */
export class OffsetLookup {
  readonly #cluster: Cluster
  // By timestamp and isolation level, which all partitions of one request share.
  readonly #batches = new Map<string, TurnBatch<TopicPartition, number | undefined>>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Resolves with the offset; a time after the last record means the end. */
  async offsetFor(tp: TopicPartition, spec: NamedOffset, isolationLevel: IsolationLevel): Promise<number> {
    return (await this.find(tp, spec, isolationLevel)) ?? this.offsetFor(tp, 'end', isolationLevel)
  }

  /** Like `offsetFor`, but resolves with null where no record is at or after a time. */
  async find(tp: TopicPartition, spec: NamedOffset, isolationLevel: IsolationLevel): Promise<number | null> {
    await this.#cluster.requirePartition(tp)
    const timestamp =
      typeof spec === 'object' ? toTime(spec.timestamp) : spec === 'beginning' ? earliest : latest
    const key = `${timestamp} ${isolationLevel}`
    let batch = this.#batches.get(key)
    if (batch === undefined) {
      batch = new TurnBatch(this.#cluster.clock, partitions => {
        this.#batches.delete(key)
        return this.#ask(partitions, timestamp, isolationLevel)
      })
      this.#batches.set(key, batch)
    }
    const offset = await batch.add(tp)
    if (offset === undefined) {
      const { topic, partition } = tp
      throw new UnknownTopicOrPartitionError(`${formatTopicPartition(tp)} is gone`, { topic, partition })
    }
    return offset === -1 ? null : offset
  }

  // Undefined for partitions that are gone, so that the others do not fail with them.
  async #ask(
    asked: readonly TopicPartition[],
    timestamp: number,
    isolationLevel: IsolationLevel,
  ): Promise<(number | undefined)[]> {
    const partitions = distinct(asked)
    const responses = await this.#cluster.askLeaders(partitions, {
      what: `Looking up offsets of ${partitions.map(formatTopicPartition).join(', ')}`,
      api: this.#cluster.library.listOffsetsV7,
      request: led => [
        -1,
        isolationLevel === 'read_committed' ? 1 : 0,
        byTopic(led, tp => ({
          partitionIndex: tp.partition,
          currentLeaderEpoch: this.#cluster.requireLeader(tp).epoch,
          timestamp: BigInt(timestamp),
        })),
      ],
      errno: ({ topics }) => firstErrno(topics),
    })
    const offsets = new Map<string, number>()
    for (const { topics } of responses) {
      for (const topic of topics) {
        for (const { partitionIndex: partition, offset } of topic.partitions) {
          offsets.set(formatTopicPartition({ topic: topic.name, partition }), Number(offset))
        }
      }
    }
    return asked.map(tp => offsets.get(formatTopicPartition(tp)))
  }
}

// In a request a negative time means something else: -1 the end, -2 the beginning.
function toTime(timestamp: number): number {
  return Math.min(Math.max(0, Math.ceil(timestamp)), Number.MAX_SAFE_INTEGER)
}

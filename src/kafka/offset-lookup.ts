import { UnknownTopicOrPartitionError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { IsolationLevel } from '../record.ts'
import { formatTopicPartition, type OffsetSpec, type TopicPartition } from '../topic-partition.ts'
import type { Cluster } from './cluster.ts'
import { byTopic, distinct, groupBy } from './group-by.ts'
import { firstErrno } from './group-offsets.ts'
import { TurnBatch } from './turn-batch.ts'

/** A place in a log that only its leader knows. */
type NamedOffset = Exclude<OffsetSpec, number>

const earliest = -2
const latest = -1

// The offset that was found for a partition; undefined where that is gone, so that others do not fail with it.
type Found = (tp: TopicPartition) => MaybePromise<number | undefined>

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
      batch = new TurnBatch(this.#cluster.clock, asked => {
        this.#batches.delete(key)
        const found = this.#ask(distinct(asked), timestamp, isolationLevel)
        return asked.map(async partition => found(partition))
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

  // By leader: a partition that has none, or one that does not answer, does not keep the others waiting.
  #ask(
    partitions: readonly TopicPartition[],
    timestamp: number,
    isolationLevel: IsolationLevel,
    since: number = this.#cluster.clock.monotonic(),
  ): Found {
    const found = new Map<string, Promise<Found>>()
    for (const led of groupBy(partitions, tp => this.#leaderOf(tp)).values()) {
      const answer = this.#askLeader(led, timestamp, isolationLevel, since)
      for (const tp of led) found.set(formatTopicPartition(tp), answer)
    }
    return async tp => (await found.get(formatTopicPartition(tp))!)(tp)
  }

  // -1 where it has none now, undefined where it is gone.
  #leaderOf(tp: TopicPartition): number | undefined {
    const isThere = this.#cluster.knownTopic(tp.topic, tp.partition) !== undefined
    return isThere ? (this.#cluster.leader(tp)?.node ?? -1) : undefined
  }

  async #askLeader(
    led: readonly TopicPartition[],
    timestamp: number,
    isolationLevel: IsolationLevel,
    since: number,
  ): Promise<Found> {
    let parted = false
    try {
      const responses = await this.#cluster.askLeaders(led, {
        what: `Looking up offsets of ${led.map(formatTopicPartition).join(', ')}`,
        api: this.#cluster.library.listOffsetsV7,
        since,
        request: some => [
          -1,
          isolationLevel === 'read_committed' ? 1 : 0,
          byTopic(some, tp => ({
            partitionIndex: tp.partition,
            currentLeaderEpoch: this.#cluster.requireLeader(tp).epoch,
            timestamp: BigInt(timestamp),
          })),
        ],
        errno: ({ topics }) => firstErrno(topics),
        goesOn: () => {
          parted = new Set(led.map(tp => this.#leaderOf(tp))).size > 1
          return !parted
        },
      })
      const offsets = new Map<string, number>()
      for (const { topics } of responses) {
        for (const topic of topics) {
          for (const { partitionIndex: partition, offset } of topic.partitions) {
            offsets.set(formatTopicPartition({ topic: topic.name, partition }), Number(offset))
          }
        }
      }
      return tp => offsets.get(formatTopicPartition(tp))
    } catch (error) {
      if (!parted) throw error
      return this.#ask(led, timestamp, isolationLevel, since)
    }
  }
}

// In a request a negative time means something else: -1 the end, -2 the beginning.
function toTime(timestamp: number): number {
  return Math.min(Math.max(0, Math.ceil(timestamp)), Number.MAX_SAFE_INTEGER)
}

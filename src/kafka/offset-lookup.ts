import { UnknownTopicOrPartitionError } from '../errors.ts'
import type { IsolationLevel } from '../record.ts'
import { formatTopicPartition, type OffsetSpec, type TopicPartition } from '../topic-partition.ts'
import type { ClientLibrary } from './client-library.ts'
import type { Cluster } from './cluster.ts'
import { byTopic, distinct, groupBy } from './group-by.ts'
import { TurnBatch } from './turn-batch.ts'

/** A place in a log that only its leader knows. */
type NamedOffset = Exclude<OffsetSpec, number>

const earliest = -2
const latest = -1

// The offset that was found for a partition; undefined where that is gone, so that others do not fail with it.
type Found = (tp: TopicPartition) => Promise<number | undefined>

interface Question {
  readonly timestamp: number
  readonly isolationLevel: IsolationLevel
  /** Since when it is asked, on the monotonic clock. */
  readonly since: number
}

type Response = Awaited<ReturnType<ClientLibrary['listOffsetsV7']['api']['async']>>
type Answer = Response['topics'][number]['partitions'][number]

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
        const since = this.#cluster.clock.monotonic()
        return asked.map(this.#ask(distinct(asked), { timestamp, isolationLevel, since }))
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
  #ask(partitions: readonly TopicPartition[], question: Question): Found {
    const byLeader = groupBy(partitions, tp => this.#leaderOf(tp))
    return inParts(byLeader, led => this.#askLeader(led, question))
  }

  // -1 where it has none now, undefined where it is gone.
  #leaderOf(tp: TopicPartition): number | undefined {
    const isThere = this.#cluster.knownTopic(tp.topic, tp.partition) !== undefined
    return isThere ? (this.#cluster.leader(tp)?.node ?? -1) : undefined
  }

  async #askLeader(led: readonly TopicPartition[], question: Question): Promise<Found> {
    let parted = false
    try {
      const responses = await this.#cluster.askLeaders(led, {
        what: `Looking up offsets of ${led.map(formatTopicPartition).join(', ')}`,
        ...(led.length === 1 ? { fields: led[0]! } : {}),
        api: this.#cluster.library.listOffsetsV7,
        since: question.since,
        request: some => [
          -1,
          question.isolationLevel === 'read_committed' ? 1 : 0,
          byTopic(some, tp => ({
            partitionIndex: tp.partition,
            currentLeaderEpoch: this.#cluster.requireLeader(tp).epoch,
            timestamp: BigInt(question.timestamp),
          })),
        ],
        errno: commonErrno,
        goesOn: () => {
          parted = new Set(led.map(tp => this.#leaderOf(tp))).size > 1
          return !parted
        },
      })
      return this.#answered(led, responses, question)
    } catch (error) {
      if (!parted) throw error
      return this.#ask(led, question)
    }
  }

  // What was refused is asked for again apart, so that it neither holds up the rest nor fails with something else.
  #answered(led: readonly TopicPartition[], responses: readonly Response[], question: Question): Found {
    const answers = new Map<string, Answer>()
    for (const { name: topic, partitions } of responses.flatMap(({ topics }) => topics)) {
      for (const answer of partitions) {
        answers.set(formatTopicPartition({ topic, partition: answer.partitionIndex }), answer)
      }
    }
    const errnoOf = (tp: TopicPartition) => answers.get(formatTopicPartition(tp))?.errorCode ?? 0
    const refused = groupBy(
      led.filter(tp => errnoOf(tp) !== 0),
      errnoOf,
    )
    const again = inParts(refused, alike => this.#askLeader(alike, question))
    return async tp => {
      if (errnoOf(tp) !== 0) return again(tp)
      const offset = answers.get(formatTopicPartition(tp))?.offset
      return offset === undefined ? undefined : Number(offset)
    }
  }
}

// Asks for each part by itself.
function inParts(
  parts: ReadonlyMap<unknown, readonly TopicPartition[]>,
  ask: (part: readonly TopicPartition[]) => Promise<Found>,
): Found {
  const found = new Map<string, Promise<Found>>()
  for (const part of parts.values()) {
    const answer = ask(part)
    for (const tp of part) found.set(formatTopicPartition(tp), answer)
  }
  return async tp => (await found.get(formatTopicPartition(tp))!)(tp)
}

// The error with which a leader has refused all that it was asked for, else 0.
function commonErrno({ topics }: Response): number {
  const errnos = new Set(topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode)))
  return errnos.size === 1 ? [...errnos][0]! : 0
}

// In a request a negative time means something else: -1 the end, -2 the beginning.
function toTime(timestamp: number): number {
  return Math.min(Math.max(0, Math.ceil(timestamp)), Number.MAX_SAFE_INTEGER)
}

import type { EngineTopic } from '../engine.ts'
import { errnos } from '../error-codes.ts'
import { warn } from '../events.ts'
import type { Serde } from '../serde.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { BrokerAddress } from './library-connection.ts'
import type { MetadataResponse } from './library-messages.ts'

/** A topic of the cluster, as its metadata says. */
export interface ClusterTopic extends EngineTopic {
  /** Another topic of the same name has another one. */
  readonly id: string
  readonly internal: boolean
  /** Who leads each partition. */
  readonly leaders: readonly Leadership[]
}

/** Who leads a partition, and how often that has changed. */
export interface Leadership {
  /** -1 is none for now. */
  readonly node: number
  readonly epoch: number
}

/** The leader of a partition, to be asked under the epoch in which it leads. */
export interface Leader extends Leadership {
  readonly broker: BrokerAddress
}

export function partitionsOf({ name: topic, partitionCount }: ClusterTopic): TopicPartition[] {
  return Array.from({ length: partitionCount }, (_, partition) => ({ topic, partition }))
}

const unknownTopic = errnos.UNKNOWN_TOPIC_OR_PARTITION

/** An answer with some topics as another one has them. */
export function withTopics(
  answer: MetadataResponse,
  names: ReadonlySet<string>,
  from: MetadataResponse,
): MetadataResponse {
  const isNamed = ({ name }: { readonly name: string | null }) => name !== null && names.has(name)
  const others = answer.topics.filter(topic => !isNamed(topic))
  return { ...answer, topics: [...others, ...from.topics.filter(isNamed)] }
}

/** What is known of a cluster by the metadata that its brokers answer: its brokers, its topics, and who leads them. */
export class ClusterMetadata {
  readonly #serdeOf: (topic: string) => Serde
  /** The id of the cluster; undefined until a broker has answered. */
  id: string | null | undefined
  #brokers = new Map<number, BrokerAddress>()
  #topics = new Map<string, ClusterTopic>()
  // The names of the topics by their ids; made when it is first asked for them.
  #names: Map<string, string> | undefined
  // Whether there has been another cluster before.
  #hasMoved = false

  constructor(serdeOf: (topic: string) => Serde) {
    this.#serdeOf = serdeOf
  }

  get brokers(): readonly BrokerAddress[] {
    return [...this.#brokers.values()]
  }

  get topics(): ReadonlyMap<string, ClusterTopic> {
    return this.#topics
  }

  /** The topic of that name, if it has that partition as far as is known. */
  topic(name: string, partition = 0): ClusterTopic | undefined {
    const known = this.#topics.get(name)
    return known !== undefined && partition < known.partitionCount ? known : undefined
  }

  /** The name of a topic by its id. */
  nameOf(topicId: string): string | undefined {
    this.#names ??= new Map([...this.#topics.values()].map(({ id, name }) => [id, name]))
    return this.#names.get(topicId)
  }

  /** The leader of a partition, or undefined where it has none now. */
  leader(tp: TopicPartition): Leader | undefined {
    const leadership = this.leadership(tp)
    return leadership && { ...leadership, broker: this.#brokers.get(leadership.node)! }
  }

  /** Like `leader`, without its address: each fetch asks for this several times for each of its partitions. */
  leadership({ topic, partition }: TopicPartition): Leadership | undefined {
    const leadership = this.#topics.get(topic)?.leaders[partition]
    return leadership && this.#brokers.has(leadership.node) ? leadership : undefined
  }

  /** Takes the brokers of an answer; warns the process, once, where it comes from another cluster than those before. */
  keepBrokers({ brokers, clusterId }: MetadataResponse, from: string): void {
    const before = this.id
    if (!this.#hasMoved && before && clusterId && clusterId !== before) {
      this.#hasMoved = true
      const why = 'either bootstrapBrokers names brokers of both, or the cluster was made anew'
      warn(`${from} belongs to cluster '${clusterId}', and who answered before to '${before}': ${why}`)
    }
    this.id = clusterId
    this.#brokers = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
  }

  /**
   * The topics that an answer lacks of those that were asked for (null for all) and are known, and of those whose
   * partitions are missed.
   */
  lacking(
    { topics }: MetadataResponse,
    missed: Iterable<TopicPartition>,
    asked: ReadonlySet<string> | null,
  ): Set<string> {
    const counts = new Map<string | null, number>()
    for (const { name, topicId, errorCode, partitions } of topics) {
      // One with another error than UNKNOWN_TOPIC_OR_PARTITION is there, whatever it has. Of two topics of one name, the
      // answer may be about the former one.
      const isKnown = (this.#topics.get(name ?? '')?.id ?? topicId) === topicId
      if (errorCode === 0 && isKnown) counts.set(name, partitions.length)
      else if (errorCode !== 0 && errorCode !== unknownTopic) counts.set(name, Number.POSITIVE_INFINITY)
    }
    const isLacking = (name: string) => this.#topics.has(name) && !counts.has(name)
    const lacking = new Set([...(asked ?? this.#topics.keys())].filter(isLacking))
    for (const { topic, partition } of missed) if (partition >= (counts.get(topic) ?? 0)) lacking.add(topic)
    return lacking
  }

  /** Takes what a broker has answered of what was asked for: null for all topics. */
  keep({ topics }: MetadataResponse, asked: ReadonlySet<string> | null): void {
    // The others are not gone through: a program may look thousands up one by one.
    const before = new Map([...(asked ?? this.#topics.keys())].map(name => [name, this.#topics.get(name)]))
    for (const name of before.keys()) this.#topics.delete(name)
    this.#names = undefined
    for (const { name, topicId, errorCode, isInternal, partitions } of topics) {
      if (name === null) continue
      const former = before.get(name)
      // A topic with another error than UNKNOWN_TOPIC_OR_PARTITION is unavailable for now, not gone.
      if (errorCode !== 0 && (errorCode === unknownTopic || former === undefined)) continue
      // Partitions are only ever added: a broker that reports fewer lags behind.
      const lags = former?.id === topicId && partitions.length < former.partitionCount
      if (errorCode !== 0 || lags) {
        this.#topics.set(name, former!)
        continue
      }
      const known = former?.id === topicId ? former.leaders : []
      const leaders: Leadership[] = []
      for (const { partitionIndex, leaderId: node, leaderEpoch: epoch } of partitions) {
        // A broker that lags behind names a former leader, which may not know yet either that it is none any more. One
        // that names no epoch (-1) is believed, as Kafka's clients do.
        const last = known[partitionIndex]
        const lagsBehind = last !== undefined && epoch !== -1 && epoch < last.epoch
        leaders[partitionIndex] = lagsBehind ? last : { node, epoch }
      }
      this.#topics.set(name, {
        name,
        id: topicId,
        internal: isInternal,
        leaders,
        partitionCount: leaders.length,
        serde: former?.serde ?? this.#serdeOf(name),
      })
    }
  }
}

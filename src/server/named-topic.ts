import { UnknownTopicOrPartitionError } from '../errors.ts'
import type { Partition } from '../log/partition.ts'
import type { Topic } from '../log/topic.ts'
import { noUuid } from './protocol/type.ts'
import type { Wire } from './wire.ts'
import { errnoOf } from './wire-error-code.ts'

/** The fields in which requests and responses name a topic. */
export interface NamedTopic {
  readonly name?: string | null
  readonly topic?: string
  readonly topicName?: string
  readonly topicId?: string
  readonly partitions?: readonly (number | NamedPartition)[] | null
  readonly partitionData?: readonly NamedPartition[]
  readonly partitionIndexes?: readonly number[]
}

/** The fields in which they name a partition. */
export interface NamedPartition {
  readonly index?: number
  readonly partition?: number
  readonly partitionIndex?: number
}

/** The name of a topic that is named, or whose id is given; undefined if there is no topic of that id. */
export function topicNamed(wire: Wire, { name, topic, topicName, topicId }: NamedTopic): string | undefined {
  return name || topic || topicName || topicById(wire, topicId)
}

function topicById(wire: Wire, id: string | undefined): string | undefined {
  return id === undefined ? undefined : wire.engine.topicsById.get(id)?.name
}

/** A topic by its name or by its id, in messages that have both. */
export interface AskedTopic {
  readonly name: string | null
  readonly topicId: string
}

/** Whether a topic is asked for by its name. With an id the name is null, or empty from Kafka's own client. */
export function isNamed(asked: AskedTopic): asked is AskedTopic & { readonly name: string } {
  return asked.name !== null && asked.topicId === noUuid
}

/** The topics that a Metadata request names; null if it is about all, of which its first version names none. */
export function askedTopics<Asked>(
  version: number,
  topics: readonly Asked[] | null,
): readonly Asked[] | null {
  return version === 0 && topics?.length === 0 ? null : topics
}

/** Whether a topic is named by its id. */
export function isById({ topicId }: NamedTopic): boolean {
  return topicId !== undefined && topicId !== noUuid
}

/** The index of a partition that is named. */
export function partitionNamed(named: number | NamedPartition): number | undefined {
  return typeof named === 'number' ? named : (named.index ?? named.partition ?? named.partitionIndex)
}

// --- what there is of what is named -----------------------------------------------------------------------------------

/** The first version of each API that names topics by their ids. (KIP-516, KIP-1319) */
export const topicIdsSince = {
  Produce: 13,
  Fetch: 13,
  Metadata: 12,
  OffsetCommit: 10,
  OffsetFetch: 10,
  TxnOffsetCommit: 6,
} as const

/** Finds a topic by its id if the request's version is `sinceIds` or newer, else by its name. */
export function findTopic(
  wire: Wire,
  version: number,
  sinceIds: number,
  named: { readonly name: string; readonly topicId: string },
): Topic | undefined {
  const { topics, topicsById } = wire.engine
  return version < sinceIds ? topics.get(named.name) : topicsById.get(named.topicId)
}

/**
 * The topic that a request names. The engine's own error looks through all topics for names like this one, and a request
 * may have many.
 *
 * @throws UnknownTopicOrPartitionError
 */
export function requireTopic({ engine }: Wire, name: string): Topic {
  const topic = engine.topics.get(name)
  if (topic !== undefined) return topic
  throw new UnknownTopicOrPartitionError(`Unknown topic '${name}'`, { topic: name })
}

/** The log of a partition that a request names, if there is one. */
export function findLog({ engine }: Wire, topic: string, partition: number): Partition | undefined {
  return engine.topics.get(topic)?.partitions[partition]
}

/** Kafka's number of the error for a topic that does not exist. */
export function unknownTopic(version: number, sinceIds: number): number {
  return errnoOf(version < sinceIds ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'UNKNOWN_TOPIC_ID')
}

import { noUuid } from './protocol/type.ts'
import type { Wire } from './wire.ts'

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

/** A topic by its name or by its id, in messages that have both. */
export interface AskedTopic {
  readonly name: string | null
  readonly topicId: string
}

/** Whether a topic is asked for by its name. With an id the name is null, or empty from Kafka's own client. */
export function isNamed(asked: AskedTopic): asked is AskedTopic & { readonly name: string } {
  return asked.name !== null && asked.topicId === noUuid
}

/** Whether a topic is named by its id. */
export function isById({ topicId }: NamedTopic): boolean {
  return topicId !== undefined && topicId !== noUuid
}

/** The index of a partition that is named. */
export function partitionNamed(named: number | NamedPartition): number | undefined {
  return typeof named === 'number' ? named : (named.index ?? named.partition ?? named.partitionIndex)
}

function topicById(wire: Wire, id: string | undefined): string | undefined {
  return id === undefined ? undefined : wire.engine.topicsById.get(id)?.name
}

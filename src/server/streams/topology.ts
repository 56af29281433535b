import { BrokerletError, isBrokerletError } from '../../errors.ts'
import { checkTopicName } from '../../topic-name.ts'

/** An internal topic: the application has it for itself. */
export interface InternalTopic {
  readonly name: string
  /** 0 if the broker is to find out. */
  readonly partitions: number
  /** 0 is the default. */
  readonly replicationFactor: number
  readonly topicConfigs: readonly { readonly key: string; readonly value: string }[]
}

/** A subtopology: its tasks, one for each partition, process the topics that it reads. */
export interface Subtopology {
  readonly subtopologyId: string
  readonly sourceTopics: readonly string[]
  readonly repartitionSinkTopics: readonly string[]
  readonly repartitionSourceTopics: readonly InternalTopic[]
  readonly stateChangelogTopics: readonly InternalTopic[]
  /** Topics that need as many partitions as each other. */
  readonly copartitionGroups: readonly (readonly string[])[]
}

/** What an application does with its topics, as far as the broker has to know. */
export interface Topology {
  readonly epoch: number
  /** In the order of their ids. */
  readonly subtopologies: readonly Subtopology[]
}

type WithTopics = Omit<Subtopology, 'copartitionGroups'>

interface AnyTopology {
  readonly subtopologies: readonly WithTopics[]
}

/** A topology as a member sends it: copartitioned topics are given by their index among the topics that are read. */
export interface SaidTopology {
  readonly epoch: number
  readonly subtopologies: readonly (WithTopics & {
    readonly copartitionGroups: readonly {
      readonly sourceTopics: readonly number[]
      readonly repartitionSourceTopics: readonly number[]
    }[]
  })[]
}

// Kafka has them for itself. (Kafka: Topic.INTERNAL_TOPICS)
const ofKafka: ReadonlySet<string> = new Set([
  '__consumer_offsets',
  '__transaction_state',
  '__share_group_state',
])

/** Reads a topology. @throws BrokerletError STREAMS_INVALID_TOPOLOGY if it is not valid */
export function toTopology({ epoch, subtopologies: said }: SaidTopology): Topology {
  const subtopologies = said
    .map(each => ({
      subtopologyId: each.subtopologyId,
      sourceTopics: each.sourceTopics,
      repartitionSinkTopics: each.repartitionSinkTopics,
      repartitionSourceTopics: each.repartitionSourceTopics,
      stateChangelogTopics: each.stateChangelogTopics,
      copartitionGroups: each.copartitionGroups.map(group => [
        ...group.sourceTopics.map(index => each.sourceTopics[index]),
        ...group.repartitionSourceTopics.map(index => each.repartitionSourceTopics[index]?.name),
      ]),
    }))
    .sort((a, b) => (a.subtopologyId < b.subtopologyId ? -1 : 1))
  if (epoch < 0) throw invalidTopology(`its epoch is ${epoch}`)
  requireOnce(subtopologies.map(({ subtopologyId }) => subtopologyId))
  for (const each of subtopologies) {
    const { subtopologyId, stateChangelogTopics, repartitionSourceTopics, copartitionGroups } = each
    for (const topics of [stateChangelogTopics, repartitionSourceTopics]) requireOnce(topics.map(nameOf))
    if (copartitionGroups.some(group => group.includes(undefined)))
      throw invalidTopology(`subtopology '${subtopologyId}' copartitions a topic that it does not read`)
    const counted = stateChangelogTopics.find(({ partitions }) => partitions !== 0)
    const wrong = counted ?? repartitionSourceTopics.find(({ partitions }) => partitions < 0)
    if (wrong !== undefined)
      throw invalidTopology(`topic '${wrong.name}' may not have ${wrong.partitions} partitions`)
  }
  return { epoch, subtopologies } as Topology
}

/** Looks at the names of its topics, before all else of a request. @throws BrokerletError STREAMS_INVALID_TOPOLOGY */
export function checkNames(topology: AnyTopology): void {
  const sinks = topology.subtopologies.flatMap(({ repartitionSinkTopics }) => repartitionSinkTopics)
  for (const name of [...requiredTopics(topology), ...sinks]) checkName(name)
}

function nameOf({ name }: InternalTopic): string {
  return name
}

function requireOnce(names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names)
    if (seen.size === seen.add(name).size) throw invalidTopology(`'${name}' is named more than once`)
}

function checkName(name: string): void {
  if (ofKafka.has(name)) throw invalidTopology(`'${name}' is a topic of Kafka's own`)
  try {
    checkTopicName(name)
  } catch (error) {
    throw isBrokerletError(error) ? invalidTopology(error.message) : error
  }
}

export function invalidTopology(why: string): BrokerletError {
  return new BrokerletError('STREAMS_INVALID_TOPOLOGY', `The topology cannot be: ${why}`)
}

/** Returns the topics that a subtopology reads. */
export function readBy({ sourceTopics, repartitionSourceTopics }: WithTopics): readonly string[] {
  return [...new Set([...sourceTopics, ...repartitionSourceTopics.map(({ name }) => name)])]
}

/** Returns all topics that have to exist. */
export function requiredTopics({ subtopologies }: AnyTopology): readonly string[] {
  const names = subtopologies.flatMap(each => [
    ...readBy(each),
    ...each.stateChangelogTopics.map(({ name }) => name),
  ])
  return [...new Set(names)].sort()
}

/** Returns the subtopology that reads a topic. */
export function readerOf({ subtopologies }: Topology, topic: string): Subtopology | undefined {
  return subtopologies.find(each => readBy(each).includes(topic))
}

export function sameTopology(a: Topology, b: Topology): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

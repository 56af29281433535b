import {
  BrokerletError,
  InvalidArgumentError,
  InvalidOptionError,
  InvalidPartitionsError,
  TopicAlreadyExistsError,
} from '../errors.ts'
import type { TopicOptions } from '../topic-definition.ts'
import { checkTopicName } from '../topic-name.ts'
import { defaultPartitions } from './broker-configs.ts'
import { madeByClient, requireNoCollision } from './client-topics.ts'
import type { Assignment } from './cluster/cluster.ts'
import { configSources } from './config-definition.ts'
import { configsOfTopic } from './described-configs.ts'
import { keptWith, splitConfigs } from './kept-configs.ts'
import { assignedReplicas, notAssignable, placedReplicas } from './replica-assignments.ts'
import { splitResting } from './resting-options.ts'
import { toOptions } from './topic-configs.ts'
import type { Wire } from './wire.ts'

/** A topic that a client asks for. */
export interface WantedTopic {
  readonly name: string
  /** -1 is the default. */
  readonly numPartitions: number
  /** -1 is the default. */
  readonly replicationFactor: number
  /** Assignments by hand, one for each partition; empty without any. */
  readonly assignments: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[]
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

/** Creates a topic, or only checks it, and returns what the client is told of it. @throws why it cannot be created */
export function createTopic(wire: Wire, wanted: WantedTopic, validateOnly: boolean): object {
  const { engine } = wire
  const { name } = wanted
  // A client that makes sure of a topic goes on at this error, so it comes before all others.
  checkTopicName(name)
  if (engine.topics.has(name)) throw new TopicAlreadyExistsError(name)
  requireNoCollision(engine.topics, name)
  checkGiven(name, wanted.configs)
  const { meant, kept } = splitConfigs([...lastOfEach(wanted.configs)])
  // None of them is reset.
  const given = toOptions(meant) as TopicOptions
  const { active, resting } = splitResting(engine, given)
  // What is wrong with the configs comes before what is wrong with the partitions.
  engine.checkTopic(name, active)
  checkReplicas(wanted)
  const byHand = replicasByHand(wire, wanted)
  // -1 is the default; an assignment by hand has one entry for each partition.
  const partitions = wanted.assignments.length > 0 ? wanted.assignments.length : wanted.numPartitions
  checkPartitions(name, partitions)
  checkFactor(wire, wanted)
  const count = { partitions: partitions === -1 ? defaultPartitions(wire) : partitions }
  const counted = { ...active, ...count }
  const config = engine.checkTopic(name, counted)
  const { cluster } = wire
  const { nodes, defaultReplicationFactor } = cluster
  const factor =
    wanted.replicationFactor === -1
      ? defaultReplicationFactor
      : Math.min(wanted.replicationFactor, nodes.length)
  const assignment = byHand ?? placedReplicas(cluster, name, { to: config.partitions, factor })
  const topic = validateOnly
    ? undefined
    : cluster.assigning(name, assignment, () => engine.createTopic(name, counted))
  topic?.become(topic.requireAlterable(resting, 'rests'))
  if (topic !== undefined) {
    wire.keptConfigs.set(topic, kept)
    madeByClient(topic)
  }
  return {
    ...(topic === undefined ? {} : { topicId: topic.id }),
    numPartitions: config.partitions,
    replicationFactor: assignment.get(0)?.length ?? factor,
    configs: configsOfTopic(
      wire,
      { name, asked: { ...given, ...count }, options: config },
      keptWith(kept),
    ).map(({ name: named, sources: [first], fallback }) => ({
      name: named,
      value: first?.value ?? fallback,
      configSource: first?.source ?? configSources.default,
    })),
  }
}

// A config that is given twice has its last value. (Kafka: ReplicationControlManager.computeConfigChanges)
function lastOfEach(configs: WantedTopic['configs']) {
  return new Map(configs.map(each => [each.name, each])).values()
}

// To leave a config out gives its default; null is not a value. (Kafka: ConfigurationControlManager)
function checkGiven(topic: string, configs: WantedTopic['configs']): void {
  const nothing = configs.find(({ value }) => value === null)
  if (nothing === undefined) return
  throw new InvalidOptionError(`Null value not supported for topic configs: ${nothing.name}`, {
    topic,
    option: nothing.name,
  })
}

// (Kafka: ReplicationControlManager.createTopic)
function checkReplicas({ name, numPartitions, replicationFactor, assignments }: WantedTopic): void {
  const byHand = assignments.length > 0
  if (byHand && (replicationFactor !== -1 || numPartitions !== -1)) {
    const message = `Topic '${name}' is assigned by hand, so -1 is expected as its numbers of partitions and replicas`
    throw new InvalidArgumentError(message, { topic: name })
  }
  if (replicationFactor < -1 || replicationFactor === 0) {
    throw new BrokerletError(
      'INVALID_REPLICATION_FACTOR',
      `Topic '${name}' expected 1 replica or more, or -1 for the default, received ${replicationFactor}`,
      { topic: name, received: replicationFactor },
    )
  }
}

function replicasByHand({ cluster }: Wire, { name, assignments }: WantedTopic): Assignment | undefined {
  if (assignments.length === 0) return undefined
  const indexes = new Set(assignments.map(({ partitionIndex }) => partitionIndex))
  if (indexes.size < assignments.length) throw notAssignable(name, 'a partition is named twice')
  const inOrder = assignments.toSorted((a, b) => a.partitionIndex - b.partitionIndex)
  const replicas = assignedReplicas(cluster, name, inOrder)
  if (assignments.some((_, index) => !indexes.has(index))) {
    throw notAssignable(name, 'partitions should be a consecutive 0-based integer sequence')
  }
  return replicas
}

// A server of one broker takes any number: a service creates its topics as in production.
function checkFactor({ cluster: { nodes } }: Wire, { name, replicationFactor }: WantedTopic): void {
  if (nodes.length === 1 || replicationFactor <= nodes.length) return
  throw new BrokerletError(
    'INVALID_REPLICATION_FACTOR',
    `Topic '${name}' expected ${nodes.length} replicas at most, as there are ${nodes.length} brokers, received ${replicationFactor}`,
    { topic: name, received: replicationFactor },
  )
}

// The number of partitions has an error of its own; all other errors are about one of the topic's options.
function checkPartitions(name: string, partitions: number): void {
  if (partitions === -1 || partitions >= 1) return
  throw new InvalidPartitionsError(
    `Topic '${name}' expected 1 partition or more, or -1 for the default, received ${partitions}`,
    { topic: name, received: partitions },
  )
}

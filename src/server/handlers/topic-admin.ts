import {
  BrokerletError,
  InvalidOptionError,
  InvalidPartitionsError,
  OffsetOutOfRangeError,
  TopicAlreadyExistsError,
} from '../../errors.ts'
import type { Partition } from '../../log/partition.ts'
import type { Topic } from '../../log/topic.ts'
import { checkTopicName } from '../../topic-name.ts'
import { defaultPartitions } from '../broker-configs.ts'
import { madeByClient, requireNoCollision } from '../client-topics.ts'
import { type Handler, handler } from '../handler.ts'
import { inertWith, splitConfigs } from '../inert-configs.ts'
import type { RequestOf } from '../protocol/message.ts'
import { createPartitions } from '../protocol/messages/create-partitions.ts'
import { createTopics } from '../protocol/messages/create-topics.ts'
import { deleteRecords } from '../protocol/messages/delete-records.ts'
import { deleteTopics } from '../protocol/messages/delete-topics.ts'
import { noUuid } from '../protocol/type.ts'
import { checkResting, splitResting } from '../resting-options.ts'
import { configSources, configValue, toOptions, topicConfigs } from '../topic-configs.ts'
import { attempt, type Wire } from '../wire.ts'

type WantedTopic = RequestOf<typeof createTopics>['topics'][number]

/** Creates, deletes and enlarges topics, and deletes their records, for administrators. */
export function topicAdminHandlers(wire: Wire): Handler[] {
  const { engine } = wire
  return [
    handler(createTopics, ({ topics, validateOnly }) => ({
      topics: eachOnce(topics).map(({ repeated, ...wanted }) => {
        const { name } = wanted
        let made: object = {}
        const result = attempt(wire, () => {
          if (repeated) throw saidTwice(name)
          made = createTopic(wire, wanted, validateOnly)
        })
        return { name, ...made, ...result }
      }),
    })),

    handler(deleteTopics, ({ topics, topicNames }, { version }) => {
      const wanted = version < 6 ? topicNames.map(name => ({ name, topicId: noUuid })) : topics
      const named = new Map<unknown, DoomedTopic[]>()
      for (const each of wanted) {
        const key = isOneWay(each) ? (doomedTopic(wire, each) ?? `${each.name} ${each.topicId}`) : each
        named.set(key, [...(named.get(key) ?? []), each])
      }
      return { responses: [...named.values()].map(each => deleteTopic(wire, each)) }
    }),

    handler(createPartitions, ({ topics, validateOnly }) => ({
      results: eachOnce(topics).map(({ name, count, repeated }) => ({
        name,
        ...attempt(wire, () => {
          if (repeated) throw saidTwice(name)
          const topic = engine.existingTopic(name)
          if (validateOnly) topic.requireGrowth(count)
          else topic.addPartitions(count)
        }),
      })),
    })),

    handler(deleteRecords, ({ topics }) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, offset }) => {
          let lowWatermark = -1
          const { errorCode } = attempt(wire, () => {
            const log = engine.partition({ topic: name, partition: partitionIndex })
            requireDeletes(engine.existingTopic(name))
            if (offset < -1) throw outOfRange(log, offset)
            // -1 deletes all records.
            log.deleteRecords(offset === -1 ? log.highWatermark : offset)
            lowWatermark = log.logStartOffset
          })
          return { partitionIndex, lowWatermark, errorCode }
        }),
      })),
    })),
  ]
}

/** A topic to delete, by its name or by its id, and not by both. */
interface DoomedTopic {
  readonly name: string | null
  readonly topicId: string
}

function isOneWay({ name, topicId }: DoomedTopic): boolean {
  return (name !== null) !== (topicId !== noUuid)
}

function doomedTopic({ engine }: Wire, { name, topicId }: DoomedTopic): Topic | undefined {
  return name === null ? engine.topicsById.get(topicId) : engine.topics.get(name)
}

/** Deletes a topic that a request names in one way; one that it names in several ways stays. */
function deleteTopic(wire: Wire, ways: readonly DoomedTopic[]) {
  const asked: DoomedTopic = {
    name: ways.find(({ name }) => name !== null)?.name ?? null,
    topicId: ways.find(({ topicId }) => topicId !== noUuid)?.topicId ?? noUuid,
  }
  let deleted: DoomedTopic | undefined
  const result = attempt(wire, () => {
    if (ways.length > 1) throw saidTwice(asked.name ?? asked.topicId)
    const topic = requireDoomed(wire, asked)
    wire.engine.deleteTopic(topic.name)
    deleted = { name: topic.name, topicId: topic.id }
  })
  return { ...(deleted ?? asked), ...result }
}

function requireDoomed(wire: Wire, asked: DoomedTopic): Topic {
  if (!isOneWay(asked)) {
    const message = `A topic to be deleted has a name or an id, received ${JSON.stringify(asked)}`
    throw new BrokerletError('INVALID_REQUEST', message)
  }
  const topic = doomedTopic(wire, asked)
  if (topic !== undefined) return topic
  const [code, what] =
    asked.name === null
      ? (['UNKNOWN_TOPIC_ID', `topic of id ${asked.topicId}`] as const)
      : (['UNKNOWN_TOPIC_OR_PARTITION', `topic '${asked.name}'`] as const)
  throw new BrokerletError(code, `There is no ${what}`)
}

/** Creates a topic, or only checks it, and returns what the client is told of it. @throws why it cannot be created */
function createTopic(wire: Wire, wanted: WantedTopic, validateOnly: boolean): object {
  const { engine } = wire
  const { name } = wanted
  // A client that makes sure of a topic goes on at this error, so it comes before all others.
  checkTopicName(name)
  if (engine.topics.has(name)) throw new TopicAlreadyExistsError(name)
  // -1 is the default; an assignment by hand has one entry for each partition.
  const partitions = wanted.assignments.length > 0 ? wanted.assignments.length : wanted.numPartitions
  checkPartitions(name, partitions)
  requireNoCollision(engine.topics, name)
  checkGiven(name, wanted.configs)
  const { meant, inert } = splitConfigs(name, wanted.configs)
  const options = {
    ...toOptions(name, meant),
    partitions: partitions === -1 ? defaultPartitions(wire) : partitions,
  }
  const { active, resting } = splitResting(options)
  checkResting(engine, name, options)
  const config = engine.checkTopic(name, active)
  const topic = validateOnly ? undefined : engine.createTopic(name, active)
  topic?.become(topic.requireAlterable(resting, 'rests'))
  if (topic !== undefined) {
    wire.inertConfigs.set(topic, inert)
    madeByClient(topic)
  }
  return {
    ...(topic === undefined ? {} : { topicId: topic.id }),
    numPartitions: config.partitions,
    replicationFactor: wire.cluster.nodes.length,
    configs: [
      ...topicConfigs.map(each => ({ name: each.name, ...configValue(each, options, config) })),
      ...inertWith(inert).map(({ name: inertName, own, fallback }) => ({
        name: inertName,
        value: own ?? fallback,
        configSource: own === undefined ? configSources.default : configSources.topic,
      })),
    ],
  }
}

function outOfRange({ topic, index: partition }: Partition, offset: number): OffsetOutOfRangeError {
  return new OffsetOutOfRangeError(`There is no offset ${offset} of ${topic}-${partition}`, {
    topic,
    partition,
    offset,
  })
}

// With cleanup.policy compact alone, clients may not delete records. (Kafka: ReplicaManager.deleteRecordsOnLocalLog)
function requireDeletes({ name: topic, options: { cleanupPolicy } }: Topic): void {
  if (cleanupPolicy !== 'compact') return
  throw new BrokerletError(
    'POLICY_VIOLATION',
    `Topic '${topic}': a client may not delete records where cleanup.policy is 'compact'`,
    { topic },
  )
}

// A topic that is named more than once is refused altogether. (Kafka: ControllerApis)
function eachOnce<Named extends { readonly name: string }>(
  topics: readonly Named[],
): (Named & { readonly repeated: boolean })[] {
  const firsts = new Map<string, Named & { readonly repeated: boolean }>()
  for (const topic of topics) firsts.set(topic.name, { ...topic, repeated: firsts.has(topic.name) })
  return [...firsts.values()]
}

function saidTwice(topic: string): BrokerletError {
  return new BrokerletError('INVALID_REQUEST', `Topic '${topic}' is named more than once`, { topic })
}

// To leave a config out gives its default; null is not a value. (Kafka: ConfigurationControlManager)
function checkGiven(
  topic: string,
  configs: readonly { readonly name: string; readonly value: string | null }[],
): void {
  const nothing = configs.find(({ value }) => value === null)
  if (nothing === undefined) return
  throw new InvalidOptionError(`Topic '${topic}': config '${nothing.name}' expected a value, received null`, {
    topic,
    option: nothing.name,
  })
}

// The number of partitions has an error of its own; all other errors are about one of the topic's options.
function checkPartitions(name: string, partitions: number): void {
  if (partitions === -1 || partitions >= 1) return
  throw new InvalidPartitionsError(
    `Topic '${name}' expected 1 partition or more, or -1 for the default, received ${partitions}`,
    { topic: name, received: partitions },
  )
}

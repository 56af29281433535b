import { errorCodes } from '../../error-codes.ts'
import { InvalidOptionError } from '../../errors.ts'
import type { Topic } from '../../log/topic.ts'
import type { TopicOptions } from '../../topic-definition.ts'
import { type Handler, handler } from '../handler.ts'
import { createPartitions } from '../protocol/messages/create-partitions.ts'
import { createTopics } from '../protocol/messages/create-topics.ts'
import { deleteRecords } from '../protocol/messages/delete-records.ts'
import { deleteTopics } from '../protocol/messages/delete-topics.ts'
import { describeConfigs } from '../protocol/messages/describe-configs.ts'
import { findTopic, toWireError, unknownTopic, type Wire } from '../wire.ts'

/** Kafka's names of what a topic's options call otherwise. */
const configs: readonly (readonly [config: string, option: keyof TopicOptions, kind: 'number' | 'text'])[] = [
  ['retention.ms', 'retentionMs', 'number'],
  ['retention.bytes', 'retentionBytes', 'number'],
  ['segment.ms', 'segmentMs', 'number'],
  ['segment.bytes', 'segmentBytes', 'number'],
  ['max.message.bytes', 'maxMessageBytes', 'number'],
  ['cleanup.policy', 'cleanupPolicy', 'text'],
  ['message.timestamp.type', 'messageTimestampType', 'text'],
  ['message.timestamp.before.max.ms', 'messageTimestampBeforeMaxMs', 'number'],
  ['message.timestamp.after.max.ms', 'messageTimestampAfterMaxMs', 'number'],
]

const topicResource = 2
const brokerResource = 4

/** Topics as an administrator makes, grows, trims and deletes them. */
export function topicAdminHandlers(wire: Wire): Handler[] {
  const { engine } = wire
  const attempt = (change: () => void) => {
    try {
      change()
      return { errorCode: 0, errorMessage: null }
    } catch (error) {
      return toWireError(wire, error)
    }
  }
  return [
    handler(createTopics, ({ topics, validateOnly }) => ({
      topics: topics.map(({ name, numPartitions, assignments, configs: given }) => {
        // -1 is the default, and an assignment by hand says how many.
        const partitions = assignments.length > 0 ? assignments.length : numPartitions
        let topic: Topic | undefined
        const result = attempt(() => {
          const options = { ...toOptions(name, given), ...(partitions === -1 ? {} : { partitions }) }
          if (validateOnly) engine.checkTopic(name, options)
          else topic = engine.createTopic(name, options)
        })
        if (topic === undefined) return { name, ...result }
        return {
          name,
          topicId: topic.id,
          numPartitions: topic.partitions.length,
          replicationFactor: wire.cluster.nodes.length,
          ...result,
        }
      }),
    })),

    handler(deleteTopics, ({ topics, topicNames }, { version }) => {
      const wanted = version < 6 ? topicNames.map(name => ({ name, topicId: '' })) : topics
      return {
        responses: wanted.map(({ name, topicId }) => {
          const topic = findTopic(wire, name === null ? 6 : 0, 6, { name: name ?? '', topicId })
          if (topic === undefined) return { name, topicId, errorCode: unknownTopic(name === null ? 6 : 0, 6) }
          return { name: topic.name, topicId: topic.id, ...attempt(() => engine.deleteTopic(topic.name)) }
        }),
      }
    }),

    handler(createPartitions, ({ topics, validateOnly }) => ({
      results: topics.map(({ name, count }) => ({
        name,
        ...attempt(() => {
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
          const { errorCode } = attempt(() => {
            const log = engine.partition({ topic: name, partition: partitionIndex })
            // -1 is all there is.
            log.deleteRecords(offset === -1 ? log.highWatermark : offset)
            lowWatermark = log.logStartOffset
          })
          return { partitionIndex, lowWatermark, errorCode }
        }),
      })),
    })),

    handler(describeConfigs, ({ resources }) => ({
      results: resources.map(({ resourceType, resourceName, configurationKeys }) => {
        const place = { resourceType, resourceName, errorMessage: null }
        if (resourceType === brokerResource) return { ...place, errorCode: 0, configs: [] }
        const topic = resourceType === topicResource ? engine.topics.get(resourceName) : undefined
        if (topic === undefined)
          return { ...place, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION.errno, configs: [] }
        return { ...place, errorCode: 0, configs: describe(topic, configurationKeys) }
      }),
    })),
  ]
}

function toOptions(
  topic: string,
  given: readonly { readonly name: string; readonly value: string | null }[],
): TopicOptions {
  const options: Record<string, unknown> = {}
  for (const { name, value } of given) {
    const known = configs.find(([config]) => config === name)
    if (known === undefined) {
      throw new InvalidOptionError(`Topic '${topic}': unknown config '${name}'`, { topic, option: name })
    }
    const [, option, kind] = known
    if (value !== null) options[option] = kind === 'number' ? Number(value) : value
  }
  return options
}

function describe(topic: Topic, wanted: readonly string[] | null) {
  return configs
    .filter(([config]) => wanted === null || wanted.includes(config))
    .map(([config, option]) => ({
      name: config,
      value: String(topic.options[option]),
      readOnly: true,
      // Kafka's numbers: a value of the topic's own, and its type by what it looks like.
      configSource: 1,
      isSensitive: false,
      synonyms: [],
      configType: typeof topic.options[option] === 'number' ? 5 : 2,
      documentation: null,
    }))
}

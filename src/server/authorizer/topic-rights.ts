import { notAsked } from '../authorized-operations.ts'
import { type ConfigResource, configResources } from '../config-resources.ts'
import {
  type AskedTopic,
  askedTopics,
  isById,
  type NamedTopic,
  topicIdsSince,
  topicNamed,
} from '../named-topic.ts'
import { hasTransaction } from '../protocol/record-batch.ts'
import { noUuid } from '../protocol/type.ts'
import type { AclOperation } from './acl.ts'
import type { ApiRights, Asked, Message, RightsTable } from './asked.ts'
import { eachTopic, topicDenial } from './needs.ts'
import { denials } from './rights.ts'

/** What the APIs need that read, write and administer topics. */
export const topicRights: RightsTable = {
  Produce: {
    whole: ({ rights, request: { transactionalId, topicData } }) =>
      hasTransaction(topicData) &&
      !(transactionalId !== null && rights.may('WRITE', 'TRANSACTIONAL_ID', transactionalId))
        ? denials.TRANSACTIONAL_ID
        : 0,
    part: eachTopic('WRITE', topicIdsSince.Produce),
  },
  Fetch: {
    part: (path, asked) => {
      if (!isFollower(asked.request)) return topicDenial('READ', path[0], asked, topicIdsSince.Fetch)
      return asked.rights.may('CLUSTER_ACTION', 'CLUSTER') ? 0 : denials.TOPIC
    },
  },
  ListOffsets: { part: eachTopic('DESCRIBE') },
  OffsetForLeaderEpoch: {
    // Followers ask for the same. (KIP-320)
    part: (path, asked) =>
      asked.rights.may('CLUSTER_ACTION', 'CLUSTER') ? 0 : eachTopic('DESCRIBE')(path, asked),
  },
  DeleteRecords: { part: eachTopic('DELETE') },
  DescribeProducers: { part: eachTopic('READ') },

  Metadata: {
    part: (path, asked) => metadataDenial(path[0] as AskedTopic, asked),
    // An id tells its owner no name.
    refused: (answer, asked) => ({
      ...answer,
      ...askedOfCluster(asked),
      topics: answer.topics.map((each: NamedTopic) => (isById(each) ? { ...each, name: null } : each)),
    }),
    shown: shownMetadata,
  },
  DescribeTopicPartitions: {
    part: eachTopic('DESCRIBE'),
    narrowed: narrowedDescription,
    shown: shownDescription,
  },

  CreateTopics: {
    part: (path, { rights }) =>
      rights.may('CREATE', 'CLUSTER')
        ? 0
        : rights.denial('CREATE', 'TOPIC', (path[0] as { readonly name: string }).name),
    shown: (answer, { rights }) => ({
      ...answer,
      topics: answer.topics.map((each: Message) =>
        each.errorCode !== 0 || rights.may('DESCRIBE_CONFIGS', 'TOPIC', each.name)
          ? each
          : { ...each, ...withoutConfigs },
      ),
    }),
  },
  CreatePartitions: { part: eachTopic('ALTER') },
  DeleteTopics: {
    part: (path, asked) => deletionDenial(path[0], asked),
    refused: (answer, { wire, rights }) => ({
      ...answer,
      responses: answer.responses.map((each: NamedTopic) => {
        const name = topicNamed(wire, each)
        return name !== undefined && rights.may('DESCRIBE', 'TOPIC', name) ? { ...each, name } : each
      }),
    }),
  },

  DescribeConfigs: configRights('DESCRIBE_CONFIGS'),
  AlterConfigs: configRights('ALTER_CONFIGS'),
  IncrementalAlterConfigs: configRights('ALTER_CONFIGS'),
}

function isFollower({ replicaId, replicaState }: Message): boolean {
  return replicaId >= 0 || replicaState.replicaId >= 0
}

function metadataDenial(topic: AskedTopic, asked: Asked): number {
  const { wire, rights, request, version } = asked
  if (isById(topic) && version < topicIdsSince.Metadata) return 0
  const denied = topicDenial('DESCRIBE', topic, asked, isById(topic) ? topicIdsSince.Metadata : version + 1)
  if (denied !== 0 || isById(topic)) return denied
  const { topics, settings } = wire.engine
  const creates = request.allowAutoTopicCreation && settings.autoCreateTopics !== false
  const { name } = topic
  if (!creates || name === null || topics.has(name) || rights.may('CREATE', 'CLUSTER')) return 0
  return rights.denial('CREATE', 'TOPIC', name)
}

function shownMetadata(answer: Message, asked: Asked): Message {
  const { rights, request, version } = asked
  const topics =
    askedTopics(version, request.topics) === null
      ? answer.topics.filter(({ name }: Message) => rights.may('DESCRIBE', 'TOPIC', name))
      : answer.topics
  return { ...answer, ...askedOfCluster(asked), topics: topics.map(withOperations(rights)) }
}

function askedOfCluster(asked: Asked) {
  const isAsked = asked.request.includeClusterAuthorizedOperations
  return { clusterAuthorizedOperations: isAsked ? clusterOperations(asked) : notAsked }
}

/** What a client may do with the cluster: nothing that it hears of, if it may not describe that. */
export function clusterOperations({ rights }: Pick<Asked, 'rights'>): number {
  return rights.may('DESCRIBE', 'CLUSTER') ? rights.operations('CLUSTER') : 0
}

// Where any are told: who asks by an id that no topic has, or in a way that is refused, hears of none.
function withOperations(rights: Asked['rights']) {
  return (topic: Message): Message =>
    (topic.topicAuthorizedOperations ?? notAsked) === notAsked
      ? topic
      : { ...topic, topicAuthorizedOperations: rights.operations('TOPIC', topic.name) }
}

// Without names all topics are meant; only those that may be shown count for the limit, and may be told as the next.
function narrowedDescription({ wire, rights, request }: Asked): Message {
  const { cursor } = request
  // A place that cannot be is refused whole.
  if (request.topics.length > 0 || cursor?.partitionIndex < 0) return request
  const from = cursor?.topicName ?? ''
  const names = [...wire.engine.topics.keys()].filter(
    name => name >= from && rights.may('DESCRIBE', 'TOPIC', name),
  )
  if (names.length === 0) return { ...request, cursor: pastAll }
  return { ...request, topics: names.map(name => ({ name })), cursor: names.includes(from) ? cursor : null }
}

// No topic has such a name, or one that comes after it.
const pastAll = { topicName: '~', partitionIndex: 0 }

function shownDescription(answer: Message, { rights }: Asked): Message {
  return { ...answer, topics: answer.topics.map(withOperations(rights)) }
}

const withoutConfigs = {
  topicConfigErrorCode: denials.TOPIC,
  numPartitions: -1,
  replicationFactor: -1,
  configs: [],
}

// Who may describe a topic hears whether it is there. Deleting is a right to the topic, or to the cluster.
function deletionDenial(item: unknown, { wire, rights }: Asked): number {
  const topic: AskedTopic = typeof item === 'string' ? { name: item, topicId: noUuid } : (item as AskedTopic)
  if (topic.name !== null && isById(topic)) return 0
  const name = topicNamed(wire, topic as NamedTopic)
  if (name === undefined || rights.may('DELETE', 'CLUSTER')) return 0
  if (!isById(topic) && rights.may('DESCRIBE', 'TOPIC', name) && !wire.engine.topics.has(name)) return 0
  return rights.denial('DELETE', 'TOPIC', name)
}

// The configs of a broker, of its loggers and of client metrics are a matter of the cluster.
function configRights(operation: AclOperation): ApiRights {
  return {
    part(path, { rights }) {
      const { resourceType, resourceName } = path[0] as ConfigResource
      switch (resourceType) {
        case configResources.topic:
          return rights.denial(operation, 'TOPIC', resourceName)
        case configResources.group:
          return rights.denial(operation, 'GROUP', resourceName)
        case configResources.broker:
        case configResources.brokerLogger:
        case configResources.clientMetrics:
          return rights.denial(operation, 'CLUSTER')
        default:
          return 0
      }
    },
  }
}

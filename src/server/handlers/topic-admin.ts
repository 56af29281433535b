import { BrokerletError, OffsetOutOfRangeError } from '../../errors.ts'
import type { Partition } from '../../log/partition.ts'
import type { Topic } from '../../log/topic.ts'
import type { Assignment } from '../cluster/cluster.ts'
import { createTopic } from '../create-topic.ts'
import { entryOf } from '../entry-of.ts'
import { type Handler, handler } from '../handler.ts'
import { inTurns } from '../in-turns.ts'
import { namedPartitions } from '../named-partitions.ts'
import { type AskedTopic, requireTopic } from '../named-topic.ts'
import { refusalOfGrowth, refusalOfMany } from '../partition-limits.ts'
import { createPartitions } from '../protocol/messages/create-partitions.ts'
import { createTopics } from '../protocol/messages/create-topics.ts'
import { deleteRecords } from '../protocol/messages/delete-records.ts'
import { deleteTopics } from '../protocol/messages/delete-topics.ts'
import { noUuid } from '../protocol/type.ts'
import { assignedReplicas, notAssignable, placedReplicas } from '../replica-assignments.ts'
import { attempt, type Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

const unknownPartition = errnoOf('UNKNOWN_TOPIC_OR_PARTITION')

const clusterMetadata = '__cluster_metadata'

/** Creates, deletes and enlarges topics, and deletes their records, for administrators. */
export function topicAdminHandlers(wire: Wire): Handler[] {
  const { engine } = wire
  const { clock } = engine
  return [
    handler(createTopics, async ({ topics, validateOnly }) => {
      const refusal = await refusalOfMany(wire, topics)
      return {
        topics: await inTurns(clock, eachOnce(topics), ({ repeated, ...wanted }) => {
          const { name } = wanted
          if (refusal !== undefined) return { name, ...refusal }
          let made: object = {}
          const result = attempt(wire, () => {
            if (repeated) throw saidTwice(name)
            requireNotMetadata(name)
            made = createTopic(wire, wanted, validateOnly)
          })
          return { name, ...made, ...result }
        }),
      }
    }),

    handler(deleteTopics, async ({ topics, topicNames }, { version }) => {
      const wanted = version < 6 ? topicNames.map(name => ({ name, topicId: noUuid })) : topics
      const named = new Map<unknown, AskedTopic[]>()
      for (const each of wanted) {
        const key = isOneWay(each) ? (doomedTopic(wire, each) ?? `${each.name} ${each.topicId}`) : each
        entryOf(named, key, () => []).push(each)
      }
      return { responses: await inTurns(clock, named.values(), each => deleteTopic(wire, each)) }
    }),

    handler(createPartitions, async ({ topics, validateOnly }) => {
      const asked = eachOnce(topics)
      const refusal = refusalOfGrowth(
        wire,
        asked.filter(({ repeated }) => !repeated),
      )
      if (refusal !== undefined) return { results: topics.map(({ name }) => ({ name, ...refusal })) }
      return {
        results: await inTurns(clock, asked, ({ name, count, assignments, repeated }) => ({
          name,
          ...attempt(wire, () => {
            if (repeated) throw saidTwice(name)
            const topic = requireTopic(wire, name)
            topic.requireGrowth(count)
            const assignment = replicasOfAdded(wire, topic, count, assignments)
            if (!validateOnly) wire.cluster.assigning(name, assignment, () => topic.addPartitions(count))
          }),
        })),
      }
    }),

    handler(deleteRecords, async ({ topics }) => ({
      topics: await inTurns(clock, namedPartitions(topics), ({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, offset }) => {
          let lowWatermark = -1
          const topic = engine.topics.get(name)
          const log = topic?.partitions[partitionIndex]
          if (log === undefined) return { partitionIndex, lowWatermark, errorCode: unknownPartition }
          const { errorCode } = attempt(wire, () => {
            requireDeletes(topic!)
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

// New partitions have as many replicas as the first one. (Kafka: ReplicationControlManager.createPartitions)
function replicasOfAdded(
  { cluster }: Wire,
  { name, partitionCount, partitions }: Topic,
  count: number,
  assignments: readonly { readonly brokerIds: readonly number[] }[] | null,
): Assignment {
  const { replicas } = cluster.registrationOf(partitions[0]!)
  const where = { from: partitionCount, factor: replicas.length }
  if (assignments === null) return placedReplicas(cluster, name, { ...where, to: count })
  const added = count - partitionCount
  if (assignments.length !== added) {
    throw notAssignable(
      name,
      `Attempted to add ${added} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
    )
  }
  return assignedReplicas(cluster, name, assignments, where)
}

// By its name or by its id, and not by both.
function isOneWay({ name, topicId }: AskedTopic): boolean {
  return (name !== null) !== (topicId !== noUuid)
}

function doomedTopic({ engine }: Wire, { name, topicId }: AskedTopic): Topic | undefined {
  return name === null ? engine.topicsById.get(topicId) : engine.topics.get(name)
}

/** Deletes a topic that a request names in one way; one that it names in several ways stays. */
function deleteTopic(wire: Wire, ways: readonly AskedTopic[]) {
  const asked: AskedTopic = {
    name: ways.find(({ name }) => name !== null)?.name ?? null,
    topicId: ways.find(({ topicId }) => topicId !== noUuid)?.topicId ?? noUuid,
  }
  let deleted: AskedTopic | undefined
  const result = attempt(wire, () => {
    if (ways.length > 1) throw saidTwice(asked.name ?? asked.topicId)
    const topic = requireDoomed(wire, asked)
    wire.engine.deleteTopic(topic.name)
    deleted = { name: topic.name, topicId: topic.id }
  })
  return { ...(deleted ?? asked), ...result }
}

function requireDoomed(wire: Wire, asked: AskedTopic): Topic {
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

// Kafka keeps its own metadata in it. (Kafka: ControllerApis.createTopics)
function requireNotMetadata(topic: string): void {
  if (topic !== clusterMetadata) return
  throw new BrokerletError('INVALID_REQUEST', `Creation of internal topic ${topic} is prohibited.`, { topic })
}

function saidTwice(topic: string): BrokerletError {
  return new BrokerletError('INVALID_REQUEST', `Topic '${topic}' is named more than once`, { topic })
}

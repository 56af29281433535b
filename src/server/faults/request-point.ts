import { noUuid } from '../protocol/type.ts'
import type { Wire } from '../wire.ts'
import type { ApiName, RequestPoint } from './wire-scope.ts'

/** What requests call the topics, the partitions and the groups that they name. */
interface NamingRequest {
  readonly topics?: readonly (string | NamedTopic)[] | null
  readonly topicData?: readonly NamedTopic[]
  readonly topicNames?: readonly string[]
  readonly v3AndBelowTopics?: readonly NamedTopic[]
  readonly subscribedTopicNames?: readonly string[] | null
  readonly groupId?: string
  readonly groups?: readonly (string | NamedGroup)[]
  readonly groupIds?: readonly string[]
  readonly groupsNames?: readonly string[]
  readonly keyType?: number
  readonly key?: string
  readonly coordinatorKeys?: readonly string[]
  readonly resources?: readonly { readonly resourceType: number; readonly resourceName: string }[]
}

interface NamedTopic {
  readonly name?: string | null
  readonly topic?: string
  readonly topicId?: string
  readonly partitions?: readonly (number | NamedPartition)[] | null
  readonly partitionData?: readonly NamedPartition[]
  readonly partitionIndexes?: readonly number[]
}

interface NamedPartition {
  readonly index?: number
  readonly partition?: number
  readonly partitionIndex?: number
}

interface NamedGroup {
  readonly groupId: string
  readonly topics?: readonly NamedTopic[] | null
}

const groupKey = 0
const topicResource = 2

/** Finds what a request is about. */
export function pointOf(wire: Wire, api: ApiName, clientId: string, request: unknown): RequestPoint {
  const named = request as NamingRequest
  const groups = (named.groups ?? []).map(each => (typeof each === 'string' ? { groupId: each } : each))
  const topics = [
    ...(named.topics ?? []),
    ...(named.topicData ?? []),
    ...(named.topicNames ?? []),
    ...(named.v3AndBelowTopics ?? []),
    ...(named.subscribedTopicNames ?? []),
    ...groups.flatMap(({ topics: ofGroup }: NamedGroup) => ofGroup ?? []),
    ...(named.resources ?? [])
      .filter(({ resourceType }) => resourceType === topicResource)
      .map(({ resourceName }) => resourceName),
  ]
  // Newer versions have many keys, older ones one.
  const keys = named.coordinatorKeys?.length ? named.coordinatorKeys : [named.key ?? '']
  return {
    api,
    clientId,
    partitions: topics.flatMap(each => partitionsOf(wire, each)),
    groups: [
      named.groupId ?? '',
      ...groups.map(({ groupId }) => groupId),
      ...(named.groupIds ?? []),
      ...(named.groupsNames ?? []),
      ...(named.keyType === groupKey ? keys : []),
    ].filter(group => group !== ''),
  }
}

function partitionsOf(wire: Wire, named: string | NamedTopic): RequestPoint['partitions'] {
  if (typeof named === 'string') return [{ topic: named }]
  const topic = named.name || named.topic || topicById(wire, named.topicId)
  if (topic === undefined) return []
  const partitions = named.partitions ?? named.partitionData ?? named.partitionIndexes ?? []
  if (partitions.length === 0) return [{ topic }]
  return partitions.map(each => ({
    topic,
    partition: typeof each === 'number' ? each : (each.index ?? each.partition ?? each.partitionIndex),
  }))
}

function topicById(wire: Wire, id: string | undefined): string | undefined {
  if (id === undefined || id === noUuid) return undefined
  for (const topic of wire.engine.topics.values()) if (topic.id === id) return topic.name
  return undefined
}

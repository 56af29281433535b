import { coordinatorTypes } from '../cluster/coordinator-types.ts'
import { configResources } from '../config-resources.ts'
import type { RequestContext } from '../handler.ts'
import { type NamedTopic, partitionNamed, topicNamed } from '../named-topic.ts'
import type { ApiName } from '../protocol/api-name.ts'
import type { Wire } from '../wire.ts'
import type { RequestPoint } from './wire-scope.ts'

/** The fields in which requests name topics, partitions and groups. */
interface NamingRequest {
  readonly topics?: readonly (string | NamedTopic)[] | null
  readonly topicData?: readonly NamedTopic[]
  readonly topicNames?: readonly string[]
  readonly v3AndBelowTopics?: readonly NamedTopic[]
  readonly topicPartitions?: readonly NamedTopic[] | null
  readonly dirs?: readonly { readonly topics: readonly NamedTopic[] }[]
  readonly subscribedTopicNames?: readonly string[] | null
  readonly groupId?: string
  readonly groups?: readonly (string | NamedGroup)[]
  readonly groupIds?: readonly string[]
  readonly groupsNames?: readonly string[]
  readonly resources?: readonly { readonly resourceType: number; readonly resourceName: string }[]
  readonly keyType?: number
  readonly key?: string
  readonly coordinatorKeys?: readonly string[]
}

interface NamedGroup {
  readonly groupId: string
  readonly topics?: readonly NamedTopic[] | null
}

/** Finds the topics, partitions and groups that a request names. */
export function pointOf(
  wire: Wire,
  api: ApiName,
  { clientId, node }: Pick<RequestContext, 'clientId' | 'node'>,
  request: unknown,
): RequestPoint {
  const named = request as NamingRequest
  const groups = (named.groups ?? []).map(each => (typeof each === 'string' ? { groupId: each } : each))
  const topics = [
    ...(named.topics ?? []),
    ...(named.topicData ?? []),
    ...(named.topicNames ?? []),
    ...(named.v3AndBelowTopics ?? []),
    ...(named.topicPartitions ?? []),
    ...(named.dirs ?? []).flatMap(({ topics: ofDir }) => ofDir),
    ...(named.subscribedTopicNames ?? []),
    ...resourcesOf(named, configResources.topic),
    ...groups.flatMap(({ topics: ofGroup }: NamedGroup) => ofGroup ?? []),
  ]
  // Newer versions have many keys, older ones one.
  const keys = named.coordinatorKeys?.length ? named.coordinatorKeys : [named.key ?? '']
  return {
    api,
    clientId,
    nodeId: node.nodeId,
    partitions: topics.flatMap(each => partitionsOf(wire, each)),
    groups: [
      named.groupId ?? '',
      ...groups.map(({ groupId }) => groupId),
      ...(named.groupIds ?? []),
      ...(named.groupsNames ?? []),
      ...resourcesOf(named, configResources.group),
      ...(named.keyType === coordinatorTypes.group ? keys : []),
    ].filter(group => group !== ''),
  }
}

function resourcesOf({ resources = [] }: NamingRequest, type: number): string[] {
  return resources.filter(({ resourceType }) => resourceType === type).map(({ resourceName }) => resourceName)
}

function partitionsOf(wire: Wire, named: string | NamedTopic): RequestPoint['partitions'] {
  if (typeof named === 'string') return [{ topic: named }]
  const topic = topicNamed(wire, named)
  if (topic === undefined) return []
  const partitions = named.partitions ?? named.partitionData ?? named.partitionIndexes ?? []
  if (partitions.length === 0) return [{ topic }]
  return partitions.map(each => ({ topic, partition: partitionNamed(each) }))
}

import { InvalidArgumentError } from '../errors.ts'
import type { Topic } from '../log/topic.ts'
import { checkTopicName } from '../topic-name.ts'
import type { ClusterNode } from './cluster/cluster-node.ts'
import { requireTopic } from './named-topic.ts'
import type { Wire } from './wire.ts'

/** Kafka's numbers of the resources that have configs. (Kafka: ConfigResource.Type) */
export const configResources = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const

/** A resource whose configs are asked for. */
export interface ConfigResource {
  readonly resourceType: number
  readonly resourceName: string
}

/** The topic that is named. @throws InvalidTopicError, UnknownTopicOrPartitionError */
export function topicOf(wire: Wire, { resourceName }: ConfigResource): Topic {
  checkTopicName(resourceName)
  return requireTopic(wire, resourceName)
}

/** The topic that is to be altered. @throws as `topicOf`, and InvalidArgumentError if the name is empty */
export function alteredTopicOf(wire: Wire, resource: ConfigResource): Topic {
  // An empty name means the defaults of all resources of a kind, which topics have not.
  if (resource.resourceName === '') throw new InvalidArgumentError('Default topic resources are not allowed.')
  return topicOf(wire, resource)
}

/** The id of the group. @throws InvalidArgumentError if it is empty */
export function groupOf({ resourceName }: ConfigResource): string {
  if (resourceName !== '') return resourceName
  throw new InvalidArgumentError('Group name must not be empty')
}

/** The name of the subscription. @throws InvalidArgumentError if it is empty */
export function subscriptionOf({ resourceName }: ConfigResource): string {
  if (resourceName !== '') return resourceName
  throw new InvalidArgumentError('Client metrics subscription name must not be empty')
}

/** @throws InvalidArgumentError if the name is another broker's */
export function requireBroker({ nodeId }: ClusterNode, resourceName: string): void {
  if (resourceName === String(nodeId)) return
  throw new InvalidArgumentError(`Expected broker ${nodeId}, received '${resourceName}'`)
}

/** The error for a type of resource that has no configs here. */
export function unknownResource(resourceType: number): InvalidArgumentError {
  return new InvalidArgumentError(
    `Configs of a topic (2), a broker (4), its loggers (8), client metrics (16) or a group (32) expected, received resource type ${resourceType}`,
    { received: resourceType },
  )
}

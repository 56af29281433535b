import { InvalidArgumentError } from '../errors.ts'
import type { ClusterNode } from './cluster/cluster.ts'

/** What has configs, by Kafka's numbers. (Kafka: ConfigResource.Type) */
export const configResources = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const

/** One of these. */
export interface ConfigResource {
  readonly resourceType: number
  readonly resourceName: string
}

/** The group that is meant. @throws InvalidArgumentError where none is named */
export function groupOf({ resourceName }: ConfigResource): string {
  if (resourceName !== '') return resourceName
  throw new InvalidArgumentError('Group name must not be empty')
}

/** @throws InvalidArgumentError where none is named */
export function requireSubscription({ resourceName }: ConfigResource): void {
  if (resourceName !== '') return
  throw new InvalidArgumentError('Client metrics subscription name must not be empty')
}

/** @throws InvalidArgumentError where it is another one */
export function requireBroker({ nodeId }: ClusterNode, resourceName: string): void {
  if (resourceName === String(nodeId)) return
  throw new InvalidArgumentError(`Expected broker ${nodeId}, received '${resourceName}'`)
}

/** The error for what has no configs here. */
export function unknownResource(resourceType: number): InvalidArgumentError {
  return new InvalidArgumentError(
    `Configs of a topic (2), a broker (4) or a group (32) expected, received resource type ${resourceType}`,
    { received: resourceType },
  )
}

import { isBrokerletError } from '../errors.ts'
import { thrownName } from '../thrown.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { Attributes } from './api.ts'

/** The name and type of each operation, by the conventions. */
export const operations = {
  send: { 'messaging.operation.name': 'send', 'messaging.operation.type': 'send' },
  poll: { 'messaging.operation.name': 'poll', 'messaging.operation.type': 'receive' },
  process: { 'messaging.operation.name': 'process', 'messaging.operation.type': 'process' },
  commit: { 'messaging.operation.name': 'commit', 'messaging.operation.type': 'settle' },
} as const

/** An operation by its name. */
export type OperationName = keyof typeof operations

/** The attributes of a client. */
export function clientAttributes(clientId: string, groupId?: string): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.client.id': clientId,
    ...(groupId === undefined ? {} : { 'messaging.consumer.group.name': groupId }),
  }
}

/** The topic and the partition, where all of these places have the same one. */
export function destinationAttributes(places: readonly Partial<TopicPartition>[]): Attributes {
  const topic = common(places.map(place => place.topic))
  const partition = common(places.map(place => place.partition))
  return {
    ...(topic === undefined ? {} : { 'messaging.destination.name': topic }),
    ...(topic === undefined || partition === undefined
      ? {}
      : { 'messaging.destination.partition.id': String(partition) }),
  }
}

/** The common value, or undefined where the values differ. */
function common<T>(values: readonly T[]): T | undefined {
  return values.every(value => value === values[0]) ? values[0] : undefined
}

/** The type of an error: Kafka's name for an error of this package, else its class. */
export function errorType(error: unknown): string {
  if (isBrokerletError(error)) return error.code
  return thrownName(error)
}

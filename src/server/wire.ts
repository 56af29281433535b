import type { Broker } from '../broker.ts'
import { isBrokerletError, UnknownTopicOrPartitionError } from '../errors.ts'
import type { Partition } from '../log/partition.ts'
import type { Topic } from '../log/topic.ts'
import type { BatchReader } from './batch-reader.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Coordinators } from './coordinators.ts'
import type { DynamicConfigs } from './dynamic-configs.ts'
import { errnoOf, type WireErrorCode } from './wire-error-code.ts'

/** What the handlers of a server share; the coordinators are those of all servers of the broker. */
export interface Wire extends Omit<Coordinators, 'acls' | 'acquire' | 'release'> {
  readonly engine: Broker['engine']
  readonly dynamicConfigs: DynamicConfigs
  readonly batches: BatchReader
  readonly clusterId: string
  /** The brokers that clients are told of, and what each of them leads and coordinates. */
  readonly cluster: Cluster
  readonly maxFrameBytes: number
  readonly fetchMaxBytes: number
  readonly fetchMaxWaitMs: number
  readonly maxTransactionTimeoutMs: number
  /** Reports an unexpected error, of which the client learns little more than UNKNOWN_SERVER_ERROR. */
  failed(error: unknown): void
}

/** An error in an answer, as most APIs tell it. */
export interface WireError {
  readonly errorCode: number
  readonly errorMessage: string
}

export function wireError(code: WireErrorCode, errorMessage: string): WireError {
  return { errorCode: errnoOf(code), errorMessage }
}

/** Kafka's number of an error, and its text. */
export function toWireError(wire: Wire, error: unknown): WireError {
  if (isBrokerletError(error)) {
    // Kafka's brokers are never full. NOT_ENOUGH_REPLICAS is an error that every client retries.
    const errorCode = error.code === 'QUEUE_FULL' ? notEnoughReplicas : error.errno
    return { errorCode, errorMessage: error.message }
  }
  wire.failed(error)
  return wireError('UNKNOWN_SERVER_ERROR', String(error))
}

const notEnoughReplicas = errnoOf('NOT_ENOUGH_REPLICAS')

/** Makes one of a request's changes and returns its error, so that the others are made in any case. */
export function attempt(
  wire: Wire,
  change: () => void,
): { readonly errorCode: number; readonly errorMessage: string | null } {
  try {
    change()
    return { errorCode: 0, errorMessage: null }
  } catch (error) {
    return toWireError(wire, error)
  }
}

/** As `attempt`, of what finds some things; where it fails, it has found none. */
export function attemptToFind<Found>(
  wire: Wire,
  find: () => readonly Found[],
): ReturnType<typeof attempt> & { readonly found: readonly Found[] } {
  let found: readonly Found[] = []
  const result = attempt(wire, () => {
    found = find()
  })
  return { ...result, found }
}

/** The first version of each API that names topics by their ids. (KIP-516, KIP-1319) */
export const topicIdsSince = {
  Produce: 13,
  Fetch: 13,
  Metadata: 12,
  OffsetCommit: 10,
  OffsetFetch: 10,
  TxnOffsetCommit: 6,
} as const

/** Finds a topic by its id if the request's version is `sinceIds` or newer, else by its name. */
export function findTopic(
  wire: Wire,
  version: number,
  sinceIds: number,
  named: { readonly name: string; readonly topicId: string },
): Topic | undefined {
  const { topics, topicsById } = wire.engine
  return version < sinceIds ? topics.get(named.name) : topicsById.get(named.topicId)
}

/**
 * The topic that a request names. The engine's own error looks through all topics for names like this one, and a request
 * may have many.
 *
 * @throws UnknownTopicOrPartitionError
 */
export function requireTopic({ engine }: Wire, name: string): Topic {
  const topic = engine.topics.get(name)
  if (topic !== undefined) return topic
  throw new UnknownTopicOrPartitionError(`Unknown topic '${name}'`, { topic: name })
}

/** The log of a partition that a request names, if there is one. */
export function findLog({ engine }: Wire, topic: string, partition: number): Partition | undefined {
  return engine.topics.get(topic)?.partitions[partition]
}

/** Kafka's number of the error for a topic that does not exist. */
export function unknownTopic(version: number, sinceIds: number): number {
  return errnoOf(version < sinceIds ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'UNKNOWN_TOPIC_ID')
}

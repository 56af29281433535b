import type { Broker } from '../broker.ts'
import { errorCodes } from '../error-codes.ts'
import { isBrokerletError } from '../errors.ts'
import type { Topic } from '../log/topic.ts'
import type { BatchReader } from './batch-reader.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { ConsumerMembers } from './consumer-members.ts'
import type { FirstFetches } from './first-fetches.ts'
import type { GroupConfigs } from './group-configs.ts'
import type { InertConfigs } from './inert-configs.ts'
import type { ShareGroups } from './share/share-groups.ts'
import type { WireGroups } from './wire-groups.ts'
import type { WireTransactions } from './wire-transactions.ts'

/** What the handlers of a server share. */
export interface Wire {
  readonly engine: Broker['engine']
  readonly groups: WireGroups
  readonly members: ConsumerMembers
  readonly shareGroups: ShareGroups
  readonly transactions: WireTransactions
  readonly firstFetches: FirstFetches
  readonly inertConfigs: InertConfigs
  readonly groupConfigs: GroupConfigs
  readonly batches: BatchReader
  readonly clusterId: string
  /** The brokers that clients are told of, and what each of them leads and coordinates. */
  readonly cluster: Cluster
  readonly maxFrameBytes: number
  readonly fetchMaxBytes: number
  readonly maxTransactionTimeoutMs: number
  readonly initialRebalanceDelayMs: number
  /** An error that its client is only told by a number. */
  failed(error: unknown): void
}

/** Kafka's number of an error, and its text. */
export function toWireError(
  wire: Wire,
  error: unknown,
): { readonly errorCode: number; readonly errorMessage: string } {
  // Kafka's brokers are never full; this is what every client tries again for.
  if (isBrokerletError(error) && error.code === 'QUEUE_FULL') {
    return { errorCode: notEnoughReplicas, errorMessage: error.message }
  }
  if (isBrokerletError(error)) return { errorCode: error.errno, errorMessage: error.message }
  wire.failed(error)
  return { errorCode: errorCodes.UNKNOWN_SERVER_ERROR.errno, errorMessage: String(error) }
}

const notEnoughReplicas = 19

/** Does one thing of many that a request asks for, and says how it went: the others are done all the same. */
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

/** A topic by its id, which newer versions use in place of names, or by its name. */
export function findTopic(
  wire: Wire,
  version: number,
  sinceIds: number,
  named: { readonly name: string; readonly topicId: string },
): Topic | undefined {
  const { topics, topicsById } = wire.engine
  return version < sinceIds ? topics.get(named.name) : topicsById.get(named.topicId)
}

/** What a client is told about a topic that is not there. */
export function unknownTopic(version: number, sinceIds: number): number {
  return errorCodes[version < sinceIds ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'UNKNOWN_TOPIC_ID'].errno
}

import type { Broker } from '../broker.ts'
import { isBrokerletError } from '../errors.ts'
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

import type { MaybePromise } from '../maybe-promise.ts'
import type { ClusterNode } from './cluster/cluster.ts'
import type { ConnectionSession } from './connection-session.ts'
import type { Api, RequestOf, ResponseOf } from './protocol/message.ts'

/** Where a request comes from. */
export interface RequestContext {
  readonly version: number
  readonly clientId: string
  /** The broker that it was sent to. */
  readonly node: ClusterNode
  readonly session: ConnectionSession
  /** Kafka's number of the error of a fault that refuses one of its partitions; 0 for one that is served. */
  refusalOf?(topic: string, partition: number): number
  /** Aborts when its connection is gone. */
  readonly signal: AbortSignal
  /** Ends the connection; nothing more of it is answered. */
  drop(): void
  /** Sends half of this answer and ends the connection. */
  truncate(): void
}

/** Answers the requests of one API. */
export interface Handler {
  readonly api: Api
  /** The request, and in it what its client has said before; left out where each says all. */
  whole?(request: unknown, context: RequestContext): unknown
  /** Nothing is answered where it gives undefined, as for a Produce without acks. */
  handle(request: unknown, context: RequestContext): MaybePromise<unknown>
}

/** Ties an API to who answers it. */
export function handler<A extends Api<unknown, unknown>>(
  api: A,
  handle: (request: RequestOf<A>, context: RequestContext) => MaybePromise<ResponseOf<A> | undefined>,
): Handler {
  return { api, handle: (request, context) => handle(request as RequestOf<A>, context) }
}

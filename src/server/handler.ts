import type { MaybePromise } from '../maybe-promise.ts'
import type { Rights } from './authorizer/rights.ts'
import type { ClusterNode } from './cluster/cluster-node.ts'
import type { ConnectionSession } from './connection-session.ts'
import type { Api, RequestOf, ResponseOf } from './protocol/message.ts'

/** Where a request comes from. */
export interface RequestContext {
  readonly version: number
  readonly clientId: string
  /** The broker that it was sent to. */
  readonly node: ClusterNode
  readonly session: ConnectionSession
  /** What the client may do; left out if everybody may do everything. */
  readonly rights?: Rights
  /** Kafka's number of the error with which a fault, or a missing right, refuses a partition; 0 for one that is served. */
  refusalOf?(topic: string, partition: number): number
  /** Aborts when the connection closes. */
  readonly signal: AbortSignal
  /** Ends the connection; none of its requests is answered any more. */
  drop(): void
  /** Sends half of this answer and ends the connection. */
  truncate(): void
}

/** Answers the requests of one API. */
export interface Handler {
  readonly api: Api
  /** The request, completed by what its session has said before; left out if each request says all. */
  whole?(request: unknown, context: RequestContext): unknown
  /** Returns the response; undefined if there is none, as for a Produce without acks. */
  handle(request: unknown, context: RequestContext): MaybePromise<unknown>
}

/** Pairs an API with the function that answers its requests. */
export function handler<A extends Api<unknown, unknown>>(
  api: A,
  handle: (request: RequestOf<A>, context: RequestContext) => MaybePromise<ResponseOf<A> | undefined>,
): Handler {
  return { api, handle: (request, context) => handle(request as RequestOf<A>, context) }
}

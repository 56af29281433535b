import type { Partition } from '../log/partition.ts'
import type { SaslExchange } from './sasl/sasl-exchange.ts'

/** What is remembered of a connection. */
export class ConnectionSession {
  /** The user, once authenticated. */
  user: string | undefined
  /** The authentication under way. */
  exchange: SaslExchange | undefined
  /** The first partition of its last fetch that found no room in the answer. */
  unfetched: Partition | undefined
}

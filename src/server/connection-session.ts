import type { Partition } from '../log/partition.ts'
import type { SaslExchange } from './sasl/sasl-exchange.ts'

/** What a connection has said of itself so far. */
export class ConnectionSession {
  /** Who it is, once that is proved. */
  user: string | undefined
  /** The proof under way. */
  exchange: SaslExchange | undefined
  /** Of what it asked for last, the first for which there was no room. */
  unfetched: Partition | undefined
}

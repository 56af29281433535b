import { anObject, duration, integer, objectWith } from '../validate.ts'
import type { AuthorizerOptions } from './authorizer/authorizer-options.ts'
import type { RequestLog } from './faults/request-log.ts'
import type { WireFaults } from './faults/wire-faults.ts'
import type { SaslOptions } from './sasl/sasl-options.ts'

const mib = 1024 * 1024

/** What counts where an option is left out. */
export const wireDefaults = {
  maxFrameBytes: 100 * mib,
  fetchMaxBytes: 4 * mib,
  fetchMaxWaitMs: Number.POSITIVE_INFINITY,
  madeBatchesBytes: 16 * mib,
  maxFetchSessions: 1000,
  maxShareSessions: 2000,
  initialRebalanceDelayMs: 0,
  maxTransactionTimeoutMs: 15 * 60 * 1000,
} as const satisfies WireOptions

/** How a server serves its clients. */
export interface WireOptions {
  /** The largest request, in bytes; default 100 MiB, as in Kafka (socket.request.max.bytes). */
  readonly maxFrameBytes?: number | undefined
  /**
   * The most bytes in the answer to one fetch, unless its first batch is larger; default 4 MiB. Kafka's is 55 MiB; with
   * less, the next answer is read while the client works through this one. A partition left out comes first the next
   * time. (Kafka: fetch.max.bytes)
   */
  readonly fetchMaxBytes?: number | undefined
  /**
   * How long a fetch waits for records at most, in milliseconds; default as long as its client asks. Some clients end
   * only once their fetch is answered (KafkaJS: up to 5 s): tests are quick with 50, without a change of the service.
   */
  readonly fetchMaxWaitMs?: number | undefined
  /**
   * How many bytes of batches made from records of this process are kept, so that each is made once for all clients
   * that read it; the oldest go first. Each counts with 400 bytes more than it has. Default 16 MiB.
   */
  readonly madeBatchesBytes?: number | undefined
  /**
   * How many fetch sessions are kept, so that a client need not name in each fetch all that it reads; default 1000. A
   * client for which there is no room names it all. (Kafka: max.incremental.fetch.session.cache.slots)
   */
  readonly maxFetchSessions?: number | undefined
  /**
   * How many share sessions a broker keeps, each with what a share consumer reads and has acquired. Further consumers
   * are refused. Default 2000. (Kafka: group.share.max.share.sessions)
   */
  readonly maxShareSessions?: number | undefined
  /**
   * How long the first join of an empty group waits for other members, in milliseconds; default 0. Servers of one
   * broker share its groups, so the first server's value counts. (Kafka: group.initial.rebalance.delay.ms,
   * group.streams.initial.rebalance.delay.ms)
   */
  readonly initialRebalanceDelayMs?: number | undefined
  /**
   * How long a member of the consumer protocol (KIP-848) may be silent before it is removed, in milliseconds; default
   * 45 s. Of several servers the first one's value counts. (Kafka: group.consumer.session.timeout.ms)
   */
  readonly consumerSessionTimeoutMs?: number | undefined
  /**
   * The heartbeat interval that such a member is told, in milliseconds; default 5 s. A rebalance takes a heartbeat or
   * two: tests are quick with 50. The first server's value counts. (Kafka: group.consumer.heartbeat.interval.ms)
   */
  readonly consumerHeartbeatIntervalMs?: number | undefined
  /**
   * How long a member of a share group (KIP-932) may be silent before it is removed, in milliseconds; default 45 s. Of
   * several servers the first one's value counts. (Kafka: group.share.session.timeout.ms)
   */
  readonly shareSessionTimeoutMs?: number | undefined
  /**
   * The heartbeat interval that such a member is told, in milliseconds; default 5 s. Of several servers the first one's
   * value counts. (Kafka: group.share.heartbeat.interval.ms)
   */
  readonly shareHeartbeatIntervalMs?: number | undefined
  /**
   * How long a record that such a member has acquired stays locked for it, in milliseconds; default 30 s. Of several
   * servers the first one's value counts. (Kafka: group.share.record.lock.duration.ms)
   */
  readonly shareRecordLockDurationMs?: number | undefined
  /**
   * How often a share group delivers a record at most; default 5. The first server's value counts. (Kafka:
   * group.share.delivery.count.limit)
   */
  readonly shareDeliveryCountLimit?: number | undefined
  /** How many members a share group has at most; default 200. The first server's value counts. (Kafka: group.share.max.size) */
  readonly shareGroupMaxSize?: number | undefined
  /**
   * How long a member of a streams group (KIP-1071) may be silent before it is removed, in milliseconds; default 45 s.
   * Of several servers the first one's value counts. (Kafka: group.streams.session.timeout.ms)
   */
  readonly streamsSessionTimeoutMs?: number | undefined
  /**
   * The heartbeat interval that such a member is told, in milliseconds; default 5 s. A rebalance takes a heartbeat or
   * two: tests are quick with 50. The first server's value counts. (Kafka: group.streams.heartbeat.interval.ms)
   */
  readonly streamsHeartbeatIntervalMs?: number | undefined
  /** The longest time-out that a client may give its transactions, in milliseconds; default 15 minutes. (Kafka: transaction.max.timeout.ms) */
  readonly maxTransactionTimeoutMs?: number | undefined
  /** Who may do what; default everybody everything. (Kafka: authorizer.class.name) */
  readonly authorizer?: AuthorizerOptions | undefined
  /** The faults that requests meet; default none. */
  readonly faults?: WireFaults | undefined
  /** Records the requests of clients; default no log. */
  readonly requests?: RequestLog | undefined
}

/** Which values the options may have. */
export const wireOptions = {
  maxFrameBytes: integer(1, wireDefaults.maxFrameBytes),
  fetchMaxBytes: integer(1024),
  fetchMaxWaitMs: integer(1),
  madeBatchesBytes: integer(0),
  maxFetchSessions: integer(0),
  maxShareSessions: integer(0),
  initialRebalanceDelayMs: duration,
  consumerSessionTimeoutMs: integer(1),
  consumerHeartbeatIntervalMs: integer(1),
  shareSessionTimeoutMs: integer(1),
  shareHeartbeatIntervalMs: integer(1),
  shareRecordLockDurationMs: integer(1),
  shareDeliveryCountLimit: integer(2),
  shareGroupMaxSize: integer(1),
  streamsSessionTimeoutMs: integer(1),
  streamsHeartbeatIntervalMs: integer(1),
  maxTransactionTimeoutMs: duration,
  authorizer: anObject,
  faults: objectWith('meet'),
  requests: objectWith('add'),
}

/** The options of a server, with the authentication of its clients, and what concerns several brokers. */
export interface WireServerOptions extends WireOptions {
  readonly sasl?: SaslOptions | undefined
  readonly autoLeaderRebalance?: boolean | undefined
  readonly defaultReplicationFactor?: number | undefined
}

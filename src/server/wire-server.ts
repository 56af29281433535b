import type { Duplex } from 'node:stream'
import type { Broker } from '../broker.ts'
import { anObject, duration, integer, objectWith } from '../validate.ts'
import { toBinding } from './authorizer/acl.ts'
import { type Authorization, authorized } from './authorizer/authorized-handler.ts'
import { Authorizer } from './authorizer/authorizer.ts'
import type { AuthorizerOptions } from './authorizer/authorizer-options.ts'
import { BatchReader } from './batch-reader.ts'
import { Cluster } from './cluster/cluster.ts'
import type { ClusterNode } from './cluster/cluster-node.ts'
import { PastMetadata } from './cluster/past-metadata.ts'
import { routed } from './cluster/routed-handler.ts'
import { Connection, supportedVersions } from './connection.ts'
import { Coordinators } from './coordinators.ts'
import { DynamicConfigs } from './dynamic-configs.ts'
import { observed } from './faults/observed-handler.ts'
import type { RequestLog } from './faults/request-log.ts'
import type { WireFaults } from './faults/wire-faults.ts'
import { FetchSessions } from './fetch-sessions.ts'
import type { Handler } from './handler.ts'
import { aclHandlers } from './handlers/acls.ts'
import { clusterHandlers } from './handlers/cluster.ts'
import { configHandlers } from './handlers/configs.ts'
import { consumerGroupHandlers } from './handlers/consumer-group.ts'
import { delegationTokenHandlers } from './handlers/delegation-tokens.ts'
import { featureHandlers } from './handlers/features.ts'
import { fetchHandlers } from './handlers/fetch.ts'
import { groupAdminHandlers } from './handlers/group-admin.ts'
import { listOffsetsHandlers } from './handlers/list-offsets.ts'
import { logDirHandlers } from './handlers/log-dirs.ts'
import { membershipHandlers } from './handlers/membership.ts'
import { offsetHandlers } from './handlers/offsets.ts'
import { produceHandlers } from './handlers/produce.ts'
import { quorumHandlers } from './handlers/quorum.ts'
import { quotaHandlers } from './handlers/quotas.ts'
import { replicaHandlers } from './handlers/replicas.ts'
import { saslHandlers } from './handlers/sasl.ts'
import { scramCredentialHandlers } from './handlers/scram-credentials.ts'
import { shareFetchHandlers } from './handlers/share-fetch.ts'
import { shareGroupHandlers } from './handlers/share-group.ts'
import { shareOffsetHandlers } from './handlers/share-offsets.ts'
import { streamsGroupHandlers } from './handlers/streams-group.ts'
import { topicAdminHandlers } from './handlers/topic-admin.ts'
import { transactionAdminHandlers } from './handlers/transaction-admin.ts'
import { transactionHandlers } from './handlers/transactions.ts'
import { ReplicaConfigs } from './replica-configs.ts'
import type { SaslOptions } from './sasl/sasl-options.ts'
import { ScramCredentials } from './sasl/scram-credentials.ts'
import { ShareSessions } from './share/share-sessions.ts'
import type { Wire } from './wire.ts'

const maxFrameBytes = 100 * 1024 * 1024
const fetchMaxBytes = 4 * 1024 * 1024
const maxFetchSessions = 1000
const maxShareSessions = 2000
const maxTransactionTimeoutMs = 15 * 60 * 1000
const madeBatchesBytes = 16 * 1024 * 1024

/** How a server serves its clients. */
export interface WireOptions {
  /** The largest request, in bytes; default 100 MiB, as in Kafka (socket.request.max.bytes). */
  readonly maxFrameBytes?: number
  /**
   * The most bytes in the answer to one fetch, unless its first batch is larger; default 4 MiB. Kafka's is 55 MiB; with
   * less, the next answer is read while the client works through this one. A partition left out comes first the next
   * time. (Kafka: fetch.max.bytes)
   */
  readonly fetchMaxBytes?: number
  /**
   * How many bytes of batches made from records of this process are kept, so that each is made once for all clients
   * that read it; the oldest go first. Default 16 MiB.
   */
  readonly madeBatchesBytes?: number
  /**
   * How many fetch sessions are kept, so that a client need not name in each fetch all that it reads; default 1000. A
   * client for which there is no room names it all. (Kafka: max.incremental.fetch.session.cache.slots)
   */
  readonly maxFetchSessions?: number
  /**
   * How many share sessions a broker keeps, each with what a share consumer reads and has acquired. Further consumers
   * are refused. Default 2000. (Kafka: group.share.max.share.sessions)
   */
  readonly maxShareSessions?: number
  /**
   * How long the first join of an empty group waits for other members, in milliseconds; default 0. Servers of one
   * broker share its groups, so the first server's value counts. (Kafka: group.initial.rebalance.delay.ms,
   * group.streams.initial.rebalance.delay.ms)
   */
  readonly initialRebalanceDelayMs?: number
  /**
   * How long a member of the consumer protocol (KIP-848) may be silent before it is removed, in milliseconds; default
   * 45 s. Of several servers the first one's value counts. (Kafka: group.consumer.session.timeout.ms)
   */
  readonly consumerSessionTimeoutMs?: number
  /**
   * The heartbeat interval that such a member is told, in milliseconds; default 5 s. A rebalance takes a heartbeat or
   * two: tests are quick with 50. The first server's value counts. (Kafka: group.consumer.heartbeat.interval.ms)
   */
  readonly consumerHeartbeatIntervalMs?: number
  /**
   * How long a member of a share group (KIP-932) may be silent before it is removed, in milliseconds; default 45 s. Of
   * several servers the first one's value counts. (Kafka: group.share.session.timeout.ms)
   */
  readonly shareSessionTimeoutMs?: number
  /**
   * The heartbeat interval that such a member is told, in milliseconds; default 5 s. Of several servers the first one's
   * value counts. (Kafka: group.share.heartbeat.interval.ms)
   */
  readonly shareHeartbeatIntervalMs?: number
  /**
   * How long a record that such a member has acquired stays locked for it, in milliseconds; default 30 s. Of several
   * servers the first one's value counts. (Kafka: group.share.record.lock.duration.ms)
   */
  readonly shareRecordLockDurationMs?: number
  /**
   * How often a share group delivers a record at most; default 5. The first server's value counts. (Kafka:
   * group.share.delivery.count.limit)
   */
  readonly shareDeliveryCountLimit?: number
  /** How many members a share group has at most; default 200. The first server's value counts. (Kafka: group.share.max.size) */
  readonly shareGroupMaxSize?: number
  /**
   * How long a member of a streams group (KIP-1071) may be silent before it is removed, in milliseconds; default 45 s.
   * Of several servers the first one's value counts. (Kafka: group.streams.session.timeout.ms)
   */
  readonly streamsSessionTimeoutMs?: number
  /**
   * The heartbeat interval that such a member is told, in milliseconds; default 5 s. A rebalance takes a heartbeat or
   * two: tests are quick with 50. The first server's value counts. (Kafka: group.streams.heartbeat.interval.ms)
   */
  readonly streamsHeartbeatIntervalMs?: number
  /** The longest time-out that a client may give its transactions, in milliseconds; default 15 minutes. (Kafka: transaction.max.timeout.ms) */
  readonly maxTransactionTimeoutMs?: number
  /** Who may do what; default everybody everything. (Kafka: authorizer.class.name) */
  readonly authorizer?: AuthorizerOptions
  /** The faults that requests meet; default none. */
  readonly faults?: WireFaults
  /** Records the requests of clients; default no log. */
  readonly requests?: RequestLog
}

export const wireOptions = {
  maxFrameBytes: integer(1, maxFrameBytes),
  fetchMaxBytes: integer(1024),
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

/** Speaks Kafka's protocol over any number of connections, for one broker. */
export class WireServer {
  /** The brokers that clients see. */
  readonly cluster: Cluster
  readonly #connections = new Map<Connection, ClusterNode>()
  readonly #coordinators: Coordinators
  readonly #handlers: ReadonlyMap<number, Handler>
  readonly #maxFrameBytes: number
  readonly #secured: boolean
  readonly #engine: Broker['engine']
  #closed = false

  readonly #past: PastMetadata | undefined

  constructor(engine: Broker['engine'], nodes: readonly ClusterNode[], options: WireServerOptions) {
    this.#engine = engine
    engine.edge.servers++
    this.#secured = options.sasl !== undefined
    this.#maxFrameBytes = options.maxFrameBytes ?? maxFrameBytes
    const { initialRebalanceDelayMs = 0 } = options
    this.#coordinators = Coordinators.of(engine, { ...options, initialRebalanceDelayMs })
    const { inertConfigs } = this.#coordinators
    const dynamicConfigs = new DynamicConfigs(engine, String(nodes[0]!.nodeId))
    const rules = new ReplicaConfigs(engine.topics, inertConfigs, dynamicConfigs)
    this.cluster = new Cluster(nodes, engine.topics, { ...options, rules })
    const wire: Wire = {
      engine,
      groups: this.#coordinators.groups,
      members: this.#coordinators.members,
      shareGroups: this.#coordinators.shareGroups,
      streamsGroups: this.#coordinators.streamsGroups,
      transactions: this.#coordinators.transactions,
      firstFetches: this.#coordinators.firstFetches,
      inertConfigs,
      dynamicConfigs,
      groupConfigs: this.#coordinators.groupConfigs,
      clientMetrics: this.#coordinators.clientMetrics,
      clientQuotas: this.#coordinators.clientQuotas,
      batches: new BatchReader(options.madeBatchesBytes ?? madeBatchesBytes),
      clusterId: 'brokerlet',
      cluster: this.cluster,
      maxFrameBytes: this.#maxFrameBytes,
      fetchMaxBytes: options.fetchMaxBytes ?? fetchMaxBytes,
      maxTransactionTimeoutMs: options.maxTransactionTimeoutMs ?? maxTransactionTimeoutMs,
      initialRebalanceDelayMs: this.#coordinators.initialRebalanceDelayMs,
      failed: error => this.failed(error),
    }
    const scramCredentials = new ScramCredentials(options.sasl)
    const authorization = authorizationBy(options.authorizer, this.#coordinators)
    const handlers: Handler[] = [
      ...clusterHandlers(wire, () => supportedVersions(this.#handlers)),
      ...produceHandlers(wire),
      ...transactionHandlers(wire),
      ...transactionAdminHandlers(wire),
      ...fetchHandlers(wire),
      ...listOffsetsHandlers(wire),
      ...membershipHandlers(wire),
      ...consumerGroupHandlers(wire),
      ...shareGroupHandlers(wire),
      ...streamsGroupHandlers(wire),
      ...shareFetchHandlers(wire, new ShareSessions(wire, options.maxShareSessions ?? maxShareSessions)),
      ...shareOffsetHandlers(wire),
      ...offsetHandlers(wire),
      ...groupAdminHandlers(wire),
      ...topicAdminHandlers(wire),
      ...configHandlers(wire),
      ...logDirHandlers(wire),
      ...replicaHandlers(wire),
      ...quorumHandlers(wire),
      ...featureHandlers(),
      ...delegationTokenHandlers(),
      ...aclHandlers(wire, authorization && this.#coordinators.acls),
      ...quotaHandlers(wire),
      ...scramCredentialHandlers(scramCredentials),
      ...saslHandlers(options.sasl, scramCredentials),
    ]
    this.#past = options.faults && new PastMetadata(wire)
    const guarded = (handler: Handler) => authorized(wire, handler, authorization)
    const observers = { ...options, past: this.#past, guarded }
    const sessions = new FetchSessions(wire, options.maxFetchSessions ?? maxFetchSessions)
    this.#handlers = new Map(
      handlers.map(each => {
        const seen = observed(wire, guarded(routed(wire, each)), observers)
        return [each.api.key, each.api.name === 'Fetch' ? sessions.around(seen) : seen]
      }),
    )
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Serves the client at the other end of a socket, as a connection to one of the brokers. */
  accept(socket: Duplex, node: ClusterNode): Connection {
    const connection = new Connection(socket, {
      maxFrameBytes: this.#maxFrameBytes,
      handlers: this.#handlers,
      secured: this.#secured,
      node,
      clock: this.#engine.clock,
      failed: error => this.failed(error),
      closed: gone => this.#connections.delete(gone),
    })
    this.#connections.set(connection, node)
    return connection
  }

  /** How many clients are connected to one of the brokers. */
  connectionsOf(node: ClusterNode): number {
    return [...this.#connections.values()].filter(each => each === node).length
  }

  /** Ends the connections of one of the brokers. */
  disconnect(node: ClusterNode): void {
    for (const [connection, each] of this.#connections) if (each === node) connection.close()
  }

  /** Sends the answers that wait because one of the brokers is slow. */
  hurry(node: ClusterNode): void {
    for (const [connection, each] of this.#connections) if (each === node) connection.hurry()
  }

  /** Reports an unexpected error by the broker's 'error' event. */
  failed(error: unknown): void {
    this.#engine.events.emit('error', error)
    this.#engine.outbox.flush()
  }

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#engine.edge.servers--
    for (const connection of this.#connections.keys()) connection.close()
    this.#past?.close()
    this.#coordinators.release()
  }
}

function authorizationBy(
  options: AuthorizerOptions | undefined,
  { acls }: Coordinators,
): Authorization | undefined {
  if (options === undefined) return undefined
  for (const acl of options.acls ?? []) acls.add(toBinding(acl))
  return { authorizer: new Authorizer(acls, options), principalBuilder: options.principalBuilder }
}

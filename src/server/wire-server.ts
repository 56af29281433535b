import type { Duplex } from 'node:stream'
import type { Broker } from '../broker.ts'
import { toBinding } from './authorizer/acl.ts'
import { type Authorization, authorized } from './authorizer/authorized-handler.ts'
import { Authorizer } from './authorizer/authorizer.ts'
import type { AuthorizerOptions } from './authorizer/authorizer-options.ts'
import { BatchReader } from './batch-reader.ts'
import { Cluster } from './cluster/cluster.ts'
import type { ClusterNode } from './cluster/cluster-node.ts'
import { PastMetadata } from './cluster/past-metadata.ts'
import { routed } from './cluster/routed-handler.ts'
import { clusterIdOf } from './cluster-id.ts'
import { Connection, supportedVersions } from './connection.ts'
import { Coordinators } from './coordinators.ts'
import { DynamicConfigs } from './dynamic-configs.ts'
import { observed } from './faults/observed-handler.ts'
import { FetchSessions } from './fetch-sessions.ts'
import type { Handler } from './handler.ts'
import { allHandlers } from './handlers/all-handlers.ts'
import { ReplicaConfigs } from './replica-configs.ts'
import { DeadLetterQueue } from './share/dead-letter-queue.ts'
import type { Wire } from './wire.ts'
import { type WireServerOptions, wireDefaults } from './wire-options.ts'

/** Speaks Kafka's protocol over any number of connections, for one broker. */
export class WireServer {
  /** The brokers that clients see. */
  readonly cluster: Cluster
  readonly #connections = new Map<Connection, ClusterNode>()
  readonly #coordinators: Coordinators
  readonly #deadLetterQueue: DeadLetterQueue
  readonly #handlers: ReadonlyMap<number, Handler>
  readonly #maxFrameBytes: number
  readonly #secured: boolean
  readonly #engine: Broker['engine']
  readonly #past: PastMetadata | undefined
  readonly #closed = new AbortController()

  constructor(engine: Broker['engine'], nodes: readonly ClusterNode[], options: WireServerOptions) {
    this.#engine = engine
    engine.edge.servers++
    this.#secured = options.sasl !== undefined
    this.#maxFrameBytes = options.maxFrameBytes ?? wireDefaults.maxFrameBytes
    const { initialRebalanceDelayMs = wireDefaults.initialRebalanceDelayMs } = options
    this.#coordinators = Coordinators.of(engine, { ...options, initialRebalanceDelayMs })
    const { keptConfigs } = this.#coordinators
    const dynamicConfigs = new DynamicConfigs(engine, String(nodes[0]!.nodeId))
    const rules = new ReplicaConfigs(engine.topics, keptConfigs, dynamicConfigs)
    this.cluster = new Cluster(nodes, engine.topics, { ...options, rules })
    const wire: Wire = {
      ...this.#coordinators,
      engine,
      dynamicConfigs,
      batches: new BatchReader(options.madeBatchesBytes ?? wireDefaults.madeBatchesBytes),
      clusterId: clusterIdOf(engine),
      cluster: this.cluster,
      maxFrameBytes: this.#maxFrameBytes,
      fetchMaxBytes: options.fetchMaxBytes ?? wireDefaults.fetchMaxBytes,
      fetchMaxWaitMs: options.fetchMaxWaitMs ?? wireDefaults.fetchMaxWaitMs,
      maxTransactionTimeoutMs: options.maxTransactionTimeoutMs ?? wireDefaults.maxTransactionTimeoutMs,
      failed: error => this.failed(error),
    }
    this.#deadLetterQueue = new DeadLetterQueue(wire)
    this.#coordinators.shareGroups.deadLetterWriters.add(this.#deadLetterQueue)
    const authorization = authorizationBy(options.authorizer, this.#coordinators)
    const handlers = allHandlers(wire, {
      supported: () => supportedVersions(this.#handlers),
      maxShareSessions: options.maxShareSessions ?? wireDefaults.maxShareSessions,
      acls: authorization && this.#coordinators.acls,
      sasl: options.sasl,
    })
    this.#past = options.faults && new PastMetadata(wire)
    const guarded = (handler: Handler) => authorized(wire, handler, authorization)
    const observers = { ...options, past: this.#past, guarded, closed: this.#closed.signal }
    const sessions = new FetchSessions(wire, options.maxFetchSessions ?? wireDefaults.maxFetchSessions)
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
    return this.#closed.signal.aborted
  }

  close(): void {
    if (this.closed) return
    this.#closed.abort()
    this.#engine.edge.servers--
    for (const connection of this.#connections.keys()) connection.close()
    this.#past?.close()
    this.#coordinators.shareGroups.deadLetterWriters.delete(this.#deadLetterQueue)
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

import type { Duplex } from 'node:stream'
import type { Broker } from '../broker.ts'
import { duration, integer, objectWith } from '../validate.ts'
import { BatchReader } from './batch-reader.ts'
import { Connection, supportedVersions } from './connection.ts'
import { ConsumerMembers } from './consumer-members.ts'
import { observed } from './faults/observed-handler.ts'
import type { RequestLog } from './faults/request-log.ts'
import type { WireFaults } from './faults/wire-faults.ts'
import type { Handler } from './handler.ts'
import { clusterHandlers } from './handlers/cluster.ts'
import { configHandlers } from './handlers/configs.ts'
import { consumerGroupHandlers } from './handlers/consumer-group.ts'
import { fetchHandlers } from './handlers/fetch.ts'
import { groupAdminHandlers } from './handlers/group-admin.ts'
import { listOffsetsHandlers } from './handlers/list-offsets.ts'
import { membershipHandlers } from './handlers/membership.ts'
import { offsetHandlers } from './handlers/offsets.ts'
import { produceHandlers } from './handlers/produce.ts'
import { saslHandlers } from './handlers/sasl.ts'
import { topicAdminHandlers } from './handlers/topic-admin.ts'
import { transactionAdminHandlers } from './handlers/transaction-admin.ts'
import { transactionHandlers } from './handlers/transactions.ts'
import { withImplicitTransactions } from './implicit-transactions.ts'
import type { SaslOptions } from './sasl/sasl-options.ts'
import type { Wire } from './wire.ts'
import { WireGroups } from './wire-groups.ts'
import { WireTransactions } from './wire-transactions.ts'

const maxFrameBytes = 100 * 1024 * 1024
const madeBatchesBytes = 16 * 1024 * 1024

/** How a server speaks. */
export interface WireOptions {
  /** The largest request, in bytes; default 100 MiB, as in Kafka (socket.request.max.bytes). */
  readonly maxFrameBytes?: number
  /**
   * How much is kept of the batches that are made of records of this process, so that they are made once for all who read
   * them, in bytes; the oldest go first. Default 16 MiB.
   */
  readonly madeBatchesBytes?: number
  /** How long the first join of an empty group waits for others, in milliseconds; default 0. (Kafka: group.initial.rebalance.delay.ms) */
  readonly initialRebalanceDelayMs?: number
  /** What is to go wrong; default nothing. */
  readonly faults?: WireFaults
  /** Gets what clients ask; default nobody does. */
  readonly requests?: RequestLog
}

export const wireOptions = {
  maxFrameBytes: integer(1, maxFrameBytes),
  madeBatchesBytes: integer(0),
  initialRebalanceDelayMs: duration,
  faults: objectWith('meet'),
  requests: objectWith('add'),
}

/** What a server knows beyond that. */
export interface WireServerOptions extends WireOptions {
  readonly sasl?: SaslOptions | undefined
}

/** Speaks Kafka's protocol over any number of connections, for one broker. */
export class WireServer {
  readonly #connections = new Set<Connection>()
  readonly #groups: WireGroups
  readonly #members: ConsumerMembers
  readonly #handlers: ReadonlyMap<number, Handler>
  readonly #maxFrameBytes: number
  readonly #secured: boolean
  readonly #engine: Broker['engine']
  #closed = false

  constructor(engine: Broker['engine'], address: Wire['address'], options: WireServerOptions) {
    this.#engine = engine
    engine.edge.servers++
    this.#secured = options.sasl !== undefined
    this.#maxFrameBytes = options.maxFrameBytes ?? maxFrameBytes
    const initialRebalanceDelayMs = options.initialRebalanceDelayMs ?? 0
    this.#groups = new WireGroups(engine, initialRebalanceDelayMs)
    this.#members = new ConsumerMembers(engine, this.#groups.holds)
    const wire: Wire = {
      engine,
      groups: this.#groups,
      members: this.#members,
      transactions: new WireTransactions(engine),
      batches: new BatchReader(options.madeBatchesBytes ?? madeBatchesBytes),
      clusterId: 'brokerlet',
      nodeId: 1,
      maxFrameBytes: this.#maxFrameBytes,
      initialRebalanceDelayMs,
      address,
      failed: error => this.#failed(error),
    }
    const handlers: Handler[] = [
      ...clusterHandlers(wire, () => supportedVersions(this.#handlers)),
      ...produceHandlers(wire).map(each => withImplicitTransactions(wire, each)),
      ...transactionHandlers(wire),
      ...transactionAdminHandlers(wire),
      ...fetchHandlers(wire),
      ...listOffsetsHandlers(wire),
      ...membershipHandlers(wire),
      ...consumerGroupHandlers(wire),
      ...offsetHandlers(wire),
      ...groupAdminHandlers(wire),
      ...topicAdminHandlers(wire),
      ...configHandlers(wire),
      ...(options.sasl === undefined ? [] : saslHandlers(options.sasl)),
    ]
    this.#handlers = new Map(handlers.map(each => [each.api.key, observed(wire, each, options)]))
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Serves whoever is at the other end of a socket. */
  accept(socket: Duplex): void {
    const connection = new Connection(socket, {
      maxFrameBytes: this.#maxFrameBytes,
      handlers: this.#handlers,
      secured: this.#secured,
      failed: (_, error) => this.#failed(error),
      closed: gone => this.#connections.delete(gone),
    })
    this.#connections.add(connection)
  }

  // Told by the broker's 'error'.
  #failed(error: unknown): void {
    this.#engine.events.emit('error', error)
    this.#engine.outbox.flush()
  }

  close(): void {
    if (!this.#closed) this.#engine.edge.servers--
    this.#closed = true
    for (const connection of this.#connections) connection.close()
    this.#groups.close()
    this.#members.close()
  }
}

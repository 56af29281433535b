import { createServer, type Socket } from 'node:net'
import { createSecureContext, createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { Broker } from '../broker.ts'
import { onePartition } from '../offset-checks.ts'
import { describeError } from '../thrown.ts'
import type { TopicPartition } from '../topic-partition.ts'
import {
  anObject,
  boolean,
  checkOptions,
  integer,
  invalidOption,
  limit,
  name,
  nameList,
  optionError,
  requireArgument,
} from '../validate.ts'
import { checkAuthorizerOptions } from './authorizer/authorizer-options.ts'
import { makeNodes } from './cluster/cluster-node.ts'
import { engineOf } from './engine-of.ts'
import { loadNativeCrc32c } from './native-crc32c.ts'
import { checkSaslOptions, type SaslOptions } from './sasl/sasl-options.ts'
import { BrokerListener, type ServedBroker } from './served-broker.ts'
import { type WireOptions, wireOptions } from './wire-options.ts'
import { WireServer } from './wire-server.ts'

const maxBrokers = 100
const maxPort = 65_535
// A broker's number is an INT32 on the wire.
const maxFirstNodeId = 2 ** 31 - maxBrokers
const connectionsMaxIdleMs = 10 * 60 * 1000

/** Where a server listens, and how it serves its clients. */
export interface ServeOptions extends WireOptions {
  /** The port of the first broker; the others listen on the ports that follow. Default 0: each takes a free one. */
  readonly port?: number | undefined
  /** Default 127.0.0.1. */
  readonly host?: string | undefined
  /**
   * The host that clients are told to connect to; default `host`. Needed where that stands for every address of the machine
   * (`0.0.0.0`, `::`), or where clients come by another one, as into a container. (Kafka: advertised.listeners)
   */
  readonly advertisedHost?: string | undefined
  /** How many brokers clients see, from 1 to 100; default 1. Each has a listener of its own. */
  readonly brokers?: number | undefined
  /** The number of the first broker, from 0 on; default 1. The others have the numbers that follow. (Kafka: node.id) */
  readonly firstNodeId?: number | undefined
  /**
   * Whether a broker that starts takes back at once what it led before, as the preferred leader. With false the leaders
   * stay where they are until an administrator elects them (ElectLeaders, `kafka-leader-election`). Default true. (Kafka:
   * auto.leader.rebalance.enable, which waits up to 5 minutes)
   */
  readonly autoLeaderRebalance?: boolean | undefined
  /**
   * How many brokers have each partition of a topic if nobody says so: of the process, made when it is first named, or
   * created without a replication factor. Default all of them. (Kafka: default.replication.factor)
   */
  readonly defaultReplicationFactor?: number | undefined
  /**
   * The rack of each broker, in their order; default none. Replicas are spread over racks, and a consumer that names its
   * own (`client.rack`) reads the replica that is there, even if it does not lead. (Kafka: broker.rack, and
   * replica.selector.class with the RackAwareReplicaSelector)
   */
  readonly racks?: readonly string[] | undefined
  /**
   * How long a connection may be idle before it is closed, in milliseconds; default 10 minutes, -1 is for ever. Waiting
   * for an answer does not count as idle, not reading one does. (Kafka: connections.max.idle.ms)
   */
  readonly connectionsMaxIdleMs?: number | undefined
  /** Speaks TLS: the options of `node:tls`, at least a key and a certificate. */
  readonly tls?: TlsOptions | undefined
  /** Serves only clients that authenticate, by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; default all clients. */
  readonly sasl?: SaslOptions | undefined
}

/** A server that listens. */
export interface KafkaServer {
  /** The address of the first broker, such as `127.0.0.1:50321`. */
  readonly address: string
  readonly port: number
  /** The addresses of all brokers, separated by commas. (Kafka: bootstrap.servers) */
  readonly bootstrapServers: string
  /** The brokers that clients see, each of which can be stopped, started and made slow. */
  readonly brokers: readonly ServedBroker[]
  /**
   * The broker that leads a partition now; undefined if the partition is offline, as none of its replicas in sync runs.
   * Throws if there is no such partition.
   */
  leaderOf(partition: TopicPartition): ServedBroker | undefined
  /** The broker that coordinates a group or a transactional id now; undefined if no broker runs. */
  coordinatorOf(groupId: string): ServedBroker | undefined
  /** How many clients are connected. */
  readonly connections: number
  /** Closes every connection and stops listening; the broker itself stays open. */
  close(): Promise<void>
  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Serves a broker of this process over TCP, in Kafka's protocol, to clients of every language. Resolves once it
 * listens; rejects with InvalidOptionError if a port is taken, or if the host is no address of this machine. The server
 * closes when the broker does.
 *
 * @example
 * const server = await serve(broker, { port: 9092 })
 *
 * @example
 * const server = await serve(broker, { brokers: 3 })
 * await server.leaderOf({ topic: 'orders', partition: 0 })!.stop()
 */
export async function serve(
  broker: Pick<Broker<never>, 'describe'>,
  options: ServeOptions = {},
): Promise<KafkaServer> {
  checkOptions<ServeOptions>('serve', options, {
    port: integer(0, maxPort),
    host: name,
    advertisedHost: name,
    brokers: integer(1, maxBrokers),
    firstNodeId: integer(0, maxFirstNodeId),
    autoLeaderRebalance: boolean,
    defaultReplicationFactor: integer(1, maxBrokers),
    racks: nameList('the names of racks'),
    connectionsMaxIdleMs: limit(1),
    tls: { ...anObject, isSecret: true },
    sasl: { ...anObject, isSecret: true },
    ...wireOptions,
  })
  if (options.tls !== undefined) checkTls(options.tls)
  if (options.sasl !== undefined) checkSaslOptions(options.sasl)
  if (options.authorizer !== undefined) checkAuthorizerOptions('serve', options.authorizer)
  const engine = engineOf('serve', broker)
  const { port = 0, host = '127.0.0.1', brokers: count = 1, racks = [], tls } = options
  const { advertisedHost = host, connectionsMaxIdleMs: maxIdleMs = connectionsMaxIdleMs } = options
  if (port + count - 1 > maxPort) {
    throw invalidOption('serve', 'port', `room for ${count} brokers up to ${maxPort}`, port)
  }
  const { defaultReplicationFactor: factor = count } = options
  if (factor > count) {
    throw invalidOption('serve', 'defaultReplicationFactor', `no more than the ${count} brokers`, factor)
  }
  if (racks.length > count) {
    throw invalidOption('serve', 'racks', `no more racks than the ${count} brokers`, racks)
  }
  const wire = new WireServer(
    engine,
    makeNodes(advertisedHost, port, count, { first: options.firstNodeId, racks }),
    options,
  )
  const { cluster } = wire
  const create = (accept: (socket: Socket) => void) =>
    tls === undefined ? createServer(accept) : createTlsServer(tls, accept)
  const brokers = cluster.nodes.map(node => new BrokerListener(node, { wire, host, maxIdleMs, create }))
  const close = async () => {
    engine.events.off('closed', closeWithBroker)
    const closed = Promise.all(brokers.map(each => each.close()))
    wire.close()
    await closed
  }
  const closeWithBroker = () => void close()
  engine.events.on('closed', closeWithBroker)
  try {
    await loadNativeCrc32c()
    for (const each of brokers) await each.listen()
    // The broker may have closed meanwhile.
    engine.requireOpen()
  } catch (error) {
    await close()
    throw error
  }
  const [first] = brokers
  const servedBy = (nodeId: number) => brokers.find(each => each.nodeId === nodeId && each.running)
  return {
    address: first!.address,
    port: first!.port,
    bootstrapServers: brokers.map(({ address }) => address).join(','),
    brokers,
    leaderOf: partition => {
      requireArgument('leaderOf', 'partition', partition, onePartition)
      return servedBy(cluster.leadershipOf(engine.partition(partition)).leader?.nodeId ?? -1)
    },
    coordinatorOf: groupId => {
      requireArgument('coordinatorOf', 'groupId', groupId, name)
      return servedBy(cluster.coordinatorOf(groupId)?.nodeId ?? -1)
    },
    get connections() {
      return wire.connections
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

// Node's own error says neither what it is about nor, mostly, what is wrong.
function checkTls(tls: TlsOptions): void {
  try {
    createSecureContext(tls)
  } catch (cause) {
    const expected = 'what node:tls takes, such as a key and its certificate in PEM'
    throw optionError('serve', 'tls', `expected ${expected}: ${describeError(cause)}`, { expected, cause })
  }
}

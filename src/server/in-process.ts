import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Broker } from '../broker.ts'
import { checkOptions } from '../validate.ts'
import { checkAuthorizerOptions } from './authorizer/authorizer-options.ts'
import { makeNodes } from './cluster/cluster-node.ts'
import { sharedByCopies } from './copies.ts'
import { engineOf } from './engine-of.ts'
import { entryOf } from './entry-of.ts'
import { InMemorySocket } from './in-memory-socket.ts'
import { type WireOptions, wireOptions } from './wire-options.ts'
import { WireServer } from './wire-server.ts'

/** What KafkaJS asks its socket factory for. */
export interface SocketRequest {
  /** Ignored: any host leads to this broker. */
  readonly host: string
  /** Ignored: any port leads to this broker. */
  readonly port: number
  /** Called when the socket is connected. */
  onConnect(): void
}

// One server for each broker, so that all of its clients are in the same groups.
const servers = sharedByCopies<Broker['engine'], WireServer>('inProcessServers')

function serverOf(where: string, broker: object, options: WireOptions): WireServer {
  checkOptions<WireOptions>(where, options, wireOptions)
  if (options.authorizer !== undefined) checkAuthorizerOptions(where, options.authorizer)
  const engine = engineOf(where, broker)
  return entryOf(servers, engine, () => {
    const server = new WireServer(engine, makeNodes('in-process', 9092, 1), options)
    engine.events.on('closed', () => server.close())
    return server
  })
}

/**
 * Lets an unchanged KafkaJS talk to a broker of this process over sockets in memory, without a port or TCP. Whatever
 * host and port it asks for, it gets this broker. Only the options of a broker's first call count.
 *
 * @throws InvalidOptionError, ClosedError, InvalidArgumentError where it is no broker of this process
 *
 * @example
 * const kafka = new Kafka({ brokers: ['in-process:9092'], socketFactory: socketFactory(broker) })
 */
export function socketFactory(
  broker: Pick<Broker<never>, 'describe'>,
  options: WireOptions = {},
): (request: SocketRequest) => Socket {
  const server = serverOf('socketFactory', broker, options)
  return ({ onConnect }) => {
    if (server.closed) return refused() as unknown as Socket
    const socket = open(server)
    process.nextTick(onConnect)
    return socket as unknown as Socket
  }
}

/**
 * Opens a connection to a broker of this process, for any client that takes a stream. It must not write into the buffers
 * that it reads, since the log may still have their memory.
 *
 * @throws InvalidOptionError, ClosedError, InvalidArgumentError where it is no broker of this process
 */
export function connect(broker: Pick<Broker<never>, 'describe'>, options: WireOptions = {}): Duplex {
  return open(serverOf('connect', broker, options))
}

// As from a port where nobody listens any more: a client is not to wait for answers that never come, nor to get one.
function refused(): InMemorySocket {
  const error = new Error('connect ECONNREFUSED: the broker is closed')
  const socket = new InMemorySocket()
  process.nextTick(() => socket.destroy(Object.assign(error, { code: 'ECONNREFUSED', syscall: 'connect' })))
  return socket
}

function open(server: WireServer): InMemorySocket {
  const [client, own] = InMemorySocket.pair()
  server.accept(own, server.cluster.nodes[0]!)
  return client
}

import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { Broker } from '../broker.ts'
import { checkOptions, integer, name, objectWith } from '../validate.ts'
import { checkSaslOptions, type SaslOptions } from './sasl/sasl-options.ts'
import { type WireOptions, WireServer, wireOptions } from './wire-server.ts'

/** Where a server listens, and how it speaks. */
export interface ServeOptions extends WireOptions {
  /** Default 0: any that is free. */
  readonly port?: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Speaks TLS: the options of `node:tls`, at least a key and a certificate. */
  readonly tls?: TlsOptions
  /** Serves only who proves who they are, by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; default everybody. */
  readonly sasl?: SaslOptions
}

/** A server that listens. */
export interface KafkaServer {
  /** What clients connect to, such as `127.0.0.1:50321`. */
  readonly address: string
  readonly port: number
  /** How many clients are connected. */
  readonly connections: number
  /** Ends every connection and listens no longer; the broker goes on. */
  close(): Promise<void>
  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Serves a broker of this process over TCP, in Kafka's protocol, to clients of every language. Resolves once it listens;
 * rejects where the port is taken. It ends when the broker closes.
 *
 * @example
 * const server = await serve(broker, { port: 9092 })
 */
export async function serve(
  broker: Pick<Broker<never>, 'describe'>,
  options: ServeOptions = {},
): Promise<KafkaServer> {
  checkOptions<ServeOptions>('serve', options, {
    port: integer(0, 65_535),
    host: name,
    tls: objectWith(),
    sasl: objectWith(),
    ...wireOptions,
  })
  if (options.sasl !== undefined) checkSaslOptions(options.sasl)
  const { engine } = broker as Broker
  const { port = 0, host = '127.0.0.1', tls } = options
  const address = { host, port }
  const wire = new WireServer(engine, address, options)
  const accept = (socket: Socket) => {
    socket.setNoDelay(true)
    wire.accept(socket)
  }
  const listener = tls === undefined ? createServer(accept) : createTlsServer(tls, accept)
  address.port = await listen(listener, port, host)
  const close = async () => {
    const closed = new Promise<void>(resolve => void listener.close(() => resolve()))
    wire.close()
    await closed
  }
  engine.events.on('closed', () => void close())
  return {
    address: `${host}:${address.port}`,
    port: address.port,
    get connections() {
      return wire.connections
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function listen(listener: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(port, host, () => {
      listener.off('error', reject)
      const address = listener.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

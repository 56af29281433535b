import type { Duplex } from 'node:stream'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import type { Partition } from '../log/partition.ts'
import type { SaslExchange } from './sasl/sasl-exchange.ts'
import { SaslFailure } from './sasl/sasl-failure.ts'

/** What is remembered of a connection. */
export class ConnectionSession {
  /** The address that the client calls from. One of this process calls from here. */
  readonly host: string
  /** The certificate that the client has shown and that was found good. */
  readonly certificate: PeerCertificate | undefined
  /** The user, once authenticated. */
  user: string | undefined
  /** The authentication under way. */
  exchange: SaslExchange | undefined
  /** Whether the messages of that exchange come and go without a header, as after a handshake of version 0. */
  bareExchange = false
  /** Whether the connection ends with the answer to this request, because the client was not let in. */
  refused = false
  /** The first partition of its last fetch that found no room in the answer. */
  unfetched: Partition | undefined

  // A request may outlive its connection, and a socket that has closed knows neither.
  constructor(socket: Duplex) {
    const peer = socket as Partial<TLSSocket>
    this.host = (peer.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '')
    this.certificate = peer.authorized ? peer.getPeerCertificate?.() : undefined
  }

  /**
   * Takes the next message of the exchange, and returns the answer.
   *
   * @throws SaslFailure
   */
  authenticate(message: Buffer): Buffer {
    const { bytes, user } = this.exchange!.step(message)
    if (user !== undefined) {
      // Kafka: KIP-368.
      if (this.user !== undefined && user !== this.user)
        throw new SaslFailure(`the client was '${this.user}' before, and is '${user}' now`)
      this.user = user
      this.exchange = undefined
    }
    return bytes
  }
}

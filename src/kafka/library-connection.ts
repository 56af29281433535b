import type { Socket } from 'node:net'
import type { ConnectionOptions as TlsOptions } from 'node:tls'

/** A broker's address. */
export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** One connection to one broker. */
export interface LibraryConnection {
  /** Undefined before it begins to connect. */
  readonly socket: Pick<Socket, 'destroy'> | undefined
  on(name: 'error', listener: (error: Error) => void): unknown
  on(name: 'close', listener: () => void): unknown
  emit(name: 'error', error: Error): unknown
}

/** One connection to each broker, made when it is first asked for. */
export interface LibraryConnectionPool {
  get(broker: BrokerAddress, done: (error: Error | null, connection?: LibraryConnection) => void): unknown
  on(name: 'connecting', listener: (event: { readonly connection: LibraryConnection }) => void): unknown
  close(): Promise<void>
}

type Extensions = Readonly<Record<string, string>>

/** Credentials; a function among them is called for each connection. */
export interface LibrarySasl {
  readonly mechanism: string
  readonly username?: string | (() => string | Promise<string>)
  readonly password?: string | (() => string | Promise<string>)
  readonly token?: string | (() => string | Promise<string>)
  readonly oauthBearerExtensions?: Extensions | (() => Extensions | Promise<Extensions>)
  authBytesValidator?(answer: Buffer, done: (error: Error | null, answer?: Buffer) => void): void
  /** In place of the library's own choice by the mechanism. */
  authenticate?(
    mechanism: string,
    connection: LibraryConnection,
    api: SaslAuthenticate,
    username: LibrarySasl['username'],
    password: LibrarySasl['password'],
    token: LibrarySasl['token'],
    done: SaslDone,
  ): void
}

type SaslAuthenticate = (connection: LibraryConnection, proof: Buffer, done: SaslDone) => void
type SaslDone = (error: Error | null, answer?: SaslAnswer) => void

interface SaslAnswer {
  readonly authBytes: Buffer
  readonly sessionLifetimeMs: bigint
}

/** How a mechanism of SASL proves who a client is. */
export interface LibraryExchange<Proof extends readonly unknown[]> {
  authenticate(
    api: SaslAuthenticate,
    connection: LibraryConnection,
    ...proof: [...Proof, done: SaslDone]
  ): unknown
}

export interface LibraryConnectionOptions {
  readonly connectTimeout: number
  readonly requestTimeout: number
  readonly maxInflights: number
  readonly tls?: TlsOptions
  /** Whether a broker's host is sent as the server's name. */
  readonly tlsServerName?: boolean
  readonly sasl?: LibrarySasl
}

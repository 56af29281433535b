import { ClosedError, describeError, isError } from '../errors.ts'
import { warn } from '../events.ts'
import type {
  Api,
  BrokerAddress,
  ClientLibrary,
  LibraryConnection,
  LibraryConnectionOptions,
  LibraryConnectionPool,
} from './client-library.ts'
import { ClusterError } from './cluster-error.ts'

/**
 * One connection to each broker. A broker answers the requests of a connection one after the other, so requests that
 * wait long (a fetch) get connections of their own.
 */
export class Connections {
  readonly #library: ClientLibrary
  readonly #pool: LibraryConnectionPool
  readonly #left: () => void
  readonly #made = new Set<LibraryConnection>()
  #closed = false

  constructor(library: ClientLibrary, pool: LibraryConnectionPool, left: () => void) {
    this.#library = library
    this.#pool = pool
    this.#left = left
    pool.on('connecting', ({ connection }) => {
      this.#made.add(connection)
      const gone = () => void this.#made.delete(connection)
      connection.on('close', gone)
      // A failure rejects its request; an 'error' event without a listener would end the process.
      connection.on('error', gone)
    })
  }

  /**
   * Sends one request and resolves with its response, which may hold errors for some of its parts.
   *
   * @throws ClusterError where the broker cannot be reached or does not answer
   */
  async call<Request extends readonly unknown[], Response>(
    broker: BrokerAddress,
    { api }: Api<Request, Response>,
    request: Readonly<Request>,
  ): Promise<Response> {
    const at = `${broker.host}:${broker.port}`
    if (this.#closed) throw new ClosedError('The connection to the cluster is closed')
    let connection: LibraryConnection | undefined
    try {
      connection = await this.#pool.get(broker)
      return await api.async(connection, ...(request as Request))
    } catch (thrown) {
      const answer = responseOf<Response>(thrown)
      if (answer !== undefined) return answer
      if (this.#closed) throw new ClosedError('The connection to the cluster is closed')
      throw this.#failed(thrown, at, connection)
    }
  }

  #failed(thrown: unknown, at: string, connection: LibraryConnection | undefined): unknown {
    const code = (thrown as { readonly code?: unknown } | null)?.code
    // A silent connection may stay so for many minutes, and after a response that came too late the library reads
    // nothing more from it. Its requests fail, and the next one opens another.
    if (thrown instanceof this.#library.TimeoutError) connection?.socket?.destroy()
    if (code === 'PLT_KFK_UNSUPPORTED_COMPRESSION') {
      return new ClusterError('UNSUPPORTED_COMPRESSION_TYPE', describeError(thrown), { cause: thrown })
    }
    if (isAuthentication(thrown)) {
      return new ClusterError('SASL_AUTHENTICATION_FAILED', `${at}: ${withCauses(thrown)}`, { cause: thrown })
    }
    if (typeof code !== 'string' || !code.startsWith('PLT_KFK_')) return thrown
    return new ClusterError('NETWORK_EXCEPTION', `${at}: ${withCauses(thrown)}`, { cause: thrown })
  }

  /** Ends the connections that are still closing: a broker that reads nothing any more would keep them for minutes. */
  cutOff(): void {
    for (const { socket } of this.#made) socket?.destroy()
  }

  /** Never rejects: whoever closes has nothing to do about a failure, and a warning of the process tells of it. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#left()
    try {
      await this.#pool.close()
    } catch (error) {
      warn(`Closing the connections to the cluster failed: ${describeError(error)}`, error)
    }
  }
}

// Where any part of a response is an error, the library throws the whole response.
function responseOf<Response>(thrown: unknown): Response | undefined {
  if ((thrown as { readonly code?: unknown } | null)?.code !== 'PLT_KFK_RESPONSE') return undefined
  return (thrown as { readonly response?: Response }).response
}

// The library's own text only says that a connection failed; what is behind it says why.
function withCauses(thrown: unknown): string {
  const seen = new Set<unknown>()
  const texts = new Set<string>()
  for (let error = thrown; isError(error) && !seen.has(error); error = behind(error)) {
    seen.add(error)
    texts.add(describeError(error).replace(/\.$/, ''))
  }
  return texts.size === 0 ? describeError(thrown) : [...texts].join(': ')
}

function behind({ cause, errors }: Error & { readonly errors?: unknown }): unknown {
  return cause ?? (Array.isArray(errors) ? errors[0] : undefined)
}

function isAuthentication(thrown: unknown): boolean {
  return codesBehind(thrown).includes('PLT_KFK_AUTHENTICATION')
}

// Node's codes of OpenSSL's reasons to refuse a certificate, and of a certificate for another name.
const untrusted = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)_|ERR_TLS_CERT_)/

/** Whether a connection failed because the certificate of the other side is not trusted. */
export function isUntrusted(error: unknown): boolean {
  return codesBehind(error).some(code => untrusted.test(code))
}

function codesBehind(thrown: unknown): string[] {
  const codes: string[] = []
  for (let error = thrown; isError(error); error = error.cause) {
    const { code } = error as NodeJS.ErrnoException
    if (typeof code === 'string') codes.push(code)
  }
  return codes
}

/** Opens connections, and closes all that are still open. */
export class ConnectionsFactory {
  readonly #library: ClientLibrary
  readonly #clientId: string
  readonly #options: LibraryConnectionOptions
  readonly #open = new Set<Connections>()

  constructor(library: ClientLibrary, clientId: string, options: LibraryConnectionOptions) {
    this.#library = library
    this.#clientId = clientId
    this.#options = options
  }

  open(): Connections {
    const pool = new this.#library.ConnectionPool(this.#clientId, this.#options)
    const connections: Connections = new Connections(this.#library, pool, () =>
      this.#open.delete(connections),
    )
    this.#open.add(connections)
    return connections
  }

  /** Resolves when all are closed; those whose last bytes no broker has taken when it is `late` are cut off. */
  async close(late: Promise<void>): Promise<void> {
    const open = [...this.#open]
    void late.then(() => {
      for (const each of open) each.cutOff()
    })
    await Promise.all(open.map(each => each.close()))
  }
}

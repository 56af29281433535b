import type { BrokerClock } from '../broker-clock.ts'
import { ClosedError, InvalidOptionError } from '../errors.ts'
import { warn } from '../events.ts'
import { describeError, isError } from '../thrown.ts'
import type { ClientLibrary } from './client-library.ts'
import type { Credentials } from './client-sasl.ts'
import { ClusterError } from './cluster-error.ts'
import type {
  BrokerAddress,
  LibraryConnection,
  LibraryConnectionOptions,
  LibraryConnectionPool,
} from './library-connection.ts'
import {
  behind,
  isAuthentication,
  isConnectionLost,
  isReset,
  responseOf,
  withCauses,
} from './library-failure.ts'
import type { Api } from './library-messages.ts'
import { Throttles } from './throttles.ts'

const none: ReadonlySet<string> = new Set()

/**
 * One connection to each broker. A broker answers the requests of a connection one after the other, so requests that
 * wait long (a fetch) get connections of their own.
 */
export class Connections {
  readonly #factory: ConnectionsFactory
  readonly #pool: LibraryConnectionPool
  readonly #made = new Set<LibraryConnection>()
  readonly #throttles: Throttles
  // How many requests each broker has not answered yet, by its address.
  readonly #underWay = new Map<string, number>()
  #closed = false
  #newest: LibraryConnection | undefined
  // Of what connections failed: to the requests on them the library says only that they have closed.
  readonly #failures = new WeakMap<LibraryConnection, Error>()

  constructor(factory: ConnectionsFactory, pool: LibraryConnectionPool) {
    this.#factory = factory
    this.#pool = pool
    this.#throttles = new Throttles(factory.clock)
    pool.on('connecting', ({ connection }) => {
      this.#made.add(connection)
      this.#newest = connection
      const gone = () => void this.#made.delete(connection)
      connection.on('close', gone)
      // A failure rejects its request; an 'error' event without a listener would end the process. Of a connection that
      // could not authenticate the library waits until the broker ends it, and with it what is under way there.
      connection.on('error', error => {
        this.#failures.set(connection, error)
        gone()
        connection.socket?.destroy()
      })
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
    const at = addressOf(broker)
    if (this.#closed) throw new ClosedError('The connection to the cluster is closed')
    let connection: LibraryConnection | undefined
    this.#count(at, 1)
    try {
      const throttled = this.#throttles.over(at)
      if (throttled !== undefined) await throttled
      if (this.#closed) throw new ClosedError('The connection to the cluster is closed')
      connection = await this.#connection(broker)
      return this.#answered(at, api.key, await api.async(connection, ...(request as Request)))
    } catch (thrown) {
      const answer = responseOf<Response>(thrown)
      if (answer !== undefined) return this.#answered(at, api.key, answer)
      if (this.#closed) throw new ClosedError('The connection to the cluster is closed')
      this.#factory.failed(at)
      const failed = this.#failed(this.#reasonOf(thrown, connection), at, connection)
      if (connection === undefined && isError(failed)) unsent.add(failed)
      throw failed
    } finally {
      this.#count(at, -1)
    }
  }

  // What `node:tls` refuses is thrown at once, and so is what a getter of its options throws. The library does not notice,
  // and would have everybody wait for that connection.
  #connection(broker: BrokerAddress): Promise<LibraryConnection> {
    return new Promise((resolve, reject) => {
      try {
        this.#pool.get(broker, (error, connection) => (error === null ? resolve(connection!) : reject(error)))
      } catch (thrown) {
        const why = `${addressOf(broker)}: option 'tls' as it is now: ${withCauses(thrown)}`
        const error = new ClusterError('NETWORK_EXCEPTION', why, { option: 'tls', cause: thrown })
        reject(error)
        // Not what was thrown: that may be nothing, which the library takes for success.
        this.#newest?.emit('error', error)
      }
    })
  }

  #answered<Response>(at: string, api: number, response: Response): Response {
    this.#factory.answered(at, api)
    this.#throttles.note(at, response)
    return response
  }

  #count(at: string, more: number): void {
    const count = (this.#underWay.get(at) ?? 0) + more
    if (count > 0) this.#underWay.set(at, count)
    else this.#underWay.delete(at)
  }

  /**
   * The broker that owes the fewest answers, from the one whose turn it is on; one that was `heard` already only where
   * all others have failed to answer, and one that has failed only where all have. Who asks a broker that stands still
   * waits as long as a request may take. (Kafka: leastLoadedNode)
   */
  readiest(
    brokers: readonly BrokerAddress[],
    turn: number,
    heard: ReadonlySet<string> = none,
  ): BrokerAddress {
    const first = turn % brokers.length
    const inTurn = [...brokers.slice(first), ...brokers.slice(0, first)]
    const owed = inTurn.map(broker => {
      const at = addressOf(broker)
      if (this.#factory.hasFailed(at)) return Number.POSITIVE_INFINITY
      return heard.has(at) ? Number.MAX_VALUE : (this.#underWay.get(at) ?? 0)
    })
    return inTurn[owed.indexOf(Math.min(...owed))]!
  }

  #reasonOf(thrown: unknown, connection: LibraryConnection | undefined): unknown {
    const failure = connection === undefined ? undefined : this.#failures.get(connection)
    return failure !== undefined && isConnectionLost(thrown) ? failure : thrown
  }

  #failed(thrown: unknown, at: string, connection: LibraryConnection | undefined): unknown {
    const code = (thrown as { readonly code?: unknown } | null)?.code
    // A silent connection may stay so for many minutes, and after a response that came too late the library reads
    // nothing more from it. Its requests fail, and the next one opens another.
    const isLate = thrown instanceof this.#factory.library.TimeoutError
    if (isLate) connection?.socket?.destroy()
    if (code === 'PLT_KFK_UNSUPPORTED_COMPRESSION') {
      return new ClusterError('UNSUPPORTED_COMPRESSION_TYPE', describeError(thrown), { cause: thrown })
    }
    if (isAuthentication(thrown)) return this.#notAuthenticated(thrown, at)
    if (typeof code !== 'string' || !code.startsWith('PLT_KFK_')) return thrown
    const isCutOff = !isLate && (isConnectionLost(thrown) || (connection !== undefined && isReset(thrown)))
    const option = isLate && connection === undefined ? this.#factory.unanswered : undefined
    const silent = option === undefined ? '' : `; the function of option '${option}' has not answered`
    const hint = isCutOff ? this.#factory.hint : silent
    const isStranger = connection === undefined && option === undefined && this.#factory.isStranger(at)
    const text = `${withCauses(thrown)}${hint}${isStranger ? namedHint : ''}`
    if (isStranger) this.#factory.warnOf(at, text)
    return new ClusterError('NETWORK_EXCEPTION', `${at}: ${text}`, { option, cause: thrown })
  }

  // Where a secret is a function, the next connection may get another one.
  #notAuthenticated(thrown: unknown, at: string): ClusterError {
    const failed = behind(thrown).find(error => error instanceof InvalidOptionError)
    const text = `${at}: ${failed?.message ?? withCauses(thrown)}`
    const error = new ClusterError('SASL_AUTHENTICATION_FAILED', text, {
      option: failed?.option,
      cause: thrown,
    })
    return Object.assign(error, { retriable: this.#factory.asksForSecrets })
  }

  /** Ends the connections that are still closing: a broker that reads nothing any more would keep them for minutes. */
  cutOff(): void {
    for (const { socket } of this.#made) socket?.destroy()
    this.#made.clear()
  }

  /** Never rejects: whoever closes has nothing to do about a failure, and a warning of the process tells of it. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#throttles.end()
    this.#factory.closed(this)
    try {
      await this.#pool.close()
    } catch (error) {
      warn(`Closing the connections to the cluster failed: ${describeError(error)}`, error)
    }
    // The library loses sight of a connection that it opens before the end of one that has failed.
    this.cutOff()
  }
}

// The errors of requests for which there was no connection.
const unsent = new WeakSet<Error>()

/** Whether a request that failed may have reached a broker: there was a connection. */
export function mayBeHeard(error: unknown): boolean {
  return !isError(error) || !unsent.has(error)
}

/** `host:port`. */
export function addressOf({ host, port }: BrokerAddress): string {
  return `${host}:${port}`
}

const apiVersions = 18

const namedHint = '; the cluster names this address: see its advertised.listeners'

/** Opens connections, and closes all that are still open. */
export class ConnectionsFactory {
  readonly library: ClientLibrary
  readonly clock: BrokerClock
  readonly #clientId: string
  readonly #options: LibraryConnectionOptions
  readonly #credentials: Credentials | undefined
  readonly #open = new Set<Connections>()
  // The addresses of brokers that have not answered the last time.
  readonly #failed = new Set<string>()
  // The addresses that were given, and those of brokers that have answered once.
  readonly #reached: Set<string>
  // The addresses of which a warning has told.
  readonly #told = new Set<string>()
  // Whether a broker has answered what it answers only to whom it lets in.
  #isLetIn = false

  constructor(
    library: ClientLibrary,
    clock: BrokerClock,
    clientId: string,
    options: Omit<LibraryConnectionOptions, 'sasl'>,
    credentials: Credentials | undefined,
    given: readonly BrokerAddress[] = [],
  ) {
    this.#reached = new Set(given.map(addressOf))
    this.library = library
    this.clock = clock
    this.#clientId = clientId
    this.#options = credentials === undefined ? options : { ...options, sasl: credentials.forLibrary }
    this.#credentials = credentials
  }

  open(): Connections {
    const pool = new this.library.ConnectionPool(this.#clientId, this.#options)
    const connections = new Connections(this, pool)
    this.#open.add(connections)
    return connections
  }

  closed(connections: Connections): void {
    this.#open.delete(connections)
  }

  /** Whether each connection asks for a secret anew. */
  get asksForSecrets(): boolean {
    return this.#credentials?.areAskedFor ?? false
  }

  /** The option of a function for a secret that has not answered. */
  get unanswered(): string | undefined {
    return this.#credentials?.unanswered
  }

  /** Notes that the broker at an address has not answered. */
  failed(at: string): void {
    this.#failed.add(at)
  }

  /** Whether the broker at an address has not answered the last time. */
  hasFailed(at: string): boolean {
    return this.#failed.has(at)
  }

  /** Whether nobody has given this address, and nobody has answered there: brokers have named it. */
  isStranger(at: string): boolean {
    return !this.#reached.has(at)
  }

  /** Warns the process, once, of an address that brokers have named and that cannot be reached. */
  warnOf(at: string, why: string): void {
    if (this.#told.has(at)) return
    this.#told.add(at)
    warn(`${at} cannot be reached: ${why}`)
  }

  /** Notes that the broker at an address has answered a request of Kafka's API of that number. */
  answered(at: string, api: number): void {
    this.#failed.delete(at)
    this.#reached.add(at)
    if (api !== apiVersions) this.#isLetIn = true
  }

  /** Why brokers may close connections without a word: they want what this client was not given. Else empty. */
  get hint(): string {
    const missing = (['tls', 'sasl'] as const).filter(option => this.#options[option] === undefined)
    if (this.#isLetIn || missing.length === 0) return ''
    return `; does the broker expect the option ${missing.map(option => `'${option}'`).join(' or ')}?`
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

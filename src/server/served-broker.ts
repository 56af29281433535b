import { isIPv6, type Server, type Socket } from 'node:net'
import { longestDelayMs } from '../clock.ts'
import { ClosedError } from '../errors.ts'
import { duration, requireArgument } from '../validate.ts'
import type { ClusterNode } from './cluster/cluster-node.ts'
import { listenError } from './listen-error.ts'
import type { WireServer } from './wire-server.ts'

/** One of the brokers that clients of a server see. */
export interface ServedBroker {
  /** Its number: 1 is the first broker, unless `firstNodeId` says otherwise. */
  readonly nodeId: number
  /** Where clients are told to come, such as `127.0.0.1:50321` or `[::1]:50321`. */
  readonly address: string
  readonly port: number
  readonly running: boolean
  /** How many clients are connected to it. */
  readonly connections: number
  /**
   * Closes its connections and stops listening. What it coordinated passes at once to another broker that runs, and what
   * it led to another replica that is in sync, under the next leader epoch; without any, the partition is offline.
   * Nothing is lost: all brokers share one log and one state of every group.
   */
  stop(): Promise<void>
  /**
   * Listens again, on the same port, and takes back what it coordinated, and what it is the preferred leader of, under
   * the next leader epoch. Rejects with InvalidOptionError if the port is taken, and with ClosedError
   * once the server is closed.
   */
  start(): Promise<void>
  /** Sends each of its answers `ms` milliseconds late, on the broker's time; 0 ends that, and sends those that wait. */
  slowBy(ms: number): void
}

/** What a listener needs of its server. */
export interface ListenerHost {
  readonly wire: WireServer
  /** Where it listens, which may not be where clients are told to come. */
  readonly host: string
  /** How long a connection may be idle, in milliseconds; -1 is for ever. */
  readonly maxIdleMs: number
  create(accept: (socket: Socket) => void): Server
}

/** A broker's listener, which can be stopped and started again. */
export class BrokerListener implements ServedBroker {
  readonly #node: ClusterNode
  readonly #wire: WireServer
  readonly #host: ListenerHost
  // Includes sockets that have not completed a TLS handshake.
  readonly #sockets = new Set<Socket>()
  #listener: Server | undefined
  #closed = false
  // Stops and starts are done one after the other.
  #changing: Promise<void> = Promise.resolve()

  constructor(node: ClusterNode, host: ListenerHost) {
    this.#node = node
    this.#wire = host.wire
    this.#host = host
  }

  get nodeId(): number {
    return this.#node.nodeId
  }

  get address(): string {
    const { host, port } = this.#node
    return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
  }

  get port(): number {
    return this.#node.port
  }

  get running(): boolean {
    return this.#node.running
  }

  get connections(): number {
    return this.#wire.connectionsOf(this.#node)
  }

  stop(): Promise<void> {
    return this.#change(async () => {
      if (!this.#node.running) return
      this.#wire.cluster.setRunning(this.#node, false)
      await this.#end()
    })
  }

  start(): Promise<void> {
    return this.#change(async () => {
      if (this.#closed) throw new ClosedError('The server is closed')
      if (this.#node.running) return
      await this.listen()
      this.#wire.cluster.setRunning(this.#node, true)
    })
  }

  slowBy(ms: number): void {
    requireArgument('slowBy', 'ms', ms, duration)
    this.#node.slowMs = ms
    if (ms === 0) this.#wire.hurry(this.#node)
  }

  /** Stops for good: it cannot be started again. */
  close(): Promise<void> {
    this.#closed = true
    return this.#change(() => {
      this.#node.running = false
      return this.#end()
    })
  }

  /** Opens its port. Port 0 is replaced by the free port that was found. */
  async listen(): Promise<void> {
    const listener = this.#host.create(socket => this.#accept(socket))
    listener.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    // Of a client that only opens the port and goes, or is slow, nothing is to be said.
    listener.on('tlsClientError', (error: NodeJS.ErrnoException & { readonly reason?: string }) => {
      if (!error.code?.startsWith('ERR_SSL_')) return
      const message = `A client and the server do not agree on TLS: ${error.reason ?? error.message}`
      this.#wire.failed(new Error(message, { cause: error }))
    })
    await new Promise<void>((resolve, reject) => {
      const { host } = this.#host
      const { port } = this.#node
      const fail = (error: Error) => reject(listenError(host, port, error))
      listener.once('error', fail)
      listener.listen(port, host, () => {
        listener.off('error', fail)
        listener.on('error', error => this.#wire.failed(error))
        resolve()
      })
    })
    const address = listener.address()
    if (typeof address === 'object' && address !== null) this.#node.port = address.port
    this.#listener = listener
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true)
    // The connection itself ends its side, once it has done what came before the end of its client's.
    socket.allowHalfOpen = true
    const connection = this.#wire.accept(socket, this.#node)
    const { maxIdleMs } = this.#host
    if (maxIdleMs === -1) return
    const idleMs = Math.min(maxIdleMs, longestDelayMs)
    socket.setTimeout(idleMs)
    // Idle time is the system's: a test that moves the broker's clock by a day does not mean to disconnect clients.
    socket.on('timeout', () => {
      if (connection.answering) socket.setTimeout(idleMs)
      else connection.close()
    })
  }

  async #end(): Promise<void> {
    const listener = this.#listener
    if (listener === undefined) return
    this.#listener = undefined
    const closed = new Promise<void>(resolve => void listener.close(() => resolve()))
    this.#wire.disconnect(this.#node)
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #change(change: () => Promise<void>): Promise<void> {
    const changed = this.#changing.then(change)
    // The caller hears of the failure; the next change must not.
    this.#changing = changed.catch(() => {})
    return changed
  }
}

import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { BrokerClock } from '../broker-clock.ts'
import { systemClock } from '../clock.ts'
import type { ClusterNode } from './cluster/cluster-node.ts'
import { ConnectionSession } from './connection-session.ts'
import { Frames } from './frames.ts'
import type { Handler, RequestContext } from './handler.ts'
import type { ApiName } from './protocol/api-name.ts'
import {
  requestHeader,
  requestHeaderTags,
  requestHeaderVersion,
  responseHeader,
  responseHeaderVersion,
} from './protocol/header.ts'
import { versionOf } from './protocol/message.ts'
import { ProtocolError } from './protocol/protocol-error.ts'
import { Reader } from './protocol/reader.ts'
import type { Type, Version } from './protocol/type.ts'
import { Writer } from './protocol/writer.ts'
import { errnoOf } from './wire-error-code.ts'

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly maxFrameBytes: number
  readonly handlers: ReadonlyMap<number, Handler>
  /** Whether clients have to authenticate. */
  readonly secured: boolean
  /** The broker that the client is connected to. */
  readonly node: ClusterNode
  readonly clock: BrokerClock
  /** A request could not be read, or could not be answered. */
  failed(error: unknown): void
  closed(connection: Connection): void
}

type RequestHeader = ReturnType<typeof requestHeader.read>

// The APIs that a client may use before it has authenticated.
const anonymous: ReadonlySet<ApiName> = new Set(['ApiVersions', 'SaslHandshake', 'SaslAuthenticate'])

// How many bytes of requests may wait to be answered. Beyond that the socket is paused, so the rest stays with the
// client. (Kafka reads the next request when it has answered the one before.)
const mostWaitingBytes = 64 * 1024

// A client that nobody knows yet must not make the server hold much, or work long. (Kafka: sasl.server.max.receive.size)
const mostUnknownBytes = 512 * 1024

// How long a client that is parted from may take to read what it was answered, and to close its side.
const partingMs = 1000

/**
 * One client's connection: its requests are answered one after the other, in order, and no faster than the client takes the
 * answers.
 */
export class Connection {
  readonly #socket: Duplex
  readonly #host: ConnectionHost
  readonly #frames: Frames
  readonly #gone = new AbortController()
  readonly #session: ConnectionSession
  #late: AbortController | undefined
  #working = false
  // Its next request waits for nothing but the event loop's turn.
  #pausing = false
  #answering = false
  #corked = false
  #truncates = false

  constructor(socket: Duplex, host: ConnectionHost) {
    this.#socket = socket
    this.#session = new ConnectionSession(socket)
    this.#host = host
    this.#frames = new Frames(() =>
      this.#known ? host.maxFrameBytes : Math.min(host.maxFrameBytes, mostUnknownBytes),
    )
    socket.on('data', chunk => this.#received(chunk))
    socket.on('end', () => void this.#end())
    socket.on('close', () => this.#closed())
    // A client whose connection breaks is no error of the server; 'close' follows.
    socket.on('error', () => this.#gone.abort())
  }

  /** Whether a request waits for its answer to be sent; not while that waits for the client to read it. */
  get answering(): boolean {
    return this.#answering
  }

  // Whether the client need not authenticate, or has done so.
  get #known(): boolean {
    return !this.#host.secured || this.#session.user !== undefined
  }

  close(): void {
    this.#socket.destroy()
    // The socket's 'close' event comes a moment later.
    this.#closed()
  }

  /** Sends the answer now that waits because the broker is slow. */
  hurry(): void {
    this.#late?.abort()
  }

  // What was answered before reaches the client all the same, as by Kafka, which reads the next request only after it.
  #drop(): void {
    if (this.#socket.writableLength === 0) return this.close()
    this.#gone.abort()
    this.#socket.end(() => this.close())
    this.#part()
  }

  // A client may end its side with its last request. What it sent before is worked off, as far as none of it has to wait.
  // (Kafka: Selector.maybeReadFromClosingChannel)
  async #end(): Promise<void> {
    if (this.#working) {
      do await this.#host.clock.turn()
      while (this.#pausing)
    }
    this.#socket.end()
  }

  #closed(): void {
    this.#gone.abort()
    this.hurry()
    this.#frames.clear()
    this.#host.closed(this)
  }

  #received(chunk: Buffer): void {
    if (this.#gone.signal.aborted) return
    this.#frames.push(chunk)
    if (!this.#working) void this.#work()
    if (this.#working && this.#frames.size > mostWaitingBytes) this.#socket.pause()
  }

  // A frame that is not complete needs the rest.
  #next(): Buffer | undefined {
    const frame = this.#frames.next()
    const hasRoom = frame === undefined || this.#frames.size <= mostWaitingBytes
    if (hasRoom && this.#socket.isPaused()) this.#socket.resume()
    return frame
  }

  #fail(error: unknown): void {
    this.#host.failed(error)
    this.#drop()
  }

  async #work(): Promise<void> {
    this.#working = true
    try {
      for (let frame = this.#next(); frame !== undefined; frame = this.#next()) {
        this.#answering = true
        const answer = await this.#answer(frame)
        if (this.#gone.signal.aborted) return
        const { slowMs } = this.#host.node
        if (answer !== undefined && slowMs > 0) await this.#pass(slowMs)
        this.#answering = false
        if (this.#gone.signal.aborted) return
        if (answer !== undefined) {
          this.#send(answer)
          if (this.#session.refused) return this.#refuse()
          if (this.#socket.writableNeedDrain) await this.#drained()
        }
        await this.#pause()
        if (this.#gone.signal.aborted) return
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#working = false
      this.#answering = false
    }
  }

  // Nothing else lies between requests that came together, nor between those of a client in memory that answers at once:
  // the event loop has its turn when all connections and consumers together have used up their time.
  async #pause(): Promise<void> {
    const turn = this.#host.clock.exhausted(1)
    if (turn === undefined) return
    this.#pausing = true
    await turn
    this.#pausing = false
  }

  async #pass(ms: number): Promise<void> {
    this.#late = new AbortController()
    const { signal } = this.#late
    try {
      await this.#host.clock.sleep(ms, { signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #drained(): Promise<void> {
    const { signal } = this.#gone
    try {
      await once(this.#socket, 'drain', { signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  #send(answer: Writer): void {
    const chunks = answer.chunks()
    chunks[0]!.writeInt32BE(answer.length - 4)
    if (this.#truncates) return this.#sendHalf(chunks)
    if (!this.#corked) {
      // Answers of one turn of the event loop are sent in one piece, because writes cost most.
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    for (const chunk of chunks) this.#socket.write(chunk)
  }

  // Kafka's SaslServerAuthenticator ends it, too: who was not let in begins anew with another connection.
  #refuse(): void {
    this.#gone.abort()
    this.#endUnread()
  }

  #sendHalf(chunks: readonly Buffer[]): void {
    this.#gone.abort()
    const bytes = Buffer.concat(chunks)
    this.#endUnread(bytes.subarray(0, bytes.length / 2))
  }

  // What the client still sends is thrown away: as long as it waits to be read, nobody hears that the client has ended its
  // side, too.
  #endUnread(last?: Buffer): void {
    this.#frames.clear()
    this.#socket.end(last)
    this.#socket.resume()
    this.#part()
  }

  // On the system's time, as a connection is idle: a client that never closes its side, or reads nothing, keeps no socket.
  #part(): void {
    const timer = systemClock.setTimer(() => this.close(), partingMs, { name: 'a connection that ends' })
    this.#socket.once('close', () => timer.cancel())
  }

  async #answer(frame: Buffer): Promise<Writer | undefined> {
    const proves = this.#session.exchange !== undefined
    if (proves && this.#session.bareExchange) return bare(this.#session.authenticate(frame))
    const reader = new Reader(frame)
    const header = requestHeader.read(reader, requestHeaderVersion)
    const { apiKey: key, apiVersion: version, clientId } = header
    const handler = this.#host.handlers.get(key)
    if (handler === undefined) throw new ProtocolError(`API key ${key} is not supported`)
    // Between the choice of a mechanism and the proof nothing else is to be said, also by who proves anew who it is.
    if ((!this.#known || proves) && !anonymous.has(handler.api.name)) {
      throw new ProtocolError(`${handler.api.name} is not allowed before the client has authenticated`)
    }
    const [min, max] = handler.api.versions
    if (version < min || version > max) return this.#unsupported(handler, header)
    const at = versionOf(handler.api, version)
    requestHeaderTags.read(reader, at)
    const request = readRequest(handler, reader, at)
    const context: RequestContext = {
      version,
      clientId: clientId ?? '',
      node: this.#host.node,
      session: this.#session,
      signal: this.#gone.signal,
      drop: () => this.#drop(),
      truncate: () => {
        this.#truncates = true
      },
    }
    const response = await handler.handle(request, context)
    return response === undefined ? undefined : respond(handler, header, response)
  }

  // An unknown version of ApiVersions is answered in version 0, so that the client learns the known ones (KIP-511).
  #unsupported(handler: Handler, header: RequestHeader): Writer {
    const { api } = handler
    if (api.name !== 'ApiVersions') {
      const [min, max] = api.versions
      const { apiVersion, clientId } = header
      // It may say anything: as JSON it stays on its line.
      const from = clientId ? ` from client ${JSON.stringify(clientId)}` : ''
      throw new ProtocolError(
        `${api.name} is supported in versions ${min} to ${max}, received ${apiVersion}${from}`,
      )
    }
    const errorCode = errnoOf('UNSUPPORTED_VERSION')
    const apiKeys = supportedVersions(this.#host.handlers)
    return respond(handler, { ...header, apiVersion: 0 }, { errorCode, apiKeys })
  }
}

/**
 * The versions that ApiVersions announces: those that are answered, except that Produce begins at version 0. Kafka 4
 * does that too, because librdkafka before 2.11 does not compress unless version 0 is announced (KAFKA-18659).
 */
export function supportedVersions(
  handlers: ReadonlyMap<number, Handler>,
): { readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number }[] {
  return [...handlers.values()]
    .map(({ api: { key, name, versions } }) => ({
      apiKey: key,
      minVersion: name === 'Produce' ? 0 : versions[0],
      maxVersion: versions[1],
    }))
    .sort((a, b) => a.apiKey - b.apiKey)
}

// Bytes left in its frame are ignored, as in Kafka: librdkafka's Metadata request for all topics ends with three bytes that
// belong to no field.
function readRequest({ api }: Handler, reader: Reader, at: Version): unknown {
  try {
    return api.request.read(reader, at)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    throw new ProtocolError(`${api.name} of version ${at.version}: ${error.message}`, { cause: error })
  }
}

function bare(answer: Buffer): Writer {
  const writer = begun()
  writer.bytes(answer)
  return writer
}

// With room for the length, which is known at the end.
function begun(): Writer {
  const writer = new Writer()
  writer.int32(0)
  return writer
}

function respond({ api }: Handler, header: RequestHeader, response: unknown): Writer {
  const writer = begun()
  responseHeader.write(writer, header, responseHeaderVersion(api, header.apiVersion))
  ;(api.response as Type<unknown, unknown>).write(writer, response, versionOf(api, header.apiVersion))
  return writer
}

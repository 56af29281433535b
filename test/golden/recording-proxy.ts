import { once } from 'node:events'
import net from 'node:net'
import { Frames } from '../../src/server/frames.ts'

/** What one client asked, and what Kafka answered: frames without their lengths, headers included. */
export interface Exchange {
  readonly request: Buffer
  readonly response: Buffer
}

/** Stands between clients and a Kafka, and changes nothing; Kafka has to advertise its port. */
export class RecordingProxy {
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  #exchanges: Exchange[] = []
  #target = 0

  private constructor(server: net.Server) {
    this.#server = server
    server.on('connection', socket => this.#connected(socket))
  }

  static async listen(): Promise<RecordingProxy> {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new RecordingProxy(server)
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  forwardTo(port: number): void {
    this.#target = port
  }

  /** What was recorded since it was asked last. */
  take(): readonly Exchange[] {
    const taken = this.#exchanges
    this.#exchanges = []
    return taken
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #connected(client: net.Socket): void {
    const kafka = net.connect(this.#target, '127.0.0.1')
    const asked = new Map<number, Buffer>()
    this.#pass(client, kafka, frame => asked.set(frame.readInt32BE(4), frame))
    this.#pass(kafka, client, response => {
      const id = response.readInt32BE(0)
      const request = asked.get(id)
      if (request === undefined) throw new Error(`an answer to ${id}, which nobody asked`)
      asked.delete(id)
      this.#exchanges.push({ request, response })
    })
  }

  #pass(from: net.Socket, to: net.Socket, seen: (frame: Buffer) => void): void {
    const frames = new Frames(() => 2 ** 30)
    this.#sockets.add(from)
    from.on('data', chunk => {
      to.write(chunk)
      frames.push(chunk)
      // A copy: what is kept must not change.
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) seen(Buffer.from(frame))
    })
    from.on('close', () => {
      this.#sockets.delete(from)
      to.end()
    })
    // Clients that go, and a Kafka that is stopped, are no failure of the recording.
    from.on('error', () => to.destroy())
  }
}

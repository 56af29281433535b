import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { crc32c } from '../../src/server/protocol/crc32c.ts'

const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** What clients have sent to the servers of this process, by the server's port. */
export class Tap {
  readonly #received = new Map<number, Buffer[][]>()
  readonly #onSocket = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket }
    const chunks: Buffer[] = []
    const port = socket.localPort!
    this.#received.set(port, [...(this.#received.get(port) ?? []), chunks])
    socket.on('data', chunk => void chunks.push(chunk))
  }

  constructor() {
    subscribe('net.server.socket', this.#onSocket)
  }

  /** How the batches were compressed, each name once. */
  compression(port: number): readonly string[] {
    const streams = this.#received.get(port) ?? []
    return [...new Set(streams.flatMap(chunks => compressionOfBatches(Buffer.concat(chunks))))]
  }

  stop(): void {
    unsubscribe('net.server.socket', this.#onSocket)
  }
}

/** Finds record batches by what cannot be there by chance: their checksum. */
function compressionOfBatches(bytes: Buffer): readonly string[] {
  const found: string[] = []
  for (let at = 0; at + 61 <= bytes.length; at++) {
    const length = bytes.readInt32BE(at + 8)
    const end = at + 12 + length
    if (bytes[at + 16] !== 2 || length < 49 || end > bytes.length) continue
    if (bytes.readUInt32BE(at + 17) !== crc32c(bytes.subarray(at + 21, end))) continue
    found.push(names[bytes.readInt16BE(at + 21) & 7]!)
    at = end - 1
  }
  return found
}

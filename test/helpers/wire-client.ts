import type { Duplex } from 'node:stream'
import { crc32c } from '../../src/server/protocol/crc32c.ts'
import { responseHeader, responseHeaderVersion } from '../../src/server/protocol/header.ts'
import { type Api, versionOf } from '../../src/server/protocol/message.ts'
import { Reader } from '../../src/server/protocol/reader.ts'
import { writeBatch } from '../../src/server/protocol/record-batch.ts'
import type { Type } from '../../src/server/protocol/type.ts'
import { writeMessage } from './write-message.ts'

/**
 * A connection on which a test sends any bytes. A `call` that has no answer within `answerTimeoutMs` fails and ends the
 * connection; by default it waits for ever.
 */
export class WireClient {
  readonly socket: Duplex
  readonly clientId: string | null
  readonly closed: Promise<void>
  readonly #answerTimeoutMs: number | undefined
  #received = Buffer.alloc(0)
  #awaited: (() => void) | undefined
  ended = false

  constructor(socket: Duplex, clientId: string | null = null, answerTimeoutMs?: number) {
    this.#answerTimeoutMs = answerTimeoutMs
    this.socket = socket
    this.clientId = clientId
    socket.on('data', chunk => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#awaited?.()
    })
    this.closed = new Promise(resolve => {
      socket.on('end', () => {
        this.ended = true
        this.#awaited?.()
        resolve()
      })
    })
  }

  send(body: Buffer): void {
    this.socket.write(framed(body))
  }

  /** Sends a request, and reads its response. */
  async call<A extends Api>(api: A, version: number, body: object): Promise<any> {
    this.send(request(api, version, body, 7, this.clientId))
    const reader = new Reader(
      await this.#inTime(this.answer(), () => `${api.name} v${version} ${JSON.stringify(body)}`),
    )
    responseHeader.read(reader, responseHeaderVersion(api, version))
    const answer = api.response.read(reader, versionOf(api, version))
    reader.end()
    return answer
  }

  async #inTime(answer: Promise<Buffer>, told: () => string): Promise<Buffer> {
    const ms = this.#answerTimeoutMs
    if (ms === undefined) return answer
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.ended = true
        this.socket.destroy()
        reject(new Error(`no answer within ${ms} ms to ${told()}`))
      }, ms)
    })
    return Promise.race([answer, late]).finally(() => clearTimeout(timer))
  }

  /** Resolves with the next whole response, without its length. */
  async answer(): Promise<Buffer> {
    for (;;) {
      if (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readInt32BE(0)) {
        const end = 4 + this.#received.readInt32BE(0)
        const answer = this.#received.subarray(4, end)
        this.#received = this.#received.subarray(end)
        return answer
      }
      if (this.ended) throw new Error('closed without an answer')
      await new Promise<void>(resolve => {
        this.#awaited = resolve
      })
    }
  }
}

/** A request or an answer behind its length. */
export function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

/** A request as it goes over the wire, without its length. */
export function request(
  api: Api,
  version: number,
  body: object = {},
  correlationId = 7,
  clientId: string | null = null,
): Buffer {
  const client = Buffer.from(clientId ?? '')
  const header = Buffer.alloc(10)
  header.writeInt16BE(api.key, 0)
  header.writeInt16BE(version, 2)
  header.writeInt32BE(correlationId, 4)
  header.writeInt16BE(clientId === null ? -1 : client.length, 8)
  const at = versionOf(api, version)
  const message = writeMessage(api.request as Type<unknown, object>, body, at)
  return Buffer.concat([header, client, ...(at.flexible ? [Buffer.from([0])] : []), message])
}

/** A batch with the fields of an idempotent producer. */
export function sequencedBatch(
  producerId: number,
  epoch: number,
  sequence: number,
  values: readonly number[],
  attributes = 0,
  timestamp = 0,
): Buffer {
  const bytes = writeBatch(
    values.map((value, offset) => ({
      offset,
      timestamp,
      key: null,
      value: Buffer.from(`${value}`),
      headers: [],
    })),
  )
  bytes.writeInt16BE(attributes, 21)
  bytes.writeBigInt64BE(BigInt(producerId), 43)
  bytes.writeInt16BE(epoch, 51)
  bytes.writeInt32BE(sequence, 53)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

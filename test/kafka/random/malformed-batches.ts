import { gzipSync } from 'node:zlib'
import { crc32c } from '../../../src/server/protocol/crc32c.ts'
import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Talk } from './talk.ts'

const headerLength = 61
const [attributesAt, lastOffsetDeltaAt, countAt, lengthAt, crcAt] = [21, 23, 57, 8, 17]
const gzip = 1

/** Producers whose batches have the right checksum, and are of records that are not what they should be. */
export class MalformedBatches {
  readonly #talk: Talk
  readonly #topic: string
  readonly #mostBytes: number

  constructor(talk: Talk) {
    this.#talk = talk
    this.#topic = `${talk.name}-a`
    this.#mostBytes = talk.oneOf([13, 18, 1000])
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    const configs = [{ name: 'max.decompressed.message.bytes', value: String(this.#mostBytes) }]
    const topic = { name: this.#topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs }
    await talk.ask('createTopics', 7, { topics: [topic] })
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      const { what, bytes } = this.#batch()
      const answer = await talk.ask('produce', 9 + talk.below(4), {
        transactionalId: null,
        acks: talk.oneOf([-1, 1]),
        topicData: [{ name: this.#topic, partitionData: [{ index: 0, records: [bytes] }] }],
      })
      talk.tell(`${what} ${bytes.toString('hex')}`, talk.shown(answer))
    }
  }

  #batch(): { readonly what: string; readonly bytes: Buffer } {
    const talk = this.#talk
    const header = talk.oneOf<readonly (readonly [string, Buffer | null])[]>([
      [],
      [
        ['h', Buffer.from('v')],
        ['i', null],
      ],
    ])
    const records = Array.from({ length: 1 + talk.below(3) }, (_, offset) => ({
      offset,
      timestamp: Date.UTC(2020, 0, 1),
      key: talk.oneOf([null, Buffer.from('k')]),
      value: talk.oneOf([null, Buffer.from('value')]),
      headers: header,
    }))
    const whole = writeBatch(records)
    const head = Buffer.from(whole.subarray(0, headerLength))
    const body = Buffer.from(whole.subarray(headerLength))
    const compression = talk.oneOf([0, 0, gzip])
    const { what, changed } = this.#changed(head, body, compression)
    const bytes = Buffer.concat([head, compression === gzip ? gzipSync(changed) : changed])
    bytes.writeInt32BE(bytes.length - lengthAt - 4, lengthAt)
    bytes.writeInt16BE(compression, attributesAt)
    bytes.writeUInt32BE(crc32c(bytes.subarray(attributesAt)), crcAt)
    return { what, bytes }
  }

  #changed(
    head: Buffer,
    body: Buffer,
    compression: number,
  ): { readonly what: string; readonly changed: Buffer } {
    const talk = this.#talk
    switch (talk.oneOf(['nothing', 'head', 'body', 'body', 'body', 'cut', 'more'])) {
      case 'head': {
        const at = talk.oneOf([lastOffsetDeltaAt, countAt]) + talk.below(4)
        head[at] = talk.oneOf([0, 1, 2, 0x7f, 0x80, 0xff])
        return { what: `head ${at}`, changed: body }
      }
      case 'body': {
        const at = talk.below(body.length)
        const value = talk.oneOf([0, 1, 2, 3, 4, 5, 0x7f, body[at]! ^ 1, body[at]! + 2]) & 0x7f
        if (compression !== gzip && !numbersIn(body).has(at)) body[at] = value
        return { what: `body ${at}`, changed: body }
      }
      case 'cut':
        return { what: 'cut', changed: body.subarray(0, talk.below(body.length)) }
      case 'more':
        return { what: 'more', changed: Buffer.concat([body, Buffer.from([talk.below(3)])]) }
      default:
        return { what: 'as it is', changed: body }
    }
  }
}

// Where the records say which they are; each of their numbers takes a byte here. Kafka keeps some that say it wrongly, and
// compressed ones that are not as long as they say: see docs/differences-from-kafka.md.
function numbersIn(body: Buffer): ReadonlySet<number> {
  const numbers = new Set<number>()
  for (let at = 0; at < body.length; at += 1 + (body[at]! >> 1)) numbers.add(at + 3)
  return numbers
}

import { gzipSync } from 'node:zlib'
import { crc32c } from '../../../src/server/protocol/crc32c.ts'
import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { Talk } from './talk.ts'

const headerLength = 61
const [lengthAt, crcAt, attributesAt] = [8, 17, 21]
// Recent, so that nothing is too old, and the same for both.
const now = Date.now() - 1_000_000
const [minute, hour] = [60_000, 3_600_000]

/** The fields of a header that a producer writes: where they are, and of how many bytes. */
const fields = {
  baseOffset: [0, 8],
  length: [lengthAt, 4],
  leaderEpoch: [12, 4],
  magic: [16, 1],
  crc: [crcAt, 4],
  attributes: [attributesAt, 2],
  lastOffsetDelta: [23, 4],
  baseTimestamp: [27, 8],
  maxTimestamp: [35, 8],
  producerId: [43, 8],
  producerEpoch: [51, 2],
  baseSequence: [53, 4],
  count: [57, 4],
} as const
type Field = keyof typeof fields

const numbers = [-2, -1, 0, 1, 2, 3, 5, 127, 32_767] as const

/** Producers whose batches have headers that are not what they should be, to topics of different configs. */
export class BatchHeaders {
  readonly #talk: Talk
  readonly #topics: readonly string[]
  readonly #ids = new Map<string, string>()

  constructor(talk: Talk) {
    this.#talk = talk
    this.#topics = ['a', 'b'].map(each => `${talk.name}-${each}`)
  }

  async converse(steps: number): Promise<void> {
    const talk = this.#talk
    for (const name of this.#topics) {
      const configs = [
        ['message.timestamp.type', ['CreateTime', 'CreateTime', 'LogAppendTime']],
        ['message.timestamp.before.max.ms', [String(2 ** 53 - 1), String(hour), String(hour / 2), '0']],
        ['message.timestamp.after.max.ms', [String(hour), String(minute), '0']],
        ['max.message.bytes', ['1048588', '100', '150']],
        ['cleanup.policy', ['delete', 'delete', 'compact']],
      ] as const
      const drawn = configs.map(([config, values]) => ({ name: config, value: talk.oneOf(values) }))
      const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: drawn }
      const { topics } = await talk.ask('createTopics', 7, { topics: [topic] })
      this.#ids.set(name, topics[0].topicId)
      talk.topicNumber(topics[0].topicId)
      talk.tell(name, drawn.map(({ value }) => value).join())
    }
    await talk.settled()
    for (let i = 0; i < steps; i++) {
      if (talk.chance(0.85)) await this.#produce()
      else await this.#read()
    }
    await this.#read()
  }

  #batch(): { readonly what: string; readonly bytes: Buffer } {
    const talk = this.#talk
    const ago = talk.oneOf([0, 0, 0, 0, 1.5 * hour, 20 * minute, -hour, -25 * minute, -2 * hour])
    const key = talk.oneOf([Buffer.from('k'), Buffer.from('k'), null])
    const size = talk.oneOf([1, 1, 1, 80, 200])
    const records = Array.from({ length: 1 + talk.below(3) }, (_, offset) => ({
      offset,
      timestamp: now - ago + talk.below(3),
      ...{ key, value: Buffer.alloc(size, 'v'), headers: [] },
    }))
    const whole = writeBatch(records)
    const isZipped = talk.chance(0.25)
    const body = whole.subarray(headerLength)
    const bytes = Buffer.concat([whole.subarray(0, headerLength), isZipped ? gzipSync(body) : body])
    bytes.writeInt32BE(bytes.length - lengthAt - 4, lengthAt)
    bytes.writeInt16BE(isZipped ? 1 : 0, attributesAt)
    const changes = Array.from({ length: talk.oneOf([0, 1, 1, 1, 2]) }, () => this.#change(bytes))
    if (changes.every(({ field }) => field !== 'crc'))
      bytes.writeUInt32BE(crc32c(bytes.subarray(attributesAt)), crcAt)
    const changed = changes.map(({ field, value }) => `${field} ${value}`).join(' and ')
    return {
      what: `${records.length} of ${size}, ${key}, ${ago} ago${isZipped ? ', gzip' : ''}; ${changed}`,
      bytes,
    }
  }

  #change(bytes: Buffer): { readonly field: Field; readonly value: number } {
    const talk = this.#talk
    const field = talk.oneOf(Object.keys(fields) as Field[])
    const [at, size] = fields[field]
    const isTime = field === 'baseTimestamp' || field === 'maxTimestamp'
    const by = talk.oneOf(isTime ? [-1, -hour, hour, 3 * hour, 0] : [0, 1, -1, 2])
    const is = Number(size === 8 ? bytes.readBigInt64BE(at) : bytes.readIntBE(at, size))
    const most = 2 ** (8 * size - 1) - 1
    // Of a codec that there is not, of who sets the time, and of transactions of nobody, see the differences.
    const wanted =
      field === 'attributes'
        ? is ^ (1 << talk.oneOf([5, 6, 7, 8, 9, 14]))
        : isTime || talk.chance(0.5)
          ? is + by
          : talk.oneOf(numbers)
    const value = Math.max(-most, Math.min(most, wanted))
    if (size === 8) bytes.writeBigInt64BE(BigInt(value), at)
    else bytes.writeIntBE(value, at, size)
    return { field, value: isTime && value > hour ? value - now : value }
  }

  async #produce(): Promise<void> {
    const talk = this.#talk
    const name = talk.oneOf(this.#topics)
    const batches = Array.from({ length: talk.oneOf([1, 1, 1, 1, 1, 1, 1, 2]) }, () => this.#batch())
    const acks = talk.oneOf([-1, 1])
    const version = 3 + talk.below(11)
    const answer = await talk.ask('produce', version, {
      transactionalId: talk.oneOf([null, null, null, `${talk.name}-id`]),
      acks,
      topicData: [
        {
          name,
          topicId: this.#ids.get(name),
          partitionData: [{ index: 0, records: batches.map(({ bytes }) => bytes) }],
        },
      ],
    })
    for (const each of answer.responses[0].partitionResponses) {
      each.logAppendTimeMs = Math.sign(each.logAppendTimeMs)
    }
    const what = batches.map(each => each.what).join(' | ')
    talk.tell(`produce v${version} ${name} acks ${acks}: ${what}`, talk.shown(answer))
  }

  /** Tells the headers that consumers get. */
  async #read(): Promise<void> {
    const talk = this.#talk
    for (const topic of this.#topics) {
      const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }]
      const asked = { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, topics: [{ topic, partitions }] }
      const { responses } = await talk.ask('fetch', 12, asked)
      const { records, ...answer } = responses[0].partitions[0]
      talk.tell(`read ${topic}`, [talk.shown(answer), headersIn(records)])
    }
  }
}

function headersIn(records: Buffer): unknown[] {
  const headers: unknown[] = []
  for (let at = 0; at < records.length; at += records.readInt32BE(at + lengthAt) + lengthAt + 4) {
    const read = (field: Field) => {
      const [from, size] = fields[field]
      return Number(size === 8 ? records.readBigInt64BE(at + from) : records.readIntBE(at + from, size))
    }
    const isStamped = (read('attributes') & 8) !== 0
    const names = (Object.keys(fields) as Field[]).filter(field => !isStamped || !/crc|axTime/.test(field))
    headers.push(names.map(field => (/Timestamp/.test(field) ? read(field) - now : read(field))))
  }
  return headers
}

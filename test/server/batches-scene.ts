import { afterEach, expect } from 'vitest'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import { crc32c } from '../../src/server/protocol/crc32c.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { readBatches, readRecords, writeBatch } from '../../src/server/protocol/record-batch.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { produce, fetch, initProducerId, addPartitionsToTxn } = apis as unknown as Readonly<
  Record<string, Api>
>

/** What is closed after each test. */
export const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const broker of open.splice(0)) await broker.close()
})

/** Where a batch says how far its last offset is from its first. */
export const lastOffsetDeltaAt = 23

const none = () => expect.unreachable('it is not compressed')

/** What is different in a batch. */
export interface Change {
  /** What stands in the batch's attributes. */
  readonly attributes?: number
  readonly timestamp?: number
  readonly key?: Buffer | null
  /** Packs the records. */
  readonly pack?: (records: Buffer) => Buffer | Uint8Array
  readonly producer?: {
    readonly producerId: number
    readonly producerEpoch: number
    readonly sequence: number
  }
}

/** A batch as a client writes it. */
export function batch(values: readonly unknown[], now: number, change: Change = {}): Buffer {
  const { attributes = 0, timestamp = now, key = Buffer.from('k'), pack, producer } = change
  const records = values.map((value, offset) => ({
    offset,
    timestamp,
    key,
    value: Buffer.from(JSON.stringify(value)),
    headers: [['h', Buffer.from('1')] as const],
  }))
  let bytes = writeBatch(records, attributes)
  if (pack !== undefined) bytes = Buffer.concat([bytes.subarray(0, 61), pack(bytes.subarray(61))])
  bytes.writeInt32BE(bytes.length - 12, 8)
  if (producer !== undefined) {
    bytes.writeBigInt64BE(BigInt(producer.producerId), 43)
    bytes.writeInt16BE(producer.producerEpoch, 51)
    bytes.writeInt32BE(producer.sequence, 53)
  }
  return seal(bytes)
}

/** Writes the checksum that is right. */
export function seal(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

/** A broker with a topic `log`, and a client on the wire that writes and reads its batches. */
export function start(options: TopicOptions = {}, maxRecords = -1) {
  const { broker, clock } = testBroker({ maxRecords })
  open.push(broker)
  const log = broker.createTopic('log', options)
  const client = new WireClient(connect(broker))
  const sendIn = async (transactionalId: string | null, ...records: Buffer[]) => {
    const topicData = [{ name: 'log', partitionData: [{ index: 0, records }] }]
    const answer = await client.call(produce!, 8, { transactionalId, acks: -1, timeoutMs: 1000, topicData })
    return answer.responses[0].partitionResponses[0]
  }
  const send = (...records: Buffer[]) => sendIn(null, ...records)
  const read = async (from: number, { maxBytes = 1 << 20, isolationLevel = 0 } = {}): Promise<Buffer> => {
    const answer = await client.call(fetch!, 11, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1 << 20,
      isolationLevel,
      topics: [
        { topic: 'log', partitions: [{ partition: 0, fetchOffset: from, partitionMaxBytes: maxBytes }] },
      ],
    })
    return Buffer.from(answer.responses[0].partitions[0].records)
  }
  const offsets = async (from: number, how: Parameters<typeof read>[1] = {}) =>
    readBatches(await read(from, how)).flatMap(each =>
      each.control ? [] : readRecords(each, none).map(({ offset }) => offset),
    )
  /** Begins a transaction that writes to the log, and says whose it is. */
  const begin = async () => {
    const transactionalId = 'tx'
    const asked = { transactionalId, transactionTimeoutMs: 60_000 }
    const { producerId, producerEpoch } = await client.call(initProducerId!, 2, asked)
    await client.call(addPartitionsToTxn!, 1, {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: 'log', partitions: [0] }],
    })
    return { transactionalId, producerId, producerEpoch }
  }
  const make = (values: readonly unknown[], change: Change = {}) => batch(values, clock.now(), change)
  return { broker, clock, log, client, send, sendIn, begin, read, offsets, make }
}

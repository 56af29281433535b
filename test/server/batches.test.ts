import { gzipSync } from 'node:zlib'
import { compress as lz4 } from 'lz4js'
import { compress as snappy } from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { json, string } from '../../src/index.ts'
import { connect, serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { readBatches } from '../../src/server/protocol/record-batch.ts'
import { eventLoopTurn } from '../../src/testing/turns.ts'
import { range } from '../helpers/behaviours.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { batch, type Change, open, seal, start } from './batches-scene.ts'

const { produce, fetch, endTxn } = apis as unknown as Readonly<Record<string, Api>>

// Java's clients cut into chunks what they pack by Snappy.
function xerial(bytes: Buffer): Buffer {
  const chunks = [bytes.subarray(0, 10), bytes.subarray(10)].flatMap(each => {
    const chunk = snappy(each)
    return [int32(chunk.length), chunk]
  })
  return Buffer.concat([Buffer.from('\x82SNAPPY\0', 'latin1'), int32(1), int32(1), ...chunks])
}

// A frame of one block that is not packed any further, which every unpacker has to take.
function zstd(bytes: Buffer): Buffer {
  const block = Buffer.alloc(3)
  block.writeUIntLE((bytes.length << 3) | 1, 0, 3)
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, bytes.length]), block, bytes])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

it('a request with many batches leaves the event loop its turn', async () => {
  const { broker, client } = start()
  const { partitions } = broker.createTopic('wide', { partitions: 1500 })
  const partitionData = partitions.map(({ index }) => ({ index, records: [batch([index], 0)] }))
  const topicData = [{ name: 'wide', partitionData }]
  const answer = client.call(produce!, 8, { acks: -1, timeoutMs: 1000, topicData })
  while (partitions[0]!.highWatermark === 0) await eventLoopTurn()
  expect(partitions[1499]!.highWatermark).toBe(0)
  const [{ partitionResponses }] = (await answer).responses
  expect(partitionResponses.map((each: { index: number; errorCode: number }) => each.index)).toEqual(
    range(0, 1500),
  )
  expect(partitions.every(({ highWatermark }) => highWatermark === 1)).toBe(true)
})

describe('a batch of a client', () => {
  const packed: readonly (readonly [string, Change])[] = [
    ['as it is', {}],
    ['by gzip', { attributes: 1, pack: gzipSync }],
    ['by snappy', { attributes: 2, pack: snappy }],
    ["by Java's snappy", { attributes: 2, pack: xerial }],
    ['by zstd', { attributes: 4, pack: zstd }],
    ['by lz4', { attributes: 3, pack: bytes => lz4(bytes) }],
  ]

  it.each(packed)('%s is kept as it came, but for its offset', async (_, change) => {
    const { send, read, make } = start()
    await send(make(['first']))
    const sent = make(['a', 'b'], change)
    expect(await send(sent)).toMatchObject({ errorCode: 0, baseOffset: 1 })
    sent.writeBigInt64BE(1n)
    expect(await read(1)).toEqual(sent)
  })

  it.each(packed)('%s is read in the process, from any of its records on', async (_, change) => {
    const { broker, clock, log, send, make } = start()
    await send(make([1, { two: 2 }, null], change))
    const [partition] = log.partitions
    expect(partition!.read(1)).toEqual([
      {
        topic: 'log',
        partition: 0,
        offset: 1,
        timestamp: clock.now(),
        key: 'k',
        value: { two: 2 },
        headers: { h: '1' },
      },
      {
        topic: 'log',
        partition: 0,
        offset: 2,
        timestamp: clock.now(),
        key: 'k',
        value: null,
        headers: { h: '1' },
      },
    ])
    const seen: unknown[] = []
    const consumer = broker.consumer({ topics: ['log'], groupId: 'g', autoOffsetReset: 'earliest' })
    consumer.run({ eachRecord: ({ offset, value }) => void seen.push([offset, value]) })
    await broker.idle()
    expect(seen).toEqual([
      [0, 1],
      [1, { two: 2 }],
      [2, null],
    ])
  })

  it('counts toward what the broker may keep, record by record', async () => {
    const { broker, log, send, make } = start({ maxMessageBytes: 10_000 })
    const sent = [make([1, 2, 3]), make([4])]
    for (const each of sent) await send(each)
    expect(broker.describe()).toMatchObject({ records: 4, bytes: sent[0]!.length + sent[1]!.length })
    log.partitions[0]!.deleteRecords(4)
    expect(broker.describe()).toMatchObject({ records: 0, bytes: 0 })
  })

  it('has its bytes shared out where it is kept as records, behind some of this process', async () => {
    const { broker, log, send, make } = start({ maxMessageBytes: 10_000 })
    log.append({ value: new Uint8Array(10) })
    const sent = make([1, 2, 3])
    await send(sent)
    const bytes = 10 + sent.length
    expect(broker.describe()).toMatchObject({ records: 4, bytes })
    expect(log.partitions[0]!.bytes).toBe(bytes)
    log.partitions[0]!.deleteRecords(4)
    expect([broker.describe().bytes, log.partitions[0]!.bytes]).toEqual([0, 0])
  })

  it('is refused where it has more records than the broker may ever keep', async () => {
    const { broker, send, make } = start({ segmentRecords: 1 }, 2)
    await send(make([1, 2]))
    expect(await send(make([1, 2, 3]))).toMatchObject({ errorCode: 18 })
    expect(broker.describe().records).toBe(2)
  })

  it('that is large is kept where it came', async () => {
    const { log, send, read, make } = start()
    const large = make(['x'.repeat(300_000)])
    await send(large)
    await send(large)
    await send(make(['small']))
    large.writeBigInt64BE(1n)
    expect((await read(1, { maxBytes: 1 })).equals(large)).toBe(true)
    expect(log.records().map(({ value }) => (value as string).length)).toEqual([300_000, 300_000, 5])
  })

  it('that unpacks to much is not decoded together with others', async () => {
    const { log, send, make } = start()
    const much = make(['x'.repeat(10_000_000)], { attributes: 1, pack: gzipSync })
    for (let i = 0; i < 3; i++) await send(much)
    for (let i = 0; i < 3; i++) await send(make(['small'], { attributes: 1, pack: gzipSync }))
    expect(log.partitions[0]!.segments.map(({ count }) => count)).toEqual([1, 1, 4])
  })

  it('is decoded once for all readers of the process, and never for the wire', async () => {
    let decoded = 0
    const codec = { ...json, decode: (bytes: Uint8Array) => [decoded++, bytes.length] }
    const { log, send, offsets, make } = start({ codec })
    await send(make([1, 2]))
    expect(await offsets(0)).toEqual([0, 1])
    expect(decoded).toBe(0)
    const first = log.partitions[0]!.fetch(0, 1)[0]!
    expect(log.partitions[0]!.fetch(0, 1)[0]!.value).toBe(first.value)
  })

  it('gets the time of its append where the topic says so, and a checksum that is right', async () => {
    const { clock, log, send, read, make } = start({ messageTimestampType: 'LogAppendTime' })
    expect(await send(make(['a', 'b'], { timestamp: 5 }))).toMatchObject({ logAppendTimeMs: clock.now() })
    const [header] = readBatches(await read(0))
    expect(header).toMatchObject({ timestampType: 'append', maxTimestamp: clock.now() })
    expect(log.records().map(({ timestamp }) => timestamp)).toEqual([clock.now(), clock.now()])
  })

  // (Java: DefaultRecordBatch.computeAttributes)
  it('loses the bits without a meaning where it gets a time, and only there', async () => {
    const stamped = start({ messageTimestampType: 'LogAppendTime' })
    const kept = start()
    const attributesOf = async ({ send, read, make }: typeof kept) => {
      expect(await send(make(['a'], { attributes: 0x1c0 }))).toMatchObject({ errorCode: 0 })
      return (await read(0)).readInt16BE(21)
    }
    expect(await attributesOf(stamped)).toBe(0x48)
    expect(await attributesOf(kept)).toBe(0x1c0)
  })

  it('has its records at the times that its client gave them, also where a schema reads them', async () => {
    const schema = schemaOf((value: unknown) => ({ value }))
    const { clock, log, send, make } = start({ schema })
    for (const timestamp of [5, 0, -1]) await send(make(['a'], { timestamp }))
    expect(log.records().map(({ timestamp }) => timestamp)).toEqual([5, 0, clock.now()])
  })

  it('has the time of the broker where its client gave none, which is never too old', async () => {
    const { clock, log, send, make } = start({ messageTimestampBeforeMaxMs: 1000 })
    expect(await send(make(['a'], { timestamp: -1 }))).toMatchObject({ errorCode: 0 })
    expect(log.records()).toMatchObject([{ timestamp: clock.now() }])
  })

  // (Kafka: LogValidator)
  it('tells the largest of these times in its header, whatever its client wrote there', async () => {
    const { clock, send, read, make } = start()
    const bytes = make(['a'], { timestamp: 5 })
    bytes.writeBigInt64BE(BigInt(clock.now()), 35)
    expect(await send(seal(bytes))).toMatchObject({ errorCode: 0 })
    expect(readBatches(await read(0))).toMatchObject([{ baseTimestamp: 5, maxTimestamp: 5 }])
  })

  it('is found by time', async () => {
    const { clock, log, send, make } = start()
    const now = clock.now()
    await send(make(['a'], { timestamp: now - 10 }))
    await send(make(['b', 'c'], { timestamp: now - 5 }))
    const [partition] = log.partitions
    expect(partition!.offsetForTimestamp(now - 20)).toBe(0)
    expect(partition!.offsetForTimestamp(now - 9)).toBe(1)
    expect(partition!.offsetForTimestamp(now - 4)).toBe(null)
  })

  it('takes its place among records of the process', async () => {
    const { log, send, offsets, make } = start()
    const expected: unknown[] = []
    for (let i = 0; i < 300; i++) {
      if (i % 3 === 0) await send(make([i]))
      else log.append({ value: i })
      expected.push(i)
    }
    expect(log.records().map(({ value }) => value)).toEqual(expected)
    expect(await offsets(0)).toEqual(expected)
    // Writers that take turns do not make a segment for each record.
    expect(log.partitions[0]!.segments.length).toBeLessThan(20)
  })

  it('has its turn among the records of other partitions', async () => {
    const { log, send, make } = start({ partitions: 2 })
    log.append({ value: 0, partition: 1 })
    await send(make([1, 2]))
    log.append({ value: 3, partition: 1 })
    await send(make([4, 5]))
    log.append({ value: 6, partition: 1 })
    expect(log.records().map(({ value }) => value)).toEqual(range(0, 7))
  })

  it('goes with its segment, by records and by bytes', async () => {
    const byRecords = start({ retentionRecords: 4, segmentRecords: 2 })
    for (let i = 0; i < 5; i++) await byRecords.send(byRecords.make([i, i]))
    expect(byRecords.log.partitions[0]!.logStartOffset).toBe(6)
    expect(await byRecords.offsets(6)).toEqual([6, 7, 8, 9])
    const size = byRecords.make([0, 0]).length
    const byBytes = start({ retentionBytes: 2 * size, segmentBytes: size })
    for (let i = 0; i < 5; i++) await byBytes.send(byBytes.make([i, i]))
    expect(byBytes.log.partitions[0]!.bytes).toBe(2 * size)
    expect(await byBytes.offsets(6)).toEqual([6, 7, 8, 9])
  })

  it('is there for every reader also behind batches that were all deleted', async () => {
    const { log, send, offsets, make } = start()
    await send(make([1, 2]))
    log.partitions[0]!.deleteRecords(2)
    await send(make([3, 4]))
    expect(await offsets(2)).toEqual([2, 3])
    expect(log.records().map(({ value }) => value)).toEqual([3, 4])
    log.partitions[0]!.deleteRecords(4)
    log.append({ value: 5 })
    expect(await offsets(4)).toEqual([4])
  })

  it('goes in its time, also where its transaction ends after the time of its segment', async () => {
    const { clock, client, log, sendIn, begin, make } = start({ segmentMs: 1000, retentionMs: 2000 })
    const transaction = await begin()
    await sendIn('tx', make([1, 2], { attributes: 16, producer: { ...transaction, sequence: 0 } }))
    await clock.advance(1500)
    await client.call(endTxn!, 1, { ...transaction, committed: true })
    await clock.advance(501)
    expect([log.partitions[0]!.logStartOffset, log.partitions[0]!.highWatermark]).toEqual([2, 3])
  })

  it('that waits for room is refused once its topic does not take it any more', async () => {
    const { broker, clock, log, send, make } = start({ retentionRecords: 2, whenFull: 'wait' })
    broker.createGroup('g', { topics: ['log'] })
    await send(make([1, 2]))
    const waits = send(make(['large']))
    await clock.advance(100)
    log.alter({ maxMessageBytes: 10 })
    await clock.advance(0)
    log.alter({ maxMessageBytes: null })
    await clock.advance(1000)
    expect(await waits).toMatchObject({ errorCode: 10 })
  })

  it('that waits for room is refused where its time has become too old for its topic when there is room', async () => {
    const options = { retentionRecords: 2, whenFull: 'wait', messageTimestampBeforeMaxMs: 500 } as const
    const { broker, clock, log, send, make } = start(options)
    const group = broker.createGroup('g', { topics: ['log'] })
    await send(make([1, 2], { timestamp: clock.now() }))
    const waits = send(make([3], { timestamp: clock.now() }))
    await clock.advance(501)
    group.setOffsets([{ topic: 'log', partition: 0, offset: 1 }])
    expect(await waits).toMatchObject({ errorCode: 32 })
    expect(log.partitions[0]!.highWatermark).toBe(2)
  })

  it('is compacted by its keys', async () => {
    const { log, send, offsets, make } = start({ cleanupPolicy: 'compact', deleteRetentionMs: 0 })
    await send(make([1, 2], { key: Buffer.from('a') }))
    await send(make([3], { key: Buffer.from('b') }))
    expect(log.compact()).toBe(1)
    expect(await offsets(0)).toEqual([1, 2])
    expect(log.records().map(({ key, value }) => [key, value])).toEqual([
      ['a', 2],
      ['b', 3],
    ])
  })
})

describe('a fetch', () => {
  it('takes whole batches up to its limit, and one at least', async () => {
    const { send, offsets, make } = start()
    const size = make([1, 1]).length
    for (let i = 0; i < 4; i++) await send(make([i, i]))
    expect(await offsets(0, { maxBytes: 1 })).toEqual([0, 1])
    expect(await offsets(2, { maxBytes: 2 * size })).toEqual([2, 3, 4, 5])
    expect(await offsets(3, { maxBytes: 2 * size - 1 })).toEqual([2, 3])
  })

  it('gets so much at most of all its partitions, and who is left out comes first the next time', async () => {
    const { broker } = testBroker()
    open.push(broker)
    const log = broker.createTopic('log', { partitions: 5, codec: string })
    for (let partition = 0; partition < 5; partition++) {
      for (let i = 0; i < 3; i++) log.append({ partition, value: 'x'.repeat(900) } as never)
    }
    const client = new WireClient(connect(broker, { fetchMaxBytes: 6000 }))
    const told = async ({ minBytes = 0, partitionMaxBytes = 1 << 20 } = {}) => {
      const partitions = range(0, 5).map(partition => ({ partition, fetchOffset: 0, partitionMaxBytes }))
      const topics = [{ topic: 'log', partitions }]
      const asked = { maxWaitMs: 60_000, minBytes, maxBytes: 1 << 20, topics }
      const answer = await client.call(fetch!, 11, asked)
      const fetched = answer.responses[0].partitions.filter((each: any) => each.records.length > 0)
      return fetched.map((each: any) => each.partitionIndex)
    }
    expect(await told()).toEqual([0, 1])
    expect(await told()).toEqual([2, 3])
    expect(await told()).toEqual([0, 4])
    // More than it would ever get is not waited for.
    expect(await told({ minBytes: 1 << 20 })).toEqual([1, 2])
    // Only what comes first may be larger than its limit. (KIP-74)
    for (const first of [3, 4, 0, 1]) expect(await told({ partitionMaxBytes: 2000 })).toEqual([first])
  })

  it('says which is not there: the topic, or only its partition', async () => {
    const { client, log } = start()
    const errorOf = async (topicId: string, partition: number) => {
      const topics = [{ topicId, partitions: [{ partition, fetchOffset: 0, partitionMaxBytes: 100 }] }]
      const answer = await client.call(fetch!, 13, { maxWaitMs: 0, minBytes: 0, maxBytes: 100, topics })
      return answer.responses[0].partitions[0].errorCode
    }
    expect(await errorOf(log.id, 0)).toBe(0)
    expect(await errorOf(log.id, 7)).toBe(3)
    expect(
      await errorOf(
        log.id.replace(/^./, c => (c === '0' ? '1' : '0')),
        0,
      ),
    ).toBe(100)
  })

  it('leaves out an aborted batch between two others for who reads what is committed', async () => {
    const { client, send, sendIn, begin, offsets, make } = start()
    const transaction = await begin()
    await send(make(['before']))
    const aborted = make(['no', 'no'], { attributes: 16, producer: { ...transaction, sequence: 0 } })
    expect(await sendIn('tx', aborted)).toMatchObject({ errorCode: 0 })
    expect(await offsets(0, { isolationLevel: 1 })).toEqual([0])
    expect(await offsets(0)).toEqual([0, 1, 2])
    await client.call(endTxn!, 1, { ...transaction, committed: false })
    await send(make(['after']))
    expect(await offsets(0, { isolationLevel: 1 })).toEqual([0, 4])
    expect(await offsets(0)).toEqual([0, 1, 2, 4])
    // Also with so many batches behind it that there is not room enough for what is noted of each.
    for (let i = 5; i < 20; i++) await send(make([i]))
    await client.call(endTxn!, 1, { ...(await begin()), committed: true })
    expect(await offsets(0, { isolationLevel: 1 })).toEqual([0, ...range(4, 20)])
    expect(await offsets(0)).toEqual([0, 1, 2, ...range(4, 20)])
  })

  it('gives no part of a made batch away that is not committed yet', async () => {
    const { broker, log, offsets } = start()
    log.append({ value: 1 })
    await broker.producer({ transactionalId: 'tx' }).transaction(async tx => {
      await tx.send({ topic: 'log', value: 2 })
      expect(await offsets(0)).toEqual([0, 1])
      expect(await offsets(0, { isolationLevel: 1 })).toEqual([0])
    })
    expect(await offsets(0, { isolationLevel: 1 })).toEqual([0, 1])
  })
})

describe('a value that JSON has no form for', () => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  const values: readonly (readonly [string, unknown])[] = [
    ['a BigInt', 1n],
    ['a cycle', cycle],
    ['a function', () => 1],
  ]

  it.each(values)('%s is refused to its producer while a server is there', async (_, value) => {
    const { broker, log } = start()
    const sent = broker.producer().send({ topic: 'log', value })
    await expect(sent).rejects.toMatchObject({ code: 'INVALID_RECORD', field: 'value' })
    expect(() => log.append({ value })).toThrow('as JSON')
    expect(log.partitions[0]!.highWatermark).toBe(0)
  })

  it.each([
    ['BigInt', 1n],
    ['Map', new Map([[1, 2]])],
  ])('is kept while there is none, and then is an error to who fetches it: a %s', async (kind, value) => {
    const { broker } = testBroker()
    open.push(broker)
    const log = broker.createTopic('log')
    log.append({ value: 'good' })
    log.append({ value })
    const errors: string[] = []
    broker.on('error', error => errors.push((error as Error).message))
    const client = new WireClient(connect(broker))
    const topics = [{ topic: 'log', partitions: [{ partition: 0, fetchOffset: 1, partitionMaxBytes: 100 }] }]
    const answer = await client.call(fetch!, 11, { maxWaitMs: 0, minBytes: 0, maxBytes: 100, topics })
    expect(answer.responses[0].partitions[0].errorCode).toBe(-1)
    expect(errors).toEqual([expect.stringMatching(`Record at offset 1 of log-0: .*JSON.* ${kind}`)])
  })

  it("is nobody's concern once the server is closed", async () => {
    const { broker } = testBroker()
    open.push(broker)
    const log = broker.createTopic('log')
    const server = await serve(broker)
    expect(() => log.append({ value: 1n })).toThrow('as JSON')
    await server.close()
    expect(log.append({ value: 1n })).toMatchObject({ offset: 0 })
  })
})

it('takes what a client stamps with the time of its own clock, wherever the broker’s stands', async () => {
  const { log, send, make } = start()
  const now = Date.now()
  expect(await send(make(['a'], { timestamp: now }))).toMatchObject({ errorCode: 0 })
  expect(log.records()).toMatchObject([{ timestamp: now }])
})

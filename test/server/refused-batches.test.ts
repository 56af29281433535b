import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { writeBatch } from '../../src/server/protocol/record-batch.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { schemaOf } from '../helpers/schema.ts'
import { batch, lastOffsetDeltaAt, seal, start } from './batches-scene.ts'

// Where a batch says what the largest timestamp of its records is.
const maxTimestampAt = 35

describe('nothing is kept of a batch', () => {
  const now = Date.UTC(2020, 0, 1)
  const withDelta = () => {
    const bytes = batch(['a', 'b'], now)
    bytes.writeInt32BE(5, lastOffsetDeltaAt)
    return seal(bytes)
  }
  const withGap = () => {
    const record = { timestamp: now, key: null, value: null, headers: [] }
    const bytes = writeBatch([0, 2].map(offset => ({ ...record, offset })))
    bytes.writeInt32BE(1, lastOffsetDeltaAt)
    return seal(bytes)
  }
  // The records of a batch of one, whose first byte says how long it is.
  const ofBytes = (...bytes: number[]) => {
    const pack = () => Buffer.from(bytes)
    return [batch(['a'], now, { pack }), batch(['a'], now, { attributes: 1, pack: () => gzipSync(pack()) })]
  }
  const bad = Object.entries({
    'that has less than it says': ofBytes(50, 0, 0, 0, 1, 1, 0),
    'that has more than it says': ofBytes(10, 0, 0, 0, 1, 1, 0),
    'whose length is negative': ofBytes(1, 0, 0, 0, 1, 1, 0),
    'whose key is not whole': ofBytes(12, 0, 0, 0, 20, 1, 0),
    'with less than no headers': ofBytes(12, 0, 0, 0, 1, 1, 1),
    'with a header without a name': ofBytes(16, 0, 0, 0, 1, 1, 2, 1, 1),
    'with something behind it': ofBytes(12, 0, 0, 0, 1, 1, 0, 0),
  }).flatMap(([what, [plain, packed]]): [string, number, Buffer][] => [
    [`of a record ${what}`, 87, plain!],
    [`of a packed record ${what}`, 87, packed!],
  ])
  const refused: readonly [string, number, Buffer, TopicOptions?][] = [
    ...bad,
    ['of control records', 87, batch(['a'], now, { attributes: 32 })],
    ['that stamps itself', 32, batch(['a'], now, { attributes: 8 })],
    ['that is not whole', 87, batch(['a'], now).subarray(0, -1)],
    ['that is from the future', 32, batch(['a'], Date.now() + 1e9)],
    ['that is from the end of time', 32, batch(['a'], 2 ** 63)],
    ['whose last offset is not its count', 87, withDelta()],
    ['whose checksum is wrong', 2, Buffer.concat([batch(['a'], now).subarray(0, -1), Buffer.from([9])])],
    [
      'that cannot be unpacked',
      -1,
      batch(['a'], now, { attributes: 2, pack: () => Buffer.from([200, 200]) }),
    ],
    ['whose records are not one after the other', 87, withGap()],
    ['of an unknown compression', 76, batch(['a'], now, { attributes: 7 })],
    ['with a key that is no text', 87, batch(['a'], now, { key: Buffer.from([0xff]) })],
    [
      'without a key, of a compacted topic',
      87,
      batch(['a'], now, { key: null }),
      { cleanupPolicy: 'compact' },
    ],
    ['larger than its topic takes', 10, batch(['a'], now), { maxMessageBytes: 50 }],
    ['whose offsets begin with another than 0, and broken', 87, withDelta().fill(1, 7, 8).fill(0, 17, 21)],
    ['larger than its topic takes, and broken', 10, withDelta().fill(0, 17, 21), { maxMessageBytes: 50 }],
  ]

  it.each(refused)('%s', async (...[, errorCode, bytes, options]) => {
    const { log, send } = start(options)
    expect(await send(bytes)).toMatchObject({ errorCode, baseOffset: -1 })
    expect(log.partitions[0]!.highWatermark).toBe(0)
  })

  it('and no error of the broker is told, where a client sent what is none', async () => {
    const { broker, send } = start()
    const errors: unknown[] = []
    broker.on('error', error => errors.push(error))
    expect(await send(ofBytes(50, 0, 0, 0, 1, 1, 0)[0]!)).toMatchObject({ errorCode: 87, logStartOffset: 0 })
    expect(errors).toEqual([])
  })

  it('unless its topic takes records from the end of time, and its header says otherwise', async () => {
    const { log, send } = start({ messageTimestampAfterMaxMs: -1 })
    const bytes = batch(['a'], 2 ** 63)
    bytes.writeBigInt64BE(0n, maxTimestampAt)
    expect(await send(seal(bytes))).toMatchObject({ errorCode: 0 })
    expect(log.records()).toMatchObject([{ timestamp: 2 ** 63 }])
  })

  it('unless it has the time of its client, or that of the broker, though these are years apart', async () => {
    const { clock, log, send, make } = start()
    expect(await send(make(['system'], { timestamp: Date.now() }))).toMatchObject({ errorCode: 0 })
    const years = Date.now() - clock.now()
    expect(years).toBeGreaterThan(0)
    await clock.advance(years + 1e10)
    expect(await send(make(['broker'], { timestamp: clock.now() }))).toMatchObject({ errorCode: 0 })
    expect(log.partitions[0]!.highWatermark).toBe(2)
  })

  it('that grows beyond all bounds', async () => {
    const { log, send, make } = start()
    const bomb = () => gzipSync(Buffer.alloc(101 * 1024 * 1024))
    const { errorCode, errorMessage } = await send(make(['a'], { attributes: 1, pack: bomb }))
    expect([errorCode, errorMessage]).toEqual([-1, expect.stringContaining('larger than')])
    expect(log.partitions[0]!.highWatermark).toBe(0)
  })

  it('nor of the bytes behind one that are too few for another', async () => {
    const { log, send, make } = start()
    expect(await send(make(['a']), Buffer.from([1, 2, 3]))).toMatchObject({ errorCode: 0 })
    expect(log.partitions[0]!.highWatermark).toBe(1)
  })

  it('that is not alone', async () => {
    const { log, send, make } = start()
    expect(await send(make(['a']), make(['b']))).toMatchObject({ errorCode: 87 })
    expect(await send()).toMatchObject({ errorCode: 87 })
    expect(log.partitions[0]!.highWatermark).toBe(0)
  })

  it('by its header, which is told as the reason', async () => {
    const { send, make } = start()
    expect(await send(make(['a'], { attributes: 8 }))).toMatchObject({
      errorCode: 32,
      errorMessage: expect.stringContaining('only the broker sets LogAppendTime'),
      recordErrors: [],
    })
  })
})

describe('the answer to a batch that is refused names the records that were the reason', () => {
  const now = Date.UTC(2020, 0, 1)
  const later = Date.now() + 1e9
  const record = { timestamp: now, key: Buffer.from('k'), value: Buffer.from('1'), headers: [] }
  const positive: TopicOptions['schema'] = schemaOf(value =>
    (value as number) > 0 ? { value } : { issues: [{ message: 'not positive' }] },
  )
  const changes: readonly [string, number, object, string, TopicOptions?][] = [
    ['without a key, of a compacted topic', 87, { key: null }, 'key expected', { cleanupPolicy: 'compact' }],
    ['from the future', 32, { timestamp: later }, 'messageTimestampAfterMaxMs'],
    [
      'from the past',
      32,
      { timestamp: now - 1001 },
      'messageTimestampBeforeMaxMs (1000)',
      { messageTimestampBeforeMaxMs: 1000 },
    ],
    ['whose key is no text', 87, { key: Buffer.from([0xff]) }, 'not valid UTF-8'],
    ['that a schema refuses', 87, { value: Buffer.from('-1') }, 'not positive', { schema: positive }],
  ]

  it.each(changes)('%s', async (...[, errorCode, change, message, options]) => {
    const { log, send } = start(options)
    const records = [{}, change, {}, change].map((each, offset) => ({ ...record, ...each, offset }))
    const batchIndexErrorMessage = expect.stringContaining(message)
    expect(await send(writeBatch(records))).toMatchObject({
      errorCode,
      errorMessage:
        errorCode === 32
          ? 'One or more records have been rejected due to invalid timestamp'
          : batchIndexErrorMessage,
      recordErrors: [1, 3].map(batchIndex => ({ batchIndex, batchIndexErrorMessage })),
      logStartOffset: 0,
    })
    expect(log.partitions[0]!.highWatermark).toBe(0)
  })

  it('and none where it is the batch itself', async () => {
    const { send, make } = start({ cleanupPolicy: 'compact' })
    const control = make(['a'], { attributes: 32 })
    const withoutKeys = make(['a', 'b'], { key: null })
    withoutKeys.writeInt32BE(5, lastOffsetDeltaAt)
    for (const wrong of [control, seal(withoutKeys)])
      expect(await send(wrong)).toMatchObject({ errorCode: 87, recordErrors: [] })
  })
})

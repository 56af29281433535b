import { Partitioners } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import {
  InvalidRecordError,
  InvalidTimestampError,
  topic,
  UnknownTopicOrPartitionError,
} from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'

const day = 24 * 60 * 60 * 1000

function log(options: TopicOptions = {}) {
  const { broker, clock } = testBroker()
  broker.createTopic('log', options)
  const producer = broker.producer()
  const placed = async (message: object) =>
    (await producer.send({ topic: 'log', value: 1, ...message })).partition
  return { broker, clock, producer, placed, log: broker.topic('log') }
}

function kafkaJs(key: string | Buffer, partitionCount: number): number {
  const partitionMetadata = Array.from({ length: partitionCount }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }))
  return Partitioners.DefaultPartitioner()({ topic: 'log', partitionMetadata, message: { key, value: null } })
}

const keys = ['o-1', '', 'ä', '💶', 'a much longer key than a word', '\u0000', 'k'.repeat(2000)]

describe('G. producer and log', () => {
  it('[81] an explicit partition comes first, then the key, then sticky round robin', async () => {
    const { placed } = log({ partitions: 7 })
    expect([await placed({ partition: 6 }), await placed({ partition: 0, key: 'o-1' })]).toEqual([6, 0])
    // toPositive(murmur2('foobar')) is 1,357,151,166, as in Kafka's own test.
    expect(await placed({ key: 'foobar' })).toBe(1_357_151_166 % 7)
    expect(await placed({ key: '' })).toBe(275_646_681 % 7)
    expect([await placed({}), await placed({ key: null }), await placed({ key: undefined })]).toEqual([
      0, 1, 2,
    ])
  })

  it('[81] append, a single send and a batch agree about a key', async () => {
    const { producer, placed, log: topicLog } = log({ partitions: 12 })
    const batch = await producer.sendBatch(keys.map(key => ({ topic: 'log', key, value: 1 })))
    for (const [i, key] of keys.entries()) {
      expect([await placed({ key }), topicLog.append({ key, value: 1 }).partition]).toEqual([
        batch[i]!.partition,
        batch[i]!.partition,
      ])
    }
  })

  it('[82] a key goes where KafkaJS sends it, strings and bytes alike', async () => {
    const strings = log({ partitions: 12 })
    const bytes = log({ partitions: 12, keys: 'bytes' })
    for (const key of keys) {
      expect(await strings.placed({ key })).toBe(kafkaJs(key, 12))
      expect(await bytes.placed({ key: new TextEncoder().encode(key) })).toBe(kafkaJs(key, 12))
    }
    const raw = new Uint8Array([0, 255, 128, 7, 9])
    expect(await bytes.placed({ key: raw })).toBe(kafkaJs(Buffer.from(raw), 12))
  })

  it('[83] adding partitions changes where keys go; the order of a key holds only before and after', async () => {
    const { placed, log: topicLog } = log({ partitions: 6 })
    const many = Array.from({ length: 60 }, (_, i) => `o-${i}`)
    const before = await Promise.all(many.map(key => placed({ key })))
    topicLog.addPartitions(7)
    const after = await Promise.all(many.map(key => placed({ key })))
    expect(before).toEqual(many.map(key => kafkaJs(key, 6)))
    expect(after).toEqual(many.map(key => kafkaJs(key, 7)))
    expect(after).not.toEqual(before)
    expect(new Set(after).size).toBe(7)
  })

  it('[85] what is sent twice is written twice', async () => {
    const { producer, log: topicLog } = log()
    const message = { topic: 'log', key: 'o-1', value: { id: 1 } }
    const written = [await producer.send(message), await producer.send(message)]
    expect(written.map(({ offset }) => offset)).toEqual([0, 1])
    await producer.sendBatch([message, message])
    expect(topicLog.records().map(({ key, value }) => [key, value])).toEqual(
      Array.from({ length: 4 }, () => ['o-1', message.value]),
    )
  })

  it('[87] close resolves only when all earlier sends are done, and refuses later ones', async () => {
    const checks: (() => void)[] = []
    const schema = schemaOf(
      (value: unknown) => new Promise<{ value: unknown }>(resolve => checks.push(() => resolve({ value }))),
    )
    const { broker, clock, producer, log: topicLog } = log({ schema })
    broker.createTopic('plain')
    const done: string[] = []
    const sends = [
      producer.send({ topic: 'log', value: 'a' }).then(() => done.push('a')),
      producer.send({ topic: 'plain', value: 'b' }).then(() => done.push('b')),
      producer.sendBatch([{ topic: 'log', value: 'c' }]).then(() => done.push('c')),
    ]
    const closed = producer.close().then(() => done.push('closed'))
    expect(await rejectionOf(producer.send({ topic: 'plain', value: 'd' }))).toMatchObject({ code: 'CLOSED' })
    while (checks.length > 0 || done.length < 4) {
      expect(topicLog.records().length).toBe(done.filter(each => each === 'a' || each === 'c').length)
      checks.shift()?.()
      await clock.settle()
    }
    await Promise.all([...sends, closed])
    expect(done).toEqual(['a', 'b', 'c', 'closed'])
    expect(topicLog.records().map(record => record.value)).toEqual(['a', 'c'])
  })

  it('[87] a send without an asynchronous schema is in the log when its call returns', () => {
    const { producer, log: topicLog } = log()
    void producer.send({ topic: 'log', value: 'a' })
    void producer.sendBatch([
      { topic: 'log', value: 'b' },
      { topic: 'log', value: 'c' },
    ])
    expect(topicLog.records().map(record => record.value)).toEqual(['a', 'b', 'c'])
  })

  it('[88] a compacted topic refuses a record without a key', async () => {
    for (const cleanupPolicy of ['compact', 'compact,delete'] as const) {
      const { producer, log: topicLog } = log({ cleanupPolicy })
      const error = await rejectionOf(producer.send({ topic: 'log', value: 1 }))
      expect(error).toBeInstanceOf(InvalidRecordError)
      expect(error).toMatchObject({ code: 'INVALID_RECORD', errno: 87, topic: 'log', field: 'key' })
      expect(thrownBy(() => topicLog.append({ value: 1 }))).toMatchObject({ errno: 87 })
      await producer.send({ topic: 'log', key: '', value: 1 })
      expect(topicLog.records().map(({ key }) => key)).toEqual([''])
    }
  })

  it('[89] CreateTime keeps the producer’s timestamp and refuses one that is out of bounds', async () => {
    const {
      clock,
      producer,
      log: topicLog,
    } = log({
      messageTimestampBeforeMaxMs: day,
      messageTimestampAfterMaxMs: 1000,
    })
    const now = clock.now()
    const send = (timestamp?: number) =>
      producer.send({ topic: 'log', value: 1, ...(timestamp === undefined ? {} : { timestamp }) })
    for (const timestamp of [now - day, now + 1000]) expect((await send(timestamp)).timestamp).toBe(timestamp)
    expect((await send()).timestamp).toBe(now)
    for (const [timestamp, rule] of [
      [now - day - 1, `messageTimestampBeforeMaxMs (${day})`],
      [now + 1001, 'messageTimestampAfterMaxMs (1000)'],
    ] as const) {
      const error = await rejectionOf(send(timestamp))
      expect(error).toBeInstanceOf(InvalidTimestampError)
      expect(error).toMatchObject({
        code: 'INVALID_TIMESTAMP',
        errno: 32,
        topic: 'log',
        field: 'timestamp',
        received: timestamp,
      })
      expect(error.message).toContain(rule)
    }
    expect(topicLog.records().map(record => record.timestamp)).toEqual([now - day, now + 1000, now])
  })

  it('[89] by default a timestamp may be as old as it likes and an hour ahead', async () => {
    const { clock, log: topicLog } = log()
    const hour = 60 * 60 * 1000
    topicLog.append({ value: 1, timestamp: 0 })
    topicLog.append({ value: 1, timestamp: clock.now() + hour })
    expect(thrownBy(() => topicLog.append({ value: 1, timestamp: clock.now() + hour + 1 }))).toMatchObject({
      errno: 32,
    })
    expect(topicLog.records()).toHaveLength(2)
  })

  it('[89] LogAppendTime overwrites the timestamp and ignores its limits', async () => {
    const {
      clock,
      producer,
      log: topicLog,
    } = log({
      messageTimestampType: 'LogAppendTime',
      messageTimestampBeforeMaxMs: 1,
      messageTimestampAfterMaxMs: 1,
    })
    await clock.advance(5)
    const now = clock.now()
    const [first] = await producer.sendBatch([
      { topic: 'log', value: 1, timestamp: 0 },
      { topic: 'log', value: 1, timestamp: now + 1000 * day },
    ])
    expect(first!.timestamp).toBe(now)
    expect(topicLog.records().map(record => record.timestamp)).toEqual([now, now])
  })

  it('[89] one bad timestamp in a batch refuses all of it', async () => {
    const { broker, clock, producer } = log({ messageTimestampAfterMaxMs: 0 })
    broker.createTopic('other', topic())
    const batch = [
      { topic: 'other', value: 1 },
      { topic: 'log', value: 1, timestamp: clock.now() },
      { topic: 'log', value: 1, timestamp: clock.now() + 1 },
    ]
    expect(await rejectionOf(producer.sendBatch(batch))).toBeInstanceOf(InvalidTimestampError)
    expect(broker.describe().records).toBe(0)
    expect(await rejectionOf(producer.send({ topic: 'nowhere', value: 1 }))).toBeInstanceOf(
      UnknownTopicOrPartitionError,
    )
  })
})

import { expect } from 'vitest'
import { headersOf } from '../../../src/index.ts'
import { readAll } from '../collect.ts'
import type { Area } from '../suite.ts'

export const producing: Area = ({ test, scene }) => {
  test('numbers the records of each partition from 0, and tells where each was written', async () => {
    const { place, topic } = await scene({ partitions: 2 })
    const producer = place.producer()
    const metadata = []
    for (const partition of [0, 1, 0]) {
      metadata.push(await producer.send({ topic, partition, value: 'v', timestamp: 1_700_000_000_000 }))
    }
    expect(metadata).toEqual([
      { topic, partition: 0, offset: 0, timestamp: 1_700_000_000_000 },
      { topic, partition: 1, offset: 0, timestamp: 1_700_000_000_000 },
      { topic, partition: 0, offset: 1, timestamp: 1_700_000_000_000 },
    ])
  })

  test('puts a key on the partition that it has in every Kafka client', async () => {
    const { place, topic } = await scene({ partitions: 6 })
    const producer = place.producer()
    const sent = await producer.sendBatch(
      ['o-1', 'o-2', 'ada', 'Grüße', '🦊', ''].map(key => ({ topic, key, value: 1 })),
    )
    expect(sent.map(({ partition }) => partition)).toEqual([0, 3, 5, 3, 3, 3])
  })

  test('keeps the times of a batch, however far apart they are', async () => {
    const { place, topic } = await scene()
    const before = Date.now()
    const times = [undefined, 0, 1000, 1_600_000_000_000, 1_500_000_000_000, undefined, 5]
    const sent = await place
      .producer()
      .sendBatch(
        times.map(timestamp => ({ topic, value: 1, ...(timestamp === undefined ? {} : { timestamp }) })),
      )
    expect((await readAll(place, topic)).map(({ timestamp }) => timestamp)).toEqual(
      sent.map(({ timestamp }) => timestamp),
    )
    expect(sent.map(({ timestamp }) => (timestamp < before ? timestamp : undefined))).toEqual(times)
  })

  test('refuses a partition below 0 of a topic that does not exist, by the topic', async () => {
    const { place } = await scene()
    const sent = place.producer().send({ topic: 'nobodys', partition: -1, value: 1 })
    await expect(sent).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'nobodys' })
  })

  test('keeps the order of a batch within each partition', async () => {
    const { place, topic } = await scene({ partitions: 3 })
    const messages = Array.from({ length: 300 }, (_, value) => ({ topic, partition: value % 3, value }))
    const metadata = await place.producer().sendBatch(messages)
    expect(metadata.map(({ offset }) => offset)).toEqual(messages.map(({ value }) => Math.floor(value / 3)))
    const read = await readAll(place, topic)
    for (const { partition, offset, value } of read) expect(value).toBe(offset * 3 + partition)
    expect(read).toHaveLength(300)
  })

  test('keeps the order of sends that are not awaited', async () => {
    const { place, topic } = await scene()
    const producer = place.producer()
    await Promise.all(Array.from({ length: 200 }, (_, value) => producer.send({ topic, value })))
    expect((await readAll(place, topic)).map(({ value }) => value)).toEqual(
      Array.from({ length: 200 }, (_, value) => value),
    )
  })

  test('gives back what was sent: key, value, headers and time', async () => {
    const { place, topic } = await scene()
    const sent = {
      key: 'schlüssel',
      value: { id: 7, text: 'Grüße 🦊', list: [1, null, true] },
      headers: { trace: 'abc', raw: new Uint8Array([0xff, 0xfe]) },
      timestamp: 1_700_000_000_123,
    }
    await place.producer().send({ topic, ...sent })
    const [record] = await readAll(place, topic)
    expect(record).toEqual({ topic, partition: 0, offset: 0, ...sent })
  })

  test('keeps headers that come more than once, in their order', async () => {
    const { place, topic } = await scene()
    const headers = [
      ['via', 'a'],
      ['id', '1'],
      ['via', 'b'],
    ] as const
    await place.producer().send({ topic, value: 1, headers })
    const [record] = await readAll(place, topic)
    expect(headersOf(record!)).toEqual(headers)
    expect(record!.headers).toEqual({ via: 'b', id: '1' })
  })

  test('keeps a null value as a tombstone, and no key as null', async () => {
    const { place, topic } = await scene()
    await place.producer().send({ topic, value: null })
    expect(await readAll(place, topic)).toMatchObject([{ key: null, value: null }])
  })

  test('keeps keys of bytes', async () => {
    const { place, topic } = await scene({ keys: 'bytes' })
    await place.producer().send({ topic, key: new Uint8Array([0, 255, 7]), value: 1 })
    const [record] = await readAll(place, topic)
    expect(record!.key).toEqual(new Uint8Array([0, 255, 7]))
  })

  test('refuses a topic that does not exist', async () => {
    const { place, topic } = await scene()
    const sent = place.producer().send({ topic: `${topic}s`, value: 1 })
    await expect(sent).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      suggestions: expect.arrayContaining([topic]),
    })
  })

  test('refuses a partition that its topic does not have', async () => {
    const { place, topic } = await scene()
    const sent = place.producer().send({ topic, partition: 1, value: 1 })
    await expect(sent).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', partition: 1 })
  })

  test('refuses a batch with a value that cannot be written, and writes nothing of it', async () => {
    const { place, topic } = await scene()
    const messages = [1, 2n, 3].map(value => ({ topic, value }))
    await expect(place.producer().sendBatch(messages)).rejects.toMatchObject({
      code: 'INVALID_RECORD',
      field: 'value',
    })
    expect(await readAll(place, topic)).toEqual([])
  })

  test('refuses a record that is larger than its topic takes', async () => {
    const { place, topic } = await scene({ maxMessageBytes: 1000 })
    const producer = place.producer()
    const sent = producer.send({ topic, value: 'x'.repeat(2000) })
    await expect(sent).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await producer.send({ topic, value: 'x' })
    expect(await readAll(place, topic)).toHaveLength(1)
  })

  test('gives records the time of the log where their topic says so', async () => {
    const { place, topic } = await scene({ messageTimestampType: 'LogAppendTime' })
    const before = Date.now()
    const { timestamp } = await place.producer().send({ topic, value: 1, timestamp: 1_000_000_000_000 })
    expect(timestamp).toBeGreaterThanOrEqual(before)
    expect((await readAll(place, topic))[0]!.timestamp).toBe(timestamp)
  })
}

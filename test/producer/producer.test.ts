import { describe, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import type { PartitionerInput } from '../../src/producer/partitioner.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

describe('send and sendBatch', () => {
  it('say where each record went, in the order of the messages', async () => {
    const { broker, clock } = testBroker({
      topics: { a: topic<number>({ partitions: 2 }), b: topic<string>() },
    })
    const producer = broker.producer()
    const timestamp = clock.now()
    expect(await producer.send({ topic: 'b', value: 'first' })).toEqual({
      topic: 'b',
      partition: 0,
      offset: 0,
      timestamp,
    })
    const written = await producer.sendBatch([
      { topic: 'a', value: 1, partition: 1 },
      { topic: 'b', value: 'x' },
      { topic: 'a', value: 2, partition: 1, timestamp: 5 },
      { topic: 'a', value: 3, partition: 0 },
    ])
    expect(written).toEqual([
      { topic: 'a', partition: 1, offset: 0, timestamp },
      { topic: 'b', partition: 0, offset: 1, timestamp },
      { topic: 'a', partition: 1, offset: 1, timestamp: 5 },
      { topic: 'a', partition: 0, offset: 0, timestamp },
    ])
    expect(await producer.sendBatch([])).toEqual([])
  })

  it('are refused once the producer is closed; another producer goes on', async () => {
    const { broker } = testBroker({ topics: { log: topic<number>() } })
    const producer = broker.producer({ clientId: 'shop' })
    await producer.close()
    await producer.close()
    for (const call of [producer.send({ topic: 'log', value: 1 }), producer.sendBatch([])]) {
      const error = await rejectionOf(call)
      expect(error).toMatchObject({
        name: 'ClosedError',
        code: 'CLOSED',
        message: "Producer 'shop' is closed",
      })
    }
    await broker.producer().send({ topic: 'log', value: 2 })
    expect(
      broker
        .topic('log')
        .records()
        .map(record => record.value),
    ).toEqual([2])
  })

  it.each(['send', 'sendBatch'] as const)(
    'are waited for by a close where they wait for room: %s',
    async how => {
      const { broker, clock } = testBroker({
        topics: { log: topic<number>({ whenFull: 'wait', retentionRecords: 1 }) },
      })
      const group = broker.createGroup('g', { topics: ['log'] })
      const producer = broker.producer()
      await producer.send({ topic: 'log', value: 1 })
      const message = { topic: 'log', value: 2 } as const
      const waiting = how === 'send' ? producer.send(message) : producer.sendBatch([message])
      let closed = false
      const closing = producer.close().then(() => {
        closed = true
      })
      await clock.settle()
      expect(closed).toBe(false)
      group.setOffsets('latest')
      await closing
      expect([await waiting].flat()).toMatchObject([{ offset: 1 }])
      expect(broker.engine.clients.size).toBe(0)
      // Nothing is left that a second close would have to set a time for.
      const again = producer.close()
      expect(clock.waiting).not.toContain("closing of 'producer'")
      await again
    },
  )

  it('are refused once the broker is closed', async () => {
    const { broker } = testBroker({ topics: { log: topic<number>() } })
    const producer = broker.producer()
    const log = broker.topic('log')
    await broker.close()
    for (const call of [
      producer.send({ topic: 'log', value: 1 }),
      producer.sendBatch([{ topic: 'log', value: 1 }]),
    ]) {
      expect(await rejectionOf(call)).toMatchObject({ name: 'ClosedError', code: 'CLOSED' })
    }
    expect(() => log.append({ value: 1 })).toThrow('The broker is closed')
    expect(() => broker.producer()).toThrow('The broker is closed')
  })
})

describe('keys', () => {
  it('are strings, empty ones too, or none', async () => {
    const { broker } = testBroker({ topics: { log: topic<number>() } })
    const log = broker.topic('log')
    for (const key of ['k', '', null, undefined]) log.append({ key: key as string, value: 1 })
    expect(log.records().map(record => record.key)).toEqual(['k', '', null, null])
  })

  it('are bytes where the topic says so, kept as they were when they were sent', () => {
    const { broker } = testBroker({ topics: { log: topic<number, Uint8Array>({ keys: 'bytes' }) } })
    const log = broker.topic('log')
    const key = new Uint8Array([255, 0])
    const buffer = Buffer.from([254])
    log.append({ key, value: 1 })
    log.append({ key: buffer, value: 1 })
    key[0] = 1
    buffer[0] = 1
    expect(log.records().map(record => record.key)).toEqual([new Uint8Array([255, 0]), new Uint8Array([254])])
  })
})

describe('tombstones', () => {
  it('are null values, read as null, with a key or without', async () => {
    const { broker } = testBroker({ topics: { table: topic<{ n: number } | null>() } })
    const producer = broker.producer()
    await producer.send({ topic: 'table', key: 'k', value: { n: 1 } })
    await producer.send({ topic: 'table', key: 'k', value: null })
    await producer.send({ topic: 'table', value: null })
    const read: unknown[] = []
    await broker.consumer({ groupId: 'g', topics: ['table'] }).run({
      eachRecord: ({ key, value }) => void read.push([key, value]),
    })
    await broker.idle()
    expect(read).toEqual([
      ['k', { n: 1 }],
      ['k', null],
      [null, null],
    ])
  })
})

describe('a custom partitioner', () => {
  it('is asked for each record that names no partition, of this producer only', async () => {
    const { broker } = testBroker({ topics: { log: topic<string>({ partitions: 5 }) } })
    const asked: PartitionerInput[] = []
    const producer = broker.producer({
      partitioner: input => {
        asked.push(input)
        return input.partitionCount - 1
      },
    })
    const headers = { trace: 't' }
    const written = await producer.sendBatch([
      { topic: 'log', key: 'k', value: 'a', headers },
      { topic: 'log', value: 'b', partition: 1 },
      { topic: 'log', value: 'c' },
    ])
    expect(written.map(({ partition }) => partition)).toEqual([4, 1, 4])
    expect(asked).toEqual([
      { topic: 'log', partitionCount: 5, key: 'k', value: 'a', headers },
      { topic: 'log', partitionCount: 5, key: null, value: 'c', headers: {} },
    ])
    broker.topic('log').addPartitions(6)
    expect((await producer.send({ topic: 'log', value: 'd' })).partition).toBe(5)
    expect((await broker.producer().send({ topic: 'log', value: 'e' })).partition).toBe(0)
    expect(broker.topic('log').append({ value: 'f' }).partition).toBe(1)
  })
})

describe('the sticky spread of records without a key', () => {
  it('gives each send the next partition, and keeps a batch together', async () => {
    const { broker } = testBroker({ topics: { log: topic<number>({ partitions: 3 }) } })
    const producer = broker.producer()
    const one = async () => (await producer.send({ topic: 'log', value: 1 })).partition
    const batch = async (count: number) => {
      const messages = Array.from({ length: count }, () => ({ topic: 'log' as const, value: 1 }))
      return (await producer.sendBatch(messages)).map(({ partition }) => partition)
    }
    expect([await one(), await one(), await one(), await one()]).toEqual([0, 1, 2, 0])
    expect([await batch(3), await batch(2), await one()]).toEqual([[1, 1, 1], [2, 2], 0])
    const large = await batch(1001)
    expect([large[0], large[499], large[500], large[999], large[1000]]).toEqual([1, 1, 2, 2, 0])
  })

  it('is one for all of a broker’s producers and append, so that many small producers spread, too', async () => {
    const { broker } = testBroker({ topics: { log: topic<number>({ partitions: 4 }) } })
    const placed: number[] = []
    for (let i = 0; i < 4; i++)
      placed.push((await broker.producer().send({ topic: 'log', value: i })).partition)
    placed.push(broker.topic('log').append({ value: 4 }).partition)
    expect(placed).toEqual([0, 1, 2, 3, 0])
  })

  it('ends a run in every topic of a batch, and does not count keyed records', async () => {
    const { broker } = testBroker({
      topics: { a: topic<number>({ partitions: 3 }), b: topic<number>({ partitions: 3 }) },
    })
    const producer = broker.producer()
    const written = await producer.sendBatch([
      { topic: 'a', value: 1 },
      { topic: 'b', value: 1 },
      { topic: 'a', value: 2 },
      { topic: 'a', value: 3, key: 'k' },
    ])
    expect(written.slice(0, 3).map(({ partition }) => partition)).toEqual([0, 0, 0])
    const next = [
      await producer.send({ topic: 'a', value: 4 }),
      await producer.send({ topic: 'b', value: 2 }),
    ]
    expect(next.map(({ partition }) => partition)).toEqual([1, 1])
  })

  it('takes partitions that are added into its round', async () => {
    const { broker } = testBroker({ topics: { log: topic<number>({ partitions: 2 }) } })
    const log = broker.topic('log')
    const placed = [log.append({ value: 0 }), log.append({ value: 1 })]
    log.addPartitions(3)
    placed.push(log.append({ value: 2 }), log.append({ value: 3 }))
    expect(placed.map(({ partition }) => partition)).toEqual([0, 1, 2, 0])
  })
})

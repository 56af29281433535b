import { expect, it } from 'vitest'
import { bytes, type Codec, string, topic } from '../../src/index.ts'
import { testBroker } from '../helpers/test-broker.ts'

it('keeps batches apart: what the next one sends does not show in the one before', async () => {
  const { broker } = testBroker({ topics: { log: topic<string>({ partitions: 2 }) } })
  const producer = broker.producer()
  const first = await producer.sendBatch([
    { topic: 'log', key: 'a', value: 'a1', headers: { n: '1' }, partition: 0 },
    { topic: 'log', key: 'b', value: 'b1', partition: 1 },
    { topic: 'log', key: 'c', value: 'c1', partition: 0 },
  ])
  await producer.sendBatch([{ topic: 'log', value: 'd1', partition: 1, timestamp: 1_577_836_800_000 }])
  await producer.sendBatch([
    { topic: 'log', value: 'e1', partition: 0 },
    { topic: 'log', value: 'f1', partition: 0 },
  ])
  expect(first.map(({ partition, offset }) => [partition, offset])).toEqual([
    [0, 0],
    [1, 0],
    [0, 1],
  ])
  expect(
    broker
      .topic('log')
      .records()
      .map(({ key, value, headers }) => [key, value, { ...headers }]),
  ).toEqual([
    ['a', 'a1', { n: '1' }],
    ['b', 'b1', {}],
    ['c', 'c1', {}],
    [null, 'd1', {}],
    [null, 'e1', {}],
    [null, 'f1', {}],
  ])
})

it('gives a record its own time, whatever the one before it had', async () => {
  const { broker, clock } = testBroker({ topics: { log: topic<string>() } })
  const producer = broker.producer()
  await producer.sendBatch([{ topic: 'log', value: 'early', timestamp: 1000 }])
  const [late] = await producer.sendBatch([{ topic: 'log', value: 'late' }])
  expect(late!.timestamp).toBe(clock.now())
})

it('lets a codec send with the producer that called it', async () => {
  let audit: (text: string) => void = () => {}
  const audited: Codec<string> = {
    encode(value) {
      audit(value)
      return string.encode(value)
    },
    decode: string.decode,
  }
  const { broker } = testBroker({
    topics: { log: topic<string>({ codec: audited }), audit: topic<Uint8Array>({ codec: bytes }) },
  })
  const producer = broker.producer()
  await producer.sendBatch([{ topic: 'log', value: 'warm up' }])
  audit = text => void producer.sendBatch([{ topic: 'audit', value: string.encode(text) }])
  await producer.sendBatch([
    { topic: 'log', value: 'one' },
    { topic: 'log', value: 'two' },
  ])
  expect(
    broker
      .topic('log')
      .records()
      .map(({ value }) => value),
  ).toEqual(['warm up', 'one', 'two'])
  expect(
    broker
      .topic('audit')
      .records()
      .map(({ value }) => string.decode(value)),
  ).toEqual(['one', 'two'])
})

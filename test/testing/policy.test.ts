import { topic } from 'brokerlet'
import { assertNoCommitPastProcessed, assertNothingLost, TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { rejectionOf } from '../helpers/errors.ts'

it('gives its consumers the policy of the broker', async () => {
  const handled: string[] = []
  const broker = new TestBroker({
    topics: { orders: topic<number>(), dlq: topic<number>() },
    consumerDefaults: {
      clientId: 'service',
      run: { retry: { attempts: 1 }, onFailure: { deadLetter: 'dlq' } },
    },
    around: (record, _context, next) => {
      handled.push(`${record.topic}@${record.offset}`)
      return next()
    },
  })
  await broker.producer().send({ topic: 'orders', value: 1 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('deadLettered', () => {})
  await consumer.run({
    eachRecord: () => {
      throw new Error('boom')
    },
  })
  await broker.idle()
  expect(handled).toEqual(['orders@0'])
  expect(consumer.memberId).toMatch(/^service/)
  expect(broker.topic('dlq').records()).toHaveLength(1)
  await broker.close()
})

it('writes down what becomes of records that failed, and knows that none is lost', async () => {
  const broker = new TestBroker({
    topics: { orders: topic<number>(), later: topic<number>(), dlq: topic<number>() },
  })
  for (const key of ['a', 'b', 'c']) await broker.producer().send({ topic: 'orders', key, value: 1 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'c' })
  for (const name of ['deadLettered', 'delayed'] as const) consumer.on(name, () => {})
  await consumer.run({
    concurrency: 3,
    ordering: 'key',
    retry: { attempts: 1, topics: [{ topic: 'later', delayMs: 60_000 }] },
    onFailure: { deadLetter: 'dlq' },
    eachRecord: ({ key }, { attempt }) => {
      if (key === 'a' && attempt < 9) throw new Error('boom')
    },
  })
  await broker.advance(60_000)
  expect(broker.timeline.ofKind('delayed')).toMatchObject([{ topic: 'orders', offset: 0, to: 'later' }])
  expect(broker.timeline.ofKind('dead lettered')).toMatchObject([{ topic: 'orders', offset: 0, to: 'dlq' }])
  const text = String(broker.timeline)
  expect(text).toContain("wrote orders-0@0 to 'later' for 60000 ms: boom")
  expect(text).toContain("wrote orders-0@0 to 'dlq': boom")
  assertNothingLost(broker, 'g')
  assertNoCommitPastProcessed(broker, 'g')
  await broker.close()
})

it('writes down parked keys and stalls', async () => {
  const broker = new TestBroker({ topics: { orders: topic<number>() } })
  for (const key of ['a', 'b', 'c']) await broker.producer().send({ topic: 'orders', key, value: 1 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  for (const name of ['parked', 'stalled'] as const) consumer.on(name, () => {})
  await consumer.run({
    concurrency: 3,
    windowRecords: 2,
    retry: { attempts: 1 },
    onFailure: 'park-key',
    eachRecord: ({ key }) => {
      if (key === 'a') throw new Error('boom')
    },
  })
  await broker.advance(0)
  expect(broker.timeline.ofKind('parked')).toMatchObject([{ offset: 0, delayMs: 60_000 }])
  expect(broker.timeline.ofKind('stalled')).toMatchObject([{ offset: 0, records: 2 }])
  const text = String(broker.timeline)
  expect(text).toContain('parked the key of orders-0@0 for 60000 ms: boom')
  expect(text).toContain('stalled on orders-0 at offset 0, 2 records on')
  assertNoCommitPastProcessed(broker, 'g')
  await broker.close({ timeoutMs: 0 })
})

it('hands a record out once more to handlers that run beside each other, and commits nothing back', async () => {
  const broker = new TestBroker({ topics: { orders: topic<number>() } })
  const sent = []
  for (const key of ['a', 'b', 'c'])
    sent.push(await broker.producer().send({ topic: 'orders', key, value: 1 }))
  const seen: number[] = []
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    concurrency: 3,
    ordering: 'key',
    eachRecord: async ({ offset }) => {
      seen.push(offset)
      await broker.clock.sleep(10)
    },
  })
  await broker.advance(10)
  broker.redeliver({ group: 'g', ...sent[0]! })
  await broker.producer().send({ topic: 'orders', key: 'd', value: 1 })
  await broker.advance(10)
  expect(seen.sort()).toEqual([0, 0, 1, 2, 3])
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 4 })
  expect(
    broker.timeline.ofKind('committed').flatMap(({ offsets }) => offsets.map(({ offset }) => offset)),
  ).toEqual([1, 2, 3, 4])
  await broker.close()
})

it.each([
  {},
  { eachRecord: undefined },
  { eachRecord: null },
  { eachRecord: 5 },
  { eachRecord: { orders: 5 } },
  { eachBatch: 5 },
])('refuses %j for a handler, as any broker does', async options => {
  const broker = new TestBroker({ topics: { orders: topic() } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  expect(await rejectionOf(consumer.run(options as never))).toMatchObject({ name: 'InvalidOptionError' })
})

import { expect, it } from 'vitest'
import { json, topic } from '../../src/index.ts'
import { fill, gate, range } from '../helpers/behaviours.ts'
import { append, handlers, run } from '../helpers/concurrency.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

// --- ordering: 'partition' --------------------------------------------------------------------------------------------

it('handles as many partitions at once as it is told, each one record after the other', async () => {
  const { broker, clock } = brokerWithOrders(3, 4)
  const calls = handlers()
  await run(broker, { concurrency: 3, eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '1@0', '2@0'])
  calls.end('1@0')
  await clock.settle()
  expect(calls.begun.slice(3)).toEqual(['1@1'])
  expect(broker.group('g').committed({ topic: 'orders', partition: 1 })).toEqual({ offset: 1 })
  calls.end('1@1')
  await clock.settle()
  calls.end('1@2')
  await clock.settle()
  expect(calls.begun.slice(3)).toEqual(['1@1', '1@2', '3@0'])
  expect(calls.most).toBe(3)
})

it('keeps the order of a partition while one of its records waits for a retry; the others go on', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const seen: string[] = []
  await run(broker, {
    concurrency: 2,
    eachRecord: async ({ partition, offset }, { attempt }) => {
      seen.push(`${partition}@${offset}#${attempt}`)
      if (partition === 0 && offset === 0 && attempt === 1) throw new Error('boom')
    },
  })
  await clock.settle()
  expect(seen).toEqual(['0@0#1', '1@0#1', '1@1#1', '1@2#1'])
  await clock.advance(100)
  expect(seen.slice(4)).toEqual(['0@0#2', '0@1#1', '0@2#1'])
})

it('hands out batches of several partitions at once, those of one partition in order', async () => {
  const { broker, clock } = brokerWithOrders(4, 2)
  const seen: string[] = []
  const first = gate()
  await run(broker, {
    concurrency: 2,
    batch: { maxRecords: 2 },
    eachBatch: async ({ partition, records }) => {
      seen.push(`${partition}: ${records.map(({ offset }) => offset)}`)
      if (partition === 0 && records[0]!.offset === 0) await first.opened
    },
  })
  await clock.settle()
  expect(seen).toEqual(['0: 0,1', '1: 0,1', '1: 2,3'])
  first.open()
  await clock.settle()
  expect(seen.slice(3)).toEqual(['0: 2,3'])
})

it('fills batches of several partitions beside each other', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const seen: string[] = []
  await run(broker, {
    concurrency: 2,
    batch: { maxRecords: 3, lingerMs: 50 },
    eachBatch: ({ partition, records }) => void seen.push(`${partition}: ${records.length}`),
  })
  fill(broker, 'orders', 2, 0)
  fill(broker, 'orders', 3, 1)
  await clock.settle()
  expect(seen).toEqual(['1: 3'])
  await clock.advance(50)
  expect(seen).toEqual(['1: 3', '0: 2'])
})

// --- ordering: 'key' --------------------------------------------------------------------------------------------------

it('handles records of one key one after the other, and other keys of the partition beside them', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'aabac')
  const calls = handlers()
  await run(broker, { concurrency: 10, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@2', '0@4'])
  calls.end('0@0')
  await clock.settle()
  expect(calls.begun.slice(3)).toEqual(['0@1'])
  calls.end('0@1')
  await clock.settle()
  expect(calls.begun.slice(3)).toEqual(['0@1', '0@3'])
})

it('has no order among records without a key', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, '---')
  const calls = handlers()
  await run(broker, { concurrency: 10, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@1', '0@2'])
})

it('knows the same key in bytes', async () => {
  const { broker, clock } = testBroker({ topics: { orders: topic<number, Uint8Array>({ keys: 'bytes' }) } })
  for (const key of [[1], [1], [2]]) broker.topic('orders').append({ key: Uint8Array.from(key), value: 0 })
  const calls = handlers()
  await broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ concurrency: 10, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@2'])
})

it('handles all beside each other with ordering none', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'aaaa')
  const calls = handlers()
  await run(broker, { concurrency: 3, ordering: 'none', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@1', '0@2'])
})

it('holds back only the key of a record that waits for its retry', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abab')
  const seen: string[] = []
  await run(broker, {
    ordering: 'key',
    eachRecord: async ({ key, offset }, { attempt }) => {
      seen.push(`${key}${offset}#${attempt}`)
      if (offset === 0 && attempt === 1) throw new Error('boom')
    },
  })
  await clock.settle()
  expect(seen).toEqual(['a0#1', 'b1#1', 'b3#1'])
  expect(broker.group('g').committed(orders0)).toBeNull()
  await clock.advance(100)
  expect(seen.slice(3)).toEqual(['a0#2', 'a2#1'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
})

it('gives every partition its turn', async () => {
  const { broker, clock } = brokerWithOrders(0, 3)
  for (const partition of range(0, 3)) append(broker, 'abcdef', partition)
  const calls = handlers()
  await run(broker, { concurrency: 6, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '1@0', '2@0', '0@1', '1@1', '2@1'])
})

it('reads no more than its handlers can begin', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcdefghij')
  const calls = handlers()
  const consumer = await run(broker, { concurrency: 2, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@1'])
  expect(consumer.position(orders0)).toBe(2)
  expect(consumer.lag()).toBe(10)
})

it('decodes, and takes what cannot be decoded for a failure of that record', async () => {
  const broken = { encode: json.encode, decode: (bytes: Uint8Array) => decodeOdd(bytes) }
  const { broker, clock } = testBroker({ topics: { orders: topic<number>({ codec: broken }) } })
  for (const value of range(0, 4)) broker.topic('orders').append({ key: `${value}`, value })
  const seen: unknown[] = []
  const skipped: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('skipped', ({ record }) => skipped.push(record.offset))
  await consumer.run({
    concurrency: 4,
    ordering: 'key',
    retry: { attempts: 1 },
    onFailure: 'skip',
    eachRecord: ({ value }) => void seen.push(value),
  })
  await clock.settle()
  expect(seen).toEqual([1, 3])
  expect(skipped).toEqual([0, 2])
})

function decodeOdd(bytes: Uint8Array): number {
  const value: number = json.decode(bytes)
  if (value % 2 === 0) throw new Error('even')
  return value
}

// --- throughput -------------------------------------------------------------------------------------------------------

it('reaches 0.8 of 256 times the rate of one handler, with 100,000 keys in 12 partitions and a poison one', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions: 12 })
  const count = 100_000
  const producer = broker.producer()
  await producer.sendBatch(range(0, count).map(id => ({ topic: 'orders', key: `key-${id}`, value: id })))
  let handled = 0
  await run(broker, {
    concurrency: 256,
    ordering: 'key',
    retry: { attempts: Number.POSITIVE_INFINITY, delayMs: 60_000 },
    eachRecord: async ({ value }) => {
      await broker.clock.sleep(5)
      if (value === 50) throw new Error('poison')
      handled++
    },
  })
  // One handler would need 5 ms a record.
  await clock.advance((5 * count) / 256 / 0.8)
  expect(handled).toBe(count - 1)
}, 60_000)

it('ends a close whose handlers do not, aborts their signals, and reports what they leave', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcd')
  const calls = handlers()
  const aborted: number[] = []
  const consumer = await run(broker, {
    concurrency: 3,
    ordering: 'key',
    eachRecord: (record, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(record.offset))
      return calls.eachRecord(record)
    },
  })
  await clock.settle()
  calls.end('0@1')
  await clock.settle()
  const closing = consumer.close({ timeoutMs: 1000 })
  await clock.advance(1000)
  expect(await closing).toEqual([{ group: 'g', ...orders0, from: 0, count: 4 }])
  expect(aborted).toEqual([0, 2, 3].filter(offset => calls.begun.includes(`0@${offset}`)))
  // What was finished out of order is not handled again.
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 0, metadata: 'done:+1' })
  calls.end('0@0', '0@2', '0@3')
  await clock.settle()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 0, metadata: 'done:+1' })
})

it('comes back from a restart only when the handlers beside the failed one have ended', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'ab')
  const long = gate()
  const steps: string[] = []
  let failing = true
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1_000_000 })
  consumer.on('restarting', () => {
    failing = false
  })
  await consumer.run({
    concurrency: 2,
    ordering: 'key',
    retry: { attempts: 1 },
    eachRecord: async ({ offset }) => {
      steps.push(`begins ${offset}`)
      if (offset === 1 && failing) throw new Error('boom')
      if (offset === 0) await long.opened
      steps.push(`ends ${offset}`)
    },
  })
  // Longer than a restart waits for what is in flight, and than its delay.
  await clock.advance(60_000)
  expect(steps).toEqual(['begins 0', 'begins 1'])
  long.open()
  await clock.settle()
  expect(steps.slice(2)).toEqual(['ends 0', 'begins 0', 'begins 1', 'ends 1', 'ends 0'])
})

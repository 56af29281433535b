import { expect, it } from 'vitest'
import {
  type AnyRecord,
  BatchError,
  type Broker,
  bytes,
  headersOf,
  json,
  type RunOptions,
  topic,
  UnknownTopicOrPartitionError,
} from '../../src/index.ts'
import { fill, offsets, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'
import { brokerWithOrders, deadLetter, letters, never, run } from './dead-letter-scene.ts'

const warnings = collectWarnings()

function failAt(...bad: readonly number[]) {
  return ({ offset }: { readonly offset: number }) => {
    if (bad.includes(offset)) throw new RangeError(`no ${offset}`)
  }
}

it('writes a record that failed for the last time to the topic, says where it came from, and goes on', async () => {
  const { broker, clock } = brokerWithOrders()
  const timestamp = clock.now() - 5
  broker.topic('orders').append({ key: 'a', value: { id: 1 }, headers: { tenant: 'acme' }, timestamp })
  broker.topic('orders').append({ key: 'b', value: { id: 2 } })
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const events: unknown[] = []
  consumer.on('deadLettered', ({ record, error, attempts, to }) =>
    events.push([record.offset, error, attempts, to]),
  )
  const error = new RangeError('no such card')
  await consumer.run({
    retry: { attempts: 2 },
    onFailure: deadLetter,
    eachRecord: async ({ key }) => {
      if (key === 'a') throw error
      seen.push(key)
    },
  })
  await clock.advance(100)
  expect(seen).toEqual(['b'])
  expect(letters(broker)).toMatchObject([{ key: 'a', value: { id: 1 }, timestamp: clock.now() }])
  expect(headersOf(letters(broker)[0]!)).toEqual([
    ['tenant', 'acme'],
    ['dead-letter.topic', 'orders'],
    ['dead-letter.partition', '0'],
    ['dead-letter.offset', '0'],
    ['dead-letter.timestamp', String(timestamp)],
    ['dead-letter.group', 'g'],
    ['dead-letter.error.class', 'RangeError'],
    ['dead-letter.error.message', 'no such card'],
    ['dead-letter.attempts', '2'],
  ])
  const { timestamp: at } = letters(broker)[0]!
  expect(events).toEqual([[0, error, 2, { topic: 'orders.dlq', partition: 0, offset: 0, timestamp: at }]])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('says of a record that goes to and fro between two topics only how it came from each of them last', async () => {
  const { broker, clock } = brokerWithOrders()
  broker.topic('orders').append({ value: 1, headers: { tenant: 'acme' } })
  await run(broker, { eachRecord: failAt(...range(0, 5)) })
  const back = { deadLetter: 'orders' } as const
  await run(
    broker,
    { eachRecord: failAt(...range(0, 5)), onFailure: back },
    { groupId: 'h', topics: ['orders.dlq'] },
  )
  await clock.settle()
  const seen = headersOf(broker.topic('orders').records().at(-1)!)
  const places = seen.filter(([name]) => name === 'dead-letter.topic' || name === 'dead-letter.offset')
  expect(seen[0]).toEqual(['tenant', 'acme'])
  expect(places).toEqual([
    ['dead-letter.topic', 'orders'],
    ['dead-letter.offset', '4'],
    ['dead-letter.topic', 'orders.dlq'],
    ['dead-letter.offset', '4'],
  ])
})

it('warns of each where nobody listens', async () => {
  const { broker, clock } = brokerWithOrders(1)
  await broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ retry: { attempts: 1 }, onFailure: deadLetter, eachRecord: failAt(0) })
  await clock.settle()
  expect(warnings).toEqual([
    "Consumer 'consumer' of group 'g' wrote offset 0 of orders-0 to 'orders.dlq' after 1 attempt: no 0",
  ])
})

it('takes anything that is thrown, and long messages in part', async () => {
  const { broker, clock } = brokerWithOrders(2)
  await run(broker, {
    eachRecord: ({ offset }: { offset: number }) => {
      throw offset === 0 ? 'just text' : new Error('x'.repeat(5000))
    },
  })
  await clock.settle()
  expect(letters(broker).map(({ headers }) => headers)).toMatchObject([
    { 'dead-letter.error.class': 'string', 'dead-letter.error.message': 'just text' },
    { 'dead-letter.error.class': 'Error', 'dead-letter.error.message': 'x'.repeat(1000) },
  ])
})

it('rejects run where the topic does not exist, and joins nothing', async () => {
  const { broker } = testBroker()
  broker.createTopic('orders')
  broker.createTopic('orders.dlq')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const error = await rejectionOf(
    consumer.run({ eachRecord: () => {}, onFailure: { deadLetter: 'orders.dlx' } }),
  )
  expect(error).toBeInstanceOf(UnknownTopicOrPartitionError)
  expect(error).toMatchObject({ suggestions: ['orders.dlq'] })
  expect(broker.groups.size).toBe(0)
  await consumer.run({ eachRecord: () => {}, onFailure: deadLetter })
})

it('refuses what it is assigned as the topic of its dead letters, and no other', async () => {
  const { broker } = testBroker()
  broker.createTopic('orders')
  broker.createTopic('orders.dlq')
  const reading = (name: string) =>
    broker
      .consumer({ assign: [{ topic: name, partition: 0 }] })
      .run({ eachRecord: () => {}, onFailure: deadLetter })
  expect((await rejectionOf(reading('orders.dlq'))).message).toContain("reads 'orders.dlq' itself")
  await reading('orders')
})

it('refuses to subscribe to its own dead letters, and reads on what it read', async () => {
  const { broker, clock } = brokerWithOrders()
  const consumer = await run(broker, { eachRecord: failAt(0) })
  const error = await rejectionOf(consumer.subscribe(['orders', 'orders.dlq'] as never))
  expect(error).toMatchObject({ name: 'InvalidOptionError', option: 'onFailure', topic: 'orders.dlq' })
  fill(broker, 'orders', 1)
  await clock.settle()
  expect(letters(broker).length).toBe(1)
})

it('keeps a pattern from picking up its own dead letters', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const seen: string[] = []
  await run(
    broker,
    {
      eachRecord: ({ topic: from, offset }: AnyRecord) => {
        seen.push(`${from}@${offset}`)
        throw new Error('boom')
      },
    },
    { topics: /^orders/ },
  )
  await clock.settle()
  broker.createTopic('orders.late').append({ value: 1 })
  await clock.settle()
  expect(seen).toEqual(['orders@0', 'orders@1', 'orders.late@0'])
  expect(letters(broker)).toHaveLength(3)
})

it('writes what cannot be decoded as the bytes that it is', async () => {
  const broken = { encode: json.encode, decode: () => never('cannot read it') }
  const { broker, clock } = testBroker({
    topics: {
      orders: topic<{ id: number }>({ codec: broken }),
      'orders.dlq': topic<Uint8Array>({ codec: bytes }),
    },
  })
  broker.topic('orders').append({ key: 'a', value: { id: 1 } })
  await run(broker as never, { eachRecord: () => {} })
  await clock.settle()
  const [letter] = broker.topic('orders.dlq').records()
  expect(Buffer.from(letter!.value).toString()).toBe('{"id":1}')
  expect(letter!.headers['dead-letter.error.class']).toBe('InvalidRecordError')
})

it('encodes where only the dead-letter topic has a codec, and keeps tombstones', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders')
  broker.createTopic('orders.dlq', { codec: json })
  broker.topic('orders').append({ value: { at: new Date(0) } })
  broker.topic('orders').append({ value: null })
  await run(broker, { eachRecord: () => never('boom') })
  await clock.settle()
  expect(letters(broker).map(({ value }) => value)).toEqual([{ at: '1970-01-01T00:00:00.000Z' }, null])
})

it('buries the failed records of a batch, and goes on behind them', async () => {
  const { broker, clock } = brokerWithOrders(6)
  const seen: number[][] = []
  await run(broker, {
    eachRecord: undefined,
    eachBatch: ({ records }: { records: readonly AnyRecord[] }) => {
      seen.push(offsets(records))
      const bad = records.find(({ offset }) => offset === 3)
      if (bad) throw new BatchError(new Error('boom'), { failedAt: bad })
    },
    batch: { maxRecords: 5 },
  } as never)
  await clock.settle()
  expect(seen).toEqual([[0, 1, 2, 3, 4], [4], [5]])
  expect(letters(broker).map(({ value }) => value)).toEqual([3])
})

it('restarts where it cannot write a dead letter, and loses nothing', async () => {
  const { broker, clock } = brokerWithOrders()
  const reasons: unknown[] = []
  const consumer = await run(broker, { eachRecord: failAt(0), concurrency: 2, ordering: 'key' })
  consumer.on('restarting', ({ error, record }) => reasons.push([(error as Error).name, record?.offset]))
  broker.deleteTopic('orders.dlq')
  fill(broker, 'orders', 2)
  await clock.settle()
  expect(reasons).toEqual([['UnknownTopicOrPartitionError', 0]])
  broker.createTopic('orders.dlq')
  await clock.advance(1000)
  expect(letters(broker)).toHaveLength(1)
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('says what it cannot write and why, and what the handler threw', async () => {
  const { broker, clock } = brokerWithOrders()
  broker.deleteTopic('orders.dlq')
  broker.createTopic('orders.dlq', { codec: json, maxMessageBytes: 100 })
  const consumer = await run(broker, { eachRecord: failAt(0) })
  const errors: unknown[] = []
  consumer.on('error', error => errors.push(error))
  fill(broker, 'orders', 1)
  await clock.settle()
  expect(warnings).toEqual([
    "Consumer 'consumer' of group 'g' restarts in 1000 ms; writing to 'orders.dlq' failed at offset 0 of orders-0: " +
      "Record for topic 'orders.dlq' has 200 bytes, more than maxMessageBytes (100)",
  ])
  expect(errors).toEqual([new RangeError('no 0')])
  const idle = rejectionOf(broker.idle({ timeoutMs: 10 }))
  await clock.advance(10)
  expect((await idle).message).toContain("restarts, since writing to 'orders.dlq' failed: Record for topic")
  broker.topic('orders.dlq').alter({ maxMessageBytes: -1 })
  await clock.advance(1000)
  expect(letters(broker)).toHaveLength(1)
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
})

// Its handler fails at every batch; resolves with the offsets of those that it got, too.
async function failBatches(broker: Broker, maxRecords = 500) {
  const batches: number[][] = []
  const consumer = await run(broker, {
    eachRecord: undefined,
    eachBatch: ({ records }: { records: readonly AnyRecord[] }) => {
      batches.push(offsets(records))
      throw new Error('boom')
    },
    batch: { maxRecords },
  } as never)
  return { consumer, batches }
}

it('writes in parts a batch of which the topic can never hold all, as its consumer makes room', async () => {
  const { broker, clock } = brokerWithOrders()
  broker.topic('orders.dlq').alter({ retentionRecords: 2, cleanupPolicy: 'consumed' })
  const buried: unknown[] = []
  const undertaker = broker.consumer({ groupId: 'undertaker', topics: ['orders.dlq'] })
  await undertaker.run({ eachRecord: ({ value }) => buried.push(value) })
  const { consumer, batches } = await failBatches(broker, 5)
  const told: number[] = []
  consumer.on('deadLettered', ({ record }) => told.push(record.offset))
  fill(broker, 'orders', 7)
  await clock.settle()
  expect(batches).toEqual([
    [0, 1, 2, 3, 4],
    [5, 6],
  ])
  expect(buried).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(told).toEqual(buried)
  expect(broker.group('g').lag()).toBe(0)
})

it('has finished what it wrote of a batch when the rest is refused', async () => {
  const { broker, clock } = brokerWithOrders()
  broker.topic('orders.dlq').alter({ retentionRecords: 2, whenFull: 'reject' })
  broker.createGroup('undertaker', { topics: ['orders.dlq'] })
  const { consumer, batches } = await failBatches(broker)
  const reasons: unknown[] = []
  consumer.on('restarting', ({ error, record }) => reasons.push([(error as Error).name, record?.offset]))
  consumer.on('error', () => {})
  fill(broker, 'orders', 5)
  await clock.settle()
  expect(reasons).toEqual([['QueueFullError', 2]])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
  broker.group('undertaker').setOffsets('latest')
  await clock.advance(1000)
  expect(batches).toEqual([
    [0, 1, 2, 3, 4],
    [2, 3, 4],
  ])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
  expect(letters(broker).map(({ value }) => value)).toEqual([2, 3])
})

it('says which topic it waits to write to', async () => {
  const { broker, clock } = brokerWithOrders(2)
  broker.topic('orders.dlq').alter({ retentionRecords: 1, whenFull: 'wait' })
  broker.createGroup('undertaker', { topics: ['orders.dlq'] })
  await run(broker, { eachRecord: failAt(0, 1) })
  await clock.advance(2000)
  await expect(broker.idle({ groups: ['g'], timeoutMs: 0 })).rejects.toThrow(
    "writing orders-0 offset 1 to 'orders.dlq', for 2000 ms",
  )
  await broker.close({ timeoutMs: 0 })
})

it('keeps keys in their order in the dead-letter topic, and so what has no key', async () => {
  const { broker, clock } = brokerWithOrders(0, 4)
  for (const id of range(0, 40))
    broker.topic('orders').append({ key: id % 3 ? `k${id % 7}` : null, value: id, partition: id % 4 })
  await run(broker, { eachRecord: () => never('boom') })
  await clock.settle()
  const partitions = new Map<string, Set<number>>()
  for (const { key, headers, partition } of letters(broker)) {
    const lane = String(key ?? `partition ${headers['dead-letter.partition']}`)
    partitions.set(lane, (partitions.get(lane) ?? new Set()).add(partition))
  }
  expect(letters(broker)).toHaveLength(40)
  expect([...partitions.values()].every(({ size }) => size === 1)).toBe(true)
})

it('does not run with a signal that aborts while the topic is looked for', async () => {
  const { broker } = brokerWithOrders()
  const stop = new AbortController()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const running = consumer.run({ eachRecord: () => {}, onFailure: deadLetter, signal: stop.signal })
  stop.abort(new Error('too late'))
  expect((await rejectionOf(running)).message).toBe('too late')
  expect(broker.groups.size).toBe(0)
})

it.each(['eachRecord', 'eachBatch'])('%s: a commit on the event covers the record in question', async how => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  consumer.on('deadLettered', () => void consumer.commit())
  const handler = { [how]: () => never('boom') } as unknown as RunOptions<AnyRecord, string>
  await consumer.run({ ...handler, retry: { attempts: 1 }, onFailure: deadLetter })
  await clock.settle()
  expect(letters(broker)).toHaveLength(3)
  expect(broker.group('g').lag()).toBe(0)
})

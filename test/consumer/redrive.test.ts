import { expect, it } from 'vitest'
import {
  type AnyRecord,
  headersOf,
  InvalidRecordError,
  json,
  UnknownTopicOrPartitionError,
} from '../../src/index.ts'
import { fill, gate, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { brokerWithOrders, letters, never, run } from './dead-letter-scene.ts'

function failAt(...bad: readonly number[]) {
  return ({ offset }: { readonly offset: number }) => {
    if (bad.includes(offset)) throw new RangeError(`no ${offset}`)
  }
}

it('sends dead letters back to where they came from, as they were', async () => {
  const { broker, clock } = brokerWithOrders()
  broker.topic('orders').append({
    key: 'a',
    value: 1,
    headers: [
      ['x', '1'],
      ['x', '2'],
    ],
  })
  let failing = true
  const seen: unknown[] = []
  await run(broker, {
    eachRecord: ({ key, value, headers }: AnyRecord) => {
      if (failing) throw new Error('boom')
      seen.push([key, value, headersOf({ headers })])
    },
  })
  await clock.settle()
  failing = false
  expect(await broker.redrive({ from: 'orders.dlq' })).toBe(1)
  await clock.settle()
  expect(seen).toEqual([
    [
      'a',
      1,
      [
        ['x', '1'],
        ['x', '2'],
      ],
    ],
  ])
  expect(await broker.redrive({ from: 'orders.dlq' })).toBe(0)
  expect(broker.group('orders.dlq.redrive').lag()).toBe(0)
})

it('sends a dead letter of dead letters back as the dead letter that it was', async () => {
  const { broker, clock } = brokerWithOrders()
  broker.createTopic('last.dlq')
  broker.topic('orders').append({ value: 1, headers: { x: '1' } })
  await run(broker, { eachRecord: failAt(0) })
  await clock.settle()
  const [letter] = letters(broker)
  const last = await run(
    broker,
    { onFailure: { deadLetter: 'last.dlq' }, eachRecord: failAt(0) },
    { groupId: 'h', topics: ['orders.dlq'] },
  )
  await clock.settle()
  expect(broker.topic('last.dlq').records()).toMatchObject([
    { headers: { 'dead-letter.topic': 'orders.dlq', 'dead-letter.group': 'h' } },
  ])
  await last.close()
  await broker.redrive({ from: 'last.dlq' })
  expect(headersOf(letters(broker)[1]!)).toEqual(headersOf(letter!))
  expect(await broker.redrive({ from: 'orders.dlq' })).toBe(2)
  await clock.settle()
  expect(broker.topic('orders').records()).toMatchObject([
    { offset: 0 },
    { headers: { x: '1' } },
    { value: 1 },
  ])
})

it('says anew where a record came from that was sent back by hand, headers and all', async () => {
  const { broker, clock } = brokerWithOrders(1)
  await run(broker, { eachRecord: failAt(0, 1) })
  await clock.settle()
  const [{ headers }] = letters(broker) as [AnyRecord]
  broker.topic('orders').append({ value: 2, headers: headersOf({ headers }) })
  await clock.settle()
  const [, again] = letters(broker)
  expect(headersOf(again!).filter(([name]) => name === 'dead-letter.offset')).toEqual([
    ['dead-letter.offset', '1'],
  ])
})

it('moves each once where two ask for it at the same time', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = await run(broker, { eachRecord: failAt(0, 1, 2) })
  await clock.settle()
  await consumer.close()
  const moved = [broker.redrive({ from: 'orders.dlq' }), broker.redrive({ from: 'orders.dlq' })]
  expect(await Promise.all(moved)).toEqual([3, 0])
  expect(broker.topic('orders').records().length).toBe(6)
})

it('sends them elsewhere, only so many, and only those of a filter', async () => {
  const { broker, clock } = brokerWithOrders(6)
  broker.createTopic('fixed')
  await run(broker, { eachRecord: () => never('boom') })
  await clock.settle()
  const fixed = () =>
    broker
      .topic('fixed')
      .records()
      .map(({ value }) => value)
  expect(await broker.redrive({ from: 'orders.dlq', to: 'fixed', maxRecords: 2 })).toBe(2)
  expect(fixed()).toEqual([0, 1])
  const even = ({ value }: AnyRecord) => (value as number) % 2 === 0
  expect(await broker.redrive({ from: 'orders.dlq', to: 'fixed', filter: even })).toBe(2)
  expect(fixed()).toEqual([0, 1, 2, 4])
  expect(broker.group('orders.dlq.redrive').lag()).toBe(2)
  expect(await broker.redrive({ from: 'orders.dlq', to: 'fixed' })).toBe(2)
  expect(fixed()).toEqual([0, 1, 2, 4, 3, 5])
})

it('waits for a filter that takes its time to answer', async () => {
  const { broker, clock } = brokerWithOrders(4)
  broker.createTopic('fixed')
  await run(broker, { eachRecord: () => never('boom') })
  await clock.settle()
  const filter = async ({ value }: AnyRecord) => {
    await broker.clock.sleep(10)
    return (value as number) % 2 === 0
  }
  const moving = broker.redrive({ from: 'orders.dlq', to: 'fixed', filter })
  await clock.advance(40)
  expect(await moving).toBe(2)
  expect(
    broker
      .topic('fixed')
      .records()
      .map(({ value }) => value),
  ).toEqual([0, 2])
  expect(broker.group('orders.dlq.redrive').lag()).toBe(2)
})

it('gives a topic with a codec its very bytes back', async () => {
  const { broker, clock } = testBroker({ codec: json })
  broker.createTopic('orders')
  broker.createTopic('orders.dlq')
  broker.topic('orders').append({ value: { at: new Date(0) } })
  let failing = true
  const seen: unknown[] = []
  await run(broker, {
    eachRecord: ({ value }: AnyRecord) => {
      if (failing) throw new Error('boom')
      seen.push(value)
    },
  })
  await clock.settle()
  failing = false
  const shown: unknown[] = []
  await broker.redrive({ from: 'orders.dlq', filter: ({ value }) => shown.push(value) > 0 })
  await clock.settle()
  expect(shown).toEqual([{ at: '1970-01-01T00:00:00.000Z' }])
  expect(seen).toEqual(shown)
})

it.each([
  [json, undefined],
  [undefined, json],
])('takes values between a topic with a codec and one without', async (codec, dlqCodec) => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', codec ? { codec } : {})
  broker.createTopic('orders.dlq', dlqCodec ? { codec: dlqCodec } : {})
  broker.topic('orders').append({ value: { id: 1 } })
  let failing = true
  const seen: unknown[] = []
  await run(broker, {
    eachRecord: ({ value }: AnyRecord) => {
      if (failing) throw new Error('boom')
      seen.push(value)
    },
  })
  await clock.settle()
  failing = false
  expect(await broker.redrive({ from: 'orders.dlq' })).toBe(1)
  await clock.settle()
  expect(seen).toEqual([{ id: 1 }])
})

it('refuses what is no dead letter, unless it is told where to', async () => {
  const { broker } = brokerWithOrders()
  broker.topic('orders.dlq').append({ value: 'by hand' })
  const error = await rejectionOf(broker.redrive({ from: 'orders.dlq' }))
  expect(error).toBeInstanceOf(InvalidRecordError)
  expect(error.message).toContain('offset 0 of orders.dlq-0 has no dead-letter headers')
  expect(await broker.redrive({ from: 'orders.dlq', to: 'orders' })).toBe(1)
})

it('refuses topics that do not exist and wrong options', async () => {
  const { broker } = brokerWithOrders()
  expect(await rejectionOf(broker.redrive({ from: 'nowhere' }))).toBeInstanceOf(UnknownTopicOrPartitionError)
  expect(await rejectionOf(broker.redrive({ from: 'orders.dlq', to: 'nowhere' }))).toBeInstanceOf(
    UnknownTopicOrPartitionError,
  )
  expect(await rejectionOf(broker.redrive({ from: 'orders.dlq', maxRecords: 0 }))).toMatchObject({
    option: 'maxRecords',
  })
  expect(await rejectionOf(broker.redrive({ topic: 'orders.dlq' } as never))).toMatchObject({
    message: "redrive: unknown option 'topic'. Did you mean 'from'?",
  })
})

it('goes on behind dead letters that were deleted', async () => {
  const { broker, clock } = brokerWithOrders(5)
  await run(broker, { eachRecord: () => never('boom') })
  await clock.settle()
  expect(await broker.redrive({ from: 'orders.dlq', maxRecords: 1 })).toBe(1)
  await clock.settle()
  broker.topic('orders.dlq').partitions[0]!.deleteRecords(3)
  // Two that are left, and that which has failed again.
  expect(await broker.redrive({ from: 'orders.dlq', to: 'orders' })).toBe(3)
})

it('empties the dead letters of 10,000 keys with a poison record each 100, each key in its order', async () => {
  const { broker } = testBroker()
  broker.createTopic('orders', { partitions: 12 })
  broker.createTopic('orders.dlq', { partitions: 12 })
  const messages = range(0, 20_000).map(id => ({ topic: 'orders', key: `k${id % 10_000}`, value: id }))
  await broker.producer().sendBatch(messages)
  let failing = true
  const seen = new Map<string, number[]>()
  await run(broker, {
    concurrency: 64,
    ordering: 'key',
    eachRecord: async ({ key, value }: AnyRecord) => {
      if (failing && (value as number) % 100 === 0) throw new Error('poison')
      const values = seen.get(String(key)) ?? []
      seen.set(String(key), values)
      values.push(value as number)
    },
  })
  await broker.idle({ timeoutMs: 60_000 })
  expect(
    letters(broker)
      .map(({ value }) => value as number)
      .sort((a, b) => a - b),
  ).toEqual(range(0, 200).map(i => i * 100))
  for (const [key, values] of seen) expect(values, key).toEqual([...values].sort((a, b) => a - b))
  failing = false
  expect(await broker.redrive({ from: 'orders.dlq' })).toBe(200)
  await broker.idle({ timeoutMs: 60_000 })
  expect(broker.group('orders.dlq.redrive').lag()).toBe(0)
  expect([...seen.values()].flat().sort((a, b) => a - b)).toEqual(range(0, 20_000))
  // The two records of a key that was poisoned come in their order again.
  for (const [key, values] of seen) expect(values, key).toEqual([...values].sort((a, b) => a - b))
}, 60_000)

it('waits for a dead letter that takes its time to be written, before it commits and gives the partition up', async () => {
  const { broker, clock } = testBroker()
  const written = gate()
  const slow = schemaOf(async (value: unknown) => {
    await written.opened
    return { value }
  })
  broker.createTopic('orders')
  broker.createTopic('orders.dlq', { codec: json, schema: slow })
  fill(broker, 'orders', 2)
  const seen: number[] = []
  const consumer = await run(broker, {
    eachRecord: ({ offset }: AnyRecord) => {
      seen.push(offset)
      throw new Error('boom')
    },
  })
  await clock.settle()
  let closed = false
  const closing = consumer.close().then(() => {
    closed = true
  })
  await clock.settle()
  expect(closed).toBe(false)
  expect(broker.group('g').committed(orders0)).toBeNull()
  written.open()
  await closing
  expect(seen).toEqual([0])
  expect(broker.topic('orders.dlq').partitions[0]!.highWatermark).toBe(1)
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
})

it('moves on behind dead letters that are deleted while it moves the first of them', async () => {
  const { broker } = brokerWithOrders()
  fill(broker, 'orders.dlq', 600)
  const log = broker.topic('orders.dlq').partitions[0]!
  const filter = ({ offset }: AnyRecord) => {
    if (offset === 0) log.deleteRecords(550)
    return true
  }
  expect(await broker.redrive({ from: 'orders.dlq', to: 'orders', filter })).toBe(550)
  const moved = broker.topic('orders').records()
  expect(moved.map(({ value }) => value)).toEqual([...range(0, 500), ...range(550, 600)])
  expect(broker.group('orders.dlq.redrive').lag()).toBe(0)
})

it('leaves the dead letters that came while those before them were deleted', async () => {
  const { broker } = brokerWithOrders()
  fill(broker, 'orders.dlq', 600)
  const log = broker.topic('orders.dlq').partitions[0]!
  const filter = ({ offset }: AnyRecord) => {
    if (offset > 0) return true
    fill(broker, 'orders.dlq', 10)
    log.deleteRecords(605)
    return true
  }
  expect(await broker.redrive({ from: 'orders.dlq', to: 'orders', filter })).toBe(500)
  expect(broker.group('orders.dlq.redrive').lag()).toBe(5)
})

it('leaves what came meanwhile, also behind the gap that a transaction leaves', async () => {
  const { broker } = brokerWithOrders(0, 2)
  fill(broker, 'orders.dlq', 1, 0)
  await broker.producer({ transactionalId: 't' }).transaction(async tx => {
    for (const value of [0, 1, 2]) await tx.send({ topic: 'orders.dlq', partition: 1, value })
  })
  const filter = ({ partition }: AnyRecord) => {
    if (partition === 0) fill(broker, 'orders.dlq', 3, 1)
    return true
  }
  expect(await broker.redrive({ from: 'orders.dlq', to: 'orders', filter })).toBe(4)
  expect(broker.topic('orders').records()).toHaveLength(4)
  expect(broker.group('orders.dlq.redrive').lag()).toBe(3)
  expect(await broker.redrive({ from: 'orders.dlq', to: 'orders' })).toBe(3)
})

it('is rejected, and named, where the broker is closed before all dead letters are moved', async () => {
  const { broker } = brokerWithOrders()
  fill(broker, 'orders.dlq', 600)
  let closing: Promise<unknown> | undefined
  const filter = () => {
    closing ??= broker.close()
    return true
  }
  const moving = broker.redrive({ from: 'orders.dlq', to: 'orders', filter })
  expect(await rejectionOf(moving)).toMatchObject({ code: 'CLOSED', topic: 'orders.dlq' })
  await closing
})

it('ends a redrive whose topic is deleted meanwhile', async () => {
  const { broker, clock } = brokerWithOrders(3)
  await run(broker, { eachRecord: () => never('boom') })
  await clock.settle()
  const moving = broker.redrive({
    from: 'orders.dlq',
    to: 'orders',
    filter: () => {
      if (broker.topics.has('orders.dlq')) broker.deleteTopic('orders.dlq')
      return false
    },
  })
  expect(await rejectionOf(moving)).toBeInstanceOf(Error)
})

it.each(range(0, 12))('says that its topic is gone, deleted %i steps after it began', async steps => {
  const { broker } = testBroker()
  broker.createTopic('dlq', { partitions: 2 })
  for (const partition of [0, 1]) fill(broker, 'dlq', 2, partition)
  const moving = rejectionOf(broker.redrive({ from: 'dlq', to: 'dlq' }))
  for (let i = 0; i < steps; i++) await Promise.resolve()
  broker.deleteTopic('dlq')
  expect(await moving).toBeInstanceOf(UnknownTopicOrPartitionError)
})

it('sends back more dead letters than the topic can hold at once, as its consumer makes room', async () => {
  const { broker, clock } = brokerWithOrders()
  broker.createTopic('jobs', { cleanupPolicy: 'consumed', retentionRecords: 2 })
  let failing = true
  const seen: unknown[] = []
  const handle = ({ value }: AnyRecord) => {
    if (failing) throw new Error('boom')
    seen.push(value)
  }
  await run(broker, { eachRecord: handle }, { topics: ['jobs'] })
  for (const value of range(0, 5)) {
    await broker.producer().send({ topic: 'jobs', value })
    await clock.settle()
  }
  failing = false
  expect(await broker.redrive({ from: 'orders.dlq' })).toBe(5)
  await clock.settle()
  expect(seen).toEqual([0, 1, 2, 3, 4])
  expect(broker.group('orders.dlq.redrive').lag()).toBe(0)
})

it('shows its filter each letter, as bytes where it cannot be decoded, as often as it refuses them', async () => {
  const { broker, clock } = testBroker()
  const broken = { encode: json.encode, decode: () => never('cannot read it') }
  for (const name of ['orders', 'orders.dlq']) broker.createTopic(name, { codec: broken })
  broker.topic('orders').append({ value: { id: 1 } })
  await run(broker, { eachRecord: () => {} })
  await clock.settle()
  const shown: unknown[] = []
  for (const times of [1, 2]) {
    expect(await broker.redrive({ from: 'orders.dlq', filter: ({ value }) => shown.push(value) === 0 })).toBe(
      0,
    )
    expect(shown.map(value => Buffer.from(value as Uint8Array).toString())).toEqual(
      Array(times).fill('{"id":1}'),
    )
  }
})

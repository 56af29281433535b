import { describe, expect, it, vi } from 'vitest'
import { Broker, IllegalStateError } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { fill, gate, names, offsets, range } from '../helpers/behaviours.ts'
import { collect } from '../helpers/collect.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

it('hands out record by record; each is done when the loop asks for the next', async () => {
  const { broker } = brokerWithOrders(3)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  for await (const record of consumer) {
    seen.push([record.offset, broker.group('g').committed(orders0)?.offset ?? null])
    if (record.offset === 2) break
  }
  expect(seen).toEqual([
    [0, null],
    [1, 1],
    [2, 2],
  ])
})

it('leaves the record in hand undone on a break, and closes', async () => {
  const { broker } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  for await (const record of consumer) if (record.offset === 1) break
  await consumer.done
  expect(broker.group('g').state).toBe('Empty')
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })

  const next = broker.consumer({ groupId: 'g', topics: ['orders'] })
  for await (const record of next) {
    expect(record.offset).toBe(1)
    break
  }
})

it('leaves the record in hand undone on a throw, closes, and lets the error through', async () => {
  const { broker } = brokerWithOrders(3)
  const boom = new Error('boom')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const loop = async () => {
    for await (const record of consumer) if (record.offset === 2) throw boom
  }
  expect(await rejectionOf(loop())).toBe(boom)
  await consumer.done
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('waits for records to come', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const loop = (async () => {
    for await (const { partition, offset } of consumer) seen.push(`${partition}@${offset}`)
  })()
  await clock.settle()
  fill(broker, 'orders', 1, 1)
  await broker.idle()
  fill(broker, 'orders', 2, 0)
  await broker.idle()
  expect(seen).toEqual(['1@0', '0@0', '0@1'])
  await consumer.close()
  await loop
  expect(broker.group('g').lag()).toBe(0)
})

it('keeps nothing of what it has handed out while it waits', async () => {
  const { broker } = brokerWithOrders(0)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const records = consumer[Symbol.asyncIterator]()
  const seen: WeakRef<object>[] = []
  // A function of its own: a loop that waits would keep its last record itself.
  const next = async () => {
    const { value } = await records.next()
    if (value !== undefined) seen.push(new WeakRef(value.value as object))
    return value !== undefined
  }
  const loop = (async () => {
    while (await next());
  })()
  for (let at = 0; at < 3; at++) broker.topic('orders').append({ value: { at } })
  await broker.idle()
  broker.topic('orders').partitions[0]!.deleteRecords(3)
  await new Promise(resolve => setImmediate(resolve))
  collect()
  expect(seen.map(value => value.deref())).toEqual([undefined, undefined, undefined])
  await consumer.close()
  await loop
})

it('ends the loop when the consumer is closed elsewhere, after the record in hand', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const { opened, open } = gate()
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const loop = (async () => {
    for await (const { offset } of consumer) {
      seen.push(offset)
      if (offset === 1) await opened
    }
    seen.push('end')
  })()
  await clock.settle()
  const closed = consumer.close()
  await clock.advance(1000)
  expect(seen).toEqual([0, 1])
  open()
  await loop
  expect(await closed).toEqual([{ group: 'g', ...orders0, from: 2, count: 1 }])
  expect(seen).toEqual([0, 1, 'end'])
})

it.each(['records', 'batches'] as const)(
  'ends a loop of %s that is closed as soon as it begins',
  async kind => {
    const { broker } = brokerWithOrders(1)
    const reader = () => {
      const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
      return { consumer, loop: kind === 'records' ? consumer[Symbol.asyncIterator]() : consumer.batches() }
    }
    const ended = { done: true, value: undefined }
    const asked = reader()
    const first = asked.loop.next()
    void asked.consumer.close()
    expect(await first).toEqual(ended)
    const unasked = reader()
    await unasked.consumer.close()
    expect(await unasked.loop.next()).toEqual(ended)
  },
)

it('hands out batches of one partition with where the log goes on', async () => {
  const { broker } = brokerWithOrders(5)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollRecords: 3 })
  for await (const { records, ...batch } of consumer.batches()) {
    seen.push({
      ...batch,
      records: offsets(records),
      committed: broker.group('g').committed(orders0)?.offset,
    })
    if (records.at(-1)!.offset === 4) break
  }
  expect(seen).toEqual([
    { ...orders0, records: [0, 1, 2], nextOffset: 3, highWatermark: 5, lag: 2, committed: undefined },
    { ...orders0, records: [3, 4], nextOffset: 5, highWatermark: 5, lag: 0, committed: 3 },
  ])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 3 })
})

it('throws the error of a crash from the loop', async () => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoOffsetReset: 'none' })
  consumer.on('crashed', () => {})
  const loop = async () => {
    for await (const record of consumer) expect(record).toBe('nothing')
  }
  const error = await rejectionOf(loop())
  expect(error).toMatchObject({
    code: 'NO_OFFSET_FOR_PARTITION',
    groupId: 'g',
    topic: 'orders',
    partition: 0,
  })
  expect(await rejectionOf(consumer.done)).toBe(error)
})

it('throws the error of a crash that comes while the loop has a record in hand at its next turn', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const { opened, open } = gate()
  const seen: number[] = []
  const consumer = broker.consumer({ topics: ['orders'], autoOffsetReset: 'none', from: 'beginning' })
  consumer.on('crashed', () => {})
  const loop = (async () => {
    for await (const { offset } of consumer) {
      seen.push(offset)
      await opened
    }
  })()
  await clock.settle()
  consumer.seek(orders0, 3)
  broker.topic('orders').partitions[0]!.deleteRecords(5)
  open()
  expect(await rejectionOf(loop)).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', offset: 3 })
  expect(seen).toEqual([0])
})

it('throws the error of a record that cannot be decoded after those before it, and closes', async () => {
  const { broker } = testBroker()
  const codec = {
    encode: (value: number) => Uint8Array.of(value),
    decode: ([value]: Uint8Array) => {
      if (value === 2) throw new Error('no two')
      return value
    },
  }
  const topic = broker.createTopic('orders', { codec })
  for (const value of range(0, 4)) topic.append({ value })
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const loop = async () => {
    for await (const { value } of consumer) seen.push(value)
  }
  expect(await rejectionOf(loop())).toMatchObject({ code: 'INVALID_RECORD', offset: 2 })
  expect(seen).toEqual([0, 1])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('throws where a topic does not exist', async () => {
  const { broker } = brokerWithOrders(0)
  const consumer = broker.consumer({ groupId: 'g', topics: ['oders' as 'orders'] })
  const loop = async () => {
    for await (const record of consumer) expect(record).toBe('nothing')
  }
  expect(await rejectionOf(loop())).toMatchObject({
    code: 'UNKNOWN_TOPIC_OR_PARTITION',
    suggestions: ['orders'],
  })
})

it('answers several calls of next one after the other, also where the event loop has its turn between', async () => {
  await using broker = new Broker({ clock: new VirtualClock(2) })
  broker.createTopic('orders')
  fill(broker, 'orders', 9)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const iterator = consumer[Symbol.asyncIterator]()
  const first = await iterator.next()
  const others = await Promise.all(range(1, 9).map(() => iterator.next()))
  expect([first, ...others].map(({ value }) => value?.offset)).toEqual(range(0, 9))
  expect(await iterator.return?.()).toEqual({ done: true, value: undefined })
  expect(await iterator.next()).toEqual({ done: true, value: undefined })
})

describe('the event loop has its turn', () => {
  /** A consumer of 5,000 records, and the turns that were waited for. */
  function consuming(maxPollRecords: number) {
    const clock = new VirtualClock(100)
    const turn = vi.spyOn(clock, 'turn')
    const broker = new Broker({ clock })
    broker.createTopic('orders')
    fill(broker, 'orders', 5000)
    return { broker, turn, consumer: broker.consumer({ groupId: 'g', topics: ['orders'], maxPollRecords }) }
  }

  it('in the midst of records that were read together', async () => {
    const { broker, turn, consumer } = consuming(5000)
    for await (const { offset } of consumer) if (offset === 4999) break
    expect(turn.mock.calls.length).toBeGreaterThan(10)
    await broker.close()
  })

  it('in a loop over batches that waits for nothing else', async () => {
    const { broker, turn, consumer } = consuming(1)
    for await (const { nextOffset } of consumer.batches()) if (nextOffset === 5000) break
    expect(turn.mock.calls.length).toBeGreaterThan(10)
    await broker.close()
  })
})

it('hands out nothing more of a partition that is paused in the loop, and all of it after resume', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const seen: number[] = []
  const looping = (async () => {
    for await (const { offset } of consumer) {
      seen.push(offset)
      if (offset === 0) consumer.pause([orders0])
    }
  })()
  await clock.settle()
  expect(seen).toEqual([0])
  consumer.resume()
  await clock.settle()
  expect(seen).toEqual([0, 1, 2])
  await consumer.close()
  await looping
})

it('goes on where the loop moves to in the midst of what was read, and commits that', async () => {
  const { broker } = brokerWithOrders(5)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const seen: unknown[] = []
  for await (const { offset } of consumer) {
    seen.push([offset, broker.group('g').committed(orders0)?.offset])
    if (seen.length === 3) consumer.seek(orders0, 1)
    if (offset === 4) break
  }
  const again = [1, 2, 3, 4].map(offset => [offset, offset])
  expect(seen).toEqual([[0, undefined], [1, 1], [2, 2], ...again])
})

it('hands out nothing more of a partition that a listener of its commit pauses', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('committed', () => consumer.pause([orders0]))
  const seen: number[] = []
  const looping = (async () => {
    for await (const { offset } of consumer) seen.push(offset)
  })()
  await clock.settle()
  expect(seen).toEqual([0])
  await consumer.close()
  await looping
})

it('hands out what the consumer subscribes to in the loop, and no more of what it read before', async () => {
  const { broker, clock } = brokerWithOrders(3)
  broker.createTopic('payments')
  fill(broker, 'payments', 1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders' as string] })
  const seen: string[] = []
  const looping = (async () => {
    for await (const { topic, offset } of consumer) {
      seen.push(`${topic}@${offset}`)
      if (topic === 'orders') void consumer.subscribe(['payments'])
    }
  })()
  await clock.settle()
  expect(seen).toEqual(['orders@0', 'payments@0'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
  await consumer.close()
  await looping
})

it('keeps a partition until the loop asks for more, then gives it up', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  fill(broker, 'orders', 3, 1)
  const { opened, open } = gate()
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const loop = (async () => {
    for await (const { offset } of consumer) {
      seen.push(offset)
      await opened
    }
  })()
  await clock.settle()
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const ready = other.ready()
  await clock.advance(1000)
  expect(names(broker.group('g').members[0]!.revoking)).toEqual(['orders-1'])
  expect(other.assignment).toEqual([])
  open()
  await ready
  expect(names(other.assignment)).toEqual(['orders-1'])
  expect(other.position({ topic: 'orders', partition: 1 })).toBe(1)
  await consumer.close()
  await loop
  expect(seen).toEqual([0])
})

it.each([
  ['run', 'for await'],
  ['for await', 'batches'],
  ['batches', 'poll'],
  ['poll', 'run'],
] as const)('refuses a second way of consuming: %s, then %s', async (first, second) => {
  const { broker } = brokerWithOrders(0)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const ways = {
    run: () => consumer.run({ eachRecord: () => {} }),
    poll: () => consumer.poll({ timeoutMs: 0 }),
    'for await': () => void consumer[Symbol.asyncIterator](),
    batches: () => void consumer.batches(),
  }
  const started = ways[first]()
  const call = async () => ways[second]()
  const error = await rejectionOf(call())
  expect(error).toBeInstanceOf(IllegalStateError)
  expect(error.message).toBe(
    `Consumer 'consumer' of group 'g' already consumes by '${first}' and cannot also use '${second}'`,
  )
  await consumer.close()
  await started
})

it('refuses a second run and a second loop, too', async () => {
  const { broker } = brokerWithOrders(0)
  const running = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await running.run({ eachRecord: () => {} })
  expect(await rejectionOf(running.run({ eachRecord: () => {} }))).toBeInstanceOf(IllegalStateError)
  const looping = broker.consumer({ groupId: 'g', topics: ['orders'] })
  looping[Symbol.asyncIterator]()
  expect(thrownBy(() => looping[Symbol.asyncIterator]())).toBeInstanceOf(IllegalStateError)
})

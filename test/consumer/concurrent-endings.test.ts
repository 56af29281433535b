import { expect, it } from 'vitest'
import { gate, owners } from '../helpers/behaviours.ts'
import { append, handlers, run } from '../helpers/concurrency.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

it('waits for the handlers of a revoked partition only', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  for (const partition of [0, 1]) append(broker, 'abcd', partition)
  const calls = handlers()
  const order: string[] = []
  const first = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'first' })
  first.on('revoked', ({ partitions }) => order.push(`revoked ${partitions.map(tp => tp.partition)}`))
  await first.run({ concurrency: 8, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.running).toBe(8)
  const second = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'second' })
  const seen: string[] = []
  const running = second.run({
    ordering: 'key',
    eachRecord: ({ partition, offset }) => void seen.push(`${partition}@${offset}`),
  })
  await clock.settle()
  const moved = first.assignment[0]!.partition === 0 ? 1 : 0
  calls.end(`${moved}@0`, `${moved}@1`, `${moved}@3`)
  await clock.settle()
  expect(order).toEqual([])
  calls.end(`${moved}@2`)
  await running
  await clock.settle()
  expect(order).toEqual([`revoked ${moved}`])
  expect(owners(broker, 'g')).toEqual({ first: [`orders-${1 - moved}`], second: [`orders-${moved}`] })
  expect(seen).toEqual([])
  expect(broker.group('g').committed({ topic: 'orders', partition: moved })).toEqual({ offset: 4 })
  expect(calls.running).toBe(4)
})

it('begins nothing more once it is closed, and reports what it left', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'aab')
  const calls = handlers()
  const consumer = await run(broker, { concurrency: 9, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  const closing = consumer.close()
  calls.end('0@0')
  await clock.settle()
  calls.end('0@2')
  expect(await closing).toEqual([{ group: 'g', ...orders0, from: 1, count: 2 }])
  expect(calls.begun).toEqual(['0@0', '0@2'])
})

it('loses its partitions when one handler takes too long, and comes back when all have ended', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abc')
  const calls = handlers()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  const events: string[] = []
  consumer.on('lost', () => events.push('lost'))
  consumer.on('assigned', () => events.push('assigned'))
  await consumer.run({ concurrency: 3, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.advance(500)
  calls.end('0@1')
  await clock.advance(500)
  expect(events).toEqual(['assigned', 'lost'])
  calls.end('0@0')
  await clock.settle()
  expect(events).toEqual(['assigned', 'lost'])
  calls.end('0@2')
  await clock.settle()
  expect(events).toEqual(['assigned', 'lost', 'assigned'])
  // What it had finished it could still commit, out of order, too.
  expect(calls.begun.slice(3)).toEqual(['0@0', '0@2'])
})

it('buys time for the handler that asks for it', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'ab')
  const beats: (() => void)[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  let lost = 0
  consumer.on('lost', () => lost++)
  const waits = gate()
  await consumer.run({
    concurrency: 2,
    ordering: 'key',
    eachRecord: async (_record, { heartbeat }) => {
      beats.push(heartbeat)
      await waits.opened
    },
  })
  await clock.advance(900)
  for (const beat of beats) beat()
  await clock.advance(900)
  expect(lost).toBe(0)
  // One of them alone does not answer for the other.
  beats[0]!()
  await clock.advance(200)
  expect(lost).toBe(1)
  waits.open()
  await clock.settle()
})

it('buys no time for the handler that comes after the one that asks for it', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'ab')
  const beats: (() => void)[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  let lost = 0
  consumer.on('lost', () => lost++)
  const waits = gate()
  await consumer.run({
    concurrency: 1,
    ordering: 'key',
    eachRecord: async ({ offset }, { heartbeat }) => {
      beats.push(heartbeat)
      if (offset === 1) await waits.opened
    },
  })
  await clock.advance(900)
  beats[0]!()
  await clock.advance(200)
  expect(lost).toBe(1)
  waits.open()
  await clock.settle()
})

it('restarts on a failure, and handles nothing twice that was finished', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcd')
  const seen: number[] = []
  let failing = true
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => {
    failing = false
  })
  await consumer.run({
    concurrency: 4,
    ordering: 'key',
    retry: { attempts: 1 },
    eachRecord: async ({ offset }) => {
      await Promise.resolve()
      if (offset === 1 && failing) throw new Error('boom')
      seen.push(offset)
    },
  })
  await clock.advance(1000)
  expect(seen).toEqual([0, 2, 3, 1])
})

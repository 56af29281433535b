import { expect, it } from 'vitest'
import { Broker, CommitFailedError, json } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { fill, names, owners } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

it('loses its partitions to the others when a handler takes longer than maxPollIntervalMs', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const steps: unknown[] = []
  const stuck = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    clientId: 'stuck',
    maxPollIntervalMs: 1000,
  })
  const other = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'other' })
  stuck.on('lost', ({ partitions, reason }) =>
    steps.push(['lost', names(partitions), (reason as Error).name]),
  )
  await stuck.run({ eachRecord: () => new Promise(() => {}) })
  await other.run({ eachRecord: ({ partition, offset }) => void steps.push(`other ${partition}@${offset}`) })
  await broker.group('g').stable()
  const own = stuck.assignment[0]!
  fill(broker, 'orders', 2, own.partition)
  await clock.advance(999)
  expect(steps).toEqual([])
  await clock.advance(1)
  expect(steps).toEqual([
    ['lost', names([own]), 'CommitFailedError'],
    `other ${own.partition}@0`,
    `other ${own.partition}@1`,
  ])
  expect(owners(broker, 'g')).toEqual({ other: ['orders-0', 'orders-1'] })
  expect(stuck.assignment).toEqual([])
})

it('counts maxPollIntervalMs anew from each finished record', async () => {
  const { broker, clock } = brokerWithOrders(10)
  const lost: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  consumer.on('lost', event => lost.push(event))
  await consumer.run({ eachRecord: () => broker.clock.sleep(900) })
  await clock.advance(9000)
  expect(lost).toEqual([])
  expect(broker.group('g').lag()).toBe(0)
})

it('refuses what the stuck handler commits later, and rejoins when it settles', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const steps: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  consumer.on('lost', () => steps.push('lost'))
  consumer.on('assigned', () => steps.push('assigned'))
  let stuck = true
  await consumer.run({
    eachRecord: async ({ offset }) => {
      steps.push(offset)
      if (offset !== 1 || !stuck) return
      stuck = false
      await broker.clock.sleep(5000)
      const error = await rejectionOf(consumer.commit([{ ...orders0, offset: 2 }]))
      steps.push([error instanceof CommitFailedError, error.code])
    },
  })
  await clock.advance(4999)
  expect(broker.group('g').state).toBe('Empty')
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
  await clock.advance(1)
  expect(steps).toEqual(['assigned', 0, 1, 'lost', [true, 'UNKNOWN_MEMBER_ID'], 'assigned', 1, 2])
  expect(broker.group('g').lag()).toBe(0)
})

it('rejoins when the stuck handler fails, and hands its record out again', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const errors: unknown[] = []
  const boom = new Error('boom')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  consumer.on('error', error => errors.push(error))
  let attempts = 0
  await consumer.run({
    eachRecord: async (_, { attempt }) => {
      expect(attempt).toBe(1)
      if (attempts++ > 0) return
      await broker.clock.sleep(5000)
      throw boom
    },
  })
  await clock.advance(5000)
  expect(attempts).toBe(2)
  expect(errors).toEqual([boom])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
})

it('is stuck, too, when the next poll does not come', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const lost: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  consumer.on('lost', ({ partitions }) => lost.push(names(partitions)))
  await consumer.poll({ maxRecords: 2 })
  await clock.advance(1000)
  expect(lost).toEqual([['orders-0']])
  expect(broker.group('g').state).toBe('Empty')
  const again = await consumer.poll()
  expect(again.map(({ offset }) => offset)).toEqual([0, 1, 2])
})

it('gets a record that always takes too long again and again: no attempt is counted, and onFailure is not asked', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const steps: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  for (const event of ['lost', 'retrying', 'skipped'] as const) consumer.on(event, () => steps.push(event))
  await consumer.run({
    retry: { attempts: 1 },
    onFailure: 'skip',
    eachRecord: (_record, { attempt, signal }) => {
      steps.push(`#${attempt}`)
      return broker.clock.sleep(5000, { signal })
    },
  })
  await clock.advance(2500)
  expect(steps).toEqual(['#1', 'lost', '#1', 'lost', '#1'])
})

it('gives a record up that a handler ends by a limit of its own, below maxPollIntervalMs', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const steps: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  for (const event of ['lost', 'skipped'] as const) consumer.on(event, () => steps.push(event))
  await consumer.run({
    retry: { attempts: 1 },
    onFailure: 'skip',
    eachRecord: async (_record, { signal }) => {
      const limit = new AbortController()
      const timer = broker.clock.setTimer(() => limit.abort(new Error('too slow')), 500)
      await broker.clock.sleep(5000, { signal: AbortSignal.any([signal, limit.signal]) })
      timer.cancel()
    },
  })
  await clock.advance(2500)
  expect(steps).toEqual(['skipped'])
})

class BusyClock extends VirtualClock {
  /** For how long code has run that did not give the event loop its turn. */
  busyMs = 0

  override monotonic(): number {
    return super.monotonic() + this.busyMs
  }
}

it('counts the time between two polls from when a poll returns, however long its turn of the event loop was', async () => {
  const clock = new BusyClock()
  let decodingMs = 0
  const codec = {
    ...json,
    decode(bytes: Uint8Array) {
      clock.busyMs += decodingMs
      return json.decode(bytes)
    },
  }
  await using broker = new Broker({ clock, codec })
  broker.createTopic('orders')
  fill(broker, 'orders', 2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  const lost: unknown[] = []
  consumer.on('lost', event => lost.push(event))
  await clock.advance(50)
  await consumer.poll({ maxRecords: 1 })
  await clock.advance(100)
  decodingMs = 500
  await consumer.poll({ maxRecords: 1 })
  await clock.advance(999)
  expect(lost).toEqual([])
  await clock.advance(1)
  expect(lost).toHaveLength(1)
})

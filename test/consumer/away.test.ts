import { expect, it } from 'vitest'
import type { Consumer } from '../../src/index.ts'
import { fill, gate } from '../helpers/behaviours.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

// What is waited for, and what is kept, while a consumer is away: it restarts, was removed, or gave a partition up.

const retry = { attempts: 1 }
const readers = [
  ['a member of a group', { groupId: 'g' }],
  ['a reader without a group', {}],
] as const
/** A scene in which the handler takes 10 ms, and fails at its first attempt at offset 3 of 5. */
async function failingOnce(options: { readonly groupId?: string }) {
  const { broker, clock } = brokerWithOrders(5)
  const seen: unknown[] = []
  const consumer = broker.consumer({ ...options, topics: ['orders'] })
  let failed = false
  await consumer.run({
    retry,
    eachRecord: async ({ offset }) => {
      await broker.clock.sleep(10)
      const fails = offset === 3 && !failed
      seen.push(fails ? 'failed' : offset)
      if (!fails) return
      failed = true
      throw new Error('boom')
    },
  })
  return { broker, clock, consumer: consumer as Consumer, seen }
}

it.each(readers)(
  'has %s caught up only once it is back from a restart and has read on',
  async (_, options) => {
    const { clock, consumer, seen } = await failingOnce(options)
    consumer.caughtUp().then(() => seen.push('caught up'))
    await clock.advance(2000)
    expect(seen).toEqual([0, 1, 2, 'failed', 3, 4, 'caught up'])
  },
)

it.each(readers)('drains %s through a restart', async (_, options) => {
  const { clock, consumer, seen } = await failingOnce(options)
  const closed = consumer.close({ drain: true })
  await clock.advance(2000)
  expect(await closed).toEqual([])
  expect(seen).toEqual([0, 1, 2, 'failed', 3, 4])
})

it.each(readers)('drains %s that is restarting when it is closed', async (_, options) => {
  const { clock, consumer, seen } = await failingOnce(options)
  await clock.advance(500)
  const closed = consumer.close({ drain: true })
  await clock.advance(2000)
  expect(await closed).toEqual([])
  expect(seen).toEqual([0, 1, 2, 'failed', 3, 4])
})

it('drains no longer than timeoutMs, though it is restarting', async () => {
  const { clock, consumer, seen } = await failingOnce({ groupId: 'g' })
  const closed = consumer.close({ drain: true, timeoutMs: 500 })
  await clock.advance(500)
  expect(await closed).toEqual([{ group: 'g', ...orders0, from: 3, count: 2 }])
  await clock.advance(5000)
  expect(seen).toEqual([0, 1, 2, 'failed'])
})

it('says what it has caught up with while it restarts', async () => {
  const { clock, consumer } = await failingOnce({})
  const caughtUp = consumer.caughtUp({ timeoutMs: 200 }).catch((error: Error) => error.message)
  await clock.advance(200)
  expect(await caughtUp).toBe("Waited 200 ms for Consumer 'consumer' to catch up: orders-0 is at 3 of 5")
})

it('ends a drain at once when the consumer crashes while it restarts', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], assignor: 'range' })
  consumer.done.catch(() => {})
  await consumer.run({
    retry,
    eachRecord: async () => {
      await broker.clock.sleep(10)
      throw new Error('boom')
    },
  })
  let left: unknown
  void consumer.close({ drain: true }).then(all => {
    left = all
  })
  await clock.advance(500)
  // It cannot come back: the group assigns in another way by now.
  await broker.consumer({ groupId: 'g', topics: ['orders'], assignor: 'uniform' }).ready()
  await clock.advance(1000)
  expect(left).toEqual([{ group: 'g', ...orders0, from: 0, count: 2 }])
})

it('has caught up only once it is back after a handler that took too long', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  let slow = true
  await consumer.run({
    eachRecord: async ({ offset }) => {
      await broker.clock.sleep(slow ? 2000 : 10)
      slow = false
      seen.push(offset)
    },
  })
  consumer.caughtUp().then(() => seen.push('caught up'))
  await clock.advance(3000)
  expect(seen).toEqual([0, 0, 1, 2, 'caught up'])
})

it('has caught up with a partition that went to another member and came back', async () => {
  const { broker, clock } = brokerWithOrders(5, 2)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ partition, offset }) => {
      await broker.clock.sleep(100)
      seen.push(`${partition}@${offset}`)
    },
  })
  consumer.caughtUp().then(() => seen.push('caught up'))
  await clock.settle()
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await other.ready()
  await other.close()
  await clock.advance(2000)
  expect(seen).toHaveLength(11)
  expect(seen.at(-1)).toBe('caught up')
})

it('does not wait to catch up with what another member has', async () => {
  const { broker, clock } = brokerWithOrders(2, 2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => broker.clock.sleep(100) })
  let caughtUp = false
  consumer.caughtUp().then(() => {
    caughtUp = true
  })
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).ready()
  await clock.advance(200)
  expect(caughtUp).toBe(true)
  expect(broker.group('g').lag()).toBe(2)
})

it('reads a topic that was made anew while it restarted from its beginning', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const seen: unknown[] = []
  const consumer = broker.consumer({ topics: ['orders'] })
  let failing = true
  await consumer.run({
    retry,
    eachRecord: ({ value }) => {
      if (failing && value === 3) throw new Error('boom')
      seen.push(value)
    },
  })
  await clock.settle()
  failing = false
  broker.deleteTopic('orders')
  broker.createTopic('orders')
  fill(broker, 'orders', 5)
  await clock.advance(1000)
  expect(seen).toEqual([0, 1, 2, 0, 1, 2, 3, 4])
})

it('has caught up only after a restart, though another handler still runs when it is asked', async () => {
  const { broker, clock } = brokerWithOrders(2, 2)
  const seen: unknown[] = []
  const consumer = broker.consumer({ topics: ['orders'] })
  let failing = true
  await consumer.run({
    concurrency: 2,
    retry,
    eachRecord: async ({ partition, offset }) => {
      await broker.clock.sleep(partition === 0 ? 10 : 500)
      if (failing && partition === 0) throw new Error('boom')
      seen.push(`${partition}@${offset}`)
    },
  })
  await clock.advance(100)
  failing = false
  consumer.caughtUp().then(() => seen.push('caught up'))
  await clock.advance(5000)
  expect(seen).toHaveLength(5)
  expect(seen.at(-1)).toBe('caught up')
})

it.each(readers)(
  'drains %s that has not joined yet, or is only told of its partitions',
  async (_, options) => {
    for (const waits of [0, 5]) {
      const { broker, clock } = brokerWithOrders(3)
      const seen: unknown[] = []
      const onAssigned = () => broker.clock.sleep(10)
      const consumer = broker.consumer({ ...options, topics: ['orders'], onAssigned })
      const running = consumer.run({ eachRecord: ({ offset }) => seen.push(offset) })
      await clock.advance(waits)
      const closed = consumer.close({ drain: true })
      await clock.advance(10)
      expect(await closed).toEqual([])
      expect(seen).toEqual([0, 1, 2])
      await running
    }
  },
)

it('drains at once where nobody asks for records', async () => {
  const { broker } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  expect(await consumer.close({ drain: true })).toEqual([{ group: 'g', ...orders0, from: 0, count: 3 }])
})

it('is ready after a restart only once it is back, though another handler still runs when it is asked', async () => {
  const { broker, clock } = brokerWithOrders(1, 2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  let failing = true
  await consumer.run({
    concurrency: 2,
    retry,
    eachRecord: async ({ partition }) => {
      await broker.clock.sleep(partition === 0 ? 10 : 500)
      if (failing) throw new Error('boom')
    },
  })
  await clock.advance(100)
  failing = false
  const ready = consumer.ready().then(() => consumer.assignment)
  await clock.advance(5000)
  expect(await ready).toHaveLength(2)
})

it('is ready again after it was removed only once it is back, though it has not followed that yet', async () => {
  const { broker, clock } = brokerWithOrders(1, 2)
  const { opened, open } = gate()
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    rebalanceTimeoutMs: 1000,
    onRevoked: () => opened,
  })
  await consumer.run({ eachRecord: () => {} })
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  void other.ready()
  await clock.advance(1000)
  let ready = false
  consumer.ready().then(() => {
    ready = true
  })
  await clock.settle()
  expect([ready, broker.group('g').members.length]).toEqual([false, 1])
  open()
  await clock.settle()
  expect([ready, broker.group('g').members.length]).toEqual([true, 2])
})

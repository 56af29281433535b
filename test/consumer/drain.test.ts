import { expect, it } from 'vitest'
import { GroupIdNotFoundError } from '../../src/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { fill, gate } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

const retry = { attempts: 1 }
it('reads to the present end first with drain', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ partition, offset }) => {
      await broker.clock.sleep(10)
      seen.push(`${partition}@${offset}`)
    },
  })
  const closed = consumer.close({ drain: true })
  await clock.advance(30)
  fill(broker, 'orders', 2, 1)
  await clock.advance(100)
  const left = await closed
  expect(seen.filter(each => each.startsWith('0'))).toEqual(['0@0', '0@1', '0@2'])
  expect(seen.filter(each => each.startsWith('1')).slice(0, 3)).toEqual(['1@0', '1@1', '1@2'])
  expect(left.every(({ partition, from }) => partition === 1 && from >= 3)).toBe(true)
})

it('drains no longer than timeoutMs, and reports the rest', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => broker.clock.sleep(100) })
  const closed = consumer.close({ drain: true, timeoutMs: 250 })
  await clock.advance(250)
  expect(await closed).toEqual([{ group: 'g', ...orders0, from: 2, count: 3 }])
})

it('ends a drain at once where it turns out that it could not join', async () => {
  const broker = new TestBroker()
  broker.createTopic('orders')
  const gone = new GroupIdNotFoundError('There is no such group')
  broker.faults.delay({ operation: 'join' }, 100)
  broker.faults.fail({ operation: 'join' }, gone)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const told: unknown[] = []
  consumer.run({ eachRecord: () => {} }).catch(error => told.push(error))
  consumer.close({ drain: true }).then(left => told.push(left))
  await broker.advance(99)
  expect(told).toEqual([])
  await broker.advance(1)
  expect(told).toEqual([gone, []])
})

it('ends a drain when it is closed once more with a time, and both hear what was left', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => broker.clock.sleep(100) })
  const draining = consumer.close({ drain: true })
  await clock.advance(150)
  const closed = consumer.close({ timeoutMs: 1000 })
  await clock.advance(50)
  const left = [{ group: 'g', ...orders0, from: 2, count: 3 }]
  expect(await draining).toEqual(left)
  expect(await closed).toEqual(left)
})

it('waits for a stuck handler no longer than a second close says, also where the first one drains', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => new Promise(() => {}) })
  await clock.settle()
  const draining = consumer.close({ drain: true })
  await clock.advance(100)
  void consumer.close({ timeoutMs: 200 })
  let left: unknown
  void draining.then(unread => {
    left = unread
  })
  await clock.advance(199)
  expect(left).toBeUndefined()
  await clock.advance(1)
  expect(left).toEqual([{ group: 'g', ...orders0, from: 0, count: 2 }])
})

it('takes no longer than timeoutMs where a handler fails while it drains, and another one is stuck', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('crashed', () => {})
  broker.on('groupStopped', () => {})
  await consumer.run({
    concurrency: 2,
    ordering: 'none',
    retry,
    onFailure: 'stop',
    eachRecord: async ({ offset }) => {
      if (offset === 0) await new Promise(() => {})
      await broker.clock.sleep(100)
      throw new Error('down')
    },
  })
  let left: unknown
  void consumer.close({ drain: true, timeoutMs: 250 }).then(unread => {
    left = unread
  })
  await clock.advance(249)
  expect(left).toBeUndefined()
  await clock.advance(1)
  expect(left).toEqual([{ group: 'g', ...orders0, from: 0, count: 2 }])
})

it('goes on draining when it is told so once more, within the time that ends first', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => broker.clock.sleep(100) })
  const closing = [2000, 60_000, 250].map(timeoutMs => consumer.close({ drain: true, timeoutMs }))
  await clock.advance(249)
  let ended = false
  void closing[0]!.then(() => {
    ended = true
  })
  await clock.settle()
  expect(ended).toBe(false)
  await clock.advance(1)
  const left = [{ group: 'g', ...orders0, from: 2, count: 3 }]
  expect(await Promise.all(closing)).toEqual([left, left, left])
  await broker.close()
  expect(clock.waiting).toEqual(['sleep'])
})

it('leaves no timer behind when it is to drain once more just as its drain has ended', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => broker.clock.sleep(100) })
  const draining = consumer.close({ drain: true })
  void consumer.close({ timeoutMs: 0 })
  void consumer.close({ drain: true, timeoutMs: 60_000 })
  await draining
  await broker.close()
  expect(clock.waiting).toEqual(['sleep'])
})

it('drains a loop, and does not wait for who polls or for what is paused', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const looped: unknown[] = []
  const loop = broker.consumer({ groupId: 'loop', topics: ['orders'] })
  const looping = (async () => {
    for await (const { offset } of loop) {
      await broker.clock.sleep(10)
      looped.push(offset)
    }
  })()
  await clock.settle()
  const closed = loop.close({ drain: true })
  await clock.advance(100)
  expect(await closed).toEqual([])
  await looping
  expect(looped).toHaveLength(6)

  const polling = broker.consumer({ groupId: 'poll', topics: ['orders'] })
  await polling.poll({ maxRecords: 2 })
  expect((await polling.close({ drain: true })).reduce((sum, { count }) => sum + count, 0)).toBe(4)

  const paused = broker.consumer({ groupId: 'paused', topics: ['orders'] })
  await paused.ready()
  paused.pause([orders0])
  await paused.run({ eachRecord: () => {} })
  expect(await paused.close({ drain: true })).toEqual([{ group: 'paused', ...orders0, from: 0, count: 3 }])
})

it('ends a drain when the handler fails for good', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const { opened, open } = gate()
  const reasons: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('crashed', () => {})
  consumer.on('closed', ({ reason }) => reasons.push(reason))
  await consumer.run({
    retry,
    onFailure: 'stop',
    eachRecord: async () => {
      await opened
      throw new Error('boom')
    },
  })
  const closed = consumer.close({ drain: true })
  await clock.settle()
  open()
  expect(await closed).toEqual([{ group: 'g', ...orders0, from: 0, count: 3 }])
  expect(await rejectionOf(consumer.done)).toMatchObject({ code: 'CONSUMER_CRASHED' })
  expect(reasons).toEqual(['crashed'])
})

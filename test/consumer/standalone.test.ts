import { expect, it } from 'vitest'
import { IllegalStateError } from '../../src/index.ts'
import { fill, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

it('reads every partition by itself, whoever else reads, and leaves no group behind', async () => {
  const { broker } = brokerWithOrders(2, 3)
  const counts = [0, 0]
  for (const i of range(0, 2)) {
    await broker.consumer({ topics: ['orders'] }).run({
      eachRecord: () => {
        counts[i]!++
      },
    })
  }
  await broker.idle()
  expect(counts).toEqual([6, 6])
  expect(broker.groups.size).toBe(0)
  expect(broker.describe().groups).toEqual([])
})

it.each([
  ['beginning', range(0, 5)],
  ['end', [4]],
  ['a time', [2, 3, 4]],
] as const)('begins at the %s', async (from, expected) => {
  const { broker, clock } = brokerWithOrders(2)
  const timestamp = clock.now() + 10
  await clock.advance(10)
  fill(broker, 'orders', 2)
  const seen: number[] = []
  const consumer = broker.consumer({ topics: ['orders'], from: from === 'a time' ? { timestamp } : from })
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(seen).toEqual(expected)
})

it('picks up partitions and, by RegExp, topics that come later', async () => {
  const { broker } = brokerWithOrders(1)
  const seen: string[] = []
  const consumer = broker.consumer({ topics: /^orders/ })
  await consumer.run({
    eachRecord: ({ topic, partition, offset }) => void seen.push(`${topic}-${partition}@${offset}`),
  })
  broker.createTopic('orders.eu')
  broker.createTopic('payments')
  broker.topic('orders').addPartitions(2)
  fill(broker, 'orders.eu', 1)
  fill(broker, 'payments', 1)
  fill(broker, 'orders', 1, 1)
  await broker.idle()
  expect(seen.sort()).toEqual(['orders-0@0', 'orders-1@0', 'orders.eu-0@0'])
})

it('reads a topic that is made anew from its beginning, whatever it restarted from before', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const seen: unknown[] = []
  let failed = false
  const consumer = broker.consumer({ topics: ['orders'] })
  consumer.on('restarting', () => {})
  await consumer.run({
    retry: { attempts: 1 },
    eachRecord: ({ offset, value }) => {
      if (offset === 2 && !failed) {
        failed = true
        throw new Error('boom')
      }
      seen.push(value)
    },
  })
  await clock.advance(1000)
  broker.deleteTopic('orders')
  await clock.settle()
  broker.createTopic('orders')
  for (const value of ['a', 'b', 'c']) broker.topic('orders').append({ value })
  await broker.idle()
  expect(seen).toEqual([0, 1, 2, 'a', 'b', 'c'])
})

it('has nothing to commit to', async () => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ topics: ['orders'] })
  await consumer.ready()
  expect(await rejectionOf(consumer.commit())).toBeInstanceOf(IllegalStateError)
  expect(await consumer.committed(orders0)).toBe(null)
})

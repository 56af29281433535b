import { expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import {
  assertDuplicatesOnlyAfterRebalance,
  assertEveryKeyInOrder,
  assertNoCommitPastProcessed,
  assertNothingLost,
  processedBy,
  TestBroker,
} from '../../src/testing/index.ts'
import { gate } from '../helpers/behaviours.ts'

const assertions = [
  assertDuplicatesOnlyAfterRebalance,
  assertEveryKeyInOrder,
  assertNoCommitPastProcessed,
  assertNothingLost,
]

function start() {
  const broker = new TestBroker({ topics: { orders: topic<number>() } })
  const send = (...values: number[]) => {
    for (const value of values) broker.topic('orders').append({ key: 'k', value })
  }
  const renew = () => {
    broker.deleteTopic('orders')
    broker.createTopic('orders', { partitions: 1 })
  }
  const processed = () => processedBy(broker, 'g').map(({ value }) => value)
  return { broker, send, renew, processed }
}

it('tells the records of a topic from those of one that was deleted, at the same offsets', async () => {
  const { broker, send, renew, processed } = start()
  send(0, 1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoOffsetReset: 'latest' })
  await consumer.run({ eachRecord: () => {} })
  send(2, 3)
  await broker.idle()
  renew()
  await broker.idle()
  send(10, 11, 12, 13)
  await broker.idle()
  expect(processed()).toEqual([2, 3, 10, 11, 12, 13])
  for (const assertion of assertions) assertion(broker, 'g')
})

it('goes on with the other topics of a group where one is deleted', async () => {
  const broker = new TestBroker({ topics: { orders: topic<number>(), bills: topic<number>() } })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders', 'bills'] })
  await consumer.run({ eachRecord: () => broker.clock.sleep(10) })
  broker.topic('bills').append({ key: 'k', value: 0 })
  await broker.advanceUntilIdle()
  broker.topic('orders').append({ key: 'k', value: 1 })
  broker.deleteTopic('bills')
  await broker.advanceUntilIdle()
  expect(processedBy(broker, 'g').map(({ value }) => value)).toEqual([0, 1])
  for (const assertion of assertions) assertion(broker, 'g')
})

it('finds what was lost of the later topic, and of the one that was deleted', async () => {
  const { broker, send, renew, processed } = start()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => {} })
  send(0, 1)
  await broker.idle()
  renew()
  await broker.idle()
  await consumer.close()
  send(10)
  expect(() => assertNothingLost(broker, 'g')).toThrow("Group 'g' has not processed orders-0@0")
  renew()
  const next = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await next.run({ eachRecord: () => {} })
  send(20)
  await broker.idle()
  expect(() => assertNothingLost(broker, 'g')).toThrow("Group 'g' has not processed orders-0@0")
  expect(processed()).toEqual([0, 1, 20])
})

it.each([
  [3, [0, 1, 2]],
  [1, [2]],
])('counts a handler that outlasts its topic of %i records for that one', async (_, sent) => {
  const { broker, send, renew, processed } = start()
  const { opened, open } = gate()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: ({ value }) => (value === 2 ? opened : undefined) })
  send(...sent)
  await broker.advance(0)
  renew()
  send(10, 11)
  await broker.advance(0)
  open()
  await broker.idle()
  expect(processed()).toEqual([...sent, 10, 11])
  for (const assertion of assertions) assertion(broker, 'g')
})

it('counts it for that one also while another record of the later topic is in hand', async () => {
  const { broker, send, renew, processed } = start()
  const { opened, open } = gate()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const eachRecord = ({ value }: { readonly value: number }) => {
    if (value === 1) return opened
    return value === 10 ? new Promise(() => {}) : undefined
  }
  await consumer.run({ concurrency: 2, eachRecord })
  send(0, 1)
  await broker.advance(0)
  renew()
  send(10, 11)
  await broker.advance(0)
  expect(broker.timeline.ofKind('delivered')).toHaveLength(3)
  open()
  await broker.advance(0)
  expect(processed()).toEqual([0, 1])
})

it('counts it for that one also while another member has what has its offset now', async () => {
  const { broker, send, renew, processed } = start()
  const { opened, open } = gate()
  const first = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await first.run({ eachRecord: () => opened })
  send(0)
  await broker.advance(0)
  renew()
  const left = first.subscribe([])
  const second = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const running = second.run({ eachRecord: () => new Promise(() => {}) })
  send(10)
  await broker.advance(0)
  expect(new Set(broker.timeline.ofKind('delivered').map(({ member }) => member)).size).toBe(2)
  open()
  await broker.advance(0)
  await Promise.all([left, running])
  expect(processed()).toEqual([0])
})

it('delivers no record of a topic once more that was deleted', async () => {
  const { broker, send, renew, processed } = start()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => {} })
  send(0, 1)
  await broker.idle()
  consumer.pause()
  broker.redeliver({ group: 'g', topic: 'orders', partition: 0, offset: 0 })
  renew()
  send(10, 11)
  await broker.idle()
  expect(processed()).toEqual([0, 1, 10, 11])
  expect(broker.timeline.ofKind('delivered')).toHaveLength(4)
})

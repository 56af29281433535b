import { expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { eventLoopTurn } from '../../src/testing/turns.ts'
import { testBroker } from '../helpers/test-broker.ts'

const sends = 10_000

// On the virtual clock a turn of the event loop is due after 1,000 records.
function start() {
  const { broker, clock } = testBroker({
    topics: { orders: topic<number>({ partitions: 3 }) },
    maxRecords: 4000,
  })
  const dropped: unknown[] = []
  broker.on('recordsDropped', event => dropped.push(event))
  return { broker, clock, dropped, seen: [] as number[] }
}

it('a sender that awaits nothing but its sends does not leave consumers behind', async () => {
  const { broker, clock, dropped, seen } = start()
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: record => void seen.push(record.value) })
  const producer = broker.producer()
  for (let i = 0; i < sends; i++) await producer.send({ topic: 'orders', value: i })
  await clock.settle()
  expect(dropped).toEqual([])
  expect(seen.length).toBe(sends)
})

it('nor does one that awaits batches', async () => {
  const { broker, clock, dropped, seen } = start()
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: record => void seen.push(record.value) })
  const producer = broker.producer()
  for (let i = 0; i < sends; i += 100) {
    await producer.sendBatch(
      Array.from({ length: 100 }, (_, j) => ({ topic: 'orders' as const, value: i + j })),
    )
  }
  await clock.settle()
  expect(dropped).toEqual([])
  expect(seen.length).toBe(sends)
})

it('a sender and the event loop get their turns while a consumer has much to do', async () => {
  const { broker, clock, seen } = start()
  let turns = 0
  let over = false
  // In the way in which the virtual clock itself waits for a turn.
  const count = async () => {
    for (; !over; turns++) await eventLoopTurn()
  }
  void count()
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: record => void seen.push(record.value) })
  const producer = broker.producer()
  for (let i = 0; i < sends; i++) await producer.send({ topic: 'orders', value: i })
  over = true
  await clock.settle()
  expect(turns).toBeGreaterThanOrEqual(sends / 1000 - 1)
})

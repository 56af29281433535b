import { topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'

const topics = { orders: topic({ partitions: 2 }) }

/** A broker, and a consumer that notes what it gets once it runs. */
function start() {
  const broker = new TestBroker({ topics })
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  const run = () =>
    consumer.run({ eachRecord: ({ partition, offset }) => void seen.push(`${partition}@${offset}`) })
  return { broker, seen, run }
}

it('holds the next commit back until it is released', async () => {
  const { broker, run } = start()
  await run()
  const barrier = broker.faults.pauseNext({ operation: 'commit', group: 'billing' })
  fill(broker, 'orders', 1)
  await barrier.entered
  expect(broker.group('billing').committed({ topic: 'orders', partition: 0 })).toBeNull()
  barrier.release()
  await broker.advance(0)
  expect(broker.group('billing').committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 1 })
})

it('holds a handler back, and idle says so', async () => {
  const { broker, run, seen } = start()
  await run()
  const barrier = broker.faults.pauseNext({ operation: 'handle', group: 'billing' })
  fill(broker, 'orders', 1)
  await barrier.entered
  const error = await rejectionOf(broker.idle({ timeoutMs: 2 }))
  expect(error.message).toContain('handles orders-0 offset 0')
  expect(broker.leftOpen).toContain('a fault holds back handle of group billing')
  barrier.release()
  await broker.idle()
  expect(seen).toEqual(['0@0'])
})

it('says what a fault holds back where nothing else could make it idle', async () => {
  const { broker } = start()
  const barrier = broker.faults.pauseNext({ operation: 'append', topic: 'orders' })
  const sent = broker.producer({ clientId: 'shop' }).send({ topic: 'orders', value: 1 })
  await barrier.entered
  const error = await rejectionOf(broker.advanceUntilIdle())
  expect(error.message).toBe(
    'Waited for the broker to be idle, but nothing is left that could make it happen: shop waits to append, because of a fault; ' +
      'a fault holds back append of topic orders',
  )
  barrier.release()
  await sent
})

it('lets a barrier go that nobody has come to', async () => {
  const { broker } = start()
  broker.faults.pauseNext({ operation: 'append' }).release()
  await broker.producer().send({ topic: 'orders', value: 1 })
  expect(broker.topic('orders').records()).toHaveLength(1)
})

it('releases what it holds back when the broker closes', async () => {
  const { broker, run, seen } = start()
  await run()
  const barrier = broker.faults.pauseNext({ operation: 'handle' })
  fill(broker, 'orders', 1)
  await barrier.entered
  await broker.close()
  expect(seen).toEqual(['0@0'])
})

import { afterEach, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { collect } from '../helpers/collect.ts'

const topics = { orders: topic<number>() }
const brokers: TestBroker<typeof topics>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

function start() {
  const broker = new TestBroker({ topics })
  brokers.push(broker)
  const make = () => broker.consumer({ groupId: 'billing', topics: ['orders'] })
  return { broker, make }
}

it('keeps no consumer that has ended, however many a test makes', async () => {
  const { make } = start()
  const ended: WeakRef<object>[] = []
  for (let i = 0; i < 3; i++) {
    const consumer = make()
    await consumer.run({ eachRecord: () => {} })
    await consumer.close()
    ended.push(new WeakRef(consumer))
  }
  make()
  await new Promise(resolve => setImmediate(resolve))
  collect()
  // The last one may still be held by this function.
  expect(ended.slice(0, 2).map(each => each.deref())).toEqual([undefined, undefined])
})

it('still tells of a handler at work whose consumer has ended, once others were made', async () => {
  const { broker, make } = start()
  const consumer = make()
  let finish = () => {}
  const handled = new Promise<void>(resolve => {
    finish = resolve
  })
  await consumer.run({ eachRecord: () => handled })
  await broker.producer().send({ topic: 'orders', value: 1 })
  await broker.advance(0)
  await consumer.close({ timeoutMs: 0 })
  make()
  expect(broker.leftOpen).toEqual([expect.stringContaining('handles orders-0 offset 0')])
  finish()
  await broker.advance(0)
  expect(broker.leftOpen).toEqual([])
})

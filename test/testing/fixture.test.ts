import { topic } from 'brokerlet'
import { brokerFixture, TestBroker } from 'brokerlet/testing'
import { test as base, expect } from 'vitest'
import { collectWarnings } from '../helpers/warnings.ts'

const topics = { orders: topic({ partitions: 1 }) }
const warnings = collectWarnings()
const task = { name: 'my test' }

const test = base.extend({ broker: brokerFixture({ topics, seed: 5 }) })

test('gives each test a broker of its own', async ({ broker }) => {
  expect(broker).toBeInstanceOf(TestBroker)
  await broker.producer().send({ topic: 'orders', value: 1 })
  expect(broker.topic('orders').records()).toHaveLength(1)
})

test('and the next one another', ({ broker }) => {
  expect(broker.topic('orders').records()).toEqual([])
})

base('closes the broker after the test, also where that fails', async () => {
  let broker: TestBroker<typeof topics> | undefined
  const failing = brokerFixture({ topics })({ task }, async given => {
    broker = given
    throw new Error('the test failed')
  })
  await expect(failing).rejects.toThrow('the test failed')
  expect(() => broker!.producer()).toThrow('closed')
})

base('tells what the test left open', async () => {
  await brokerFixture({ topics })({ task }, async broker => {
    broker.faults.fail({ operation: 'commit', group: 'billing' }, new Error('no'))
    await broker
      .consumer({ groupId: 'billing', topics: ['orders'] })
      .run({ eachRecord: () => broker.clock.sleep(10) })
    await broker.producer().send({ topic: 'orders', value: 1 })
    await broker.advance(0)
  })
  await new Promise(resolve => setImmediate(resolve))
  expect(warnings).toEqual([
    expect.stringMatching(
      /^Test 'my test' left open: consumer-000001-\S+ handles orders-0 offset 0; a fault was never met: fail commit of group billing$/,
    ),
  ])
})

base('fails the test for it where that is asked for, or ignores it', async () => {
  const leave = async (broker: TestBroker<typeof topics>) =>
    void broker.faults.delay({ operation: 'append' }, 1)
  await expect(brokerFixture({ topics, leftOpen: 'fail' })({ task }, leave)).rejects.toThrow(
    "Test 'my test' left open: a fault was never met: delay append",
  )
  await brokerFixture({ topics, leftOpen: 'ignore' })({ task }, leave)
  await new Promise(resolve => setImmediate(resolve))
  expect(warnings).toEqual([])
})

base('has nothing against a test that leaves nothing open', async () => {
  for (const leftOpen of ['fail', 'warn'] as const)
    await brokerFixture({ topics, leftOpen })({ task }, async broker => {
      const barrier = broker.faults.pauseNext({ operation: 'append' })
      const sent = broker.producer().send({ topic: 'orders', value: 1 })
      await barrier.entered
      expect(broker.leftOpen).toEqual(['a fault holds back append'])
      barrier.release()
      await sent
    })
  await new Promise(resolve => setImmediate(resolve))
  expect(warnings).toEqual([])
})

base('refuses another word for what is done about it', () => {
  expect(() => brokerFixture({ topics, leftOpn: 'fail' } as never)).toThrow(
    "brokerFixture: unknown option 'leftOpn'. Did you mean 'leftOpen'?",
  )
  expect(() => brokerFixture({ topics, leftOpen: 'throw' as never })).toThrow(
    "brokerFixture: option 'leftOpen' expected one of 'fail', 'warn', 'ignore', received 'throw'",
  )
})

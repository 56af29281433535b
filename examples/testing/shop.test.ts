/** Two services, a record that comes twice, and a service that is down, all on virtual time. See docs/testing.md. */
import { assertNothingLost, brokerFixture } from 'brokerlet/testing'
import { test as base, expect } from 'vitest'
import { shopTopics, startBilling, startShipping } from './shop.ts'

const test = base.extend({ broker: brokerFixture({ topics: shopTopics, leftOpen: 'fail' }) })

const order = (id: string) => ({ topic: 'orders', key: id, value: { id, total: 30 } }) as const

test('an order is paid and shipped', async ({ broker }) => {
  await startBilling(broker)
  const shipping = await startShipping(broker)

  await broker.producer().send(order('o-1'))
  await broker.idle()

  expect(shipping.parcels).toEqual(['o-1'])
})

test('an order that is delivered twice is charged once', async ({ broker }) => {
  await startBilling(broker)
  const shipping = await startShipping(broker)
  const { partition, offset } = await broker.producer().send(order('o-1'))
  await broker.idle()

  broker.redeliver({ group: 'billing', topic: 'orders', partition, offset })
  await broker.idle()

  expect(broker.topic('payments').records()).toHaveLength(1)
  expect(shipping.parcels).toEqual(['o-1'])
})

test('an order waits for billing to come back, and is not lost', async ({ broker }) => {
  await startBilling(broker)
  const shipping = await startShipping(broker)
  broker.faults.fail({ operation: 'handle', group: 'billing' }, new Error('the bank is down'), { times: 3 })

  await broker.producer().send(order('o-1'))
  await broker.advanceUntilIdle()

  expect(shipping.parcels).toEqual(['o-1'])
  expect(broker.timeline.ofKind('failed')).toHaveLength(3)
  assertNothingLost(broker, 'billing')
})

test('a crashed billing service is taken over when its session is over', async ({ broker }) => {
  await startBilling(broker)
  const shipping = await startShipping(broker)
  broker.crash({ group: 'billing' })
  const takeover = startBilling(broker)

  await broker.producer().send(order('o-1'))
  expect(shipping.parcels).toEqual([])
  await broker.advance(45_000)
  await takeover

  await broker.idle()
  expect(shipping.parcels).toEqual(['o-1'])
})

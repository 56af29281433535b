/** Two services under hundreds of schedules: instances start, stop and crash, operations fail or are slow. */
import type { PubSub } from 'brokerlet'
import { type Scenario, simulate, type TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { shopTopics, startBilling, startShipping } from './shop.ts'

const shop: Scenario<typeof shopTopics> = {
  topics: shopTopics,
  services: { billing: startBilling, shipping: startShipping },
  actions: {
    order: ({ broker, step }) =>
      broker.producer().send({ topic: 'orders', key: `o-${step}`, value: { id: `o-${step}`, total: 30 } }),
  },
}

const paidOnce: typeof shop.check = broker => {
  const payments = broker.topic('payments').records()
  expect(new Set(payments.map(({ key }) => key)).size).toBe(payments.length)
}

it('never loses an order, whatever happens', () => simulate(shop))

it('finds that what an instance has charged is forgotten with it', async () => {
  const chargedOnce: typeof shop = { ...shop, check: paidOnce }
  // An order is billed, and its record comes again. To charge once, billing would have to
  // look in a table, or ask the bank.
  await expect(simulate(chargedOnce)).rejects.toMatchObject({
    name: 'SimulationError',
    schedule: expect.arrayContaining([expect.stringContaining('order'), expect.stringContaining('billing-')]),
  })
})

interface Charges {
  has(id: string): Promise<boolean>
  add(id: string): Promise<unknown>
}

/** Charges each order that the database does not have yet. */
async function startBillingWith(pubsub: PubSub<typeof shopTopics>, charges: Charges): Promise<void> {
  const producer = pubsub.producer()
  await pubsub.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: async ({ value: { id, total } }) => {
      if (await charges.has(id)) return
      await producer.send({ topic: 'payments', key: id, value: { orderId: id, amount: total } })
      await charges.add(id)
    },
  })
}

// A database outlives the instances of a schedule, and each schedule needs an empty one.
const databases = new WeakMap<object, Set<string>>()

function chargesOf(broker: TestBroker<typeof shopTopics>): Charges {
  const ids = databases.get(broker) ?? new Set()
  databases.set(broker, ids)
  return {
    has: id => broker.clock.sleep(2).then(() => ids.has(id)),
    add: id => broker.clock.sleep(2).then(() => ids.add(id)),
  }
}

it('finds that an instance may die when it has charged an order and has not stored that', async () => {
  const withDatabase: typeof shop = {
    ...shop,
    services: { billing: broker => startBillingWith(broker, chargesOf(broker)) },
    check: paidOnce,
  }
  await expect(simulate(withDatabase)).rejects.toMatchObject({
    schedule: expect.arrayContaining([expect.stringContaining('billing-1 will crash once it has written')]),
  })
})

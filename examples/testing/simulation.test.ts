/** Two services under hundreds of schedules: instances start, stop and crash, operations fail or are slow. */
import { type Scenario, simulate } from 'brokerlet/testing'
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

it('never loses an order, whatever happens', () => simulate(shop))

it('finds that what an instance has charged is forgotten with it', async () => {
  const chargedOnce: typeof shop = {
    ...shop,
    check: broker => {
      const payments = broker.topic('payments').records()
      expect(new Set(payments.map(({ key }) => key)).size).toBe(payments.length)
    },
  }
  // An order is billed, and its record comes again. To charge once, billing would have to
  // look in a table, or ask the bank.
  await expect(simulate(chargedOnce)).rejects.toMatchObject({
    name: 'SimulationError',
    schedule: expect.arrayContaining([expect.stringContaining('order'), expect.stringContaining('billing-')]),
  })
})

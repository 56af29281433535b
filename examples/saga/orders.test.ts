/** A process of several services, with a way back: under many schedules every order is confirmed, or paid back. */
import { brokerFixture, type Scenario, simulate, type TestBroker } from 'brokerlet/testing'
import { test as base, expect } from 'vitest'
import { orderTopics, startSaga, startService } from './orders.ts'

const test = base.extend({ broker: brokerFixture({ topics: orderTopics }) })

type Services = Scenario<typeof orderTopics>['services']

const services: Services = {
  saga: startSaga,
  payments: (bus, { name }) =>
    startService(bus, {
      groupId: 'payments',
      name,
      work: {
        pay: async (_, { cents }) => (cents > 1000 ? 'declined' : 'paid'),
        refund: async () => 'refunded',
      },
    }),
  stock: (bus, { name }) =>
    startService(bus, {
      groupId: 'stock',
      name,
      work: { reserve: async (_, { sku }) => (sku === 'lamp' ? 'outOfStock' : 'reserved') },
    }),
}

type Orders = TestBroker<typeof orderTopics>

function statesOf(broker: Orders): Record<string, string> {
  return Object.fromEntries(
    broker
      .topic('states')
      .records()
      .map(({ key, value }) => [key, value]),
  )
}

function historyOf(broker: Orders, order: string): string[] {
  const records = broker.topic('events').records()
  return records.filter(({ key }) => key === order).map(({ value }) => value.kind)
}

function place(broker: Orders, key: string, sku: string, cents: number) {
  return broker.producer().send({ topic: 'events', key, value: { kind: 'placed', sku, cents } })
}

test('an order that cannot be delivered is paid back', async ({ broker }) => {
  for (const [name, start] of Object.entries(services)) await start(broker, { name })
  await place(broker, 'o-1', 'chair', 500)
  await place(broker, 'o-2', 'lamp', 500)
  await place(broker, 'o-3', 'chair', 5000)
  await broker.idle()

  expect(statesOf(broker)).toEqual({ 'o-1': 'confirmed', 'o-2': 'cancelled', 'o-3': 'cancelled' })
  expect(historyOf(broker, 'o-1')).toEqual(['placed', 'paid', 'reserved'])
  expect(historyOf(broker, 'o-2')).toEqual(['placed', 'paid', 'outOfStock', 'refunded'])
  expect(historyOf(broker, 'o-3')).toEqual(['placed', 'declined'])
})

test('no order stays half done, and none is paid twice, whatever happens', () =>
  simulate(
    {
      topics: orderTopics,
      services,
      actions: {
        chair: ({ broker, step }) => place(broker, `chair-${step}`, 'chair', 500),
        lamp: ({ broker, step }) => place(broker, `lamp-${step}`, 'lamp', 500),
      },
      check: broker => {
        const events = broker.topic('events').records()
        expect(Object.keys(statesOf(broker))).toHaveLength(new Set(events.map(({ key }) => key)).size)
        for (const [order, state] of Object.entries(statesOf(broker))) {
          const chair = order.startsWith('chair')
          expect(state).toBe(chair ? 'confirmed' : 'cancelled')
          const way = chair ? ['reserved'] : ['outOfStock', 'refunded']
          expect(historyOf(broker, order)).toEqual(['placed', 'paid', ...way])
        }
      },
    },
    { seeds: 30 },
  ))

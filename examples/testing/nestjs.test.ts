/** A NestJS application under test: its modules get a TestBroker as their broker. */
import { brokerFixture } from 'brokerlet/testing'
import { test as base, expect } from 'vitest'
import { createApp } from '../nestjs-monolith/app.ts'
import { BillingService } from '../nestjs-monolith/billing.module.ts'
import { OrdersService } from '../nestjs-monolith/orders.module.ts'
import { topics } from '../nestjs-monolith/topics.ts'

const test = base.extend({ broker: brokerFixture({ topics, leftOpen: 'fail' }) })

test('an order is invoiced and shipped', async ({ broker }) => {
  const app = await createApp(broker)

  await app.get(OrdersService).place({ orderId: 'o-1', customer: 'ada', total: 30 })
  await broker.advanceUntilIdle()

  expect(app.get(BillingService)).toMatchObject({ invoices: 1, revenue: 30 })
  expect(app.get(OrdersService).open).toBe(0)
  await app.close()
})

test('billing is down for a while, and nothing is lost', async ({ broker }) => {
  const app = await createApp(broker)
  broker.faults.fail({ operation: 'handle', group: 'billing' }, new Error('down'), { times: 2 })

  await app.get(OrdersService).place({ orderId: 'o-1', customer: 'ada', total: 30 })
  await broker.advanceUntilIdle()

  expect(app.get(BillingService).invoices).toBe(1)
  await app.close()
})

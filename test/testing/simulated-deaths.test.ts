import { expect, it, vi } from 'vitest'
import type { Broker } from '../../src/index.ts'
import { type Scenario, simulate } from '../../src/testing/index.ts'
import { failureOf, ids, order, scenario, startMail, type Topics, topics } from './simulate-scene.ts'

// Dozens of schedules take their time on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

it('hears nothing more of an instance that died, though its handlers go on', async () => {
  let started = 0
  let wentOn = 0
  const died = new Map<string, number>()
  const services: Scenario<Topics>['services'] = {
    billing: async broker => {
      const by = String(++started)
      const producer = broker.producer()
      const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
      consumer.done.catch(() => died.set(by, broker.now))
      await consumer.run({
        eachRecord: async ({ key, value }) => {
          await new Promise<void>(resolve => broker.clock.setTimer(resolve, 500, { hold: true }))
          if (died.has(by)) wentOn++
          await producer.send({ topic: 'invoices', key, value, headers: { by } })
        },
      })
    },
  }
  const check = (broker: Broker<Topics>) => {
    for (const { headers, timestamp } of broker.topic('invoices').records())
      expect(timestamp).toBeLessThanOrEqual(died.get(String(headers.by)) ?? Number.POSITIVE_INFINITY)
  }
  await simulate({ ...scenario, services, check }, { seeds: 30, weights: { crash: 10, start: 10 } })
  expect(wentOn).toBeGreaterThan(0)
})

it('finds that an order was billed, and its instance died before it had noted that', async () => {
  // What is noted outlives every instance, as a database does.
  const noted = new WeakMap<object, Set<number>>()
  const services: Scenario<Topics>['services'] = {
    billing: async broker => {
      const billed = noted.get(broker) ?? new Set()
      noted.set(broker, billed)
      const producer = broker.producer()
      await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
        eachRecord: async ({ key, value }) => {
          if (billed.has(value.id)) return
          await producer.send({ topic: 'invoices', key, value })
          billed.add(value.id)
        },
      })
    },
  }
  const check = (broker: Broker<Topics>) =>
    expect(broker.topic('invoices').records()).toHaveLength(ids(broker, 'invoices').length)
  const error = await failureOf({ ...scenario, services, check }, { seeds: 20 })
  expect(error.schedule.join()).toContain('billing-1 will crash once it has written')
})

it('finds that an instance died once its transaction was committed, before it had noted that', async () => {
  const noted = new WeakMap<object, Set<number>>()
  const services: Scenario<Topics>['services'] = {
    billing: async (broker, { name }) => {
      const billed = noted.get(broker) ?? new Set()
      noted.set(broker, billed)
      const producer = broker.producer({ transactionalId: name })
      const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
      await consumer.run({
        eachRecord: async ({ key, value }, context) => {
          await producer.transaction(async transaction => {
            await transaction.send({ topic: 'invoices', key, value })
            await transaction.sendOffsets(context)
          })
          billed.add(value.id)
        },
      })
    },
  }
  const check = (broker: Broker<Topics>) =>
    expect([...(noted.get(broker) ?? [])].sort((a, b) => a - b)).toEqual(ids(broker, 'invoices'))
  const error = await failureOf({ ...scenario, services, check })
  expect(error.schedule.join()).toContain('billing-1 will crash once it has written 2 times')
})

it('hears nothing more of the transactions of an instance that died, and holds for those of others', async () => {
  const { steps } = await simulate(
    {
      topics,
      services: {
        billing: (broker, { name }) => {
          const producer = broker.producer({ transactionalId: name })
          return broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false }).run({
            eachRecord: (record, context) =>
              producer.transaction(async tx => {
                const { key, value } = record
                await broker.clock.sleep(50)
                await tx.send({ topic: 'invoices', key, value })
                await tx.sendOffsets(context)
              }),
          })
        },
        mail: startMail,
      },
      actions: { order },
      check: broker => {
        const billed = broker.topic('invoices').records()
        expect(new Set(billed.map(({ value }) => value.id)).size).toBe(billed.length)
      },
    },
    { seeds: 60, weights: { crash: 4 } },
  )
  expect(steps.crash).toBeGreaterThan(0)
  expect(steps.redeliver).toBeGreaterThan(0)
})

it('holds for services that take and send in transactions, whenever their instances die', async () => {
  const billing: Scenario<Topics>['services'][string] = async (broker, { name }) => {
    const producer = broker.producer({ transactionalId: name })
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
    await consumer.run({
      eachRecord: ({ key, value }, context) =>
        producer.transaction(async tx => {
          await tx.send({ topic: 'invoices', key, value })
          await tx.sendOffsets(context)
        }),
    })
  }
  const check: Scenario<Topics>['check'] = broker => {
    const billed = broker.topic('invoices').records()
    expect(billed.map(({ value }) => value.id).sort((a, b) => a - b)).toEqual(ids(broker, 'orders'))
  }
  const promises = ['nothingLost', 'everyKeyInOrder', 'noCommitPastProcessed'] as const
  await simulate({ topics, services: { billing }, actions: { order }, promises, check }, { seeds: 40 })
})

it('lets nothing arrive that an instance sends in a transaction once it has died', async () => {
  await simulate(
    {
      topics,
      services: {
        billing: (broker, { name }) => {
          const producer = broker.producer({ transactionalId: name })
          return broker.consumer({ groupId: 'billing', topics: ['orders'], clientId: name }).run({
            eachRecord: async ({ key, value }) => {
              await broker.clock.sleep(50)
              await producer.transaction(tx => tx.send({ topic: 'invoices', key, value }))
            },
          })
        },
      },
      actions: { order },
      // Each handler that ends has billed once. One that dies may have billed as it dies, but not later.
      check: broker => {
        const ended = broker.timeline.ofKind('processed')
        const died = broker.timeline.ofKind('crashed')
        const billed = broker.timeline.ofKind('appended').filter(entry => entry.topic === 'invoices')
        for (const { at: when } of billed) {
          const [bills, ends, deaths] = [billed, ended, died].map(
            entries => entries.filter(({ at }) => at === when).length,
          )
          expect(bills! - ends!).toBeLessThanOrEqual(deaths!)
        }
        expect(billed.length).toBeGreaterThanOrEqual(ended.length)
      },
    },
    { seeds: 40, weights: { fail: 0, delay: 0, redeliver: 0, stop: 0, crash: 4, turn: 0 } },
  )
})

import { AssertionError } from 'node:assert'
import { describe, expect, it, vi } from 'vitest'
import { type Broker, topic } from '../../src/index.ts'
import { type Scenario, simulate, type TestBroker } from '../../src/testing/index.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { collectWarnings } from '../helpers/warnings.ts'
import {
  failureOf,
  ids,
  type Order,
  order,
  scenario,
  startBilling,
  type Topics,
  topics,
} from './simulate-scene.ts'

// Dozens of schedules take their time on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const warnings = collectWarnings()

describe('services that are right', () => {
  it('lose no order, whatever happens', async () => {
    const { seeds, steps } = await simulate({
      ...scenario,
      promises: ['nothingLost', 'everyKeyInOrder', 'noCommitPastProcessed'],
      check: broker => expect(ids(broker, 'invoices')).toEqual(ids(broker, 'orders')),
    })
    expect(seeds).toBe(100)
    // Everything that can happen has happened, and often.
    for (const count of Object.values(steps)) expect(count).toBeGreaterThan(20)
  })

  it('may poll, iterate and be static members', async () => {
    const services: Scenario<Topics>['services'] = {
      billing: async broker => {
        const producer = broker.producer()
        for await (const { key, value } of broker.consumer({ groupId: 'billing', topics: ['orders'] }))
          await producer.send({ topic: 'invoices', key, value })
      },
      mail: async (broker, { name }) => {
        const consumer = broker.consumer({ groupId: 'mail', topics: ['invoices'], groupInstanceId: name })
        let open = true
        consumer.on('closed', () => {
          open = false
        })
        while (open) {
          const records = await consumer.poll({ timeoutMs: 1000 })
          if (records.length > 0) await broker.clock.sleep(10)
        }
      },
    }
    await simulate({ ...scenario, services }, { seeds: 60 })
  })
})

it('lets handlers fail, at whatever moment', async () => {
  const services: Scenario<Topics>['services'] = {
    billing: async broker => {
      const tried = new Set<number>()
      await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
        eachRecord: async ({ value: { id } }) => {
          await broker.clock.sleep(200)
          if (tried.has(id)) return
          tried.add(id)
          throw new Error('the bank is busy')
        },
      })
    },
  }
  await simulate({ ...scenario, services }, { seeds: 60, weights: { start: 6, stop: 6 } })
})

describe('a service that forgets what it has in hand when it dies', () => {
  // It says that it is done with a record before it is.
  const forgetful: Scenario<Topics> = {
    ...scenario,
    services: {
      billing: async broker => {
        const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
        const producer = broker.producer()
        await consumer.run({
          eachRecord: async ({ partition, offset, key, value }) => {
            await consumer.commit([{ topic: 'orders', partition, offset: offset + 1 }])
            await broker.clock.sleep(10)
            await producer.send({ topic: 'invoices', key, value })
          },
        })
      },
    },
  }

  it('fails, with the seed and a short schedule', async () => {
    const error = await failureOf(forgetful)
    expect(error.cause).toBeInstanceOf(AssertionError)
    expect(error.message).toContain(`With seed ${error.seed}: Group 'billing' has not processed orders-`)
    expect(error.message).toContain(`Again: simulate(scenario, { seed: ${error.seed} })`)
    expect(error.message).toContain(`only: [${error.only.join(', ')}]`)
    expect(error.only.length).toBeLessThanOrEqual(4)
    expect(error.schedule.some(line => line.endsWith(': order'))).toBe(true)
    expect(error.schedule.join()).toMatch(/billing-\d (crashes|will crash|stops)|will fail/)
    expect(String(error.timeline)).toContain('orders-')
  })

  it('fails the same way again, whole or only the shortest part', async () => {
    const { seed, only, message, timeline } = await failureOf(forgetful)
    const whole = await failureOf(forgetful, { seed })
    expect(whole.message).toBe(message)
    const shortest = await failureOf(forgetful, { seed, only })
    expect(shortest.only).toEqual(only)
    expect(String(shortest.timeline)).toBe(String(timeline))
  })

  it('passes where nothing goes wrong', async () => {
    const weights = { crash: 0, stop: 0, fail: 0, delay: 0, redeliver: 0 }
    const { steps } = await simulate(forgetful, { seeds: 20, weights })
    expect(steps.crash + steps.stop + steps.fail + steps.delay + steps.redeliver).toBe(0)
  })
})

it('gives the same timeline for the same seed, to the byte', async () => {
  for (const seed of [1, 2, 3]) {
    const [first, second] = [await simulate(scenario, { seed }), await simulate(scenario, { seed })]
    expect(first.seeds).toBe(1)
    expect(String(first.timeline)).toBe(String(second.timeline))
    expect([...first.timeline].length).toBeGreaterThan(20)
  }
})

it('finds what a check of the whole finds, here that an order is billed twice', async () => {
  const once = {
    ...scenario,
    check: (broker: Broker<Topics>) => {
      const all = broker.topic('invoices').records()
      if (all.length > ids(broker, 'invoices').length) throw new RangeError('billed twice')
    },
  }
  const error = await failureOf(once, { steps: 30 })
  expect(error.cause).toMatchObject({ name: 'RangeError', message: 'billed twice' })
  expect(error.message).toContain(`simulate(scenario, { seed: ${error.seed}, steps: 30 })`)
})

it('asks after each step for what must always be', async () => {
  let asked = 0
  const always = () => {
    if (++asked === 10) throw new Error('not any more')
  }
  const error = await failureOf({ ...scenario, always }, { steps: 20, shrinkAttempts: 0 })
  expect(error.cause).toMatchObject({ message: 'not any more' })
  expect(asked).toBe(10)
})

it('says so where a failure does not come again', async () => {
  let runs = 0
  const check = () => {
    if (++runs === 3) throw new Error('once')
  }
  const error = await failureOf({ ...scenario, check })
  expect(error.seed).toBe(3)
  expect(error.message).toContain('It did not fail the same way again')
})

it('finds that a table may lag behind what it is needed for', async () => {
  const services: Scenario<Topics>['services'] = {
    billing: async broker => {
      const table = new Set<number>()
      const invoices = broker.consumer({ topics: ['invoices'] })
      await invoices.run({ eachRecord: ({ value }) => void table.add(value.id) })
      await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
        eachRecord: ({ value }) => {
          if (!table.has(value.id)) throw new RangeError('no such invoice')
        },
      })
    },
  }
  const actions: Scenario<Topics>['actions'] = {
    order: async ({ broker, step: id }) => {
      await broker.producer().send({ topic: 'invoices', key: 'ada', value: { id } })
      await broker.producer().send({ topic: 'orders', key: 'ada', value: { id } })
    },
  }
  const check = (broker: Broker<Topics>) =>
    expect(
      (broker as TestBroker<Topics>).timeline.ofKind('failed').map(({ error }) => (error as Error).name),
    ).not.toContain('RangeError')
  const error = await failureOf({ ...scenario, services, actions, check })
  expect(error.schedule.join()).toMatch(/fetch of billing-\d without a group will take/)
})

it('finds what a slow handler overwrites once another instance has its partition', async () => {
  const newest = new WeakMap<object, Map<string, number>>()
  const services: Scenario<Topics>['services'] = {
    billing: async broker => {
      const orders = newest.get(broker) ?? new Map()
      newest.set(broker, orders)
      await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
        eachRecord: async ({ key, value }) => {
          await broker.clock.sleep(20)
          orders.set(key, value.id)
        },
      })
    },
  }
  const check = (broker: Broker<Topics>) => {
    const last = new Map(
      broker
        .topic('orders')
        .records()
        .map(({ key, value }) => [key, value.id]),
    )
    expect(newest.get(broker)).toEqual(last)
  }
  await failureOf({ ...scenario, services, check }, { weights: { redeliver: 0, crash: 0 } })
})

it('fails by what a service rejects with', async () => {
  const services: Scenario<Topics>['services'] = {
    billing: async broker => {
      await startBilling(broker)
      throw new RangeError('no configuration')
    },
  }
  const error = await failureOf({ ...scenario, services })
  expect(error.cause).toMatchObject({ message: 'no configuration' })
  expect(error.only).toEqual([])
  expect(error.message).toContain('none: it fails by itself')
})

it('gives a name again only once its bearer is gone', async () => {
  const live = new Set<string>()
  const services: Scenario<Topics>['services'] = {
    billing: async (broker, { name }) => {
      const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
      if (live.has(name)) throw new Error(`${name} is there twice`)
      live.add(name)
      const gone = () => void live.delete(name)
      consumer.done.then(gone, gone)
      await consumer.run({ eachRecord: () => broker.clock.sleep(500) })
    },
  }
  await simulate({ ...scenario, services }, { seeds: 40, instances: 2 })
})

it.each([
  [
    { ...scenario, services: {} },
    {},
    "simulate: option 'services' expected functions that start a service, by name, at least one; received none",
  ],
  [
    { topics, services: scenario.services },
    {},
    "option 'actions' expected functions that do something from outside, by name, at least one; received undefined",
  ],
  [{ ...scenario, actions: {} }, {}, 'by name, at least one; received none'],
  [{ ...scenario, actions: [order] }, {}, 'by name, at least one; received an array of 1'],
  [{ ...scenario, actions: { order: 1 } }, {}, "by name, at least one; received 1 as 'order'"],
  [{ ...scenario, promises: ['nothing'] }, {}, "option 'promises' expected an array of 'nothingLost'"],
  [
    { ...scenario, seed: 1 },
    {},
    "simulate: option 'seed' expected nothing: it goes into the second argument, received 1",
  ],
  [{ ...scenario, seeds: 9 }, {}, "option 'seeds' expected nothing: it goes into the second argument"],
  [{ ...scenario, topcis: {} }, {}, "simulate: unknown option 'topcis'. Did you mean 'topics'?"],
  [{ ...scenario, alway: () => {} }, {}, "simulate: unknown option 'alway'. Did you mean 'always'?"],
  [scenario, { seeds: 0 }, "option 'seeds' expected a whole number of at least 1"],
  [scenario, { seed: 1, seeds: 2 }, "option 'seeds' expected no seeds beside 'seed'"],
  [scenario, { only: [1] }, "option 'only' expected a 'seed' beside it"],
  [scenario, { weights: { crush: 1 } }, "weights: unknown option 'crush'. Did you mean 'crash'?"],
  [scenario, { step: 10 }, "unknown option 'step'"],
])('refuses what it cannot run: %#', async (given, options, text) => {
  const error = await rejectionOf(simulate(given as never, options as never))
  expect(error.name).toBe('InvalidOptionError')
  expect(error.message).toContain(text)
})

it('holds for topics that are compacted', async () => {
  const prices = topic<Order>({ cleanupPolicy: 'compact', segmentRecords: 2 })
  const { steps } = await simulate(
    {
      topics: { prices },
      services: {
        table: broker =>
          broker
            .consumer({ groupId: 'table', topics: ['prices'] })
            .run({ eachRecord: () => broker.clock.sleep(5) }),
      },
      actions: {
        price: ({ broker, step, random }) =>
          broker.producer().send({ topic: 'prices', key: random.pick(['a', 'b']), value: { id: step } }),
      },
    },
    { seeds: 60 },
  )
  expect(steps.redeliver).toBeGreaterThan(0)
})

it('refuses steps that the schedule does not have', async () => {
  expect(await rejectionOf(simulate(scenario, { seed: 1, only: [3, 50] }))).toMatchObject({
    message: "simulate: option 'only' expected numbers below steps (50), received an array of 2",
  })
})

it('lets a service read to the end, or for a while, before it joins its group', async () => {
  const { steps } = await simulate(
    {
      topics,
      services: {
        billing: async broker => {
          for await (const _ of broker.consumer({ topics: ['invoices'], until: 'end' }));
          const once = broker.consumer({ topics: ['orders'] })
          await once.ready()
          await once.close()
          await startBilling(broker)
        },
      },
      actions: { order },
      check: broker => expect(ids(broker, 'invoices')).toEqual(ids(broker, 'orders')),
    },
    { seeds: 30 },
  )
  expect(steps.crash).toBeGreaterThan(0)
})

it('does not warn the process of what it is made of', async () => {
  await simulate(
    {
      topics: { ...topics, dlq: topic<Order>() },
      services: {
        billing: broker =>
          broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
            retry: { attempts: 1 },
            onFailure: { deadLetter: 'dlq' },
            eachRecord: () => {
              throw new Error('wrong')
            },
          }),
        mail: broker =>
          broker.consumer({ groupId: 'mail', topics: ['orders'] }).run({
            retry: { attempts: 1 },
            onFailure: 'park-key',
            eachRecord: (_, { attempt }) => {
              if (attempt < 2) throw new Error('not yet')
            },
          }),
      },
      actions: { order },
    },
    { seeds: 5 },
  )
  expect(warnings).toEqual([])
})

it('has a service there again at the end that stopped by itself, but not one that always does', async () => {
  const stopping = (fails: (count: number) => boolean): Scenario<Topics> => {
    let count = 0
    return {
      topics,
      services: {
        billing: broker =>
          broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
            retry: { attempts: 1 },
            onFailure: 'stop',
            eachRecord: () => {
              if (fails(count++)) throw new Error('out of order')
            },
          }),
      },
      actions: { order },
    }
  }
  await simulate(
    stopping(count => count % 4 === 3),
    { seeds: 30 },
  )
  const error = await rejectionOf(
    simulate(
      stopping(() => true),
      { seeds: 1, shrinkAttempts: 5 },
    ),
  )
  expect(error.message).toContain("group 'billing' has lag")
  expect(error.message).toContain('out of order')
})

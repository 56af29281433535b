// What a user reads when a simulation fails: the whole text.
import { topic } from 'brokerlet'
import { type Scenario, type SimulateOptions, SimulationError, simulate } from 'brokerlet/testing'
import { describe, expect, it } from 'vitest'
import { rejectionOf } from '../helpers/errors.ts'

const topics = { orders: topic<number>() }
type Topics = typeof topics

const none = { act: 0, start: 0, stop: 0, crash: 0, fail: 0, delay: 0, redeliver: 0, time: 0, turn: 0 }
const onlyOrders = { ...none, act: 1 }
const written =
  '{"act": 1, "start": 0, "stop": 0, "crash": 0, "fail": 0, "delay": 0, "redeliver": 0, "time": 0, "turn": 0}'

const scenario: Scenario<Topics> = {
  topics,
  services: { billing: () => {} },
  actions: { order: ({ broker, step }) => broker.producer().send({ topic: 'orders', value: step }) },
}

async function failureOf(parts: Partial<Scenario<Topics>>, options?: SimulateOptions) {
  const error: unknown = await rejectionOf(simulate({ ...scenario, ...parts }, options))
  if (error instanceof SimulationError) return error
  throw error
}

/** A check that fails from so many orders on. */
const fewerThan =
  (limit: number, error: () => Error): Scenario<Topics>['check'] =>
  broker => {
    if (broker.topic('orders').records().length >= limit) throw error()
  }
const tooMany = () => new RangeError('too many orders')

describe('the report of a simulation that fails', () => {
  it('has the seed, the failure, the steps, and both ways to run it again', async () => {
    const weights = { ...none, act: 1, time: 1 }
    const timed = written.replace('"time": 0', '"time": 1')
    const error = await failureOf({ check: fewerThan(2, tooMany) }, { steps: 8, weights })
    expect(error.message).toBe(`With seed 1: too many orders

The steps of the shortest schedule that was found (2 of 8):
  step 1: order
  step 2: order

Again: simulate(scenario, { seed: 1, steps: 8, weights: ${timed} })
Or only its shortest part: simulate(scenario, { seed: 1, steps: 8, weights: ${timed}, only: [1, 2] })`)
    expect(error).toMatchObject({ seed: 1, only: [1, 2], schedule: ['step 1: order', 'step 2: order'] })
    expect(error.cause).toMatchObject({ name: 'RangeError', message: 'too many orders' })
    expect(error.timeline.ofKind('appended')).toHaveLength(2)
  })

  it('has no shorter part where the whole schedule is the shortest', async () => {
    const error = await failureOf({ check: fewerThan(2, tooMany) }, { steps: 2, weights: onlyOrders })
    expect(error.message).toBe(`With seed 1: too many orders

The steps of the shortest schedule that was found (2 of 2):
  step 0: order
  step 1: order

Again: simulate(scenario, { seed: 1, steps: 2, weights: ${written} })`)
  })

  it('runs again with all that its schedule followed from: also as many instances, and some of the steps', async () => {
    const options = { seed: 2, steps: 6, weights: { act: 9 }, instances: 1, only: [0, 2, 4] }
    const { message, only } = await failureOf({ check: fewerThan(1, tooMany) }, options)
    const kept = 'seed: 2, steps: 6, weights: {"act": 9}, instances: 1'
    expect(message).toContain(`Again: simulate(scenario, { ${kept}, only: [0, 2, 4] })`)
    expect(message).toContain(`shortest part: simulate(scenario, { ${kept}, only: [${only.join(', ')}] })`)
    expect(only).toHaveLength(1)
  })

  it('has no step where it fails without any', async () => {
    const error = await failureOf({ check: fewerThan(0, tooMany) })
    expect(error.message).toBe(`With seed 1: too many orders

The steps of the shortest schedule that was found (0 of 50):
  none: it fails by itself

Again: simulate(scenario, { seed: 1 })
Or only its shortest part: simulate(scenario, { seed: 1, only: [] })`)
  })

  it('has the whole schedule where no shorter one is to be tried, or it does not fail again', async () => {
    const all = ['step 0: order', 'step 1: order', 'step 2: order']
    const options = { steps: 3, weights: onlyOrders }
    const untried = await failureOf({ check: fewerThan(1, tooMany) }, { ...options, shrinkAttempts: 0 })
    expect(untried.schedule).toEqual(all)

    let runs = 0
    const once = () => {
      if (++runs === 1) throw tooMany()
    }
    const unsteady = await failureOf({ check: once }, options)
    expect(unsteady.message).toBe(`With seed 1: too many orders

The steps of the shortest schedule that was found (3 of 3):
  step 0: order
  step 1: order
  step 2: order

Again: simulate(scenario, { seed: 1, steps: 3, weights: ${written} })
It did not fail the same way again: something in it does not come from the broker`)
  })

  it('has no schedule that fails with an error of another name or code', async () => {
    const ofCode = (code: string) => Object.assign(new Error('failed'), { code })
    for (const [wanted, other] of [
      [new RangeError('failed'), new TypeError('failed')],
      [ofCode('EMANY'), ofCode('EFEW')],
      ['many', 2],
    ] as const) {
      const check: Scenario<Topics>['check'] = broker => {
        const { length } = broker.topic('orders').records()
        if (length > 0) throw length >= 3 ? wanted : other
      }
      const { cause, only } = await failureOf({ check }, { steps: 5, weights: onlyOrders })
      expect([cause, only.length]).toEqual([wanted, 3])
    }
  })

  it('has the error of an action, as that of a service', async () => {
    const actions = { order: () => Promise.reject(new RangeError('no such customer')) }
    const { message, cause } = await failureOf({ actions }, { steps: 1, weights: onlyOrders })
    expect(message.split('\n')[0]).toBe('With seed 1: no such customer')
    expect(cause).toBeInstanceOf(RangeError)
  })

  it('says of a consumer that gets nowhere what is asked of it, and why it fails', async () => {
    const billing: Scenario<Topics>['services'][string] = broker =>
      broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
        retry: { attempts: 1 },
        eachRecord: () => {
          throw new Error('the bank is closed')
        },
      })
    const options = { steps: 1, weights: onlyOrders, shrinkAttempts: 0 }
    const { message } = await failureOf({ services: { billing } }, options)
    expect(message.split('\n')[0]).toBe(
      "With seed 1: Waited for the broker to be idle, but consumer 'consumer' of group 'billing' has restarted 60 times " +
        'and handled nothing in between; at offset 0 of orders-0: the bank is closed. At the end of a schedule no ' +
        'fault is left, and every service has to handle all that it was sent',
    )
  })

  it('names what never comes to its end', async () => {
    const actions = { order: () => new Promise(() => {}) }
    const options = { steps: 2, weights: onlyOrders, shrinkAttempts: 0 }
    const { message } = await failureOf({ actions }, options)
    expect(message.split('\n')[0]).toBe(
      "With seed 1: The broker is idle, but these are still running: action 'order' of step 0, action 'order' of step 1",
    )
  })
})

describe('a simulation', () => {
  it('runs the seeds from 1 to 100, 50 steps each, with up to 3 instances of a service', async () => {
    let [steps, schedules] = [0, 0]
    const always = () => void steps++
    const check = () => void schedules++
    const report = await simulate({ ...scenario, always, check }, { weights: { ...none, start: 1 } })
    expect([report.seeds, schedules, steps]).toEqual([100, 100, 5000])
    // One of each runs from the beginning.
    expect(report.steps).toEqual({ ...none, start: 200 })
  })

  it('waits at the end for what actions have begun, as long as the time of the broker brings that', async () => {
    const order: Scenario<Topics>['actions'][string] = async ({ broker }) => {
      await broker.clock.sleep(1_800_000)
      await broker.producer().send({ topic: 'orders', value: 1 })
    }
    const check: Scenario<Topics>['check'] = broker =>
      expect(broker.topic('orders').records()).toHaveLength(2)
    await simulate({ ...scenario, actions: { order }, check }, { seeds: 1, steps: 2, weights: onlyOrders })
  })

  it.each([100_000, 1])('gives up on what goes on whenever the broker is idle: %i entries', async entries => {
    const order: Scenario<Topics>['actions'][string] = async ({ broker }) => {
      for (;;) {
        await broker.idle()
        await broker.producer().send({ topic: 'orders', value: 1 })
      }
    }
    const parts = { actions: { order }, timelineEntries: entries }
    const error = await failureOf(parts, { steps: 1, weights: onlyOrders })
    expect(String(error.cause)).toBe(
      'TimeoutError: The broker was still busy after 100 rounds of advanceUntilIdle',
    )
  })

  it('runs one seed, or some of its steps, or with as many instances, where it is asked to', async () => {
    const starts = { ...none, start: 1 }
    expect((await simulate(scenario, { seed: 7, weights: starts, instances: 5 })).steps.start).toBe(4)
    const options = { seed: 0, only: [1, 3], steps: 4, weights: onlyOrders }
    const { seeds, steps, timeline } = await simulate(scenario, options)
    expect([seeds, steps.act, timeline.ofKind('appended').length]).toEqual([1, 2, 2])
    expect((await simulate(scenario, { seeds: 1, steps: 0 })).steps).toEqual(none)
  })

  it.each([
    [{ seeds: 0 }, "simulate: option 'seeds' expected a whole number of at least 1, received 0"],
    [{ instances: 0 }, "simulate: option 'instances' expected a whole number of at least 1, received 0"],
    [{ steps: -1 }, "simulate: option 'steps' expected a whole number of at least 0, received -1"],
    [{ seed: 1, seeds: 5 }, "simulate: option 'seeds' expected no seeds beside 'seed', received 5"],
    [{ only: [1] }, "simulate: option 'only' expected a 'seed' beside it, received an array of 1"],
    [
      { seed: 1, only: [-1] },
      "simulate: option 'only' expected an array of step numbers, received an array of 1, of which [0] is -1",
    ],
    [{ weights: none }, "simulate: option 'weights' expected one above 0, received an object"],
    [
      { weights: { crash: -1 } },
      "simulate: weights: option 'crash' expected a number of 0 or more, received -1",
    ],
    [
      { weights: { act: 0, crash: Number.NaN } },
      "simulate: weights: option 'crash' expected a number of 0 or more, received NaN",
    ],
    [{ weights: { crush: 1 } }, "simulate: weights: unknown option 'crush'. Did you mean 'crash'?"],
    [
      { weights: { sleep: 1 } },
      "simulate: weights: unknown option 'sleep'; known options: act, start, stop, crash, fail, delay, redeliver, " +
        'time, turn',
    ],
    [{ weights: 5 }, "simulate: option 'weights' expected an object, received 5"],
    [{ weights: null }, "simulate: option 'weights' expected an object, received null"],
  ])('refuses %j', async (options, message) => {
    expect((await rejectionOf(simulate(scenario, options as SimulateOptions))).message).toBe(message)
  })
})

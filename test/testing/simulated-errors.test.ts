import { type PubSub, topic } from 'brokerlet'
import { type Scenario, SimulationError, simulate } from 'brokerlet/testing'
import { describe, expect, it } from 'vitest'
import { rejectionOf } from '../helpers/errors.ts'

const topics = { orders: topic<number>({ partitions: 2 }), done: topic<number>() }
type Topics = typeof topics

const boom = new Error('boom')
const none = { act: 0, start: 0, stop: 0, crash: 0, fail: 0, delay: 0, redeliver: 0, time: 0, turn: 0 }
const order: Scenario<Topics>['actions'][string] = ({ broker, step }) =>
  broker.producer().send({ topic: 'orders', key: `${step}`, value: step })

/** What a simulation of one service fails with. */
async function failureOf(
  billing: (broker: PubSub<Topics>) => Promise<void>,
  weights: Partial<typeof none>,
): Promise<Error> {
  const scenario: Scenario<Topics> = { topics, services: { billing }, actions: { order } }
  return rejectionOf(simulate(scenario, { seeds: 5, weights: { ...none, ...weights } }))
}

it('fails by what a consumer tells as an error, where no fault was the cause', async () => {
  const error = await failureOf(
    async broker => {
      const onRevoked = () => {
        throw boom
      }
      await broker
        .consumer({ groupId: 'billing', topics: ['orders'], onRevoked })
        .run({ eachRecord: () => {} })
    },
    { act: 1, start: 1, time: 1 },
  )
  expect(error).toBeInstanceOf(SimulationError)
  expect(error).toMatchObject({ name: 'SimulationError', cause: boom })
})

it('meets the faults that it says it does', async () => {
  const kinds = new Set<string>()
  const billing = async (broker: PubSub<Topics>) => {
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    await consumer.run({ eachRecord: async () => {} })
  }
  const check: Scenario<Topics>['check'] = broker => {
    for (const { action } of broker.timeline.ofKind('fault')) kinds.add(action)
  }
  const weights = { ...none, act: 4, fail: 2, delay: 2, time: 2 }
  await simulate({ topics, services: { billing }, actions: { order }, check }, { seeds: 5, weights })
  expect([...kinds].sort()).toEqual(['delay', 'fail'])
})

it.each([
  ['outside of the broker', true, () => new Promise(resolve => setTimeout(resolve, 20))],
  ['of the broker', false, (broker: PubSub<Topics>) => broker.producer().send({ topic: 'done', value: 1 })],
] as const)(
  'says whether it may not fail the same way again, where handlers await something %s',
  async (_what, may, wait) => {
    const billing = async (broker: PubSub<Topics>) => {
      await broker
        .consumer({ groupId: 'billing', topics: ['orders'] })
        .run({ eachRecord: () => wait(broker) })
    }
    const check: Scenario<Topics>['check'] = broker => {
      if (broker.topic('orders').records().length > 0) throw boom
    }
    const scenario = { topics, services: { billing }, actions: { order }, check }
    const error = await rejectionOf(
      simulate(scenario, { seeds: 1, steps: 3, weights: { ...none, act: 1 }, shrinkAttempts: 4 }),
    )
    expect(error.message.includes('It may not fail the same way again')).toBe(may)
  },
)

it('takes no handler that fails for an error of a consumer, whatever it throws', async () => {
  for (const thrown of [boom, 'boom', null, undefined]) {
    const billing = async (broker: PubSub<Topics>) => {
      const tried = new Set<number>()
      await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
        eachRecord: async ({ value }) => {
          await new Promise(setImmediate)
          if (tried.has(value)) return
          tried.add(value)
          throw thrown
        },
      })
    }
    const weights = { ...none, act: 4, start: 4, stop: 4, time: 2 }
    const scenario: Scenario<Topics> = { topics, services: { billing }, actions: { order } }
    await simulate(scenario, { seeds: 10, steps: 30, weights })
  }
})

it('stops also what an instance makes while it is asked to stop, before another one has its name', async () => {
  const billing: Scenario<Topics>['services'][string] = async (broker, { name }) => {
    for (let i = 0; i < 20; i++) await undefined
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], clientId: name })
    await consumer.run({ eachRecord: () => {} })
  }
  const check: Scenario<Topics>['check'] = broker => {
    const names = broker.group('billing').members.map(({ clientId }) => clientId)
    expect(names).toEqual([...new Set(names)])
  }
  const weights = { ...none, start: 2, stop: 2, turn: 1 }
  await simulate({ topics, services: { billing }, actions: { order }, check }, { seeds: 20, weights })
})

it('takes it from a service that does not await its run, as from one that does, that it is closed', async () => {
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  const billing: Scenario<Topics>['services'][string] = async broker => {
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    for (let i = 0; i < 12; i++) await undefined
    consumer.run({ eachRecord: () => {} })
  }
  const weights = { ...none, act: 2, start: 2, stop: 2, turn: 1, time: 1 }
  await simulate({ topics, services: { billing }, actions: { order } }, { seeds: 10, weights })
  await new Promise(setImmediate)
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

describe('the promises of a scenario', () => {
  /** What a simulation of two orders fails with, if it does. */
  const failureWith = async (
    promises: Scenario<Topics>['promises'],
    billing: (broker: PubSub<Topics>) => Promise<void>,
  ) => {
    const scenario = { topics, services: { billing }, actions: { order }, promises }
    const options = { seeds: 1, steps: 2, weights: { ...none, act: 1 } }
    return simulate(scenario, options).then(
      () => undefined,
      (error: Error) => error.message.split('\n')[0],
    )
  }
  const skipping = async (broker: PubSub<Topics>) => {
    const eachRecord = () => {
      throw boom
    }
    await broker
      .consumer({ groupId: 'billing', topics: ['orders'] })
      .run({ eachRecord, retry: { attempts: 1 }, onFailure: 'skip' })
  }
  const committingFirst = async (broker: PubSub<Topics>) => {
    await broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false }).run({
      eachRecord: async (record, { consumer }) => {
        await consumer.commit([{ topic: 'orders', partition: record.partition, offset: record.offset + 1 }])
      },
    })
  }

  it('are that nothing is lost, unless it says others', async () => {
    expect(await failureWith(undefined, skipping)).toContain("Group 'billing' has not processed")
    expect(await failureWith(['everyKeyInOrder'], skipping)).toBe(undefined)
    expect(await failureWith([], skipping)).toBe(undefined)
  })

  it('may be that no commit passes a record that is not processed', async () => {
    expect(await failureWith(undefined, committingFirst)).toBe(undefined)
    expect(await failureWith(['noCommitPastProcessed'], committingFirst)).toContain(
      "Group 'billing' has committed 1 before",
    )
  })
})

const works = async (broker: PubSub<Topics>) => {
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord: async () => {} })
}
const once = { seeds: 1, steps: 5, weights: { ...none, act: 1 } }

it('fails by an error of brokerlet that an action meets, where that was not closed or fenced', async () => {
  const wrong: Scenario<Topics>['actions'][string] = ({ broker }) =>
    broker.producer().send({ topic: 'orders', value: undefined as never })
  const error = await rejectionOf(
    simulate({ topics, services: { billing: works }, actions: { wrong } }, once),
  )
  expect(error).toMatchObject({ name: 'SimulationError', cause: { code: 'INVALID_RECORD' } })
})

it('fails by what an instance dies of, also where the next one lives', async () => {
  const died = new WeakSet<object>()
  const billing = async (broker: PubSub<Topics>) => {
    if (died.has(broker)) return works(broker)
    died.add(broker)
    throw boom
  }
  const error = await rejectionOf(simulate({ topics, services: { billing }, actions: { order } }, once))
  expect(error).toMatchObject({ name: 'SimulationError', cause: boom })
})

it.each([
  ['that its check brings about', true],
  ['that a handler did not fail with, though one has failed', false],
])('fails by an error %s', async (_, inCheck) => {
  const told: Scenario<Topics>['check'] = broker => {
    broker.on('topicCreated', () => {
      throw boom
    })
    broker.createTopic('later')
  }
  let failed = false
  const billing = async (broker: PubSub<Topics>) => {
    await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
      eachRecord: async () => {
        if (inCheck || failed) return
        failed = true
        throw new Error('another one')
      },
    })
  }
  const hooks = inCheck
    ? { check: told }
    : { actions: { order, tell: ({ broker }: { readonly broker: never }) => told(broker) } }
  const error = await rejectionOf(
    simulate({ topics, services: { billing }, actions: { order }, ...hooks } as Scenario<Topics>, {
      ...once,
      steps: 20,
    }),
  )
  expect(error).toMatchObject({ name: 'SimulationError', cause: boom })
})

it('lets an action sleep, which is no part of a service', async () => {
  const slept: number[] = []
  const sleeps: Scenario<Topics>['actions'][string] = async ({ broker }) => {
    const began = broker.now
    await broker.clock.sleep(1000)
    slept.push(broker.now - began)
  }
  await simulate({ topics, services: { billing: works }, actions: { sleeps } }, { ...once, steps: 1 })
  expect(slept).toHaveLength(1)
  expect(slept[0]).toBeGreaterThanOrEqual(1000)
})

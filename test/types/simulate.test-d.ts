import { describe, expectTypeOf, it } from 'vitest'
import { type Broker, type PubSub, topic } from '../../src/index.ts'
import { type Scenario, type SimulationError, simulate, type TestBroker } from '../../src/testing/index.ts'

const topics = { orders: topic<{ id: number }, string>({ partitions: 3 }), log: topic<string>() }

describe('a scenario', () => {
  it('knows the topics that it declares, in services, actions and checks', () => {
    void simulate({
      topics,
      services: {
        billing: async (broker, { name }) => {
          expectTypeOf(name).toBeString()
          await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
            eachRecord: ({ value }) => expectTypeOf(value).toEqualTypeOf<{ id: number }>(),
          })
        },
      },
      actions: {
        order: ({ broker, step, random }) => {
          expectTypeOf(random.pick(['ada', 'bob'])).toBeString()
          // @ts-expect-error: an order has a number as its id
          void broker.producer().send({ topic: 'orders', key: 'a', value: { id: 'one' } })
          return broker.producer().send({ topic: 'orders', key: 'a', value: { id: step } })
        },
      },
      check: broker => {
        expectTypeOf(broker).toEqualTypeOf<TestBroker<typeof topics>>()
        // @ts-expect-error: there is no such topic
        broker.topic('order')
      },
    })
  })

  it('takes services that are written against PubSub, of some of the topics, or against Broker', () => {
    const some = async (_pubsub: PubSub<Pick<typeof topics, 'orders'>>): Promise<void> => {}
    const all = (_broker: Broker<typeof topics>): number => 1
    expectTypeOf({ topics, services: { some, all }, actions: { nothing: () => {} } }).toExtend<
      Scenario<typeof topics>
    >()
  })

  it('has neither a clock nor a seed of its own', () => {
    expectTypeOf<keyof Scenario<typeof topics>>()
      .extract<'clock' | 'seed' | 'random' | 'timers'>()
      .toBeNever()
    expectTypeOf<keyof Scenario<typeof topics>>().extract<'codec' | 'maxRecords'>().not.toBeNever()
  })
})

it('a failure says how to see it again', () => {
  expectTypeOf<SimulationError>().toHaveProperty('seed').toBeNumber()
  expectTypeOf<SimulationError>().toHaveProperty('only').toEqualTypeOf<readonly number[]>()
})

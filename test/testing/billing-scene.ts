import { AssertionError } from 'node:assert'
import { topic } from 'brokerlet'
import {
  assertDuplicatesOnlyAfterRebalance,
  type BrokerMatchers,
  matchers,
  TestBroker,
} from 'brokerlet/testing'
import { expect } from 'vitest'
import { orders0 } from '../helpers/orders.ts'

declare module 'vitest' {
  interface Matchers<T = any> extends BrokerMatchers<T> {}
}

expect.extend(matchers)

export const topics = { orders: topic({ partitions: 1 }) }

/** A broker on which a consumer of the group 'billing' reads 'orders'. */
export async function billing(
  handler: (offset: number) => unknown = () => {},
  options: object = {},
  runOptions: object = {},
) {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], ...options })
  await consumer.run({ ...runOptions, eachRecord: ({ offset }) => handler(offset) })
  return { broker, consumer }
}

/** The error of an assertion that fails. */
export function failureOf(assertion: () => void): AssertionError {
  try {
    assertion()
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError)
    return error as AssertionError
  }
  throw new Error('expected the assertion to fail')
}

/** Notes that 'billing' gets a record of orders-0 once more, and expects that this is one time too many. */
export function expectOneTooMany(broker: TestBroker, offset: number): void {
  broker.timeline.record({
    kind: 'delivered',
    group: 'billing',
    member: 'consumer',
    ...orders0,
    offset,
    key: null,
    attempt: 1,
  })
  expect(failureOf(() => assertDuplicatesOnlyAfterRebalance(broker, 'billing')).message).toMatch(
    new RegExp(
      `^Group 'billing' got orders-0@${offset} twice without a rebalance, seek, reset, failure or redelivery`,
    ),
  )
}

/**
 * The nine ways in which partitions of a group change owners, each as a test. On a TestBroker they take milliseconds,
 * whatever the timeouts are, and give the same result every time.
 */
import { CommitFailedError, topic } from 'brokerlet'
import { brokerFixture, type TestBroker } from 'brokerlet/testing'
import { test as base, expect } from 'vitest'

const topics = { payments: topic<number, string>({ partitions: 4 }) }
const test = base.extend({ broker: brokerFixture({ topics, leftOpen: 'ignore' }) })
type Payments = TestBroker<typeof topics>

/** A consumer of the group that notes what it does; each payment takes 10 ms. */
function billing(broker: Payments, clientId: string, options: object = {}) {
  const done: number[] = []
  const consumer = broker.consumer({ groupId: 'billing', topics: ['payments'], clientId, ...options })
  const running = consumer.run({
    eachRecord: async ({ value }) => {
      await broker.clock.sleep(10)
      done.push(value)
    },
  })
  return { consumer, running, done }
}

/** One payment on each partition. */
function pay(broker: Payments, value: number): void {
  for (const partition of [0, 1, 2, 3])
    broker.topic('payments').append({ key: `k${partition}`, value, partition })
}

test('join: a second consumer takes over half, and the other half does not pause', async ({ broker }) => {
  const first = billing(broker, 'first')
  await first.running
  const second = billing(broker, 'second')
  await second.running
  expect(first.consumer.assignment).toHaveLength(2)
  expect(second.consumer.assignment).toHaveLength(2)
  expect(broker.timeline.ofKind('revoking').flatMap(({ partitions }) => partitions)).toHaveLength(2)
})

test('leave: what was in hand is finished and committed first, and nothing is done twice', async ({
  broker,
}) => {
  const first = billing(broker, 'first')
  const second = billing(broker, 'second')
  await Promise.all([first.running, second.running])
  pay(broker, 1)
  await broker.advance(5)
  const closed = second.consumer.close()
  await broker.advanceUntilIdle()
  await closed
  expect(first.done.length + second.done.length).toBe(4)
  expect(second.done).toHaveLength(1)
})

test('crash: what was not committed is done again by another one', async ({ broker }) => {
  const first = billing(broker, 'first')
  const second = billing(broker, 'second')
  await Promise.all([first.running, second.running])
  pay(broker, 1)
  await broker.advance(5)
  broker.crash(second.consumer)
  await broker.advanceUntilIdle()
  expect(first.done).toHaveLength(4)
  const again = broker.timeline.ofKind('delivered').length - 4
  expect(again).toBe(1)
})

test('session expiry: a crashed consumer keeps its partitions for exactly its session', async ({
  broker,
}) => {
  const first = billing(broker, 'first')
  const second = billing(broker, 'second', { sessionTimeoutMs: 30_000 })
  await Promise.all([first.running, second.running])
  broker.crash(second.consumer)
  await broker.advance(29_999)
  expect(first.consumer.assignment).toHaveLength(2)
  await broker.advance(1)
  expect(first.consumer.assignment).toHaveLength(4)
})

test('max poll: a handler that is stuck loses its partitions, and comes back when it has ended', async ({
  broker,
}) => {
  const stuck = broker.consumer({ groupId: 'billing', topics: ['payments'], maxPollIntervalMs: 60_000 })
  await stuck.run({ eachRecord: () => broker.clock.sleep(90_000) })
  const other = billing(broker, 'other')
  await other.running
  pay(broker, 1)
  await broker.advance(60_000)
  expect(other.consumer.assignment).toHaveLength(4)
  await broker.advance(30_000)
  expect(stuck.assignment).toHaveLength(2)
})

test('static restart: it comes back within its session, and nothing moves', async ({ broker }) => {
  const first = billing(broker, 'first', { groupInstanceId: 'instance-1' })
  const second = billing(broker, 'second', { groupInstanceId: 'instance-2' })
  await Promise.all([first.running, second.running])
  const { assignment } = second.consumer
  await second.consumer.close()
  await broker.advance(20_000)
  const back = billing(broker, 'second', { groupInstanceId: 'instance-2' })
  await back.running
  expect(back.consumer.assignment).toEqual(assignment)
  expect(first.consumer.assignment).toHaveLength(2)
})

test('partition added: the new one is dealt out, the old ones stay where they are', async ({ broker }) => {
  const first = billing(broker, 'first')
  const second = billing(broker, 'second')
  await Promise.all([first.running, second.running])
  const before = [first.consumer.assignment, second.consumer.assignment]
  broker.topic('payments').addPartitions(6)
  await broker.group('billing').stable()
  await broker.advance(0)
  for (const [i, { consumer }] of [first, second].entries()) {
    expect(consumer.assignment).toHaveLength(3)
    expect(consumer.assignment).toEqual(expect.arrayContaining([...before[i]!]))
  }
})

test('slow revoke: nobody gets a partition before its owner has released it', async ({ broker }) => {
  const first = billing(broker, 'first')
  await first.running
  broker.faults.delay({ operation: 'release', group: 'billing' }, 5000)
  const second = billing(broker, 'second')
  await broker.advance(4999)
  expect(second.consumer.assignment).toEqual([])
  expect(first.consumer.assignment).toHaveLength(2)
  await broker.advance(1)
  await second.running
  expect(second.consumer.assignment).toHaveLength(2)
})

test('fenced commit: a handler that comes back too late is refused', async ({ broker }) => {
  const refused: unknown[] = []
  const late = broker.consumer({
    groupId: 'billing',
    topics: ['payments'],
    autoCommit: false,
    maxPollIntervalMs: 60_000,
  })
  await late.run({
    eachRecord: async ({ topic: name, partition, offset }, { consumer }) => {
      await broker.clock.sleep(90_000)
      await consumer
        .commit([{ topic: name, partition, offset: offset + 1 }])
        .catch(error => refused.push(error))
    },
  })
  broker.topic('payments').append({ key: 'k', value: 1, partition: 3 })
  await broker.advance(5)
  const other = billing(broker, 'other')
  await broker.advance(90_000)
  await other.running
  expect(refused).toEqual([expect.any(CommitFailedError)])
  expect(other.done).toEqual([1])
})

import { topic } from 'brokerlet'
import { assertNoCommitPastProcessed, assertNothingLost, TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'

/** A caller of poll that has two of three records in hand, and commits itself. */
async function start() {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) } })
  const options = { groupId: 'billing', topics: ['orders'], autoCommit: false } as const
  const consumer = broker.consumer(options)
  fill(broker, 'orders', 3)
  expect(await consumer.poll({ maxRecords: 2 })).toHaveLength(2)
  const processed = () => broker.timeline.ofKind('processed').map(({ offset }) => offset)
  return { broker, consumer, processed }
}

it('has processed what it polled once it commits without saying what', async () => {
  const { broker, consumer, processed } = await start()
  expect(processed()).toEqual([])
  await consumer.commit()
  expect(processed()).toEqual([0, 1])
  assertNoCommitPastProcessed(broker, 'billing')
})

it('has not processed what it polled by a commit that says what', async () => {
  const { broker, consumer, processed } = await start()
  await consumer.commit([{ topic: 'orders', partition: 0, offset: 2 }])
  expect(processed()).toEqual([])
  expect(() => assertNoCommitPastProcessed(broker, 'billing')).toThrow()
  expect(await consumer.poll()).toHaveLength(1)
  expect(processed()).toEqual([0, 1])
})

it('has processed what it polled once it closes', async () => {
  const { broker, consumer, processed } = await start()
  await consumer.close()
  expect(processed()).toEqual([0, 1])
  expect(() => assertNothingLost(broker, 'billing')).toThrow()
})

it('has processed what it iterates over once it asks for more, and not what it leaves its loop with', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) } })
  fill(broker, 'orders', 3)
  const consumer = broker.consumer({ topics: ['orders'], from: 'beginning', until: 'end' })
  for await (const { offset } of consumer) if (offset === 1) break
  await consumer.close()
  expect(broker.timeline.ofKind('delivered').map(({ offset }) => offset)).toEqual([0, 1])
  expect(broker.timeline.ofKind('processed').map(({ offset }) => offset)).toEqual([0])
})

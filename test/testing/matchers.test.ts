import { topic } from 'brokerlet'
import { matchers, TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'

expect.extend(matchers)

it('fails where its assertion does, with a difference to show or without, and its opposite does not', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
  fill(broker, 'orders', 2)
  expect(await consumer.poll({ maxRecords: 1 })).toHaveLength(1)
  await consumer.commit([{ topic: 'orders', partition: 0, offset: 1 }])
  expect(() => expect(broker).toLoseNothing('billing')).toThrow()
  expect(broker).not.toLoseNothing('billing')
  expect(() => expect(broker).toCommitOnlyProcessed('billing')).toThrow()
  expect(broker).not.toCommitOnlyProcessed('billing')
  expect(() => expect(broker).toHoldRecords('orders', [{ value: 0 }])).toThrow('holds 2 records')
  expect(broker).not.toHoldRecords('orders', [{ value: 0 }])
  expect(() => expect(broker).not.toHoldRecords('orders', [{ value: 0 }, { value: 1 }])).toThrow(
    "topic 'orders' holds exactly these records",
  )
})

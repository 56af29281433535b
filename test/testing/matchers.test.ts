import { stripVTControlCharacters } from 'node:util'
import { topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { billing } from './billing-scene.ts'

it('has a matcher for each of them', async () => {
  const { broker } = await billing()
  fill(broker, 'orders', 2)
  await broker.idle()
  expect(broker).toHoldRecords('orders', [{ value: 0 }, { value: 1 }])
  expect(broker).toHaveProcessed('billing', [{ value: 0 }, { value: 1 }])
  expect(broker).toKeepEveryKeyInOrder('billing')
  expect(broker).toLoseNothing('billing')
  expect(broker).toCommitOnlyProcessed('billing')
  expect(broker).toRepeatOnlyAfterRebalance('billing')
  expect(broker).not.toHoldRecords('orders', [])
  expect(() => expect(broker).toHaveProcessed('billing', [])).toThrow(
    "Group 'billing' has processed 2 records",
  )
  expect(() => expect(broker).not.toLoseNothing('billing')).toThrow(
    "Expected otherwise, but group 'billing' has lost nothing",
  )
})

it('shows in the message of a matcher how the records differ: jest shows nothing else', async () => {
  const { broker } = await billing()
  fill(broker, 'orders', 2)
  await broker.idle()
  const shown = (expectation: () => void) => {
    try {
      expectation()
    } catch (error) {
      return stripVTControlCharacters((error as Error).message)
    }
    throw new Error('expected the matcher to fail')
  }
  const records = shown(() => expect(broker).toHoldRecords('orders', [{ value: 0 }, { value: 7 }]))
  expect(records).toMatch(/^Topic 'orders' holds other records than the 2 that were expected\n/)
  expect(records).toMatch(/^- .*"value": 7,\n\+ .*"value": 1,$/m)
  const processed = shown(() => expect(broker).toHaveProcessed('billing', [{ value: 0 }, { value: 7 }]))
  expect(processed).toMatch(/got orders-0@0[\s\S]*\n- .*"value": 7,\n\+ .*"value": 1,$/m)
})

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

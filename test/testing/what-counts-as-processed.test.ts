import { json, topic } from 'brokerlet'
import {
  assertDuplicatesOnlyAfterRebalance,
  assertEveryKeyInOrder,
  assertNothingLost,
  assertProcessed,
  assertRecords,
  processedBy,
  TestBroker,
} from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { orders0 } from '../helpers/orders.ts'
import { billing, expectOneTooMany, failureOf } from './billing-scene.ts'

it('is the record of the log, whatever a handler makes of its copy', async () => {
  const broker = new TestBroker({ codec: json, topics: { orders: topic<{ cents: number }>() } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({
    eachRecord: ({ value }) => {
      value.cents = 0
    },
  })
  await broker.producer().send({ topic: 'orders', value: { cents: 5 } })
  await broker.idle()
  assertProcessed(broker, 'billing', [{ value: { cents: 5 } }])
})

it('is what that group has processed, whatever others have', async () => {
  const { broker } = await billing()
  fill(broker, 'orders', 2)
  await broker.idle()
  const late = broker.consumer({ groupId: 'late', topics: ['orders'], autoOffsetReset: 'latest' })
  await late.run({ eachRecord: () => {} })
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(['billing', 'late'].map(group => processedBy(broker, group).length)).toEqual([3, 1])
  // Neither is it lost, for what was there before the group began.
  assertNothingLost(broker, 'late')
})

it('needs no commit: what is processed, and not committed yet, is not lost', async () => {
  const { broker } = await billing(() => {}, { autoCommit: false })
  fill(broker, 'orders', 2)
  await broker.advance(1)
  expect(broker.group('billing').lag()).toBe(2)
  assertNothingLost(broker, 'billing')
})

it('keeps the order of keys of bytes as that of strings', async () => {
  const broker = new TestBroker({ topics: { orders: topic<number, Uint8Array>({ keys: 'bytes' }) } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  // The first one is finished last.
  const eachRecord = ({ offset }: { readonly offset: number }) => broker.clock.sleep(100 - offset)
  await consumer.run({ concurrency: 3, ordering: 'none', eachRecord })
  for (const [value, key] of [[1], [2], [1]].entries())
    await broker.producer().send({ topic: 'orders', key: Uint8Array.from(key), value })
  await broker.advanceUntilIdle()
  expect(failureOf(() => assertEveryKeyInOrder(broker, 'billing')).message).toMatch(
    /^Group 'billing' has processed orders-0@0 after offset 2, which has the same key /,
  )
})

it('may come as often more as it was asked for, and not once more', async () => {
  const { broker } = await billing()
  fill(broker, 'orders', 1)
  await broker.idle()
  for (let times = 0; times < 2; times++) {
    broker.redeliver({ group: 'billing', ...orders0, offset: 0 })
    await broker.idle()
  }
  expect(broker.timeline.ofKind('delivered')).toHaveLength(3)
  assertDuplicatesOnlyAfterRebalance(broker, 'billing')
  expect(processedBy(broker, 'billing')).toHaveLength(1)

  expectOneTooMany(broker, 0)
})

it('is shown with what happened to the group, where it was not expected', async () => {
  const { broker } = await billing()
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(failureOf(() => assertProcessed(broker, 'billing', [])).message).toBe(
    `Group 'billing' has processed 1 record: 0 of the expected ones are missing, 1 was not expected
  not expected: { topic: 'orders', partition: 0, offset: 0, timestamp: 1577836800000, key: null, value: 0, headers: {} }. What happened:
  0 ms  billing/consumer-000001 joined
  0 ms  billing/consumer-000001 was given orders-0
  0 ms  billing is stable at epoch 2; 0 partitions moved
  0 ms  billing/consumer-000001 reads orders-0 from 0
  0 ms  billing/consumer-000001 got orders-0@0
  0 ms  billing/consumer-000001 finished orders-0@0
  0 ms  billing/consumer-000001 committed orders-0@1`,
  )
})

it('is cut where it is too long for a line', async () => {
  const broker = new TestBroker({ topics: { orders: topic<string[]>() } })
  await broker.producer().send({ topic: 'orders', value: Array.from({ length: 20 }, () => 'x'.repeat(90)) })
  const [, line] = failureOf(() => assertRecords(broker, 'orders', [{ value: [] }])).message.split('\n')
  const shown = line!.replace('  record 0: ', '')
  expect([shown.length, shown.slice(0, 14), shown.slice(-5)]).toEqual([1000, "{ value: [ 'xx", 'xx...'])
})

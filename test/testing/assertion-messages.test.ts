// node:test shows `actual` and `expected` only three levels deep: the message alone has to say what differs.
import { topic } from 'brokerlet'
import { assertProcessed, assertRecords, TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'

const topics = { orders: topic<unknown, string>({ partitions: 2 }) }

async function billing(...values: unknown[]) {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: () => {} })
  for (const [i, value] of values.entries()) {
    await broker.producer().send({ topic: 'orders', partition: i % 2, key: `o-${i}`, value })
  }
  await broker.idle()
  return broker
}

function messageOf(assertion: () => void): string {
  try {
    assertion()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('expected the assertion to fail')
}

it('says which record of a topic is the first that differs, and how, as deep as it goes', async () => {
  const broker = await billing({ id: 1 }, { id: 2, lines: [{ sku: { code: 'tea' } }] })
  const second = { key: 'o-1', value: { id: 2, lines: [{ sku: { code: 'milk' } }] } }
  expect(messageOf(() => assertRecords(broker, 'orders', [{ key: expect.any(String) }, second]))).toBe(
    `Topic 'orders' holds other records than the 2 that were expected
  record 1: { key: 'o-1', value: { id: 2, lines: [ { sku: { code: 'tea' } } ] } }
  expected: { key: 'o-1', value: { id: 2, lines: [ { sku: { code: 'milk' } } ] } }`,
  )
})

it('says which record is one too many, and which is missing', async () => {
  const broker = await billing({ id: 1 }, { id: 2 })
  const first = { value: { id: 1 } }
  expect(messageOf(() => assertRecords(broker, 'orders', [first]))).toBe(
    `Topic 'orders' holds 2 records, not the 1 that were expected
  record 1: { value: { id: 2 } }
  expected: none`,
  )
  expect(messageOf(() => assertRecords(broker, 'orders', [first, {}, first]))).toBe(
    `Topic 'orders' holds 2 records, not the 3 that were expected
  record 2: none
  expected: { value: { id: 1 } }`,
  )
})

it('cuts a large value', async () => {
  const broker = await billing({ text: 'x'.repeat(100_000), many: Array.from({ length: 5000 }, (_, i) => i) })
  const message = messageOf(() => assertRecords(broker, 'orders', [{ value: null }]))
  expect(message.length).toBeLessThan(3000)
})

it('says which records a group has processed without being expected, and which it has not', async () => {
  const broker = await billing({ id: 1, total: { amount: { cents: 5 } } }, { id: 2 })
  const missing = { value: { id: 1, total: { amount: { cents: 7 } } } }
  const message = messageOf(() => assertProcessed(broker, 'billing', [{ value: { id: 2 } }, missing]))
  const [first] = message.split('. What happened:\n')
  expect(first).toBe(
    `Group 'billing' has processed 2 records: 1 of the expected ones is missing, 1 was not expected
  missing: { value: { id: 1, total: { amount: { cents: 7 } } } }
  not expected: { value: { id: 1, total: { amount: { cents: 5 } } } }`,
  )
})

it('says nothing of records that are not expected where there are none', async () => {
  const broker = await billing({ id: 1 })
  const message = messageOf(() => assertProcessed(broker, 'billing', [{ value: { id: 1 } }, { key: 'o-1' }]))
  const [first] = message.split('. What happened:\n')
  expect(first).toBe(
    `Group 'billing' has processed 1 record: 1 of the expected ones is missing, 0 were not expected
  missing: { key: 'o-1' }`,
  )
})

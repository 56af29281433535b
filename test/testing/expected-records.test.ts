import { Broker, bytes, InvalidArgumentError, topic } from 'brokerlet'
import { assertProcessed, assertRecords, processedBy, TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { billing, failureOf, topics } from './billing-scene.ts'

it('knows the records of a topic by the fields that are given', async () => {
  const { broker } = await billing()
  await broker.producer().send({ topic: 'orders', key: 'a', value: { id: 1 }, headers: { trace: 'x' } })
  await broker.producer().send({ topic: 'orders', key: 'b', value: { id: 2 } })
  assertRecords(broker, 'orders', [{ key: 'a', value: { id: 1 } }, { value: { id: 2 } }])
  const error = failureOf(() => assertRecords(broker, 'orders', [{ value: { id: 2 } }, { value: { id: 1 } }]))
  expect(error.message).toMatch(/^Topic 'orders' holds other records than the 2 that were expected\n/)
  expect(error.actual).toEqual([{ value: { id: 1 } }, { value: { id: 2 } }])
  expect(failureOf(() => assertRecords(broker, 'orders', [{ key: 'a' }])).message).toMatch(
    /^Topic 'orders' holds 2 records, not the 1 that were expected\n/,
  )
})

it('takes what the test runner matches by: any, objectContaining, at whatever depth', async () => {
  const { broker } = await billing()
  const at = new Date(0)
  for (const id of [1, 2])
    await broker
      .producer()
      .send({ topic: 'orders', key: `k-${id}`, value: { id, at, lines: [{ sku: 'a' }] } })
  await broker.idle()
  const line = { sku: expect.stringMatching(/^a$/) }
  const expected = [
    { key: expect.any(String), value: { id: expect.any(Number), at, lines: [line] } },
    { value: expect.objectContaining({ id: 2 }) },
  ]
  assertRecords(broker, 'orders', expected)
  assertProcessed(broker, 'billing', expected.toReversed())
  expect(broker).toHoldRecords('orders', expected)
  expect(broker).not.toHoldRecords('orders', [{ key: expect.any(Number) }, {}])
  const error = failureOf(() =>
    assertRecords(broker, 'orders', [
      { key: 'k-1', value: { id: expect.any(Number), at, lines: [{ sku: 'b' }] } },
      { key: expect.any(String), value: expect.objectContaining({ id: expect.any(String) }) },
    ]),
  )
  // What fits does not look as if it differed. A matcher is equal to what it takes, also here.
  const [first, second] = error.expected as [{ value: { id: unknown } }, { key: unknown }]
  expect([first.value.id === 1, second.key === 'k-2']).toEqual([true, true])
  expect(error.expected).toEqual([
    { key: 'k-1', value: { id: 1, at, lines: [{ sku: 'b' }] } },
    { key: 'k-2', value: expect.objectContaining({ id: expect.any(String) }) },
  ])
  const cyclic: Record<string, unknown> = { id: 1 }
  cyclic.self = cyclic
  expect(broker).not.toHaveProcessed('billing', [{ value: cyclic }, {}])
})

it('takes a matcher of the test runner for a whole record, and shows such records whole', async () => {
  const { broker } = await billing()
  for (const key of ['a', 'b']) await broker.producer().send({ topic: 'orders', key, value: 1 })
  await broker.idle()
  const first = expect.objectContaining({ key: 'a' })
  assertRecords(broker, 'orders', [first, expect.anything()])
  assertProcessed(broker, 'billing', [expect.anything(), first])
  expect(broker).not.toHoldRecords('orders', [first, first])
  const error = failureOf(() => assertRecords(broker, 'orders', [first, first]))
  expect(error.message).toContain("record 1: { topic: 'orders', partition: 0, offset: 1,")
  expect((error.actual as object[])[1]).toMatchObject({ key: 'b', value: 1 })
  const missing = failureOf(() => assertProcessed(broker, 'billing', [first, first]))
  expect(missing.message).toContain("not expected: { topic: 'orders', partition: 0, offset: 1,")
})

it('refuses a field that no record has, which would fit none, with the one that was meant', async () => {
  const { broker } = await billing()
  await broker.producer().send({ topic: 'orders', value: 1 })
  await broker.idle()
  const misspelt = [{ vlaue: 1 } as object]
  expect(() => assertRecords(broker, 'orders', misspelt)).toThrow(
    "assertRecords: a record has no field 'vlaue'. Did you mean 'value'?",
  )
  expect(() => expect(broker).not.toHaveProcessed('billing', misspelt)).toThrow(InvalidArgumentError)
})

it('shows of each record only the fields that were expected of it', async () => {
  const { broker } = await billing()
  for (const key of ['a', 'b', 'c']) await broker.producer().send({ topic: 'orders', key, value: 1 })
  const differing = failureOf(() => assertRecords(broker, 'orders', [{ key: 'a' }, { value: 2 }, {}]))
  expect(differing.actual).toEqual([{ key: 'a' }, { value: 1 }, {}])
  const tooMany = failureOf(() => assertRecords(broker, 'orders', [{ key: 'a' }, { value: 1 }]))
  expect(tooMany.actual).toEqual([{ key: 'a' }, { value: 1 }, { key: 'c', value: 1 }])
})

it('takes bytes for the same bytes, a Buffer or not', async () => {
  const broker = new TestBroker({ topics: { files: topic({ keys: 'bytes', codec: bytes }) } })
  await broker.producer().send({ topic: 'files', key: Buffer.from('k'), value: Buffer.from('v') })
  assertRecords(broker, 'files', [{ key: Buffer.from('k'), value: new Uint8Array([118]) }])
  failureOf(() => assertRecords(broker, 'files', [{ key: Buffer.from('l') }]))
  failureOf(() => assertRecords(broker, 'files', [{ value: { id: 1 } }]))
})

it('knows the records of any broker', async () => {
  const broker: Broker<typeof topics> = new Broker({ topics })
  await broker.producer().send({ topic: 'orders', value: 1 })
  assertRecords(broker, 'orders', [{ value: 1 }])
  await broker.close()
})

it('gives a record that several expected ones fit to the one that no other record fits', async () => {
  const { broker } = await billing()
  broker.topic('orders').append({ key: 'a', value: 1 })
  broker.topic('orders').append({ key: 'a', value: 2 })
  broker.topic('orders').append({ key: 'b', value: 1 })
  await broker.idle()
  assertProcessed(broker, 'billing', [{}, { value: 1 }, { key: 'a', value: 1 }])
  expect(
    failureOf(() => assertProcessed(broker, 'billing', [{}, { value: 2 }, { value: 2 }])).message,
  ).toContain('1 of the expected ones is missing, 1 was not expected')
})

it('tells a record without a key, and a tombstone, from others', async () => {
  const { broker } = await billing()
  await broker.producer().send({ topic: 'orders', value: null })
  assertRecords(broker, 'orders', [{ key: null, value: null }])
  failureOf(() => assertRecords(broker, 'orders', [{ value: { id: null } }]))
  await broker.producer().send({ topic: 'orders', key: 'a', value: { id: null } })
  for (const other of [{ key: null }, { key: Buffer.from('a') }, { value: null }, { value: { id: 1 } }])
    failureOf(() => assertRecords(broker, 'orders', [{}, other]))
})

it('refuses expected records that are no records', async () => {
  const { broker } = await billing()
  expect(() => assertRecords(broker, 'orders', undefined as never)).toThrow(InvalidArgumentError)
  expect(() => assertProcessed(broker, 'billing', ['a'] as never)).toThrow(
    'assertProcessed: expected an array of records, each by its fields, received an array of 1',
  )
  expect(() => assertProcessed(broker, 'billing', [null] as never)).toThrow(InvalidArgumentError)
  expect(() => assertRecords(broker, 'orders', new Array(1))).toThrow(InvalidArgumentError)
  broker.topic('orders').append({ value: 1 })
  // None of these has a field that a record could lack.
  for (const empty of [[], new Map(), new Date(0), Promise.resolve({ value: 2 })])
    expect(() => assertRecords(broker, 'orders', [empty] as never)).toThrow(InvalidArgumentError)
  assertRecords(broker, 'orders', [{}])
  expect(() => processedBy(undefined as never, 'billing')).toThrow(InvalidArgumentError)
  expect(() => assertRecords({} as never, 'orders', [])).toThrow('expected a broker, received an object')
})

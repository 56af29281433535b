/**
 * How to test a service: send, await `idle()`, look. No mocks, no sleeping, and no test sees the records of another.
 */
import { Broker, json } from 'brokerlet'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loyaltyTopics, startLoyalty } from './loyalty.ts'

let broker: Broker<typeof loyaltyTopics>

beforeEach(async () => {
  // With a codec, a reader gets its own copy, as over a network: a Date that becomes a string shows up here.
  broker = new Broker({ topics: loyaltyTopics, codec: json })
  await startLoyalty(broker)
})

afterEach(async () => {
  await broker.close()
})

it('gives a point for every ten that a customer spends', async () => {
  await broker.producer().sendBatch([
    { topic: 'purchases', key: 'ada', value: { customer: 'ada', amount: 25 } },
    { topic: 'purchases', key: 'ada', value: { customer: 'ada', amount: 40 } },
  ])

  await broker.idle()

  expect(
    broker
      .topic('points-earned')
      .records()
      .map(({ value }) => value),
  ).toEqual([
    { customer: 'ada', points: 2, total: 2 },
    { customer: 'ada', points: 4, total: 6 },
  ])
})

it('counts each customer alone', async () => {
  const producer = broker.producer()
  for (const customer of ['ada', 'bob', 'eve', 'bob']) {
    await producer.send({ topic: 'purchases', key: customer, value: { customer, amount: 100 } })
  }

  await broker.idle()

  const totals = new Map(
    broker
      .topic('points-earned')
      .records()
      .map(({ key, value }) => [key, value.total]),
  )
  expect(totals).toEqual(
    new Map([
      ['ada', 10],
      ['bob', 20],
      ['eve', 10],
    ]),
  )
})

it('stops at a purchase that makes no sense, and `idle` says why', async () => {
  await broker.producer().send({ topic: 'purchases', key: 'ada', value: { customer: 'ada', amount: -1 } })

  await expect(broker.idle()).rejects.toMatchObject({
    name: 'NeverIdleError',
    cause: new RangeError('ada spent -1'),
  })
  expect(broker.topic('points-earned').records()).toEqual([])
  expect(broker.group('loyalty').lag()).toBe(1)
})

/** Accounts whose history is a topic, under many schedules: instances stop and crash, and commits fail. */
import { brokerFixture, type Scenario, simulate, type TestBroker } from 'brokerlet/testing'
import { test as base, expect } from 'vitest'
import { type Account, accountTopics, apply, startAccounts, startTotals } from './accounts.ts'

const test = base.extend({ broker: brokerFixture({ topics: accountTopics }) })

/** The accounts as their history has them. */
function replay(broker: TestBroker<typeof accountTopics>): Map<string, Account> {
  const accounts = new Map<string, Account>()
  for (const { key, value } of broker.topic('events').records())
    accounts.set(key, apply(accounts.get(key) ?? { cents: 0 }, value))
  return accounts
}

function newest(broker: TestBroker<typeof accountTopics>): Map<string, Account> {
  return new Map(
    broker
      .topic('accounts')
      .records()
      .map(({ key, value }) => [key, value]),
  )
}

test('a service that comes later reads the whole history', async ({ broker }) => {
  await startAccounts(broker, { name: 'first' })
  const producer = broker.producer()
  await producer.send({ topic: 'commands', key: 'ada', value: { kind: 'deposit', cents: 100 } })
  await producer.send({ topic: 'commands', key: 'ada', value: { kind: 'withdraw', cents: 150 } })
  await producer.send({ topic: 'commands', key: 'ada', value: { kind: 'withdraw', cents: 60 } })
  await broker.idle()

  expect(
    broker
      .topic('events')
      .records()
      .map(({ value }) => value.kind),
  ).toEqual(['deposited', 'refused', 'withdrawn'])
  expect(newest(broker)).toEqual(new Map([['ada', { cents: 40 }]]))
  expect(await startTotals(broker)).toEqual(new Map([['ada', 100]]))
})

const scenario: Scenario<typeof accountTopics> = {
  topics: accountTopics,
  services: { accounts: startAccounts },
  actions: {
    deposit: ({ broker, step }) => command(broker, step, 'deposit'),
    withdraw: ({ broker, step }) => command(broker, step, 'withdraw'),
  },
  always: broker => {
    for (const { cents } of replay(broker).values()) expect(cents).toBeGreaterThanOrEqual(0)
  },
  check: broker => {
    expect(newest(broker)).toEqual(replay(broker))
    expect(broker.topic('events').records()).toHaveLength(broker.topic('commands').records().length)
  },
}

function command(broker: TestBroker<typeof accountTopics>, step: number, kind: 'deposit' | 'withdraw') {
  return broker
    .producer()
    .send({ topic: 'commands', key: `a-${step % 4}`, value: { kind, cents: 10 + (step % 3) * 10 } })
}

test('every command is decided once, and no account is overdrawn, whatever happens', () =>
  simulate(scenario, { seeds: 50 }))

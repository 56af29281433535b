import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { type OnFailure, topic } from '../../src/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarned } from '../helpers/warnings.ts'

const warnings = collectWarned()

function chargeTheCard(): never {
  throw new TypeError('no card')
}

async function fail(onFailure: OnFailure<'letters'>, handler: () => unknown) {
  const { broker, clock } = testBroker({ topics: { orders: topic<number>(), letters: topic<number>() } })
  broker.topic('orders').append({ value: 1 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: handler, retry: { attempts: 1 }, onFailure })
  await clock.settle()
}

const ways: readonly (readonly [string, OnFailure<'letters'>])[] = [
  ['restarts', 'restart'],
  ['crashed', 'stop'],
  ['skipped', 'skip'],
  ['parked', 'park-key'],
  ['wrote', { deadLetter: 'letters' }],
]

it.each(ways)('the warning that says %s shows where the handler threw', async (word, onFailure) => {
  await fail(onFailure, chargeTheCard)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]!.message).toContain(word)
  expect(warnings[0]!.detail).toMatch(
    /^TypeError: no card\n +at .*chargeTheCard \(.*warnings\.test\.ts:\d+:\d+\)/,
  )
})

it('a warning of a consumer that crashed names the consumer once', async () => {
  await fail('stop', chargeTheCard)
  expect(warnings[0]!.message).toBe(
    "Consumer 'consumer' of group 'g' crashed: its handler failed at offset 0 of orders-0: no card",
  )
})

it('a warning of an automatic commit that failed says what that means', async () => {
  const broker = new TestBroker({ topics: { orders: topic<number>() } })
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => {} })
  broker.faults.fail({ operation: 'commit', group: 'g' }, new Error('no coordinator'))
  await broker.producer().send({ topic: 'orders', value: 1 })
  await broker.close()
  expect(warnings.map(({ message }) => message)).toEqual([
    "Consumer 'consumer' of group 'g' could not commit what it has finished, which may come again: no coordinator",
  ])
})

it('a warning shows the error behind the error, and each once', async () => {
  await fail('skip', () => {
    const inner = new RangeError('no table')
    inner.cause = inner
    throw new Error('no payment', { cause: inner })
  })
  expect(warnings[0]!.detail!.split('\n').filter(line => !line.startsWith('    at '))).toEqual([
    'Error: no payment',
    'caused by RangeError: no table',
  ])
})

it("a warning shows the stack of an error of another realm, as Node's are within Jest", async () => {
  await fail('skip', () => {
    throw runInNewContext('new Error("gone")', {}, { filename: 'elsewhere.js' })
  })
  expect(warnings[0]!.detail).toMatch(/^Error: gone\n +at elsewhere\.js:1:1/)
})

it('a warning has no stack where what was thrown is no error', async () => {
  await fail('skip', () => {
    throw 'out of stock'
  })
  expect(warnings[0]!.message).toContain('out of stock')
  expect(warnings[0]!.detail).toBeUndefined()
})

function brokerWithNumbers(count: number) {
  const scene = testBroker({ topics: { orders: topic<number>() } })
  for (let value = 0; value < count; value++) scene.broker.topic('orders').append({ value })
  return scene
}

it('a handler that hangs is warned of, with its record, though nobody listens', async () => {
  const { broker, clock } = brokerWithNumbers(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  await consumer.run({ eachRecord: ({ offset }) => (offset === 1 ? new Promise(() => {}) : undefined) })
  await clock.advance(1000)
  expect(warnings.map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /^Consumer 'consumer' of group 'g' lost orders-0: Member '.*' of group 'g' left: handling orders-0 offset 1 took longer than maxPollIntervalMs \(1000\)$/,
    ),
  ])
})

it('of several handlers at once the warning names the one that hangs', async () => {
  const { broker, clock } = brokerWithNumbers(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  const sleep = () => broker.clock.sleep(300)
  await consumer.run({
    concurrency: 2,
    ordering: 'none',
    eachRecord: ({ offset }) => (offset === 1 ? new Promise(() => {}) : sleep()),
  })
  await clock.advance(700)
  broker.topic('orders').append({ value: 2 })
  await clock.advance(300)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]!.message).toContain('handling orders-0 offset 1 took longer')
})

it('who does not poll again is warned of', async () => {
  const { broker, clock } = brokerWithNumbers(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  await consumer.poll()
  await clock.advance(1000)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]!.message).toMatch(/lost orders-0: .* the time between two polls took longer/)
})

it('a removal is warned of, and why, also where a hook hangs until a close waits no longer', async () => {
  const { broker, clock } = brokerWithNumbers(1)
  const options = { groupId: 'g', topics: ['orders'] } as const
  const onRevoked = () => new Promise(() => {})
  const consumer = broker.consumer({ ...options, rebalanceTimeoutMs: 1000, onRevoked })
  await consumer.run({ eachRecord: () => {} })
  broker.topic('orders').addPartitions(2)
  await clock.settle()
  void broker.consumer(options).ready()
  await clock.advance(1000)
  expect(warnings).toEqual([])
  void consumer.close({ timeoutMs: 500 })
  await clock.advance(500)
  expect(warnings.map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /lost orders-0, orders-1: Member '.*' was removed from group 'g': rebalance timeout$/,
    ),
  ])
})

it("a loss is no warning where a listener or a hook hears of it, or where it is somebody's own doing", async () => {
  const { broker, clock } = testBroker({ topics: { orders: topic<number>(), payments: topic<number>() } })
  broker.topic('orders').append({ value: 1 })
  broker.topic('payments').append({ value: 1 })
  const options = { topics: ['orders'], maxPollIntervalMs: 1000 } as const
  const listened = broker.consumer({ groupId: 'listened', ...options })
  listened.on('lost', () => {})
  const hooked = broker.consumer({ groupId: 'hooked', ...options, onLost: () => {} })
  const deleted = broker.consumer({ groupId: 'deleted', topics: ['payments'] })
  const closed = broker.consumer({ groupId: 'closed', topics: ['orders'] })
  for (const each of [listened, hooked, deleted, closed])
    await each.run({ eachRecord: () => new Promise(() => {}) })
  broker.deleteTopic('payments')
  void closed.close({ timeoutMs: 500 })
  await clock.advance(1000)
  expect(warnings).toEqual([])
})

it('the warning of a handler that failed at a lost record names the record', async () => {
  const { broker, clock } = brokerWithNumbers(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async () => {
      await broker.clock.sleep(1000)
      throw new Error('no card')
    },
  })
  void consumer.close({ timeoutMs: 500 })
  await clock.advance(1000)
  expect(warnings.map(({ message }) => message)).toEqual([
    "Consumer 'consumer' of group 'g' failed at offset 0 of orders-0, which it had to give up: no card",
  ])
})

it('handlers that end because their signal aborted are not warned of one by one', async () => {
  const { broker, clock } = brokerWithNumbers(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  await consumer.run({
    concurrency: 3,
    ordering: 'none',
    eachRecord: (_record, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  })
  await clock.advance(1000)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]!.message).toContain('lost orders-0')
})

import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type OnFailure, topic } from '../../src/index.ts'
import { testBroker } from '../helpers/test-broker.ts'

interface Warned extends Error {
  readonly detail?: string
}

const warnings: Warned[] = []
const collect = (warning: Error) => void warnings.push(warning)
beforeEach(() => {
  warnings.length = 0
  process.on('warning', collect)
})
afterEach(() => void process.off('warning', collect))

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
  ['Skipped', 'skip'],
  ['Parked', 'park-key'],
  ['Wrote', { deadLetter: 'letters' }],
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

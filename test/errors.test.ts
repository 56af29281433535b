import { createRequire } from 'node:module'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import * as errors from '../src/errors.ts'
import { type Assignor, topic } from '../src/index.ts'
import * as kafka from '../src/kafka/index.ts'
import { rejectionOf } from './helpers/errors.ts'
import { testBroker } from './helpers/test-broker.ts'

/** What a program has of a file of `src` once its bundler has shortened all names. */
async function minified(entry: string): Promise<object> {
  const options = { bundle: true, minify: true, write: false, format: 'cjs', platform: 'node' } as const
  const { outputFiles } = await build({ ...options, entryPoints: [entry] })
  const module = { exports: {} }
  new Function('require', 'module', outputFiles[0]!.text)(createRequire(import.meta.url), module)
  return module.exports
}

const isErrorClass = (value: unknown) => typeof value === 'function' && value.prototype instanceof Error

it.each([
  ['src/errors.ts', errors],
  ['src/kafka/cluster-error.ts', { ClusterError: kafka.ClusterError }],
])('the errors of %s keep their names where a bundler shortens names', async (entry, expected) => {
  const names = Object.entries(expected).flatMap(([name, value]) => (isErrorClass(value) ? [name] : []))
  const classes = (await minified(entry)) as Record<string, new (...args: unknown[]) => Error>
  expect(names.map(name => classes[name]!.name)).toEqual(names)
})

it('an error made in a minified bundle has its own name', async () => {
  const { ClosedError } = (await minified('src/errors.ts')) as typeof errors
  expect(String(new ClosedError('The broker is closed'))).toBe('ClosedError: The broker is closed')
})

it('an error has the fields that apply, and its cause where nobody lists it, even one that is undefined', () => {
  const fields = { groupId: 'g', topic: undefined, cause: undefined }
  const error = new errors.ClosedError('The broker is closed', fields)
  expect(Object.keys(error)).toEqual(['code', 'errno', 'retriable', 'name', 'groupId'])
  expect(Object.hasOwn(error, 'cause')).toBe(true)
  expect(Object.hasOwn(new errors.ClosedError('The broker is closed'), 'cause')).toBe(false)
})

describe('what the text says was expected and what arrived, the fields say, too', () => {
  function shop() {
    const { broker } = testBroker({
      topics: {
        orders: topic<any>(),
        raw: topic<any, any>({ keys: 'bytes' }),
        table: topic<any>({ cleanupPolicy: 'compact' }),
      },
    })
    const producer = broker.producer()
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    const send = (message: object) => producer.send(message as never)
    const assigned = (result: (memberId: string) => unknown) => {
      const assignor: Assignor = {
        name: 'own',
        assign: ({ members }) => result(members[0]!.memberId) as never,
      }
      return broker.consumer({ groupId: 'own', topics: ['orders'], assignor }).ready()
    }
    return { broker, consumer, send, assigned, log: broker.topic('orders').partitions[0]! }
  }
  type Shop = ReturnType<typeof shop>
  const orders0 = { topic: 'orders', partition: 0 } as const

  const calls: readonly (readonly [string, (shop: Shop) => unknown, string, unknown])[] = [
    ['a topic', ({ send }) => send({ topic: 5, value: 1 }), "a topic's name", 5],
    ['a message', ({ send }) => send([]), 'a message with a topic and a value (sendBatch takes several)', []],
    ['a key', ({ send }) => send({ topic: 'orders', key: 5, value: 1 }), 'a string or null', 5],
    ['a key of bytes', ({ send }) => send({ topic: 'raw', key: 'k', value: 1 }), 'a Uint8Array or null', 'k'],
    ['a missing key', ({ send }) => send({ topic: 'table', value: 1 }), 'key', null],
    ['a partition', ({ send }) => send({ topic: 'orders', partition: 'a', value: 1 }), 'a whole number', 'a'],
    [
      'a timestamp',
      ({ send }) => send({ topic: 'orders', timestamp: -1, value: 1 }),
      'whole epoch milliseconds',
      -1,
    ],
    ['headers', ({ send }) => send({ topic: 'orders', headers: 5, value: 1 }), 'strings or bytes by name', 5],
    [
      'a header',
      ({ send }) => send({ topic: 'orders', headers: { a: 7 }, value: 1 }),
      'strings or bytes by name',
      7,
    ],
    [
      'another topic',
      ({ broker }) => broker.topic('orders').append({ topic: 'raw', value: 1 } as never),
      "'orders'",
      'raw',
    ],
    ['a time', ({ log }) => log.offsetForTimestamp('now' as never), 'epoch milliseconds', 'now'],
    [
      'no handler',
      ({ consumer }) => consumer.run({} as never),
      "either 'eachRecord' or 'eachBatch'",
      'neither',
    ],
    ['a group', ({ broker }) => broker.group(5 as never), 'a string', 5],
    [
      'a new group',
      ({ broker }) => broker.createGroup('', { topics: ['orders'] }),
      'a string that is not empty',
      '',
    ],
    [
      'metadata',
      async ({ consumer }) => {
        await consumer.ready()
        await consumer.commit([{ ...orders0, offset: 0, metadata: 'x'.repeat(4097) }])
      },
      'at most 4096 bytes',
      4097,
    ],
    ['what an assignor returns', ({ assigned }) => assigned(() => 5), 'a Map of partitions by member id', 5],
    [
      'the partitions of a member',
      ({ assigned }) => assigned(memberId => new Map([[memberId, 5]])),
      'an array of partitions',
      5,
    ],
    [
      'a partition of a member',
      ({ assigned }) => assigned(memberId => new Map([[memberId, ['orders-0']]])),
      '{ topic, partition }',
      'orders-0',
    ],
    [
      'where a batch failed',
      () => {
        throw new errors.BatchError(new Error('half'), { failedAt: 3 as never })
      },
      'the record that failed',
      3,
    ],
  ]

  it.each(calls)('of %s', async (_what, call, expected, received) => {
    const error = await rejectionOf(Promise.resolve(shop()).then(call))
    expect(errors.isBrokerletError(error)).toBe(true)
    expect(error).toMatchObject({ expected, received })
    expect(Object.hasOwn(error, 'received')).toBe(true)
    expect(error.message).toContain(expected)
  })
})

it.each(['\n', ' '])('shows the beginning of a name that is far too long, and what is around it', around => {
  const name = 'x'.repeat(100_000)
  const { message, topic: whole } = new errors.UnknownTopicOrPartitionError(
    `Unknown topic${around}'${name}'${around}in the log`,
    { topic: name },
  )
  expect(message).toBe(`Unknown topic${around}'${'x'.repeat(299)}...${around}in the log`)
  expect(whole).toBe(name)
})

it('keeps a message of many words as it is', () => {
  const words = 'waits for a handler, '.repeat(1000)
  expect(new errors.TimeoutError(words).message).toBe(words)
})

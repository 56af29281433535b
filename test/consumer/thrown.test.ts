import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { fill } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

function orders(count = 4) {
  const { broker, clock } = testBroker({ topics: { orders: topic<number>() } })
  fill(broker as never, 'orders', count)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const committed = () => broker.group('g').committed({ topic: 'orders', partition: 0 })?.offset ?? null
  return { broker, clock, consumer, committed }
}

function withUnreadable<Thrown extends object>(thrown: Thrown, ...names: string[]): Thrown {
  const get = () => {
    throw new Error('nobody reads this')
  }
  for (const name of names) Object.defineProperty(thrown, name, { get })
  return thrown
}

const oddities: readonly (readonly [string, unknown, string])[] = [
  ['a string', 'out of stock', 'out of stock'],
  ['undefined', undefined, 'thrown undefined'],
  ['null', null, 'thrown null'],
  ['a number', 42, 'thrown 42'],
  ['an object', { code: 7 }, 'thrown an object'],
  ['an object without a prototype', Object.create(null), 'thrown an object'],
  ['a symbol', Symbol('s'), 'thrown a symbol'],
  ['a function', () => 1, 'thrown a function'],
  ['an error without a message', new RangeError(), 'RangeError'],
  ['an error whose message is no text', Object.assign(new Error(), { message: { code: 7 } }), 'an object'],
  ['an error whose message cannot be read', withUnreadable(new Error('gone'), 'message'), 'Error'],
  [
    'an error whose stack and cause cannot be read',
    withUnreadable(new Error('gone'), 'stack', 'cause'),
    'gone',
  ],
  ["an error of another realm, as Node's are within Jest", runInNewContext('new Error("gone")'), 'gone'],
]

describe.each(oddities)('a handler that throws %s', (_, thrown, text) => {
  const handlers = {
    synchronously: () => {
      throw thrown
    },
    'as a rejection': () => Promise.reject(thrown),
  }

  it.each(Object.entries(handlers))(
    '%s is tried again and stops with it as the cause',
    async (_how, fail) => {
      const { broker, clock, consumer, committed } = orders()
      const events: unknown[] = []
      consumer.on('retrying', ({ error, attempt, record }) =>
        events.push(['retrying', error, attempt, record.offset]),
      )
      consumer.on('crashed', ({ error }) => events.push(['crashed', error.cause]))
      broker.on('groupStopped', ({ cause, record }) => events.push(['groupStopped', cause, record?.offset]))
      await consumer.run({
        eachRecord: record => (record.offset === 2 ? fail() : undefined),
        retry: { attempts: 2, delayMs: 10 },
        onFailure: 'stop',
      })
      await clock.advance(10)
      const error = await rejectionOf(consumer.done)
      expect(error).toMatchObject({
        name: 'ConsumerCrashedError',
        code: 'CONSUMER_CRASHED',
        groupId: 'g',
        topic: 'orders',
        partition: 0,
        offset: 2,
      })
      expect(Object.hasOwn(error, 'cause')).toBe(true)
      expect(error.cause).toBe(thrown)
      expect(error.message).toBe(
        `Consumer 'consumer' of group 'g' stopped: its handler failed at offset 2 of orders-0: ${text}`,
      )
      expect(events).toEqual([
        ['retrying', thrown, 1, 2],
        ['crashed', thrown],
        ['groupStopped', thrown, 2],
      ])
      expect(committed()).toBe(2)
    },
  )

  it('is skipped or restarted like any other', async () => {
    const { broker, clock, consumer, committed } = orders()
    const events: unknown[] = []
    const read: number[] = []
    consumer.on('skipped', ({ error, record }) => events.push(['skipped', error, record.offset]))
    const eachRecord = (record: { readonly offset: number }) => {
      if (record.offset === 1) throw thrown
      read.push(record.offset)
    }
    await consumer.run({ eachRecord, retry: { attempts: 1 }, onFailure: 'skip' })
    await broker.idle()
    expect([read, events, committed()]).toEqual([[0, 2, 3], [['skipped', thrown, 1]], 4])
    await consumer.close()

    const again = broker.consumer({ groupId: 'h', topics: ['orders'] })
    again.on('restarting', ({ error, delayMs }) => events.push(['restarting', error, delayMs]))
    let failures = 0
    await again.run({
      eachRecord: record => {
        if (record.offset === 1 && failures++ === 0) throw thrown
        read.push(record.offset)
      },
      retry: { attempts: 1 },
    })
    await clock.advance(1000)
    await broker.idle()
    expect(events.at(-1)).toEqual(['restarting', thrown, 1000])
    expect(read).toEqual([0, 2, 3, 0, 1, 2, 3])
  })
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

it.each<[string, unknown, string, string]>([
  ...oddities.map(([what, thrown, text]): [string, unknown, string, string] => [
    what,
    thrown,
    thrown instanceof RangeError
      ? 'RangeError'
      : text === 'gone' || /message/.test(what)
        ? 'Error'
        : typeof thrown,
    text,
  ]),
  [
    'an error whose name is no text',
    Object.assign(new Error('gone'), { name: Symbol('s') }),
    'Error',
    'gone',
  ],
  ['an error whose name cannot be read', withUnreadable(new Error('gone'), 'name'), 'Error', 'gone'],
  ['a proxy that was revoked', revoked(), 'object', 'thrown an object'],
])(
  'a record whose handler throws %s becomes a dead letter, whatever the order',
  async (_, thrown, name, text) => {
    for (const ordering of ['partition', 'key', 'none'] as const) {
      const { broker } = testBroker({ topics: { orders: topic<number>(), letters: topic<number>() } })
      fill(broker as never, 'orders', 1)
      await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
        ordering,
        retry: { attempts: 1 },
        onFailure: { deadLetter: 'letters' },
        eachRecord: () => {
          throw thrown
        },
      })
      await broker.idle()
      const headers = broker.topic('letters').records()[0]!.headers
      expect([headers['dead-letter.error.class'], headers['dead-letter.error.message']]).toEqual([name, text])
    }
  },
)

describe('a handler that answers with something thenable', () => {
  it('whose then throws has failed, as one that rejects', async () => {
    const { broker, clock, consumer } = orders()
    const retries: unknown[] = []
    consumer.on('retrying', ({ error }) => retries.push(error))
    const bad = new TypeError('no then for you')
    let failures = 0
    const read: number[] = []
    await consumer.run({
      eachRecord: record => {
        if (record.offset === 1 && failures++ === 0) {
          return {
            // biome-ignore lint/suspicious/noThenProperty: what is tested
            then() {
              throw bad
            },
          }
        }
        read.push(record.offset)
        return undefined
      },
    })
    await clock.settle()
    expect(retries).toEqual([bad])
    await clock.advance(100)
    await broker.idle()
    expect(read).toEqual([0, 1, 2, 3])
  })

  it.each([{}, { concurrency: 2 }])(
    'whose then cannot even be read has failed, too, with %j',
    async options => {
      const { broker, clock, consumer } = orders()
      const skipped: unknown[] = []
      consumer.on('skipped', ({ record, error }) => skipped.push([record.offset, (error as Error).message]))
      const unreadable = {
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        get then() {
          throw new TypeError('no then for you')
        },
      }
      await consumer.run({
        ...options,
        retry: { attempts: 1 },
        onFailure: 'skip',
        eachRecord: ({ offset }) => (offset === 1 ? unreadable : undefined),
      })
      await clock.settle()
      await broker.idle()
      expect(skipped).toEqual([[1, 'no then for you']])
    },
  )

  it('that answers at once does not pile up calls', async () => {
    const { broker, consumer, committed } = orders(20_000)
    let handled = 0
    await consumer.run({
      eachRecord: () => {
        handled++
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        return { then: (done: () => void) => done() }
      },
    })
    await broker.idle()
    expect([handled, committed()]).toEqual([20_000, 20_000])
  })
})

describe('a backoff', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no patience')
      },
      'no patience',
    ],
    [
      'answers nonsense',
      () => 'soon' as never,
      "run: retry: backoff(1) expected a number of milliseconds, 0 or more, gave 'soon'",
    ],
    ['answers NaN', () => Number.NaN, 'gave NaN'],
  ])(
    'that %s stops the consumer with what is wrong, and the record is not lost',
    async (_, backoff, text) => {
      for (const fail of [
        () => {
          throw new Error('boom')
        },
        () => Promise.reject(new Error('boom')),
      ]) {
        const { broker, consumer, committed } = orders()
        consumer.on('crashed', () => {})
        await consumer.run({
          eachRecord: record => (record.offset === 2 ? fail() : undefined),
          retry: { backoff },
        })
        expect((await rejectionOf(consumer.done)).message).toContain(text)
        expect([committed(), broker.group('g').state]).toEqual([2, 'Empty'])
        const read: number[] = []
        await broker
          .consumer({ groupId: 'g', topics: ['orders'] })
          .run({ eachRecord: record => void read.push(record.offset) })
        await broker.idle()
        expect(read).toEqual([2, 3])
      }
    },
  )
})

describe('a listener of a consumer that throws', () => {
  it('neither fails the record nor stops the consumer', async () => {
    const { broker, clock, consumer, committed } = orders()
    const errors: unknown[] = []
    const boom = new Error('boom')
    consumer.on('error', error => errors.push(error))
    for (const name of ['assigned', 'committed', 'retrying', 'skipped'] as const) {
      consumer.on(name, () => {
        throw boom
      })
    }
    const read: number[] = []
    await consumer.run({
      eachRecord: record => {
        if (record.offset === 1) throw new Error('bad record')
        read.push(record.offset)
      },
      retry: { attempts: 2, delayMs: 1 },
      onFailure: 'skip',
    })
    await clock.advance(1)
    await broker.idle()
    expect([read, committed()]).toEqual([[0, 2, 3], 4])
    expect(errors.length).toBeGreaterThanOrEqual(4)
    expect(errors.every(error => error === boom)).toBe(true)
  })
})

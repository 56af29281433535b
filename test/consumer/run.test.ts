import { expect, it } from 'vitest'
import { Broker, type Consumer, InvalidOptionError, UnknownTopicOrPartitionError } from '../../src/index.ts'
import { fill, gate, names, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()

it('delivers what a producer sends to a consumer on the system clock', async () => {
  await using broker = new Broker()
  broker.createTopic('orders', { partitions: 3 })
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: ({ key, value }) => void seen.push([key, value]) })
  const { offset, topic } = await broker
    .producer()
    .send({ topic: 'orders', key: 'o-1', value: { total: 12 } })
  await broker.idle()
  expect({ offset, topic }).toEqual({ offset: 0, topic: 'orders' })
  expect(seen).toEqual([['o-1', { total: 12 }]])
})

it.each<[way: string, begin: (consumer: Consumer) => Promise<unknown>]>([
  ['ready', consumer => consumer.ready()],
  ['run', consumer => consumer.run({ eachRecord: () => {} })],
  ['poll', consumer => consumer.poll()],
  ['a loop', consumer => consumer[Symbol.asyncIterator]().next()],
  ['batches', consumer => consumer.batches().next()],
])('is a member of its group from when it begins to consume, by %s', async (_way, begin) => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect([broker.groups.size, consumer.memberId]).toEqual([0, undefined])
  await begin(consumer)
  const { members } = broker.group('g')
  expect(members.map(({ memberId }) => memberId)).toEqual([consumer.memberId])
  expect(consumer.assignment).toEqual([orders0])
})

it('resolves when it is assigned and positioned, before the first record is handled', async () => {
  const { broker } = brokerWithOrders(0, 2)
  fill(broker, 'orders', 3)
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  expect(names(consumer.assignment)).toEqual(['orders-0', 'orders-1'])
  expect(consumer.position(orders0)).toBeGreaterThanOrEqual(0)
  expect(broker.group('g').state).toBe('Stable')
  await broker.idle()
  expect(seen).toEqual([0, 1, 2])
})

it.each(['groupCreated', 'rebalanced'] as const)(
  "joins once, though a listener of '%s' waits for it while it joins",
  async event => {
    const { broker } = brokerWithOrders()
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], groupInstanceId: 's' })
    const waits: Promise<void>[] = []
    broker.on(event, () => waits.push(consumer.ready(), consumer.caughtUp()))
    await consumer.run({ eachRecord: () => {} })
    await Promise.all(waits)
    expect(waits.length).toBeGreaterThan(0)
    expect(broker.group('g').members).toHaveLength(1)
  },
)

it('handles one record after the other, whichever partition they are of', async () => {
  const { broker, clock } = brokerWithOrders(2, 3)
  const steps: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ partition, offset }) => {
      steps.push(`begin ${partition}@${offset}`)
      await broker.clock.sleep(10)
      steps.push(`end ${partition}@${offset}`)
    },
  })
  await clock.advance(60)
  expect(steps).toHaveLength(12)
  for (let i = 0; i < steps.length; i += 2) {
    expect(steps[i + 1]).toBe(steps[i]!.replace('begin', 'end'))
  }
  expect(broker.group('g').lag()).toBe(0)
})

it('awaits whatever has a then, and takes any other value as done', async () => {
  const { broker } = brokerWithOrders(4)
  const seen: number[] = []
  // oxlint-disable-next-line unicorn/no-thenable -- a thenable that is no promise is what this is about
  const thenable = Object.defineProperty({}, 'then', { value: (resolve: () => void) => resolve() })
  const results = [Promise.resolve(), thenable, false, 42]
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: ({ offset }) => {
      seen.push(offset)
      return results[offset]
    },
  })
  await broker.idle()
  expect(seen).toEqual([0, 1, 2, 3])
  expect(await consumer.committed(orders0)).toEqual({ offset: 4 })
})

it('calls the handler of the topic', async () => {
  const { broker } = brokerWithOrders(2)
  broker.createTopic('payments')
  fill(broker, 'payments', 2)
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders', 'payments'] })
  await consumer.run({
    eachRecord: {
      orders: ({ offset }) => void seen.push(`order ${offset}`),
      payments: async ({ offset }) => void seen.push(`payment ${offset}`),
    },
  })
  await broker.idle()
  expect(seen.filter(each => each.startsWith('order'))).toEqual(['order 0', 'order 1'])
  expect(seen.filter(each => each.startsWith('payment'))).toEqual(['payment 0', 'payment 1'])
})

it('asks for the handlers of what was subscribed to last', async () => {
  const { broker } = brokerWithOrders()
  broker.createTopic('payments')
  fill(broker, 'payments', 1)
  const seen: string[] = []
  const consumer = broker.consumer<string>({ groupId: 'g', topics: ['orders'] })
  await consumer.subscribe(['payments'])
  const error = await rejectionOf(consumer.run({ eachRecord: { orders: () => {} } }))
  expect(error).toMatchObject({ name: 'InvalidOptionError', topic: 'payments' })
  await consumer.run({ eachRecord: { payments: ({ topic }) => void seen.push(topic) } })
  await broker.idle()
  expect(seen).toEqual(['payments'])
})

it('refuses handlers per topic where one is missing, and joins nothing', async () => {
  const { broker } = brokerWithOrders(2)
  broker.createTopic('payments')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders', 'payments'] })
  const error = await rejectionOf(consumer.run({ eachRecord: { orders: () => {} } as never }))
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error.message).toBe("run: option 'eachRecord' has no handler for topic 'payments'")
  expect(broker.groups.size).toBe(0)
  await consumer.run({ eachRecord: { orders: () => {}, payments: () => {} } })
})

it('treats a topic without a handler that a RegExp picked up as a failed record', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: /^orders/ })
  await consumer.run({ eachRecord: { orders: () => {} }, retry: { attempts: 1 }, onFailure: 'stop' })
  await broker.idle()
  broker.createTopic('orders.late').append({ value: 1 })
  await clock.settle()
  const error = await rejectionOf(consumer.done)
  expect(error.message).toContain("no handler for topic 'orders.late'")
})

it('gives a handler its consumer, its attempt and a signal', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: ({ offset }, context) => {
      seen.push([offset, context.attempt, context.signal.aborted, context.consumer === consumer])
      if (offset === 0 && context.attempt === 1) throw new Error('once more')
    },
  })
  await clock.advance(100)
  expect(seen).toEqual([
    [0, 1, false, true],
    [0, 2, false, true],
    [1, 1, false, true],
  ])
})

it('aborts the signal of a handler whose partition is lost, with the reason', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const reasons: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  await consumer.run({
    eachRecord: (_, { signal }) =>
      new Promise<void>(resolve => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason)
          resolve()
        })
      }),
  })
  await clock.advance(999)
  expect(reasons).toEqual([])
  await clock.advance(1)
  expect(reasons).toMatchObject([{ code: 'UNKNOWN_MEMBER_ID', name: 'CommitFailedError' }])
})

it('aborts the signal of a handler for which close can wait no longer', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: (_, { signal }) => {
      signal.addEventListener('abort', () => seen.push('aborted'))
      return new Promise(() => {})
    },
  })
  await clock.settle()
  const closed = consumer.close({ timeoutMs: 500 }).then(() => seen.push('closed'))
  await clock.advance(499)
  expect(seen).toEqual([])
  await clock.advance(1)
  await closed
  expect(seen).toEqual(['aborted', 'closed'])
})

it.each<[string, (attempt: number) => unknown]>([
  ['answered at once', () => {}],
  ['answered later', async () => {}],
  [
    'threw and was tried again',
    attempt => {
      if (attempt === 1) throw new Error('boom')
    },
  ],
  [
    'rejected and was tried again',
    async attempt => {
      if (attempt === 1) throw new Error('boom')
    },
  ],
])('does not abort the signal of a handler that %s, with that of a later one', async (_, first) => {
  const { broker, clock } = brokerWithOrders(2)
  const aborted: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: ({ offset }, { signal, attempt }) => {
      signal.addEventListener('abort', () => aborted.push(offset))
      return offset === 0 ? first(attempt) : new Promise(() => {})
    },
  })
  await clock.advance(1000)
  await consumer.close({ timeoutMs: 0 })
  expect(aborted).toEqual([1])
})

it('shows a signal as aborted to a handler that asks for it only afterwards', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const { opened, open } = gate()
  const seen: boolean[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async (_, context) => {
      await opened
      seen.push(context.signal.aborted)
    },
  })
  await clock.settle()
  await consumer.close({ timeoutMs: 0 })
  open()
  await clock.settle()
  expect(seen).toEqual([true])
})

it('leaves a handler that calls heartbeat alone, however long it takes', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const lost: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  consumer.on('lost', event => lost.push(event))
  await consumer.run({
    eachRecord: async (_, { heartbeat }) => {
      for (let i = 0; i < 10; i++) {
        await broker.clock.sleep(900)
        heartbeat()
      }
    },
  })
  await clock.advance(9000)
  expect(lost).toEqual([])
  expect(await consumer.committed(orders0)).toEqual({ offset: 1 })
})

it('ends when its signal aborts, after the record in hand', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const stop = new AbortController()
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    signal: stop.signal,
    eachRecord: async ({ offset }) => {
      await broker.clock.sleep(10)
      seen.push(`handled ${offset}`)
    },
  })
  consumer.done.then(() => seen.push('done'))
  await clock.advance(5)
  stop.abort()
  await clock.advance(100)
  expect(seen).toEqual(['handled 0', 'done'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
  expect(broker.group('g').state).toBe('Empty')
})

it('does not begin with a signal that is aborted already', async () => {
  const { broker } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const reason = new Error('too late')
  expect(await rejectionOf(consumer.run({ eachRecord: () => {}, signal: AbortSignal.abort(reason) }))).toBe(
    reason,
  )
  expect(broker.groups.size).toBe(0)
})

it.each([
  [
    { eachRecord: () => {}, concurrency: 0 },
    "option 'concurrency' expected a whole number of at least 1, received 0",
  ],
  [{}, "either 'eachRecord' or 'eachBatch', received neither"],
  [{ eachRecord: () => {}, eachBatch: () => {} }, "either 'eachRecord' or 'eachBatch', received both"],
  [{ eachRecord: () => {}, batch: { maxRecords: 2 } }, "option 'batch' goes with 'eachBatch'"],
  [
    { eachBatch: () => {}, batch: { maxRecords: 0 } },
    "option 'maxRecords' expected a whole number of at least 1",
  ],
  [{ eachRecord: () => {}, onFailure: 'explode' }, "option 'onFailure' expected"],
  [
    { eachRecord: () => {}, retry: { delayMs: 1, backoff: () => 1 } },
    "'delayMs' and 'backoff' exclude each other",
  ],
])('refuses run(%o)', async (options, text) => {
  const { broker } = brokerWithOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const error = await rejectionOf(consumer.run(options as never))
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error.message).toContain(text)
  expect(broker.groups.size).toBe(0)
})

it('rejects where a topic does not exist, and can be run once it does', async () => {
  const { broker } = brokerWithOrders(2)
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orderz' as 'orders'] })
  const error = await rejectionOf(consumer.run({ eachRecord: () => {} }))
  expect(error).toBeInstanceOf(UnknownTopicOrPartitionError)
  expect(error).toMatchObject({ suggestions: ['orders'] })
  expect(broker.groups.size).toBe(0)

  broker.createTopic('orderz').append({ value: 1 })
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await broker.idle()
  expect(seen).toEqual([0])
})

it('keeps the order of a partition over many fetches', async () => {
  const { broker } = brokerWithOrders(2500, 2)
  const seen: number[][] = [[], []]
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollRecords: 7 })
  await consumer.run({ eachRecord: ({ partition, offset }) => void seen[partition]!.push(offset) })
  await broker.idle()
  expect(seen).toEqual([range(0, 2500), range(0, 2500)])
})

it('commits each record whose handler has ended, while the next one is in hand', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const events: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('committed', ({ offsets: committed }) => events.push(committed))
  await consumer.run({ eachRecord: () => broker.clock.sleep(10) })
  await clock.advance(25)
  expect(events).toEqual([[{ ...orders0, offset: 1 }], [{ ...orders0, offset: 2 }]])
})

it('commits nothing by itself with autoCommit off', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await consumer.run({ eachRecord: async () => {} })
  await clock.settle()
  expect(broker.group('g').lag()).toBe(3)
  await consumer.close()
  expect(broker.group('g').offsets).toEqual([])
})

it('gives a record that cannot be decoded to retry and onFailure, as a failed handler', async () => {
  const { broker, clock } = testBroker()
  const decode = (bytes: Uint8Array) => {
    if (bytes[0] === 1) throw new Error('not this one')
    return bytes[0]
  }
  const codec = { encode: (value: number) => Uint8Array.of(value), decode }
  const topic = broker.createTopic('orders', { codec })
  for (const value of [0, 1, 2]) topic.append({ value })
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('skipped', ({ record, error }) => seen.push([record.offset, (error as Error).name]))
  await consumer.run({
    eachRecord: ({ value }) => void seen.push(value),
    retry: { attempts: 2 },
    onFailure: 'skip',
  })
  await clock.advance(100)
  expect(seen).toEqual([0, [1, 'InvalidRecordError'], 2])
  expect(warnings).toEqual([])
})

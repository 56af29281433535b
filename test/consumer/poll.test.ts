import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { Broker, ClosedError, IllegalStateError, json, TimeoutError, topic } from '../../src/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { fill, names, offsets, range } from '../helpers/behaviours.ts'
import { collect } from '../helpers/collect.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'

function polling(records: number, partitions = 1) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions })
  for (const partition of range(0, partitions)) fill(broker, 'orders', records, partition)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  return { broker, clock, consumer }
}

it('joins with the first poll, and returns what there is', async () => {
  const { broker, consumer } = polling(3)
  expect(broker.groups.size).toBe(0)
  expect(offsets(await consumer.poll())).toEqual([0, 1, 2])
  expect(broker.group('g').state).toBe('Stable')
})

it('returns records of several partitions, in order within each, and at most maxRecords', async () => {
  const { consumer } = polling(3, 3)
  const first = await consumer.poll({ maxRecords: 7 })
  const second = await consumer.poll({ maxRecords: 7 })
  expect([first.length, second.length]).toEqual([7, 2])
  for (const partition of range(0, 3)) {
    const own = [...first, ...second].filter(record => record.partition === partition)
    expect(offsets(own)).toEqual([0, 1, 2])
  }
})

it('returns at most maxPollRecords by default', async () => {
  const { broker } = polling(5)
  const consumer = broker.consumer({ groupId: 'other', topics: ['orders'], maxPollRecords: 2 })
  expect(offsets(await consumer.poll())).toEqual([0, 1])
  expect(offsets(await consumer.poll())).toEqual([2, 3])
})

it('returns as many records as are asked for, and were they a million', async () => {
  const { consumer } = polling(1_000_000)
  expect(await consumer.poll({ maxRecords: 1_000_000 })).toHaveLength(1_000_000)
})

it('waits for the first record', async () => {
  const { broker, clock, consumer } = polling(0)
  const polled = consumer.poll()
  await clock.advance(60_000)
  fill(broker, 'orders', 2)
  expect(offsets(await polled)).toEqual([0, 1])
})

it('returns nothing when timeoutMs is over', async () => {
  const { clock, consumer } = polling(0)
  const seen: unknown[] = []
  consumer.poll({ timeoutMs: 100 }).then(records => seen.push(records))
  await clock.advance(99)
  expect(seen).toEqual([])
  await clock.advance(1)
  expect(seen).toEqual([[]])
})

it('returns what is there at once even with timeoutMs 0, once it has joined', async () => {
  const { consumer } = polling(2)
  await consumer.ready()
  expect(offsets(await consumer.poll({ timeoutMs: 0 }))).toEqual([0, 1])
})

it('rejects with the reason of its signal, and loses nothing', async () => {
  const { broker, clock, consumer } = polling(0)
  const stop = new AbortController()
  const polled = rejectionOf(consumer.poll({ signal: stop.signal }))
  await clock.settle()
  const reason = new Error('enough')
  stop.abort(reason)
  expect(await polled).toBe(reason)
  fill(broker, 'orders', 1)
  expect(offsets(await consumer.poll())).toEqual([0])
  expect(await rejectionOf(consumer.poll({ signal: stop.signal }))).toBe(reason)
})

it('neither joins nor finishes what the poll before returned, where its signal was aborted already', async () => {
  const { broker, consumer } = polling(2)
  const reason = new Error('enough')
  const signal = AbortSignal.abort(reason)
  expect(await rejectionOf(consumer.poll({ signal }))).toBe(reason)
  expect(broker.groups.size).toBe(0)
  await consumer.poll({ maxRecords: 1 })
  expect(await rejectionOf(consumer.poll({ signal }))).toBe(reason)
  expect(broker.group('g').committed(orders0)).toBe(null)
})

it('commits with each poll what the one before returned', async () => {
  const { broker, consumer } = polling(6)
  const committed = () => broker.group('g').committed(orders0)
  await consumer.poll({ maxRecords: 2 })
  expect(committed()).toBe(null)
  await consumer.poll({ maxRecords: 2 })
  expect(committed()).toEqual({ offset: 2 })
  await consumer.poll({ maxRecords: 2 })
  expect(committed()).toEqual({ offset: 4 })
})

it('commits what was returned on commit()', async () => {
  const { broker, consumer } = polling(6)
  await consumer.poll({ maxRecords: 4 })
  await consumer.commit()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
})

it('commits what was returned on close', async () => {
  const { broker, consumer } = polling(6)
  await consumer.poll({ maxRecords: 4 })
  expect(await consumer.close()).toEqual([{ group: 'g', ...orders0, from: 4, count: 2 }])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
})

it('commits only what commit() says with autoCommit off', async () => {
  const { broker } = polling(6)
  const consumer = broker.consumer({ groupId: 'manual', topics: ['orders'], autoCommit: false })
  await consumer.poll({ maxRecords: 2 })
  await consumer.poll({ maxRecords: 2 })
  expect(broker.group('manual').offsets).toEqual([])
  await consumer.commit()
  expect(broker.group('manual').offsets).toEqual([{ ...orders0, offset: 4 }])
  await consumer.poll({ maxRecords: 2 })
  await consumer.close()
  expect(broker.group('manual').offsets).toEqual([{ ...orders0, offset: 4 }])
})

it('refuses a second poll while one waits, and the first goes on', async () => {
  const { broker, clock, consumer } = polling(0)
  const first = consumer.poll()
  await clock.settle()
  const error = await rejectionOf(consumer.poll())
  expect(error).toBeInstanceOf(IllegalStateError)
  expect(error.message).toContain('the poll before this one has not ended')
  fill(broker, 'orders', 1)
  expect(offsets(await first)).toEqual([0])
})

it('returns nothing when it is closed meanwhile, and is refused afterwards', async () => {
  const { clock, consumer } = polling(0)
  const polled = consumer.poll()
  await clock.settle()
  await consumer.close()
  expect(await polled).toEqual([])
  expect(await rejectionOf(consumer.poll())).toBeInstanceOf(ClosedError)
})

it('keeps its partitions until the next poll, which finishes what the one before returned', async () => {
  const { broker, clock, consumer } = polling(2, 2)
  await consumer.poll()
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const ready = other.ready()
  await clock.advance(1000)
  expect(names(consumer.assignment)).toHaveLength(1)
  expect(broker.group('g').state).toBe('Reconciling')
  const polled = consumer.poll({ timeoutMs: 1000 })
  await ready
  const moved = other.assignment[0]!
  expect(other.position(moved)).toBe(2)
  await clock.advance(1000)
  expect(await polled).toEqual([])
})

it('hands out nothing of a paused partition', async () => {
  const { consumer } = polling(2, 2)
  await consumer.ready()
  consumer.pause([orders0])
  const records = await consumer.poll()
  expect(records.map(({ partition }) => partition)).toEqual([1, 1])
  consumer.resume([orders0])
  expect((await consumer.poll()).map(({ partition }) => partition)).toEqual([0, 0])
})

it('goes on from where it was sought to', async () => {
  const { broker, consumer } = polling(6)
  await consumer.poll({ maxRecords: 2 })
  consumer.seek(orders0, 5)
  expect(offsets(await consumer.poll())).toEqual([5])
  consumer.seek(orders0, 'beginning')
  expect(offsets(await consumer.poll({ maxRecords: 2 }))).toEqual([0, 1])
  await consumer.commit()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('rejects where a topic does not exist, and works once it does', async () => {
  const { broker } = polling(0)
  const consumer = broker.consumer({ groupId: 'g', topics: ['later' as 'orders'] })
  expect(await rejectionOf(consumer.poll())).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  broker.createTopic('later').append({ value: 1 })
  expect(offsets(await consumer.poll())).toEqual([0])
})

it('throws what a record that cannot be decoded fails with, after those before it, until it is sought past', async () => {
  const { broker } = polling(0)
  const codec = {
    encode: (value: number) => Uint8Array.of(value),
    decode: ([value]: Uint8Array) => {
      if (value === 2) throw new Error('no two')
      return value
    },
  }
  const numbers = broker.createTopic('numbers', { codec })
  for (const value of range(0, 4)) numbers.append({ value })
  const consumer = broker.consumer({ groupId: 'n', topics: ['numbers'] })
  expect(offsets(await consumer.poll())).toEqual([0, 1])
  for (const _ of range(0, 2)) {
    expect(await rejectionOf(consumer.poll())).toMatchObject({ code: 'INVALID_RECORD', offset: 2 })
  }
  consumer.seek({ topic: 'numbers', partition: 0 }, 3)
  expect(offsets(await consumer.poll())).toEqual([3])
})

it.each([
  [{ maxRecords: 0 }, "option 'maxRecords' expected a whole number of at least 1, received 0"],
  [{ timeoutMs: -1 }, "option 'timeoutMs' expected a number of milliseconds, 0 or more, received -1"],
  [{ maxRecord: 1 }, "unknown option 'maxRecord', did you mean 'maxRecords'?"],
])('refuses poll(%o), and joins nothing', async (options, text) => {
  const { broker, consumer } = polling(0)
  const error = await rejectionOf(consumer.poll(options as never))
  expect(error).toMatchObject({ code: 'INVALID_CONFIG' })
  expect(error.message).toContain(text.split(',')[0])
  expect(broker.groups.size).toBe(0)
})

/** Records of two topics; those of `slow` are read once `release` is called. */
async function pollingSlowly() {
  const { broker, clock } = testBroker({ codec: json })
  let release = () => {}
  let sending = true
  const schema = schemaOf(
    (value: unknown) =>
      new Promise<{ value: unknown }>(resolve => {
        release = () => resolve({ value })
        if (sending) release()
      }),
  )
  broker.createTopic('orders', {})
  broker.createTopic('slow', topic({ schema }))
  await broker.producer().send({ topic: 'slow', value: 1 })
  sending = false
  return { broker, clock, release: () => release() }
}

it('gives back what a poll has not returned yet when the consumer is closed meanwhile', async () => {
  const { broker, clock, release } = await pollingSlowly()
  const consumer = broker.consumer({ groupId: 'g', topics: ['slow'] })
  const polled = consumer.poll()
  await clock.settle()
  const closed = consumer.close()
  await clock.settle()
  release()
  expect(await polled).toEqual([])
  await closed
  expect(broker.group('g').committed({ topic: 'slow', partition: 0 })).toEqual({ offset: 0 })
})

it('gives back what a poll has already gathered, too, when the consumer is closed before it returns', async () => {
  const { broker, clock, release } = await pollingSlowly()
  fill(broker, 'orders', 3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders', 'slow'] })
  const polled = consumer.poll()
  await clock.settle()
  const closed = consumer.close()
  await clock.settle()
  release()
  expect(await polled).toEqual([])
  await closed
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 0 })
})

it('does not commit what a poll has gathered and not returned yet', async () => {
  const { broker, clock, release } = await pollingSlowly()
  fill(broker, 'orders', 3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders', 'slow'] })
  const polled = consumer.poll()
  await clock.settle()
  await consumer.commit()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 0 })
  release()
  expect(await polled).toHaveLength(4)
  await consumer.commit()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 3 })
})

it('goes on from where it is sought to while it decodes a record that turns out to be none', async () => {
  const { broker, clock } = testBroker({ codec: json })
  const waits: (() => void)[] = []
  let sending = true
  const schema = schemaOf(async (value: unknown) => {
    if (!sending && value === 0) await new Promise<void>(resolve => waits.push(resolve))
    return sending || value !== 0 ? { value } : { issues: [{ message: 'no' }] }
  })
  broker.createTopic('orders', topic({ schema }))
  for (const value of range(0, 4)) await broker.producer().send({ topic: 'orders', value })
  sending = false
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const polled = consumer.poll()
  await clock.settle()
  consumer.seek(orders0, 2)
  for (const go of waits) go()
  expect(offsets(await polled)).toEqual([2, 3])
})

it('leaves neither a timer nor a listener behind, however a poll ends', async () => {
  const { broker, clock, release } = await pollingSlowly()
  fill(broker, 'orders', 1)
  const timers = () => clock.waiting.filter(name => /poll/i.test(name))
  const { signal } = new AbortController()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll({ signal, timeoutMs: 1000 })
  expect(timers()).toEqual(['maxPollIntervalMs of a consumer'])
  const expired = consumer.poll({ signal, timeoutMs: 10 })
  await clock.advance(10)
  expect(await expired).toEqual([])
  await consumer.close()
  expect(timers()).toEqual([])

  const slow = broker.consumer({ groupId: 'slow', topics: ['slow'] })
  const polled = slow.poll({ signal, timeoutMs: 1000 })
  await clock.settle()
  await slow.close({ timeoutMs: 0 })
  release()
  expect(await polled).toEqual([])
  expect(timers()).toEqual([])
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

it('tells of a hook that throws while it closes by an event, as no poll comes that could throw it', async () => {
  const { broker } = polling(1)
  const boom = new Error('boom')
  const onRevoked = () => Promise.reject(boom)
  const consumer = broker.consumer({ groupId: 'h', topics: ['orders'], onRevoked })
  const errors: unknown[] = []
  consumer.on('error', error => errors.push(error))
  await consumer.poll()
  await consumer.close()
  expect(errors).toEqual([boom])
})

it('refuses a second poll also while the first finds out that there is nothing to join', async () => {
  const { broker } = testBroker()
  const consumer = broker.consumer({ groupId: 'g', topics: ['nowhere'] })
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  const [first, second] = [rejectionOf(consumer.poll()), rejectionOf(consumer.poll())]
  expect(await first).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  expect(await second).toBeInstanceOf(IllegalStateError)
  await new Promise(setImmediate)
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

it('commits where it was sought to, and not what was polled before', async () => {
  const { broker, consumer } = polling(5)
  await consumer.poll({ maxRecords: 4 })
  consumer.seek(orders0, 1)
  expect(offsets(await consumer.poll({ maxRecords: 1 }))).toEqual([1])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
})

it('keeps nothing of a poll that could not join', async () => {
  await using broker = new Broker()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const failures: WeakRef<object>[] = []
  const poll = () => consumer.poll().catch(error => void failures.push(new WeakRef(error)))
  for (let i = 0; i < 3; i++) await poll()
  await new Promise(resolve => setImmediate(resolve))
  collect()
  expect(failures.map(failure => failure.deref())).toEqual([undefined, undefined, undefined])
})

it('keeps nothing of the polls whose time was over before the consumer could join again', async () => {
  await using broker = new TestBroker({ topics: { orders: topic() } })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  for (const event of ['lost', 'error'] as const) consumer.on(event, () => {})
  await consumer.poll({ timeoutMs: 0 })
  await broker.advance(0)
  broker.faults.fail({ operation: 'join' }, new TimeoutError('Nobody answers'), { times: 1 })
  await broker.advance(1000)
  const polls = async () => {
    for (let i = 0; i < 5000; i++) await consumer.poll({ timeoutMs: 0 })
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = await polls()
  // A poll that is waited for has kept a thousand bytes.
  expect((await polls()) - before).toBeLessThan(2_000_000)
  expect(consumer.assignment).toEqual([])
  fill(broker, 'orders', 1)
  const polled = consumer.poll({ timeoutMs: 2000 })
  await broker.advance(1000)
  expect(offsets(await polled)).toEqual([0])
})

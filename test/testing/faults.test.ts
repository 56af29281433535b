import { CommitFailedError, TimeoutError, topic } from 'brokerlet'
import { type FaultScope, TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill, offsets } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'

const topics = { orders: topic({ partitions: 2 }), audit: topic({ partitions: 1 }) }
const boom = new Error('boom')

function start(options: { readonly autoOffsetReset?: 'latest' } = {}) {
  const broker = new TestBroker({ topics })
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], ...options })
  const run = () =>
    consumer.run({ eachRecord: ({ partition, offset }) => void seen.push(`${partition}@${offset}`) })
  return { broker, consumer, seen, run, elapsed: () => broker.now - Date.UTC(2020, 0, 1) }
}

// --- fail -------------------------------------------------------------------------------------------------------------

it('fails an append once, and nothing is written; the next one is', async () => {
  const { broker } = start()
  broker.faults.fail({ operation: 'append', topic: 'orders' }, boom)
  const producer = broker.producer()
  expect(await rejectionOf(producer.send({ topic: 'orders', value: 1 }))).toBe(boom)
  expect(broker.topic('orders').records()).toEqual([])
  await producer.send({ topic: 'orders', value: 2 })
  expect(broker.topic('orders').records()).toMatchObject([{ value: 2 }])
})

it('fails a batch as a whole where one of its records is meant', async () => {
  const { broker } = start()
  broker.faults.fail({ operation: 'append', topic: 'audit' }, boom)
  const batch = [
    { topic: 'orders', value: 1 },
    { topic: 'audit', value: 2 },
  ] as const
  expect(await rejectionOf(broker.producer().sendBatch(batch))).toBe(boom)
  expect(broker.topic('orders').records()).toEqual([])
})

it('fails so many times, or always until it is cleared', async () => {
  const { broker } = start()
  const producer = broker.producer()
  const outcomes = async (count: number) => {
    const results = []
    for (let i = 0; i < count; i++) {
      results.push(
        await producer.send({ topic: 'orders', value: i }).then(
          () => 'sent',
          () => 'failed',
        ),
      )
    }
    return results
  }
  broker.faults.fail({ operation: 'append' }, boom, { times: 2 })
  expect(await outcomes(3)).toEqual(['failed', 'failed', 'sent'])
  broker.faults.fail({ operation: 'append' }, boom, { always: true })
  expect(await outcomes(3)).toEqual(['failed', 'failed', 'failed'])
  broker.faults.clear()
  expect(await outcomes(1)).toEqual(['sent'])
})

it("fails a service's own handler from outside, which is then tried again", async () => {
  const { broker, seen, run } = start()
  broker.faults.fail({ operation: 'handle', group: 'billing', topic: 'orders' }, boom, { times: 2 })
  await run()
  fill(broker, 'orders', 2)
  await broker.advanceUntilIdle()
  expect(seen).toEqual(['0@0', '0@1'])
  expect(broker.timeline.ofKind('failed').map(({ offset, error }) => [offset, error])).toEqual([
    [0, boom],
    [0, boom],
  ])
})

it('fails handlers of batches and handlers by topic, too', async () => {
  const { broker } = start()
  const seen: unknown[] = []
  broker.faults.fail({ operation: 'handle', group: 'batches' }, boom)
  broker.faults.fail({ operation: 'handle', group: 'by topic' }, boom)
  await broker.consumer({ groupId: 'batches', topics: ['orders'] }).run({
    eachBatch: ({ records }) => void seen.push(['batch', ...offsets(records)]),
  })
  await broker.consumer({ groupId: 'by topic', topics: ['orders'] }).run({
    eachRecord: { orders: ({ offset }) => void seen.push(['record', offset]) },
  })
  broker.topic('orders').append({ value: 1, partition: 0 })
  await broker.idle().catch(() => {})
  expect(seen).toEqual([])
  await broker.advanceUntilIdle()
  expect(seen.sort()).toEqual([
    ['batch', 0],
    ['record', 0],
  ])
})

it('fails an automatic commit: it is told as an error, the record is done again by the next owner', async () => {
  const { broker, consumer, seen, run } = start()
  const errors: unknown[] = []
  consumer.on('error', error => errors.push(error))
  broker.faults.fail({ operation: 'commit', group: 'billing' }, boom, { always: true })
  await run()
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(errors[0]).toBe(boom)
  expect(broker.group('billing').committed({ topic: 'orders', partition: 0 })).toBeNull()
  await consumer.close()
  broker.faults.clear()
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: ({ offset }) => void seen.push(`again ${offset}`),
  })
  await broker.idle()
  expect(seen).toEqual(['0@0', 'again 0'])
})

it("rejects a consumer's own commit", async () => {
  const { broker, consumer } = start()
  await consumer.ready()
  broker.faults.fail({ operation: 'commit', topic: 'orders', partition: 1 }, boom)
  await consumer.commit([{ topic: 'orders', partition: 0, offset: 0 }])
  expect(await rejectionOf(consumer.commit([{ topic: 'orders', partition: 1, offset: 0 }]))).toBe(boom)
  expect(broker.timeline.ofKind('commit refused')).toMatchObject([
    { offsets: [{ topic: 'orders', partition: 1, offset: 0 }], error: boom },
  ])
})

it('fails a join, which may be tried again', async () => {
  const { broker, consumer, run, seen } = start()
  broker.faults.fail({ operation: 'join', group: 'billing' }, boom)
  expect(await rejectionOf(run())).toBe(boom)
  await run()
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(seen).toEqual(['0@0'])
  expect(consumer.assignment).toHaveLength(2)
})

it('fails a subscription and leaves the old one in place', async () => {
  const { broker, consumer, run } = start()
  await run()
  broker.faults.fail({ operation: 'subscribe', topic: 'audit' }, boom)
  expect(await rejectionOf(consumer.subscribe(['audit'] as never))).toBe(boom)
  expect(consumer.assignment.map(tp => tp.topic)).toEqual(['orders', 'orders'])
})

it('fails the look-up of a topic and of offsets', async () => {
  const { broker, consumer } = start({ autoOffsetReset: 'latest' })
  broker.faults.fail({ operation: 'metadata', topic: 'orders' }, boom)
  expect(await rejectionOf(broker.producer().send({ topic: 'orders', value: 1 }))).toBe(boom)
  consumer.on('crashed', () => {})
  broker.faults.fail({ operation: 'offsets', topic: 'orders' }, boom)
  expect(await rejectionOf(consumer.ready())).toBe(boom)
  const other = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  other.on('crashed', () => {})
  broker.faults.fail({ operation: 'committed', group: 'billing' }, boom)
  expect(await rejectionOf(other.ready())).toBe(boom)
})

it('fails the look-up of one partition for now, and the others are read', async () => {
  const { broker, run, seen } = start()
  for (const partition of [0, 1]) fill(broker, 'orders', 1, partition)
  const moved = new TimeoutError('the coordinator has moved', {})
  broker.faults.fail({ operation: 'committed', partition: 0 }, moved)
  await run()
  await broker.advance(0)
  expect(seen).toEqual(['1@0'])
  await broker.advance(500)
  expect(seen).toEqual(['1@0', '0@0'])
})

it('fails the look-ups of two partitions, of one later, as one failure', async () => {
  const { broker, consumer } = start()
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  broker.faults.delay({ operation: 'committed', partition: 0 }, 50)
  broker.faults.fail({ operation: 'committed' }, boom, { times: 2 })
  consumer.on('crashed', () => {})
  const failed = rejectionOf(consumer.ready())
  await broker.advance(50)
  await new Promise(setImmediate)
  process.off('unhandledRejection', note)
  expect(await failed).toBe(boom)
  expect(unhandled).toEqual([])
})

it('crashes a consumer whose fetch fails', async () => {
  const { broker, consumer, run } = start()
  consumer.on('crashed', () => {})
  broker.faults.fail({ operation: 'fetch', topic: 'orders', partition: 1 }, boom)
  await run()
  fill(broker, 'orders', 1, 1)
  expect(await rejectionOf(consumer.done)).toBe(boom)
})

it('fails a poll, at once or later, and the next one reads on where it was', async () => {
  for (const later of [false, true]) {
    const { broker, consumer } = start()
    fill(broker, 'orders', 2)
    const polled = () => consumer.poll({ timeoutMs: 1000 })
    expect(await polled()).toHaveLength(2)
    if (later) broker.faults.delay({ operation: 'fetch' }, 50)
    broker.faults.fail({ operation: 'fetch' }, boom)
    fill(broker, 'orders', 1)
    const failed = rejectionOf(polled())
    await broker.advance(50)
    expect(await failed).toBe(boom)
    expect((await polled()).map(({ offset }) => offset)).toEqual([2])
  }
})

it('loses a release on its way: the group waits for it, and removes the member', async () => {
  const { broker, run } = start()
  await run()
  broker.faults.fail({ operation: 'release', group: 'billing' }, boom)
  const other = broker.consumer({ groupId: 'billing', topics: ['orders'], clientId: 'other' })
  const ready = other.ready()
  await broker.advance(299_999)
  expect(other.assignment).toEqual([])
  await broker.advance(1)
  await ready
  expect(broker.timeline.ofKind('left')).toMatchObject([{ reason: 'rebalance timeout' }])
})

it('loses a leave on its way: the group waits for the session', async () => {
  const { broker, consumer, run } = start()
  const errors: unknown[] = []
  consumer.on('error', error => errors.push(error))
  await run()
  broker.faults.fail({ operation: 'leave', group: 'billing' }, boom)
  await consumer.close()
  expect(errors).toEqual([boom])
  expect(broker.group('billing').members).toMatchObject([{ connected: false }])
  await broker.advance(45_000)
  expect(broker.timeline.ofKind('left')).toMatchObject([{ reason: 'session expired' }])
})

// --- delay ------------------------------------------------------------------------------------------------------------

it('delays a send by so much of the time of the broker, and no later one overtakes it', async () => {
  const { broker, elapsed } = start()
  const producer = broker.producer()
  broker.faults.delay({ operation: 'append', topic: 'orders' }, 100)
  const sent = Promise.all([1, 2, 3].map(value => producer.send({ topic: 'orders', value, partition: 0 })))
  await broker.advance(99)
  expect(broker.topic('orders').records()).toEqual([])
  await broker.advanceUntilIdle()
  expect((await sent).map(({ offset }) => offset)).toEqual([0, 1, 2])
  expect(broker.topic('orders').records()).toMatchObject([{ value: 1 }, { value: 2 }, { value: 3 }])
  expect(elapsed()).toBe(100)
})

it('delays again where the plan was cleared before, and each of several fetches', async () => {
  const { broker, seen, run } = start()
  await run()
  broker.faults.clear()
  broker.faults.delay({ operation: 'fetch', group: 'billing' }, 100, { always: true })
  for (const value of [0, 1]) {
    broker.topic('orders').append({ partition: 0, value })
    await broker.advance(99)
    expect(seen).toHaveLength(value)
    await broker.advance(1)
    expect(seen).toHaveLength(value + 1)
  }
})

it.each(['clear', 'close'] as const)('what is delayed is done at once where the plan ends: %s', async end => {
  const { broker, elapsed } = start()
  broker.faults.delay({ operation: 'append', topic: 'orders' }, 100)
  const sent = broker.producer().send({ topic: 'orders', value: 1 })
  if (end === 'clear') broker.faults.clear()
  else await broker.close()
  expect(await sent).toMatchObject({ offset: 0 })
  expect(elapsed()).toBe(0)
})

it('delays the reading of one partition, and not of the others', async () => {
  const { broker, seen, run, elapsed } = start()
  broker.faults.delay({ operation: 'fetch', topic: 'orders', partition: 0 }, 100)
  await run()
  fill(broker, 'orders', 2, 0)
  fill(broker, 'orders', 2, 1)
  await broker.advance(0)
  expect(seen).toEqual(['1@0', '1@1'])
  await broker.advanceUntilIdle()
  expect(seen).toEqual(['1@0', '1@1', '0@0', '0@1'])
  expect(elapsed()).toBe(100)
})

it('lets a partition be resumed that was paused while its reading was delayed', async () => {
  const { broker, consumer, seen, run } = start()
  broker.faults.delay({ operation: 'fetch', topic: 'orders', partition: 0 }, 100)
  await run()
  fill(broker, 'orders', 2, 0)
  await broker.advance(50)
  consumer.pause()
  await broker.advance(100)
  expect(seen).toEqual([])
  consumer.resume()
  await broker.advanceUntilIdle()
  expect(seen).toEqual(['0@0', '0@1'])
})

it.each(['join', 'committed', 'handle', 'commit'] as const)('delays a %s', async operation => {
  const { broker, seen, run, elapsed } = start()
  broker.faults.delay({ operation, group: 'billing' }, 50)
  const running = run()
  fill(broker, 'orders', 1)
  await broker.advance(200)
  await running
  expect(seen).toEqual(['0@0'])
  expect(broker.faults.uses).toMatchObject([{ used: 1, left: 0 }])
  expect(broker.group('billing').committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 1 })
  expect(elapsed()).toBe(200)
})

it('delays a release: its next owner gets the partition so much later', async () => {
  const { broker, run, elapsed } = start()
  await run()
  broker.faults.delay({ operation: 'release', group: 'billing' }, 1000)
  const other = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  const ready = other.ready()
  await broker.advance(999)
  expect(other.assignment).toEqual([])
  await broker.advance(1)
  await ready
  expect(other.assignment).toHaveLength(1)
  expect(elapsed()).toBe(1000)
})

it('delays and then fails where both are planned, in the order of the plan', async () => {
  const { broker, elapsed } = start()
  broker.faults.delay({ operation: 'append' }, 10).fail({ operation: 'append' }, boom)
  const sent = rejectionOf(broker.producer().send({ topic: 'orders', value: 1 }))
  await broker.advance(10)
  expect(await sent).toBe(boom)
  expect(elapsed()).toBe(10)
})

// --- scopes and use ---------------------------------------------------------------------------------------------------

it('meets only who is meant: by member id, client id or instance id', async () => {
  const broker = new TestBroker({ topics })
  const consumerOf = (clientId: string, groupInstanceId: string) =>
    broker.consumer({ groupId: 'billing', topics: ['orders'], clientId, groupInstanceId })
  const a = consumerOf('a', 'instance-a')
  const b = consumerOf('b', 'instance-b')
  await Promise.all([a.ready(), b.ready()])
  const commits = async () => {
    const own = (consumer: typeof a) => consumer.assignment.map(tp => ({ ...tp, offset: 0 }))
    return (await Promise.allSettled([a.commit(own(a)), b.commit(own(b))])).map(({ status }) => status)
  }
  for (const member of [a.memberId!, 'a', 'instance-a']) {
    broker.faults.fail({ operation: 'commit', member }, boom)
    expect(await commits()).toEqual(['rejected', 'fulfilled'])
  }
})

it('tells which faults were met, and which were not', async () => {
  const { broker } = start()
  const scope: FaultScope = { operation: 'append', topic: 'audit' }
  broker.faults.fail({ operation: 'append', topic: 'orders' }, boom, { times: 3 }).delay(scope, 5)
  await rejectionOf(broker.producer().send({ topic: 'orders', value: 1 }))
  expect(broker.faults.uses).toEqual([
    { action: 'fail', scope: { operation: 'append', topic: 'orders' }, used: 1, left: 2 },
    { action: 'delay', scope, used: 0, left: 1 },
  ])
  expect(broker.faults.unused).toEqual([{ action: 'delay', scope, used: 0, left: 1 }])
  expect(broker.leftOpen).toEqual(['a fault was never met: delay append of topic audit'])
  broker.faults.clear()
  expect(broker.faults.uses.map(({ action, used, left }) => [action, used, left])).toEqual([
    ['fail', 1, 0],
    ['delay', 0, 0],
  ])
  expect(broker.leftOpen).toEqual(['a fault was never met: delay append of topic audit'])
})

it('refuses a plan that cannot be meant', () => {
  const { faults } = start().broker
  const scope = (given: object) => () => faults.fail(given as never, boom)
  expect(scope({})).toThrow("faults.fail: option 'operation' expected one of 'metadata', 'append'")
  expect(scope({ operation: 'comit' })).toThrow("received 'comit'")
  expect(scope({ operation: 'commit', groupId: 'g' })).toThrow(
    "unknown option 'groupId'. Did you mean 'group'?",
  )
  expect(() => faults.fail({ operation: 'commit' }, boom, { times: 0 })).toThrow("option 'times'")
  expect(() => faults.fail({ operation: 'commit' }, boom, { times: 1, always: true } as never)).toThrow(
    "option 'times' expected no number beside 'always'",
  )
  expect(() => faults.fail({ operation: 'commit' }, undefined)).toThrow(
    'faults.fail: expected an error, received undefined',
  )
  expect(() => faults.delay({ operation: 'commit' }, -1)).toThrow(
    'faults.delay: expected a number of milliseconds',
  )
})

it.each<[FaultScope, string]>([
  [{ operation: 'leave', topic: 'orders' }, "'topic' expected nothing, since leave is of no topic"],
  [
    { operation: 'commitTransaction', partition: 0 },
    'since commitTransaction is of no partition, received 0',
  ],
  [{ operation: 'metadata', topic: 'orders', partition: 0 }, 'since metadata is of no partition'],
  [{ operation: 'sendOffsets', group: 'billing' }, "since a producer's sendOffsets is of no group"],
])('refuses a scope that no operation can fit: %j', (scope, message) => {
  const { faults } = start().broker
  for (const plan of [
    () => faults.fail(scope, boom),
    () => faults.delay(scope, 1),
    () => faults.pauseNext(scope),
  ])
    expect(plan).toThrow(message)
  expect(faults.uses).toEqual([])
})

it('fails a commit as a coordinator would, with an error of its own', async () => {
  const { broker, consumer } = start()
  await consumer.ready()
  broker.faults.fail({ operation: 'commit' }, new CommitFailedError('UNKNOWN_MEMBER_ID', 'gone'))
  expect(await rejectionOf(consumer.commit([{ topic: 'orders', partition: 0, offset: 0 }]))).toMatchObject({
    code: 'UNKNOWN_MEMBER_ID',
  })
})

it('a consumer that is closed while its join takes time is not waited for: polls and loops end, all else is refused', async () => {
  const broker = new TestBroker({ topics })
  broker.faults.delay({ operation: 'join' }, 60_000, { always: true })
  const member = () => broker.consumer({ groupId: 'g', topics: ['orders'] })
  const loop = async () => {
    for await (const { offset } of member()) expect.unreachable(`offset ${offset} came`)
  }
  const ended = [member().poll(), loop()]
  const refused = [member().run({ eachRecord: () => {} }), member().ready(), member().caughtUp()].map(
    rejectionOf,
  )
  await broker.advance(0)
  await broker.close({ timeoutMs: 10 })
  expect(broker.now - Date.UTC(2020, 0, 1)).toBeLessThan(60_000)
  expect(await Promise.all(ended)).toEqual([[], undefined])
  for (const error of await Promise.all(refused)) expect(error).toMatchObject({ code: 'CLOSED' })
})

it('what ends after its broker sets no timer: a member that leaves late begins no expiry of offsets', async () => {
  const { broker, consumer, run } = start()
  await run()
  fill(broker, 'orders', 1)
  await broker.idle()
  broker.faults.delay({ operation: 'leave' }, 5000)
  const left = consumer.close()
  await broker.advance(0)
  await broker.close({ timeoutMs: 0 })
  await broker.advance(5000)
  await left
  expect(broker.pendingTimers).toEqual([])
})

it('a fault of one member, by its client id, is not met by the others of its group', async () => {
  const broker = new TestBroker({ topics: { orders: topic<number>({ partitions: 2 }) } })
  const handled: string[] = []
  for (const clientId of ['first', 'second']) {
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], clientId })
    consumer.on('skipped', () => handled.push(`${clientId} skipped`))
    await consumer.run({
      retry: { attempts: 1 },
      onFailure: 'skip',
      eachRecord: () => void handled.push(clientId),
    })
  }
  broker.faults.fail({ operation: 'handle', member: 'second' }, new Error('down'), { always: true })
  for (const partition of [0, 1, 0, 1])
    await broker.producer().send({ topic: 'orders', partition, value: partition })
  await broker.idle()
  expect(handled.sort()).toEqual(['first', 'first', 'second skipped', 'second skipped'])
  await broker.close()
})

it('fails nobody by a fetch of a partition that was given up before it failed', async () => {
  const broker = new TestBroker({ topics })
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders', 'audit'] })
  consumer.on('crashed', ({ error }) => seen.push(String(error)))
  await consumer.run({ eachRecord: record => void seen.push(`${record.topic}@${record.offset}`) })
  broker.faults.delay({ operation: 'fetch', topic: 'orders', partition: 0 }, 50)
  broker.faults.fail({ operation: 'fetch', topic: 'orders', partition: 0 }, boom)
  await broker.producer().send({ topic: 'orders', partition: 0, value: 0 })
  await broker.advance(10)
  await consumer.subscribe(['audit'])
  await broker.advance(100)
  await broker.producer().send({ topic: 'audit', value: 1 })
  await broker.advance(0)
  expect(seen).toEqual(['audit@0'])
})

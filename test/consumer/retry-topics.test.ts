import { expect, it } from 'vitest'
import { z } from 'zod'
import { Consumer } from '../../src/consumer/consumer.ts'
import type { Engine } from '../../src/engine.ts'
import {
  type AnyRecord,
  headersOf,
  InvalidOptionError,
  json,
  type RunOptions,
  topic,
} from '../../src/index.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { withMembers } from './slow-engine-scene.ts'

const topics = [
  { topic: 'orders.1m', delayMs: 60_000 },
  { topic: 'orders.1h', delayMs: 3_600_000 },
]
function brokerWith(count: number, options = {}) {
  const made = testBroker(options)
  const { broker, clock } = made
  for (const name of ['orders', 'orders.1m', 'orders.1h', 'orders.dlq']) broker.createTopic(name)
  for (let id = 0; id < count; id++)
    broker.topic('orders').append({ key: `k${id}`, value: { id }, headers: { n: `${id}` } })
  const start = clock.monotonic()
  const seen: string[] = []
  const records: AnyRecord[] = []
  /** Which values fail up to which attempt. */
  const bad = new Map<number, number>()
  const run = async (more: Partial<RunOptions<AnyRecord, string>> = {}, consumer = {}) => {
    const reader = broker.consumer({ groupId: 'g', topics: ['orders'], ...consumer })
    await reader.run({
      retry: { attempts: 2, delayMs: 100, topics },
      onFailure: { deadLetter: 'orders.dlq' },
      eachRecord: async (record: AnyRecord, { attempt }: { attempt: number }) => {
        const { id } = record.value as { id: number }
        seen.push(`${clock.monotonic() - start}: ${id} #${attempt}`)
        if (attempt <= (bad.get(id) ?? 0)) throw new Error('not yet')
        records.push(record)
      },
      ...more,
    } as RunOptions)
    return reader
  }
  return { ...made, seen, records, bad, run }
}

it('writes a record that failed to the next topic, goes on, and hands it out again after the delay', async () => {
  const { clock, broker, seen, records, bad, run } = brokerWith(3)
  bad.set(0, 3)
  const delayed: unknown[] = []
  const consumer = await run()
  consumer.on('delayed', ({ record, attempts, delayMs, to }) =>
    delayed.push([record.topic, record.offset, attempts, delayMs, to.topic]),
  )
  await clock.advance(60_100 + 3_600_000)
  expect(seen).toEqual(['0: 0 #1', '100: 0 #2', '100: 1 #1', '100: 2 #1', '60100: 0 #3', '3660100: 0 #4'])
  expect(delayed).toEqual([
    ['orders', 0, 2, 60_000, 'orders.1m'],
    ['orders', 0, 3, 3_600_000, 'orders.1h'],
  ])
  const { topic: name, partition, offset, key, value } = records.at(-1)!
  expect([name, partition, offset, key, value]).toEqual(['orders', 0, 0, 'k0', { id: 0 }])
  expect(headersOf(records.at(-1)!)).toEqual([['n', '0']])
  await broker.idle()
})

it('tells of a record that it delayed, or gave up, before another handler can have it', async () => {
  const { clock, broker, run } = brokerWith(0)
  const seen: string[] = []
  const at = ({ topic: name }: AnyRecord, attempt: number) => seen.push(`${name} #${attempt}`)
  const consumer = await run({
    concurrency: 2,
    retry: { attempts: 1, topics: [{ topic: 'orders.1m', delayMs: 0 }] },
    eachRecord: (record: AnyRecord, { attempt }: { attempt: number }) => {
      at(record, attempt)
      throw new Error('not yet')
    },
  })
  consumer.on('delayed', () => seen.push('delayed'))
  consumer.on('deadLettered', () => seen.push('deadLettered'))
  const morgue = broker.consumer({ groupId: 'morgue', topics: ['orders.dlq'] })
  await morgue.run({ eachRecord: (record, { attempt }) => void at(record, attempt) })
  broker.topic('orders').append({ value: { id: 0 } })
  await clock.settle()
  expect(seen).toEqual(['orders #1', 'delayed', 'orders #2', 'deadLettered', 'orders.dlq #1'])
})

it('a commit on the event covers the record in question, where the consumer commits by hand', async () => {
  const { clock, broker, bad, run } = brokerWith(2)
  for (const id of [0, 1]) bad.set(id, 99)
  const consumer = await run({}, { autoCommit: false })
  const commit = () => void consumer.commit()
  consumer.on('delayed', commit).on('deadLettered', commit)
  await clock.advance(200)
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toMatchObject({ offset: 2 })
  await clock.advance(2 * (60_000 + 3_600_000))
  expect(broker.topic('orders.dlq').records()).toHaveLength(2)
  expect(broker.group('g').lag()).toBe(0)
})

it('does what onFailure says after the last topic, and says where the record came from first', async () => {
  const { clock, broker, seen, bad, run } = brokerWith(1)
  bad.set(0, 99)
  const consumer = await run()
  consumer.on('deadLettered', () => {})
  await clock.advance(60_100 + 3_600_000)
  expect(seen).toHaveLength(4)
  expect(broker.topic('orders.dlq').records()[0]!.headers).toMatchObject({
    'dead-letter.topic': 'orders',
    'dead-letter.offset': '0',
    'dead-letter.attempts': '4',
  })
})

it('skips the topics where no other attempt can help', async () => {
  const { clock, broker, seen, bad, run } = brokerWith(1)
  bad.set(0, 99)
  const consumer = await run({ retry: { topics, retryable: () => false } })
  consumer.on('deadLettered', () => {})
  await clock.settle()
  expect(seen).toEqual(['0: 0 #1'])
  expect(broker.topic('orders.dlq').records()).toHaveLength(1)
})

it('works with handlers per topic, patterns and the order of keys', async () => {
  const { clock, seen, bad, broker, run } = brokerWith(2)
  bad.set(1, 2)
  const handled: unknown[] = []
  await run(
    {
      ordering: 'key',
      concurrency: 4,
      eachRecord: {
        orders: async ({ value }: AnyRecord, { attempt }: { attempt: number }) => {
          const { id } = value as { id: number }
          if (attempt <= (bad.get(id) ?? 0)) throw new Error('not yet')
          handled.push([id, attempt])
        },
      },
    } as never,
    { topics: /^orders$/ },
  )
  await clock.advance(60_100)
  expect(handled).toEqual([
    [0, 1],
    [1, 3],
  ])
  expect(seen).toEqual([])
  await broker.idle()
})

it('makes of a value in a later attempt what the schema of its own topic says, though the others have none', async () => {
  const { broker, clock } = testBroker({ codec: json })
  const schema = z.object({ at: z.coerce.date(), n: z.string().transform(Number) })
  broker.createTopic('visits', topic({ schema }))
  for (const name of ['orders.1m', 'visits.dlq']) broker.createTopic(name)
  broker.createTopic('orders.1h', topic({ schema }))
  broker.topic('visits').append({ value: { at: new Date(0), n: '1' } })
  const seen: unknown[] = []
  const reader = broker.consumer({ groupId: 'g', topics: ['visits'] })
  await reader.run({
    retry: { attempts: 1, topics },
    onFailure: { deadLetter: 'visits.dlq' },
    eachRecord: ({ value }) => {
      seen.push(value)
      throw new Error('not yet')
    },
  })
  await clock.advance(3_660_000)
  const letters = broker.topic('visits.dlq').records()
  const read = { at: new Date(0), n: 1 }
  expect(seen).toEqual([read, read, read])
  // A dead letter is read by its own topic's options.
  expect(letters.map(({ value }) => value)).toEqual([{ at: '1970-01-01T00:00:00.000Z', n: '1' }])
})

it('fails where the schema of its own topic refuses the value of a later attempt', async () => {
  const { broker, clock } = testBroker({ codec: json })
  broker.createTopic('visits', topic({ schema: z.object({ n: z.number() }) }))
  for (const name of ['orders.1m', 'orders.1h', 'other']) broker.createTopic(name)
  const reader = broker.consumer({ groupId: 'g', topics: ['visits'] })
  const skipped: string[] = []
  reader.on('skipped', ({ record, error }) => skipped.push(`${record.topic}: ${(error as Error).message}`))
  await reader.run({ retry: { attempts: 1, topics }, onFailure: 'skip', eachRecord: () => {} })
  const headers = {
    'dead-letter.topic': 'visits',
    'dead-letter.partition': '0',
    'dead-letter.offset': '7',
    'dead-letter.timestamp': '0',
    'dead-letter.group': 'g',
    'dead-letter.attempts': '1',
  }
  broker.topic('orders.1h').append({ value: { n: 'one' }, headers })
  await clock.advance(3_600_000)
  expect(skipped).toEqual([expect.stringContaining('offset 7 of visits-0: its schema refused the value: n:')])
})

it.each([true, false])(
  'waits for a topic that was deleted, or makes it again (autoCreateTopics: %j)',
  async auto => {
    const { broker, clock, seen, bad, run } = brokerWith(0, { autoCreateTopics: auto })
    bad.set(0, 2)
    const consumer = await run({ retry: { attempts: 1, topics } })
    consumer.on('restarting', ({ error }) => seen.push((error as Error).name))
    broker.deleteTopic('orders.1m')
    broker.topic('orders').append({ value: { id: 0 } })
    await clock.settle()
    if (!auto) broker.createTopic('orders.1m')
    await clock.advance(61_000 + 3_600_000)
    const restarted = auto ? [] : ['UnknownTopicOrPartitionError', '1000: 0 #1']
    const began = auto ? 0 : 1000
    expect(seen).toEqual(['0: 0 #1', ...restarted, `${60_000 + began}: 0 #2`, `${3_660_000 + began}: 0 #3`])
  },
)

it('leaves alone what another group failed at', async () => {
  const { clock, broker, bad, seen, run } = brokerWith(1)
  bad.set(0, 2)
  await run()
  const other: number[] = []
  await run({ eachRecord: (record: AnyRecord) => void other.push(record.offset) }, { groupId: 'other' })
  await clock.advance(120_000)
  expect(seen).toEqual(['0: 0 #1', '100: 0 #2', '60100: 0 #3'])
  expect(other).toEqual([0])
  expect(broker.group('other').lag()).toBe(0)
})

it.each([
  ['the codec of its topic', json],
  ['no codec', undefined],
])('hands out values as they were through a retry topic with %s', async (_, codec) => {
  const { broker, clock } = testBroker({
    topics: { orders: topic<{ at: string }>({ codec: json }), later: topic(codec ? { codec } : {}) },
  })
  broker.topic('orders').append({ value: { at: 'noon' } })
  const seen: unknown[] = []
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    retry: { attempts: 1, topics: [{ topic: 'later', delayMs: 10 }] },
    eachRecord: async ({ value }, { attempt }) => {
      if (attempt === 1) throw new Error('boom')
      seen.push(value)
    },
  })
  await clock.advance(10)
  expect(seen).toEqual([{ at: 'noon' }])
})

it('is waited for by idle', async () => {
  const { broker, clock, bad, run } = brokerWith(1)
  bad.set(0, 2)
  await run()
  await clock.advance(100)
  let idle = false
  void broker.idle({ timeoutMs: 100_000 }).then(() => {
    idle = true
  })
  await clock.advance(59_000)
  expect(idle).toBe(false)
  await clock.advance(1000)
  expect(idle).toBe(true)
})

it('keeps reading the topics after subscribe', async () => {
  const { broker, clock, bad, seen, run } = brokerWith(0)
  broker.createTopic('late')
  bad.set(7, 2)
  const consumer = await run()
  await consumer.subscribe(/^late$/)
  broker.topic('late').append({ value: { id: 7 } })
  await clock.advance(60_100)
  expect(seen.map(line => line.split(': ')[1])).toEqual(['7 #1', '7 #2', '7 #3'])
})

it('refuses a reader without a group and topics that do not exist', async () => {
  const { broker } = testBroker()
  broker.createTopic('orders')
  const alone = broker.consumer({ topics: ['orders'] })
  const options = { retry: { topics: [{ topic: 'nowhere', delayMs: 5 }] }, eachRecord: () => {} }
  expect(await rejectionOf(alone.run(options))).toBeInstanceOf(InvalidOptionError)
  const member = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect(await rejectionOf(member.run(options))).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

it('refuses topics that the consumer reads anyway, also those of a later subscribe', async () => {
  const { broker, run } = brokerWith(0)
  const refused = { name: 'InvalidOptionError', option: 'retry.topics', topic: 'orders.1m' }
  expect(await rejectionOf(run({}, { topics: ['orders', 'orders.1m'] }))).toMatchObject(refused)
  const consumer = await run()
  expect(await rejectionOf(consumer.subscribe(['orders.1m'] as never))).toMatchObject(refused)
  expect(broker.group('g').members.map(({ topics: read }) => read)).toEqual([
    ['orders', 'orders.1h', 'orders.1m'],
  ])
})

it('refuses them, too, where the consumer is told to read them just as it begins to run', async () => {
  const { broker } = brokerWith(0)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const refused = rejectionOf(consumer.run({ retry: { topics }, eachRecord: () => {} }))
  await consumer.subscribe(['orders', 'orders.1m'] as never)
  expect(await refused).toMatchObject({ name: 'InvalidOptionError', topic: 'orders.1m' })
  await consumer.subscribe(['orders'])
  await consumer.run({ retry: { topics }, eachRecord: () => {} })
})

it.each([0, 1, 2, 3])(
  'goes on with what it reads where a subscribe, made %i microtasks after the run, is refused',
  async microtasks => {
    const { broker, seen } = brokerWith(1)
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.ready()
    const options = { retry: { topics }, eachRecord: (record: AnyRecord) => void seen.push(record.topic) }
    const started = consumer.run(options)
    for (let i = 0; i < microtasks; i++) await undefined
    const refused = rejectionOf(consumer.subscribe(['nowhere'] as never))
    await started
    expect(await refused).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect(broker.group('g').members.map(each => each.topics)).toEqual([['orders', 'orders.1h', 'orders.1m']])
    await broker.idle()
    expect(seen).toEqual(['orders'])
  },
)

it('leaves nothing of a run that could not join: the next one reads along what it says itself', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('later')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const seen: string[] = []
  const eachRecord = ({ topic: from }: AnyRecord) => void seen.push(from)
  const retrying = { retry: { topics: [{ topic: 'later', delayMs: 10 }] }, eachRecord }
  for (let i = 0; i < 2; i++) {
    expect(await rejectionOf(consumer.run(retrying))).toMatchObject({ topic: 'orders' })
  }
  broker.createTopic('orders')
  await consumer.run({ eachRecord })
  for (const name of ['orders', 'later']) broker.topic(name).append({ value: 1 })
  await clock.settle()
  expect(seen).toEqual(['orders'])
})

it('can be run once a topic exists that was missing', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('later')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const attempts: number[] = []
  const run = () =>
    consumer.run({
      retry: { attempts: 1, topics: [{ topic: 'later', delayMs: 10 }] },
      eachRecord: (_, { attempt }) => {
        attempts.push(attempt)
        if (attempt === 1) throw new Error('boom')
      },
    })
  expect(await rejectionOf(run())).toMatchObject({ topic: 'orders' })
  broker.createTopic('orders')
  await run()
  broker.topic('orders').append({ value: 1 })
  await clock.advance(10)
  expect(attempts).toEqual([1, 2])
})

function brokerWithLater() {
  const made = testBroker()
  for (const name of ['orders', 'later']) made.broker.createTopic(name)
  return { ...made, retry: { attempts: 1, topics: [{ topic: 'later', delayMs: 1000 }] } }
}

it('gives a later attempt its consumer, and lets it pause the topic in which its record waited', async () => {
  const { broker, clock, retry } = brokerWithLater()
  for (const value of [0, 1]) broker.topic('orders').append({ value })
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    retry,
    eachRecord: async ({ value }, { attempt, consumer: control, pause }) => {
      if (attempt === 1) throw new Error('boom')
      seen.push([clock.monotonic(), value, control === consumer])
      pause(500)
    },
  })
  await clock.advance(2000)
  expect(seen).toEqual([
    [1000, 0, true],
    [1500, 1, true],
  ])
})

it('counts maxPollIntervalMs anew from the heartbeat of a later attempt, and then aborts its signal', async () => {
  const { broker, clock, retry } = brokerWithLater()
  broker.topic('orders').append({ value: 0 })
  const aborted: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 300 })
  await consumer.run({
    retry,
    eachRecord: async (_, { attempt, heartbeat, signal }) => {
      if (attempt === 1) throw new Error('boom')
      signal.addEventListener('abort', () => aborted.push(clock.monotonic()))
      await broker.clock.sleep(200)
      heartbeat()
      await broker.clock.sleep(1000)
    },
  })
  await clock.advance(3000)
  expect(aborted[0]).toBe(1500)
})

it('gives up a record whose own topic was deleted while it waited: it becomes a dead letter at once', async () => {
  const { clock, broker, seen, bad, run } = brokerWith(1)
  bad.set(0, 99)
  const consumer = await run()
  const letters: unknown[] = []
  consumer.on('deadLettered', ({ record, error, attempts }) =>
    letters.push([record.topic, record.offset, attempts, (error as Error).message]),
  )
  await clock.advance(1000)
  await broker.deleteTopic('orders')
  await clock.advance(60_100)
  expect(seen).toHaveLength(2)
  expect(letters).toEqual([['orders', 0, 2, expect.stringMatching("^Unknown topic 'orders'")]])
  const [letter] = broker.topic('orders.dlq').records()
  expect(letter).toMatchObject({ value: { id: 0 }, headers: { n: '0', 'dead-letter.topic': 'orders' } })
  await broker.idle()
})

it.each(['restart', 'stop', 'skip'] as const)(
  'skips a record whose own topic was deleted while it waited, and goes on, where onFailure is %s',
  async onFailure => {
    const { clock, broker, seen, bad, run } = brokerWith(2)
    bad.set(0, 3).set(1, 3)
    const consumer = await run({ onFailure })
    const told: unknown[] = []
    consumer
      .on('skipped', ({ record, attempts }) => told.push([record.topic, record.offset, attempts]))
      .on('restarting', () => told.push('restarting'))
      .on('crashed', () => told.push('crashed'))
    await clock.advance(1000)
    await broker.deleteTopic('orders')
    await clock.advance(60_100)
    expect(seen).toHaveLength(4)
    expect(told).toEqual([
      ['orders', 0, 2],
      ['orders', 1, 2],
    ])
    expect(broker.group('g').lag()).toBe(0)
    await broker.idle()
  },
)

it('gives up a record whose own topic was deleted, too, where its engine has to ask for the topic', async () => {
  const { broker, clock } = brokerWithLater()
  broker.topic('orders').append({ value: 0 })
  const engine = withMembers<Engine>(broker.engine, { topic: async name => broker.engine.topic(name) })
  const consumer = new Consumer(engine, { groupId: 'g', topics: ['orders'] })
  const told: unknown[] = []
  consumer.on('skipped', ({ record, error }) => told.push([record.topic, (error as Error).name]))
  await consumer.run({
    retry: { attempts: 1, topics: [{ topic: 'later', delayMs: 1000 }] },
    eachRecord: () => {
      throw new Error('boom')
    },
  })
  await clock.advance(500)
  broker.deleteTopic('orders')
  await clock.advance(1000)
  expect(told).toEqual([['orders', 'UnknownTopicOrPartitionError']])
  expect(broker.group('g').lag()).toBe(0)
})

import { expect, it } from 'vitest'
import { z } from 'zod'
import { Broker, InvalidOptionError, json, type TopicDefinition, topic } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { fill, names, offsets } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

// --- declare ----------------------------------------------------------------------------------------------------------

it('makes the declared topics with their options', () => {
  const { broker } = testBroker({ topics: { orders: topic({ partitions: 6 }), payments: topic() } })
  expect([...broker.topics.keys()]).toEqual(['orders', 'payments'])
  expect(broker.topic('orders').partitions).toHaveLength(6)
  expect(broker.topic('orders').options).toMatchObject({
    partitions: 6,
    retentionMs: 7 * 24 * 3_600_000,
    keys: 'string',
  })
  expect(broker.topic('payments').partitions).toHaveLength(1)
})

it('makes what is missing and gives the same broker', () => {
  const { broker } = testBroker({ topics: { orders: topic({ partitions: 2 }) } })
  const { id } = broker.topic('orders')
  const wider = broker.declare({ orders: topic({ partitions: 2 }), payments: topic({ retentionMs: 1000 }) })
  expect(wider).toBe(broker)
  expect(wider.topic('orders').id).toBe(id)
  expect(wider.topic('payments').options.retentionMs).toBe(1000)
})

it('takes a declaration that leaves an option out as one that agrees', () => {
  const { broker } = testBroker({
    topics: { orders: topic({ partitions: 2, retentionMs: 1000, codec: json }) },
  })
  broker.declare({ orders: topic() })
  broker.declare({ orders: topic({ partitions: undefined, codec: undefined }) })
  expect(broker.topic('orders').options).toMatchObject({ partitions: 2, retentionMs: 1000 })
})

it.each([
  ['partitions', { partitions: 3 }, 'exists with partitions 2; it is declared with 3'],
  ['retentionMs', { retentionMs: -1 }, 'exists with retentionMs 1000; it is declared with -1'],
  ['keys', { keys: 'bytes' }, "exists with keys 'string'; it is declared with 'bytes'"],
  ['codec', { codec: json }, 'exists with codec undefined; it is declared with an object'],
])('refuses a declaration that contradicts by %s, and makes nothing', (option, options, text) => {
  const { broker } = testBroker({ topics: { orders: topic({ partitions: 2, retentionMs: 1000 }) } })
  const error = thrownBy(() => broker.declare({ alpha: topic(), orders: { options: options as object } }))
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error).toMatchObject({ topic: 'orders', option })
  expect(error.message).toBe(`Topic 'orders' ${text}`)
  expect([...broker.topics.keys()]).toEqual(['orders'])
})

it.each([
  ['a bad name', { alpha: topic(), 'not good': topic() }, 'INVALID_TOPIC_EXCEPTION'],
  ['a bad option', { alpha: topic(), beta: { options: { partitions: 0 } } }, 'INVALID_CONFIG'],
  ['no definition', { alpha: topic(), beta: undefined }, 'INVALID_REQUEST'],
])('refuses %s among the declared, and makes nothing', (_, topics, code) => {
  const { broker } = testBroker()
  expect(thrownBy(() => broker.declare(topics as never))).toMatchObject({ code })
  expect([...broker.topics.keys()]).toEqual([])
})

it('says that a declared codec or schema is another one, where both read the same', () => {
  const { broker } = testBroker({ topics: { orders: topic({ codec: json, schema: z.string() }) } })
  const declared = (options: object) =>
    thrownBy(() => broker.declare({ orders: { options } as TopicDefinition<string> })).message
  expect(declared({ codec: { ...json } })).toBe(
    "Topic 'orders' exists with another codec than the one that it is declared with",
  )
  expect(declared({ schema: z.string() })).toBe(
    "Topic 'orders' exists with another schema than the one that it is declared with",
  )
})

it('compares with the partitions that a topic has grown to', () => {
  const { broker } = testBroker({ topics: { orders: topic({ partitions: 2 }) } })
  broker.topic('orders').addPartitions(4)
  broker.declare({ orders: topic({ partitions: 4 }) })
  expect(thrownBy(() => broker.declare({ orders: topic({ partitions: 2 }) }))).toMatchObject({
    option: 'partitions',
  })
})

// --- createTopic and autoCreateTopics ---------------------------------------------------------------------------------

it('makes a topic from options or a definition', () => {
  const { broker } = testBroker()
  expect(broker.createTopic('a', { partitions: 2 }).partitions).toHaveLength(2)
  expect(broker.createTopic('b', topic({ partitions: 3 })).partitions).toHaveLength(3)
  expect(broker.createTopic('c').partitions).toHaveLength(1)
  expect(thrownBy(() => broker.createTopic('a'))).toMatchObject({
    code: 'TOPIC_ALREADY_EXISTS',
    errno: 36,
    topic: 'a',
  })
  expect(thrownBy(() => broker.createTopic('a/b'))).toMatchObject({
    code: 'INVALID_TOPIC_EXCEPTION',
    errno: 17,
  })
})

it('names near matches of a misspelt topic, and makes none', async () => {
  const { broker } = testBroker({ topics: { orders: topic(), payments: topic() } })
  const expected = { code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'oders', suggestions: ['orders'] }
  expect(thrownBy(() => broker.topic('oders' as 'orders'))).toMatchObject(expected)
  const sent = broker.producer().send({ topic: 'oders' as 'orders', value: 1 })
  expect(await rejectionOf(sent)).toMatchObject({
    ...expected,
    message: "Unknown topic 'oders'. Did you mean 'orders'?",
  })
  expect(broker.topics.size).toBe(2)
})

it('says how a topic comes about where none has nearly the name', async () => {
  const { broker } = testBroker()
  const name = 'orders' as never
  const expected =
    "Unknown topic 'orders'; declare it in 'topics' of the broker or make it with createTopic()"
  expect(thrownBy(() => broker.topic(name)).message).toBe(expected)
  const { message } = await rejectionOf(broker.consumer({ groupId: 'g', topics: [name] }).ready())
  expect(message).toBe(`${expected}, or set 'autoCreateTopics'`)
  expect(thrownBy(() => broker.deleteTopic(name)).message).toBe("Unknown topic 'orders'")
})

it.each([
  [true, 1],
  [{ partitions: 3 }, 3],
])(
  'makes topics when they are first named, with autoCreateTopics %o',
  async (autoCreateTopics, partitions) => {
    const { broker } = testBroker({ autoCreateTopics })
    const created: unknown[] = []
    broker.on('topicCreated', event => created.push(event))
    await broker.producer().send({ topic: 'sent', value: 1 })
    await broker.consumer({ groupId: 'g', topics: ['read'] }).ready()
    expect(created).toEqual([
      { topic: 'sent', partitions },
      { topic: 'read', partitions },
    ])
    expect(thrownBy(() => broker.topic('only asked for'))).toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
    expect(await rejectionOf(broker.producer().send({ topic: 'no name', value: 1 }))).toMatchObject({
      code: 'INVALID_TOPIC_EXCEPTION',
    })
  },
)

// As in Kafka, where the metadata request makes the topic, and the send then ends without the partition.
it('makes a topic also for a send that is refused since the topic has no such partition', async () => {
  const { broker } = testBroker({ autoCreateTopics: { partitions: 2 } })
  const error = await rejectionOf(broker.producer().send({ topic: 'sent', value: 1, partition: 2 }))
  expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'sent', partition: 2 })
  expect(error.message).toBe("Topic 'sent' has no partition 2; it has 2, from 0 to 1")
  expect(broker.topic('sent').partitions.map(({ highWatermark }) => highWatermark)).toEqual([0, 0])
})

it('checks the options of autoCreateTopics before the first topic is made', () => {
  const error = thrownBy(() => new Broker({ autoCreateTopics: { partitions: 0 } }))
  expect(error).toMatchObject({ code: 'INVALID_CONFIG', option: 'partitions' })
})

// --- deleteTopic ------------------------------------------------------------------------------------------------------

it('takes a topic away while it is consumed, and gives the group the new one of the same name', async () => {
  const { broker, clock } = testBroker({ topics: { orders: topic({ partitions: 2 }), payments: topic() } })
  fill(broker, 'orders', 5)
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders', 'payments'] })
  await consumer.run({ eachRecord: ({ topic: name, offset }) => void seen.push(`${name}@${offset}`) })
  await broker.idle()
  const { id } = broker.topic('orders')
  broker.deleteTopic('orders')
  expect(broker.group('g').offsets.filter(({ topic: name }) => name === 'orders')).toEqual([])
  await broker.idle()
  expect(names(consumer.assignment)).toEqual(['payments-0'])

  seen.length = 0
  broker.createTopic('orders', { partitions: 1 })
  fill(broker, 'orders', 2)
  fill(broker, 'payments', 1)
  await broker.idle()
  await clock.settle()
  expect(broker.topic('orders').id).not.toBe(id)
  expect(seen.sort()).toEqual(['orders@0', 'orders@1', 'payments@0'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('gives the new topic to the group also when it is made at once', async () => {
  const { broker } = testBroker({ topics: { orders: topic({ partitions: 2 }) } })
  fill(broker, 'orders', 3)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: ({ value }) => void seen.push(value) })
  await broker.idle()
  broker.deleteTopic('orders')
  broker.createTopic('orders', { partitions: 3 })
  broker.topic('orders').append({ value: 'new', partition: 2 })
  await broker.idle()
  expect(seen).toEqual([0, 1, 2, 'new'])
  expect(names(consumer.assignment)).toEqual(['orders-0', 'orders-1', 'orders-2'])
})

it('lets the handler of a deleted topic end, and drops what it did', async () => {
  const { broker, clock } = testBroker({ topics: { orders: topic() } })
  fill(broker, 'orders', 3)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ offset }, { signal }) => {
      await broker.clock.sleep(100)
      seen.push([offset, signal.aborted])
    },
  })
  await clock.advance(50)
  broker.deleteTopic('orders')
  await clock.advance(1000)
  expect(seen).toEqual([[0, true]])
  expect(broker.group('g').offsets).toEqual([])
  await broker.idle()
})

it('refuses what is written to a topic that was deleted, or deleted from it', () => {
  const { broker } = testBroker({ topics: { orders: topic() } })
  const held = broker.topic('orders')
  held.append({ value: 1 })
  broker.deleteTopic('orders')
  for (const call of [() => held.append({ value: 1 }), () => held.partitions[0]!.deleteRecords(1)]) {
    expect(thrownBy(call)).toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      message: "Topic 'orders' was deleted",
    })
  }
  expect(thrownBy(() => broker.deleteTopic('orders'))).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
})

// --- determinism ------------------------------------------------------------------------------------------------------

async function transcript(seed: number): Promise<unknown[]> {
  const clock = new VirtualClock()
  await using broker = new Broker({
    clock,
    random: seededRandom(seed),
    topics: { orders: topic({ partitions: 4 }) },
  })
  const seen: unknown[] = []
  broker.on('memberJoined', ({ memberId }) => seen.push(memberId))
  const consumers = ['a', 'b'].map(clientId =>
    broker.consumer({ groupId: 'g', topics: ['orders'], clientId }),
  )
  for (const consumer of consumers) {
    await consumer.run({ eachRecord: record => void seen.push([consumer.memberId, record]) })
  }
  for (let i = 0; i < 20; i++) await broker.producer().send({ topic: 'orders', value: i })
  await broker.idle()
  return [...seen, broker.describe()]
}

it('runs exactly alike on the same clock and random, ids included', async () => {
  const first = await transcript(7)
  expect(await transcript(7)).toEqual(first)
  expect(await transcript(8)).not.toEqual(first)
  expect(first[0]).toMatch(/^a-000001-[\w-]{12}$/)
  expect(first[1]).toMatch(/^b-000002-[\w-]{12}$/)
  expect((first.at(-1) as { topics: { id: string }[] }).topics[0]!.id).toMatch(
    /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
  )
})

// --- options ----------------------------------------------------------------------------------------------------------

it.each([
  [{ maxRecords: 0 }, 'maxRecords'],
  [{ offsetsRetentionMs: 0 }, 'offsetsRetentionMs'],
  [{ codec: {} }, 'codec'],
  [{ clock: { now: () => 0 } }, 'clock'],
  [{ random: 4 }, 'random'],
  [{ topics: [] }, 'topics'],
  [{ autoCreateTopics: 'yes' }, 'autoCreateTopics'],
  [{ freeze: 1 }, 'freeze'],
  [{ topic: {} }, 'topic'],
])('refuses new Broker(%o)', (options, option) => {
  expect(thrownBy(() => new Broker(options as never))).toMatchObject({ code: 'INVALID_CONFIG', option })
})

it('gives its codec and freeze to every topic that says nothing else', () => {
  const { broker } = testBroker({ codec: json, topics: { orders: topic() } })
  broker.topic('orders').append({ value: { at: new Date(0) } })
  expect(broker.topic('orders').records()[0]!.value).toEqual({ at: '1970-01-01T00:00:00.000Z' })

  const frozen = testBroker({
    freeze: true,
    topics: { orders: topic(), open: topic({ freeze: false }) },
  }).broker
  const value = { nested: { a: 1 } }
  frozen.topic('orders').append({ value })
  expect(Object.isFrozen(value.nested)).toBe(true)
  const other = { a: 1 }
  frozen.topic('open').append({ value: other })
  expect(Object.isFrozen(other)).toBe(false)
  expect(offsets(frozen.topic('open').records())).toEqual([0])
})

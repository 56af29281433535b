import { tracingChannel } from 'node:diagnostics_channel'
import { describe, expect, it } from 'vitest'
import { InvalidArgumentError, InvalidOptionError, InvalidRecordError } from '../../src/index.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { schemaOf } from '../helpers/schema.ts'
import { shop } from './bad-input-scene.ts'

/** The error of a send that waits for the one before it, whose value is being checked. */
async function refusalInTurn(message: unknown) {
  const answers: (() => void)[] = []
  const slow = schemaOf(
    (value: unknown) => new Promise<{ value: unknown }>(resolve => answers.push(() => resolve({ value }))),
  )
  const { broker, send } = shop()
  broker.createTopic('checked', { schema: slow })
  const first = send({ topic: 'checked', value: 1 })
  const waiting = rejectionOf(send(message))
  answers[0]!()
  await first
  return waiting
}

/** A value that nobody can look into. */
function closedBook(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const broken = new TypeError('out of order')

/** Headers with a getter that throws. */
const brokenHeaders = Object.defineProperty({}, 'tenant', {
  enumerable: true,
  get() {
    throw broken
  },
})

/** A list of headers that ends in an error, each time that it is read. */
const brokenList = {
  *[Symbol.iterator]() {
    yield ['tenant', 'acme']
    throw broken
  },
}

/** A message for `orders` with a field, or an iteration of its fields, that throws. */
function brokenMessage(field: string): object {
  return Object.defineProperty({ topic: 'orders', value: 1 }, field, {
    enumerable: true,
    get() {
      throw broken
    },
  })
}

const brokenFields = ['key', 'value', 'headers', 'partition', 'timestamp']

type Case = readonly [what: string, message: unknown, fields: object, text: string]

const refused: readonly Case[] = [
  [
    'a misspelt topic',
    { topic: 'order', value: 1 },
    {
      name: 'UnknownTopicOrPartitionError',
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      errno: 3,
      topic: 'order',
      suggestions: ['orders'],
    },
    "Unknown topic 'order'. Did you mean 'orders'?",
  ],
  [
    'a topic in other letters',
    { topic: 'Order-Lines', value: 1 },
    { errno: 3, topic: 'Order-Lines', suggestions: ['order_lines'] },
    "Unknown topic 'Order-Lines'. Did you mean 'order_lines'?",
  ],
  [
    'a partition that cannot be looked into',
    { topic: 'orders', partition: closedBook(), value: 1 },
    { errno: 87, topic: 'orders', field: 'partition' },
    "Record for topic 'orders': partition expected a whole number, received an object",
  ],
  [
    'a topic unlike any',
    { topic: 'invoices', value: 1 },
    { errno: 3, topic: 'invoices', suggestions: [] },
    "Unknown topic 'invoices'; declare it in 'topics' of the broker or make it with createTopic(), or set 'autoCreateTopics'",
  ],
  [
    'no topic',
    { value: 1 },
    { name: 'InvalidArgumentError', code: 'INVALID_REQUEST', errno: 42, field: 'topic' },
    "send: field 'topic' expected a topic's name, received undefined",
  ],
  [
    'a topic that is no string',
    { topic: ['orders'], value: 1 },
    { name: 'InvalidArgumentError', field: 'topic' },
    'received an array of 1',
  ],
  [
    'no message',
    undefined,
    { name: 'InvalidArgumentError', field: 'message' },
    'send: expected a message with a topic and a value, received undefined',
  ],
  [
    'a string as message',
    'orders',
    { name: 'InvalidArgumentError', field: 'message' },
    "send: expected a message with a topic and a value, as send({ topic, value }), received 'orders'",
  ],
  [
    'an unknown field',
    { topic: 'orders', value: 1, keys: 'k' },
    { name: 'InvalidRecordError', code: 'INVALID_RECORD', errno: 87, topic: 'orders', field: 'keys' },
    "Record for topic 'orders': unknown field 'keys'; a message has topic, key, value, headers, partition, timestamp",
  ],
  [
    'several messages',
    [{ topic: 'orders', value: 1 }],
    { name: 'InvalidArgumentError', field: 'message' },
    'send: expected a message with a topic and a value (sendBatch takes several), received an array of 1',
  ],
  [
    "KafkaJS's messages",
    { topic: 'orders', messages: [{ value: 1 }] },
    { name: 'InvalidRecordError', topic: 'orders', field: 'messages' },
    "unknown field 'messages'; send takes one record; sendBatch takes several, each with its topic",
  ],
  [
    "Kafka's acks",
    { topic: 'orders', value: 1, acks: 1 },
    { name: 'InvalidRecordError', topic: 'orders', field: 'acks' },
    "unknown field 'acks'; a record always counts as sent only when it is in the log, as with acks 'all'",
  ],
  [
    'no value',
    { topic: 'orders', key: 'k' },
    { name: 'InvalidRecordError', topic: 'orders', field: 'value' },
    'value is undefined; give a value, or null for a tombstone',
  ],
  [
    'a promise as value',
    { topic: 'orders', value: Promise.resolve(1) },
    { name: 'InvalidRecordError', code: 'INVALID_RECORD', topic: 'orders', field: 'value' },
    "Record for topic 'orders': value is a Promise; await it, and send what it resolves to",
  ],
  [
    'a number as key',
    { topic: 'orders', key: 1, value: 1 },
    { name: 'InvalidRecordError', topic: 'orders', field: 'key' },
    'key expected a string or null, received 1',
  ],
  [
    'bytes as a string key',
    { topic: 'orders', key: new Uint8Array(1), value: 1 },
    { field: 'key' },
    'key expected a string or null, received a Uint8Array',
  ],
  [
    'a string as a bytes key',
    { topic: 'raw', key: 'k', value: 1 },
    { topic: 'raw', field: 'key' },
    "key expected a Uint8Array or null, received 'k'",
  ],
  [
    'a partition too high',
    { topic: 'orders', partition: 3, value: 1 },
    { name: 'UnknownTopicOrPartitionError', errno: 3, topic: 'orders', partition: 3, field: 'partition' },
    "Topic 'orders' has no partition 3; it has 3, from 0 to 2",
  ],
  [
    'a negative partition',
    { topic: 'orders', partition: -1, value: 1 },
    { name: 'UnknownTopicOrPartitionError', partition: -1 },
    'has no partition -1',
  ],
  [
    'a partition that is no whole number',
    { topic: 'orders', partition: 1.5, value: 1 },
    { name: 'InvalidRecordError', field: 'partition', received: 1.5 },
    'partition expected a whole number, received 1.5',
  ],
  [
    'a partition as string',
    { topic: 'orders', partition: '1', value: 1 },
    { name: 'InvalidRecordError', field: 'partition' },
    "partition expected a whole number, received '1'",
  ],
  [
    'null as partition',
    { topic: 'orders', partition: null, value: 1 },
    { name: 'InvalidRecordError', field: 'partition' },
    'received null',
  ],
  [
    'a Date as timestamp',
    { topic: 'orders', timestamp: new Date(0), value: 1 },
    { name: 'InvalidRecordError', field: 'timestamp' },
    'timestamp expected whole epoch milliseconds, received a Date',
  ],
  [
    'a negative timestamp',
    { topic: 'orders', timestamp: -1, value: 1 },
    { name: 'InvalidRecordError', field: 'timestamp', received: -1 },
    'received -1',
  ],
  [
    'a fraction as timestamp',
    { topic: 'orders', timestamp: 1.5, value: 1 },
    { field: 'timestamp' },
    'received 1.5',
  ],
  [
    'a header that is no text',
    { topic: 'orders', headers: { n: 1 }, value: 1 },
    { name: 'InvalidRecordError', topic: 'orders', field: 'headers.n' },
    'headers.n expected strings or bytes by name, received 1',
  ],
  [
    'headers whose getter throws',
    { topic: 'orders', headers: brokenHeaders, value: 1 },
    { name: 'InvalidRecordError', code: 'INVALID_RECORD', topic: 'orders', field: 'headers', cause: broken },
    "Record for topic 'orders': headers could not be read: out of order",
  ],
  [
    'headers whose iterator throws',
    { topic: 'orders', headers: brokenList, value: 1 },
    { name: 'InvalidRecordError', topic: 'orders', field: 'headers', cause: broken },
    "Record for topic 'orders': headers could not be read: out of order",
  ],
  [
    'headers that cannot be looked into',
    { topic: 'orders', headers: closedBook(), value: 1 },
    { name: 'InvalidRecordError', topic: 'orders', field: 'headers' },
    "Record for topic 'orders': headers could not be read: ",
  ],
  ...brokenFields.map(
    (field): Case => [
      `a ${field} whose getter throws`,
      brokenMessage(field),
      { name: 'InvalidRecordError', code: 'INVALID_RECORD', topic: 'orders', field, cause: broken },
      `Record for topic 'orders': ${field} could not be read: out of order`,
    ],
  ),
  [
    'fields that cannot be listed',
    new Proxy(
      { topic: 'orders', value: 1 },
      {
        ownKeys() {
          throw broken
        },
      },
    ),
    { name: 'InvalidRecordError', topic: 'orders', field: 'message', cause: broken },
    "Record for topic 'orders': message could not be read: out of order",
  ],
  [
    'a record too large for its topic',
    { topic: 'limited', value: 'x'.repeat(9) },
    { name: 'RecordTooLargeError', code: 'MESSAGE_TOO_LARGE', errno: 10, topic: 'limited', received: 11 },
    "Record for topic 'limited' has 11 bytes, more than maxMessageBytes (10)",
  ],
]

describe('a message with', () => {
  it.each(refused)('%s is refused by send, and alone', async (_, message, fields, text) => {
    const { send, values } = shop()
    const error = await rejectionOf(send(message))
    expect(error).toMatchObject(fields)
    expect(error.message).toContain(text)
    await send({ topic: 'orders', value: 'after', partition: 0 })
    expect(values()).toEqual(['before', 'after'])
  })

  it.each(refused)(
    '%s makes a batch write nothing, wherever it stands in it',
    async (_, message, fields, text) => {
      const { broker, producer, send, values } = shop()
      const good = { topic: 'orders', value: 'good', partition: 0 }
      for (const batch of [
        [message, good],
        [good, message, good],
        [good, message],
      ]) {
        const error = await rejectionOf(producer.sendBatch(batch as never))
        expect(error).toMatchObject(fields)
        expect(error.message).toContain(text)
      }
      expect(broker.describe().records).toBe(1)
      const { offset } = await send({ topic: 'orders', value: 'after', partition: 0 })
      expect([offset, values()]).toEqual([1, ['before', 'after']])
    },
  )

  it.each(refused)('%s is refused while it waits its turn, too', async (_, message, fields, text) => {
    const error = await refusalInTurn(message)
    expect(error).toMatchObject(fields)
    expect(error.message).toContain(text)
  })

  it.each(refused.filter(([, message]) => (message as any)?.topic === 'orders'))(
    '%s is refused by append',
    (_, message, fields, text) => {
      const { broker, values } = shop()
      const error = thrownBy(() => broker.topic('orders').append(message as never))
      expect(error).toMatchObject(fields)
      expect(error.message).toContain(text)
      expect(values()).toEqual(['before'])
    },
  )
})

describe('a message whose getter throws', () => {
  const fields = brokenFields.map(
    field => [field, { name: 'InvalidRecordError', field, cause: broken }] as const,
  )
  const topicField = ['topic', { name: 'InvalidArgumentError', field: 'topic', cause: broken }] as const

  it.each([...fields, topicField])('is refused while it waits its turn, too (%s)', async (field, refusal) => {
    expect(await refusalInTurn(brokenMessage(field))).toMatchObject(refusal)
  })

  it.each([...fields, topicField])('is refused where sends are traced, too (%s)', async (field, refusal) => {
    const seen: unknown[] = []
    const subscriber = { start: (message: unknown) => void seen.push(message) }
    const channels = tracingChannel('brokerlet.send')
    channels.subscribe(subscriber as never)
    const { send } = shop()
    const error = await rejectionOf(send(brokenMessage(field)))
    channels.unsubscribe(subscriber as never)
    expect(error).toMatchObject(refusal)
    expect(seen).toHaveLength(1)
  })
})

describe('a topic whose getter throws', () => {
  const refusal = { code: 'INVALID_REQUEST', field: 'topic', cause: broken }

  it('is refused by send', async () => {
    const { send, values } = shop()
    expect(await rejectionOf(send(brokenMessage('topic')))).toMatchObject({
      ...refusal,
      name: 'InvalidArgumentError',
      message: "send: field 'topic' could not be read: out of order",
    })
    expect(values()).toEqual(['before'])
  })

  it('is refused by append', () => {
    const { broker, values } = shop()
    expect(thrownBy(() => broker.topic('orders').append(brokenMessage('topic') as never))).toMatchObject({
      code: 'INVALID_RECORD',
      topic: 'orders',
      field: 'topic',
      cause: broken,
      message: "Record for topic 'orders': topic could not be read: out of order",
    })
    expect(values()).toEqual(['before'])
  })
})

it('a topic and a value as two arguments are refused for the first one, which is no message', async () => {
  const { broker, producer } = shop()
  const error = await rejectionOf(producer.send('orders' as never, { id: 'o-1' } as never))
  expect(error.message).toBe(
    "send: expected a message with a topic and a value, as send({ topic, value }), received 'orders'",
  )
  expect(broker.describe().records).toBe(1)
})

describe('append', () => {
  it.each([undefined, null, 7, 'value'])('refuses %s for a message', message => {
    const { broker, values } = shop()
    const error = thrownBy(() => broker.topic('orders').append(message as never))
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error).toMatchObject({ topic: 'orders', field: 'message' })
    expect(error.message).toMatch(/^append: expected a message with a value, received /)
    expect(values()).toEqual(['before'])
  })

  it('refuses a message for another topic', () => {
    const { broker } = shop()
    const message = { topic: 'raw', value: 1 } as never
    const error = thrownBy(() => broker.topic('orders').append(message))
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error).toMatchObject({ topic: 'orders', field: 'topic', received: 'raw' })
    expect(error.message).toBe("Record for topic 'orders': topic expected 'orders', received 'raw'")
    broker.topic('orders').append({ topic: 'orders', value: 2 } as never)
    expect(broker.describe().records).toBe(2)
  })
})

describe('sendBatch', () => {
  it.each([undefined, null, {}, 'ab', new Set()])('refuses %s, which is no array', async messages => {
    const { producer, values } = shop()
    const error = await rejectionOf(producer.sendBatch(messages as never))
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error).toMatchObject({ code: 'INVALID_REQUEST', field: 'messages' })
    expect(error.message).toMatch(/^sendBatch: expected an array of messages, received /)
    expect(values()).toEqual(['before'])
  })

  it('says of messages that are no list that they have to be one', async () => {
    const { producer } = shop()
    const message = { topic: 'orders', value: 1 }
    const error = await rejectionOf(producer.sendBatch(message as never, message as never))
    expect(error.message).toBe('sendBatch: expected an array of messages, received an object')
  })

  it('refuses an array that cannot be looked into, also where sends are traced', async () => {
    const { proxy, revoke } = Proxy.revocable([], {})
    revoke()
    const { producer } = shop()
    const refusal = { name: 'InvalidArgumentError', field: 'messages' }
    expect(await rejectionOf(producer.sendBatch(proxy as never))).toMatchObject(refusal)
    const subscriber = { start: () => {} }
    const channels = tracingChannel('brokerlet.send')
    channels.subscribe(subscriber as never)
    const error = await rejectionOf(producer.sendBatch(proxy as never))
    channels.unsubscribe(subscriber as never)
    expect(error).toMatchObject(refusal)
  })
})

it('refuses what is no message in its turn as it does at once, also where not even its topic can be read', async () => {
  const { proxy, revoke } = Proxy.revocable(() => {}, {})
  revoke()
  const { send } = shop()
  const atOnce = await rejectionOf(send(proxy))
  expect(atOnce).toMatchObject({ name: 'InvalidArgumentError', field: 'message' })
  expect((await refusalInTurn(proxy)).message).toBe(atOnce.message)
})

describe('sendOffsets', () => {
  const unreadable = Object.defineProperty({}, 'consumedOffsets', {
    get() {
      throw broken
    },
  })

  it.each([
    ['nothing', undefined],
    ['a group', 'billing'],
    ['an object', {}],
    ['a value that cannot be looked into', closedBook()],
    ['an object whose getter throws', unreadable],
  ])('refuses %s, which is no consumer', async (_, from) => {
    const { broker } = shop()
    const producer = broker.producer({ transactionalId: 'totals' })
    const error = await rejectionOf(producer.transaction(tx => tx.sendOffsets(from as never)))
    expect(error).toMatchObject({ name: 'InvalidArgumentError', field: 'from' })
    expect(error.message).toMatch(/^sendOffsets: expected a consumer, or the context of a handler, received /)
  })
})

describe('producer options', () => {
  it.each([
    [
      { partitioner: 'murmur2' },
      'partitioner',
      "Producer: option 'partitioner' expected a function, received 'murmur2'",
    ],
    [
      { clientId: '' },
      'clientId',
      "Producer: option 'clientId' expected a string that is not empty, received ''",
    ],
    [{ clientid: 'a' }, 'clientid', "Producer: unknown option 'clientid'. Did you mean 'clientId'?"],
  ])('%j are refused', (options, option, text) => {
    const { broker } = shop()
    const error = thrownBy(() => broker.producer(options as never))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ code: 'INVALID_CONFIG', errno: 40, option })
    expect(error.message).toBe(text)
  })

  it.each(['shop', 5, null, []])('%j is refused for options', options => {
    const { broker } = shop()
    expect(thrownBy(() => broker.producer(options as never)).message).toMatch(
      /^Producer: expected an object of options(, such as { \w+: .+ })?, received /,
    )
  })
})

describe('options of a send', () => {
  const message = { topic: 'orders', value: { total: 1 } }
  it.each([
    [{ timeoutMs: -1 }, "option 'timeoutMs' expected a number of milliseconds, 0 or more, received -1"],
    [{ signal: 5 }, "option 'signal' expected an AbortSignal, received 5"],
    [{ timeout: 5 }, "unknown option 'timeout'. Did you mean 'timeoutMs'?"],
  ])('%j are refused, and nothing is written', async (options, text) => {
    const { broker } = shop()
    const producer = broker.producer() as any
    const before = broker.describe().records
    const errors = [
      await rejectionOf(producer.send(message, options)),
      await rejectionOf(producer.sendBatch([message], options)),
    ]
    for (const error of errors) expect(error).toBeInstanceOf(InvalidOptionError)
    expect(errors.map(error => (error as Error).message)).toEqual([`send: ${text}`, `sendBatch: ${text}`])
    expect(broker.describe().records).toBe(before)
  })
})

import { describe, expect, it } from 'vitest'
import {
  Broker,
  GroupIdNotFoundError,
  InvalidOptionError,
  InvalidTopicError,
  json,
  TopicAlreadyExistsError,
  topic,
  UnknownTopicOrPartitionError,
} from '../../src/index.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

function shop() {
  const { broker, clock } = testBroker({
    topics: { orders: topic<number>({ partitions: 2 }), payments: topic<number>() },
  })
  const events: unknown[] = []
  broker.on('topicCreated', event => events.push(event))
  for (let i = 0; i < 3; i++) broker.topic('orders').append({ value: i, partition: 0 })
  return { broker, clock, events }
}

describe('broker options', () => {
  const bad: readonly (readonly [object, string, string])[] = [
    [
      { topics: ['orders'] },
      'topics',
      "Broker: option 'topics' expected an object of topics by name, such as { orders: topic() }, received an array of 1",
    ],
    [{ topics: new Map() }, 'topics', 'such as { orders: topic() }, received a Map'],
    [{ topic: {} }, 'topic', "Broker: unknown option 'topic'. Did you mean 'topics'?"],
    [{ maxRecord: 5 }, 'maxRecord', "Broker: unknown option 'maxRecord'. Did you mean 'maxRecords'?"],
    [{ colour: 5 }, 'colour', "Broker: unknown option 'colour'"],
    [{ retentionMs: 5 }, 'retentionMs', "unknown option 'retentionMs'; that is an option of topic()"],
    [{ brokers: [] }, 'brokers', "'brokers'; that is an option of connect(), of brokerlet/kafka"],
    [
      { maxRecords: 0 },
      'maxRecords',
      'expected a whole number of at least 1, or -1 for no limit, received 0',
    ],
    [{ maxRecords: '5' }, 'maxRecords', "received '5'"],
    [{ maxRecords: 1.5 }, 'maxRecords', 'received 1.5'],
    [{ maxRecords: Number.NaN }, 'maxRecords', 'received NaN'],
    [{ offsetsRetentionMs: -2 }, 'offsetsRetentionMs', 'received -2'],
    [{ autoCreateTopics: 'yes' }, 'autoCreateTopics', "expected true or false, or an object, received 'yes'"],
    [
      { autoCreateTopics: { partition: 2 } },
      'partition',
      "unknown option 'partition'. Did you mean 'partitions'?",
    ],
    [{ codec: { encode() {} } }, 'codec', 'expected an object with encode(), decode(), such as json'],
    [{ codec: 'json' }, 'codec', "such as json, string or bytes of this package, received 'json'"],
    [{ freeze: 1 }, 'freeze', 'expected true or false, received 1'],
    [{ clock: Date }, 'clock', 'expected an object with now(), monotonic(), setTimer(), turn()'],
    [{ random: 4 }, 'random', 'expected a function, received 4'],
  ]

  it.each(bad)('%j are refused, naming the option', (options, option, text) => {
    const error = thrownBy(() => new Broker(options as never))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ code: 'INVALID_CONFIG', errno: 40, retriable: false, option })
    expect(error.message).toContain(text)
  })

  it.each([null, 'x', 5, []])('%j is refused for options', options => {
    const error = thrownBy(() => new Broker(options as never))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error.message).toMatch(
      /^Broker: expected an object of options(, such as { maxRecords: 5 })?, received /,
    )
  })

  it('a clock without a work budget is refused when the broker is made, not in the middle of a drain', () => {
    const { clock } = testBroker()
    const { now, monotonic, setTimer, turn } = clock
    expect(thrownBy(() => new Broker({ clock: { now, monotonic, setTimer, turn } as never }))).toMatchObject({
      name: 'InvalidOptionError',
      option: 'clock',
    })
  })
})

describe('topic options', () => {
  const bad: readonly (readonly [object, string, string])[] = [
    [{ partitions: 0 }, 'partitions', 'expected a whole number from 1 to 100000, received 0'],
    [{ partitions: 2.5 }, 'partitions', 'received 2.5'],
    [{ partitions: '2' }, 'partitions', "received '2'"],
    [{ partition: 2 }, 'partition', "Topic 'log': unknown option 'partition'. Did you mean 'partitions'?"],
    [{ retentionMs: 0 }, 'retentionMs', 'or -1 for no limit, received 0'],
    [{ retentionRecords: -5 }, 'retentionRecords', 'received -5'],
    [{ retentionBytes: 1e20 }, 'retentionBytes', 'received 100000000000000000000'],
    [
      { cleanupPolicy: 'compress' },
      'cleanupPolicy',
      "expected one of 'delete', 'compact', 'compact,delete', 'delete,compact', 'consumed', received 'compress'",
    ],
    [{ segmentMs: 0 }, 'segmentMs', 'received 0'],
    [{ segmentRecords: 0 }, 'segmentRecords', 'received 0'],
    [{ segmentRecords: 1_048_577 }, 'segmentRecords', 'from 1 to 1048576, received 1048577'],
    [{ messageTimestampType: 'createTime' }, 'messageTimestampType', "one of 'CreateTime', 'LogAppendTime'"],
    [{ codec: json.encode }, 'codec', 'json, string or bytes of this package, received a function'],
    [
      { codec: json, freeze: true },
      'freeze',
      "option 'freeze' is for values kept by reference, and a codec keeps none",
    ],
    [{ schema: {} }, 'schema', 'expected a Standard Schema (an object with ~standard), received an object'],
    [{ schema: 'string' }, 'schema', "received 'string'"],
    [{ schema: null }, 'schema', 'received null'],
    [{ keys: 'number' }, 'keys', "expected one of 'string', 'bytes', received 'number'"],
  ]

  it.each(bad)('%j are refused, and no topic is made', async (options, option, text) => {
    const { broker, events } = shop()
    for (const error of [
      thrownBy(() => broker.createTopic('log', options as never)),
      thrownBy(() => broker.createTopic('log', topic(options as never) as never)),
      thrownBy(() => broker.declare({ log: topic(options as never) })),
      await rejectionOf(broker.admin.createTopic('log', options as never)),
      thrownBy(() => new Broker({ topics: { log: topic(options as never) } })),
    ]) {
      expect(error).toBeInstanceOf(InvalidOptionError)
      expect(error).toMatchObject({ code: 'INVALID_CONFIG', errno: 40, option, topic: 'log' })
      expect(error.message).toContain(text)
      expect(error.message).toContain("Topic 'log'")
    }
    expect([[...broker.topics.keys()], events]).toEqual([['orders', 'payments'], []])
  })

  it('a list is refused for options', () => {
    const { broker } = shop()
    const error = thrownBy(() => broker.createTopic('log', [] as never))
    expect(error).toMatchObject({ code: 'INVALID_CONFIG', topic: 'log', received: [] })
  })

  it.each(['many', 5, null, true])('%j is refused for options', options => {
    const { broker } = shop()
    for (const make of [
      () => broker.createTopic('log', options as never),
      () => broker.declare({ log: options as never }),
      () => new Broker({ topics: { log: options as never } }),
    ]) {
      const error = thrownBy(make)
      expect(error).toMatchObject({ code: 'INVALID_REQUEST', topic: 'log', received: options })
      expect(error.message).toMatch(/^Topic 'log': expected options or topic\(\.\.\.\), received /)
    }
    expect(broker.topics.has('log')).toBe(false)
  })

  it('a segment may not be larger than all that the broker keeps', () => {
    const { broker } = testBroker({ maxRecords: 10 })
    const error = thrownBy(() => broker.createTopic('log', { segmentRecords: 11 }))
    expect(error).toMatchObject({ name: 'InvalidOptionError', option: 'segmentRecords', received: 11 })
    expect(error.message).toContain("expected at most the broker's maxRecords (10)")
  })
})

describe('topic names', () => {
  it.each(['', '.', '..', 'a b', 'a/b', 'ö', 'x'.repeat(250), undefined, null, 5])('%j is refused', name => {
    const { broker, events } = shop()
    const error = thrownBy(() => broker.createTopic(name as never))
    expect(error).toBeInstanceOf(InvalidTopicError)
    expect(error).toMatchObject({ code: 'INVALID_TOPIC_EXCEPTION', errno: 17, received: name })
    expect(error.message).toMatch(
      /^A topic's name is 1 to 249 letters, digits, '\.', '_' or '-', and not '\.' or '\.\.'; /,
    )
    expect(events).toEqual([])
  })

  it('any other is taken', () => {
    const { broker } = shop()
    for (const name of ['x'.repeat(249), 'A.b_c-9', '...', '__proto__', 'constructor'])
      broker.createTopic(name)
    expect(broker.topics.size).toBe(7)
  })

  it('one that exists is refused, and the topic stays as it is', async () => {
    const { broker } = shop()
    for (const error of [
      thrownBy(() => broker.createTopic('orders', { partitions: 9 })),
      await rejectionOf(broker.admin.createTopic('orders')),
    ]) {
      expect(error).toBeInstanceOf(TopicAlreadyExistsError)
      expect(error).toMatchObject({ code: 'TOPIC_ALREADY_EXISTS', errno: 36, topic: 'orders' })
      expect(error.message).toBe("Topic 'orders' already exists")
    }
    expect(broker.topic('orders').partitions).toHaveLength(2)
    expect(broker.topic('orders').records()).toHaveLength(3)
  })

  it('an invalid one is refused by a send that would make it, too', async () => {
    const { broker } = testBroker({ autoCreateTopics: { partitions: 3 } })
    const error = await rejectionOf(broker.producer().send({ topic: 'a b', value: 1 }))
    expect(error).toBeInstanceOf(InvalidTopicError)
    await broker.producer().send({ topic: 'ab', value: 1 })
    expect([...broker.topics].map(([name, { partitions }]) => [name, partitions.length])).toEqual([['ab', 3]])
  })
})

describe('declare', () => {
  it('refuses what contradicts an existing topic, naming the option, and makes nothing then', () => {
    const { broker } = shop()
    for (const [options, option, text] of [
      [{ partitions: 3 }, 'partitions', "Topic 'orders' exists with partitions 2; it is declared with 3"],
      [{ codec: json }, 'codec', "Topic 'orders' exists with codec undefined; it is declared with an object"],
      [{ retentionMs: 5 }, 'retentionMs', 'exists with retentionMs 604800000; it is declared with 5'],
    ] as const) {
      const error = thrownBy(() => broker.declare({ fresh: topic(), orders: topic(options) }))
      expect(error).toBeInstanceOf(InvalidOptionError)
      expect(error).toMatchObject({ topic: 'orders', option })
      expect(error.message).toContain(text)
    }
    expect([...broker.topics.keys()]).toEqual(['orders', 'payments'])
    broker.declare({ orders: topic({ partitions: 2 }), payments: topic() })
    expect(broker.topic('orders').records()).toHaveLength(3)
  })

  it('makes nothing either where only this broker cannot have one of them', () => {
    const { broker } = testBroker({ maxRecords: 10, codec: json })
    for (const options of [{ segmentRecords: 11 }, { freeze: true }]) {
      expect(thrownBy(() => broker.declare({ fresh: topic(), huge: topic(options) }))).toBeInstanceOf(
        InvalidOptionError,
      )
    }
    expect([...broker.topics.keys()]).toEqual([])
  })

  it.each([undefined, null, 'orders', [], new Map([['orders', topic()]])])('refuses %j', topics => {
    const { broker } = shop()
    expect(thrownBy(() => broker.declare(topics as never))).toMatchObject({
      name: 'InvalidOptionError',
      option: 'topics',
    })
  })
})

describe('what is not there', () => {
  it('is a topic’s name with the names that are nearly the same', async () => {
    const { broker } = shop()
    const calls = {
      topic: () => broker.topic('order' as never),
      deleteTopic: () => broker.deleteTopic('order' as never),
      describe: () => broker.admin.describeTopic('order'),
      addPartitions: () => broker.admin.addPartitions('order', 3),
      deleteRecords: () => broker.admin.deleteRecords([{ topic: 'order', partition: 0, offset: 0 }]),
      listOffsets: () => broker.admin.listOffsets([{ topic: 'order', partition: 0 }], 'end'),
      setGroupOffsets: () => broker.admin.setGroupOffsets('g', [{ topic: 'order', partition: 0, offset: 0 }]),
    }
    for (const call of Object.values(calls)) {
      const error = await rejectionOf((async () => call())())
      expect(error).toBeInstanceOf(UnknownTopicOrPartitionError)
      expect(error).toMatchObject({
        code: 'UNKNOWN_TOPIC_OR_PARTITION',
        errno: 3,
        retriable: true,
        topic: 'order',
        suggestions: ['orders'],
      })
      expect(error.message).toBe("Unknown topic 'order'. Did you mean 'orders'?")
    }
    expect(broker.groups.size).toBe(0)
  })

  it.each([undefined, null, 5, {}])('is a topic called %j', name => {
    const { broker } = shop()
    const error = thrownBy(() => broker.topic(name as never))
    expect(error).toBeInstanceOf(UnknownTopicOrPartitionError)
    expect(error.message).toMatch(/^Expected a topic's name, received /)
  })

  it('is a group', async () => {
    const { broker } = shop()
    await broker.admin.setGroupOffsets('billing', [{ topic: 'orders', partition: 0, offset: 1 }])
    for (const call of [
      () => broker.group('biling'),
      () => broker.deleteGroup('biling'),
      () => broker.admin.describeGroup('biling'),
      () => broker.admin.listGroupOffsets('biling'),
      () => broker.admin.setGroupOffsets('biling', 'earliest'),
      () => broker.idle({ groups: ['biling'] }),
    ]) {
      const error = await rejectionOf((async () => call())())
      expect(error).toBeInstanceOf(GroupIdNotFoundError)
      expect(error).toMatchObject({
        code: 'GROUP_ID_NOT_FOUND',
        errno: 69,
        groupId: 'biling',
        suggestions: ['billing'],
      })
      expect(error.message).toBe("There is no group 'biling'. Did you mean 'billing'?")
    }
  })

  it('says how a group comes to be, where no other has nearly its name', () => {
    expect(() => new Broker().group('billing')).toThrow(
      "There is no group 'billing'; a group begins with its first member, or by createGroup",
    )
  })
})

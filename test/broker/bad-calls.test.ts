import { describe, expect, it } from 'vitest'
import { BatchError, Broker, headersOf, NonEmptyGroupError, topic } from '../../src/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

function shop() {
  const { broker, clock } = testBroker({
    topics: { orders: topic<number>({ partitions: 2 }), payments: topic<number>() },
  })
  for (let i = 0; i < 3; i++) broker.topic('orders').append({ value: i, partition: 0 })
  return { broker, clock }
}

describe('offsets from outside', () => {
  const bad: readonly (readonly [unknown, object])[] = [
    [
      { topic: 'orders', partition: 0, offset: -1 },
      { name: 'InvalidArgumentError', code: 'INVALID_REQUEST', errno: 42 },
    ],
    [{ topic: 'orders', partition: 0, offset: 1.5 }, { name: 'InvalidArgumentError' }],
    [{ topic: 'orders', partition: 0, offset: '1' }, { name: 'InvalidArgumentError' }],
    [{ topic: 'orders', partition: 0 }, { name: 'InvalidArgumentError' }],
    [
      { topic: 'orders', partition: 2, offset: 0 },
      { name: 'UnknownTopicOrPartitionError', errno: 3, topic: 'orders', partition: 2 },
    ],
    [{ topic: 'orders', partition: '0', offset: 0 }, { name: 'InvalidArgumentError' }],
    [{ topic: 'orders', partition: 0, offset: 0, metadata: 5 }, { name: 'InvalidArgumentError' }],
    [undefined, { name: 'InvalidArgumentError' }],
  ]

  it.each(bad)('%j is refused for a group, and nothing beside it is set', async (offset, fields) => {
    const { broker } = shop()
    const good = { topic: 'orders', partition: 0, offset: 1 }
    const list = [{ topic: 'payments', partition: 0, offset: 0 }, offset] as never
    expect(await rejectionOf(broker.admin.setGroupOffsets('g', list))).toMatchObject(fields)
    expect(broker.groups.size).toBe(0)
    await broker.admin.setGroupOffsets('g', [good])
    expect(await rejectionOf(broker.admin.setGroupOffsets('g', list))).toMatchObject(fields)
    expect(thrownBy(() => broker.group('g').setOffsets(list))).toMatchObject(fields)
    expect(broker.group('g').offsets).toEqual([good])
  })

  it.each([undefined, null, 'earlyest', 5, {}, { timestamp: 'now' }])(
    '%j is no place to set a group to',
    async to => {
      const { broker } = shop()
      await broker.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 0, offset: 1 }])
      for (const error of [
        thrownBy(() => broker.group('g').setOffsets(to as never)),
        await rejectionOf(broker.admin.setGroupOffsets('g', to as never)),
      ]) {
        expect(error).toMatchObject({ name: 'InvalidArgumentError', code: 'INVALID_REQUEST' })
        expect(error.message).toMatch(/^setOffsets: expected .+, received /)
      }
      expect(broker.group('g').offsets).toHaveLength(1)
    },
  )

  it('deleteRecords of several partitions deletes all or nothing', async () => {
    const { broker } = shop()
    const start = () => broker.topic('orders').partitions[0]!.logStartOffset
    const good = { topic: 'orders', partition: 0, offset: 2 }
    for (const [wrong, fields] of [
      [
        { topic: 'orders', partition: 1, offset: 5 },
        { name: 'OffsetOutOfRangeError', errno: 1, partition: 1, offset: 5 },
      ],
      [{ topic: 'orders', partition: 1, offset: -1 }, { name: 'InvalidArgumentError' }],
      [
        { topic: 'orders', partition: 7, offset: 0 },
        { name: 'UnknownTopicOrPartitionError', partition: 7 },
      ],
    ] as const) {
      expect(await rejectionOf(broker.admin.deleteRecords([good, wrong]))).toMatchObject(fields)
      expect(start()).toBe(0)
    }
    expect(await rejectionOf(broker.admin.deleteRecords(undefined as never))).toMatchObject({
      name: 'InvalidArgumentError',
    })
    await broker.admin.deleteRecords([good])
    expect(start()).toBe(2)
  })

  it('listOffsets and deleteGroupOffsets name what they do not know', async () => {
    const { broker } = shop()
    const orders0 = [{ topic: 'orders', partition: 0 }]
    for (const at of ['start', undefined, { timestamp: 'x' }]) {
      expect(await rejectionOf(broker.admin.listOffsets(orders0, at as never))).toMatchObject({
        name: 'InvalidArgumentError',
        code: 'INVALID_REQUEST',
      })
    }
    await broker.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 0, offset: 1 }])
    for (const list of [undefined, 'orders', [undefined]]) {
      expect(await rejectionOf(broker.admin.deleteGroupOffsets('g', list as never))).toMatchObject({
        name: 'InvalidArgumentError',
      })
      expect(await rejectionOf(broker.admin.listOffsets(list as never, 'end'))).toMatchObject({
        name: 'InvalidArgumentError',
      })
    }
    expect(broker.group('g').offsets).toHaveLength(1)
  })
})

describe('calls of the broker', () => {
  it.each([undefined, null, '', 5, {}])('refuse %j as the id of a group', async id => {
    const { broker } = shop()
    for (const call of [
      () => broker.createGroup(id as never, { topics: ['orders'] }),
      () => broker.admin.setGroupOffsets(id as never, [{ topic: 'orders', partition: 0, offset: 1 }]),
    ]) {
      const error = await rejectionOf((async () => call())())
      expect(error).toMatchObject({ name: 'InvalidGroupIdError', code: 'INVALID_GROUP_ID' })
      expect(error.message).toMatch(/^groupId expected a string that is not empty, received /)
    }
    expect(broker.groups.size).toBe(0)
  })

  it('refuse options that cannot be, and do nothing then', async () => {
    const { broker } = shop()
    const reader = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await reader.ready()
    for (const [call, option] of [
      [() => broker.idle({ timeoutMs: -1 }), 'timeoutMs'],
      [() => broker.idle({ timeout: 5 } as never), 'timeout'],
      [() => broker.idle({ groups: 'g' as never }), 'groups'],
      [() => broker.close({ timeoutMs: Number.NaN }), 'timeoutMs'],
      [() => broker.close({ force: true } as never), 'force'],
      [() => broker.group('g').stable({ timeoutMs: '5' as never }), 'timeoutMs'],
      [() => broker.group('g').stable({ timeout: 5 } as never), 'timeout'],
      [() => broker.group('g').caughtUp({ timeout: 5 } as never), 'timeout'],
    ] as const) {
      const error = await rejectionOf((async () => call())())
      expect(error.option).toBe(option)
      expect(error.message).toContain(`option '${option}'`)
    }
    expect(broker.describe().closed).toBe(false)
    expect(reader.assignment).toHaveLength(2)
    expect(thrownBy(() => broker.deleteGroup('g'))).toBeInstanceOf(NonEmptyGroupError)
  })
})

describe('what is no record, and no partition', () => {
  const nothing: readonly unknown[] = [undefined, null, {}, 'orders-0', 5]

  it.each(nothing)('%j is refused, with what was expected', async wrong => {
    const { broker } = shop()
    broker.createGroup('g', { topics: ['orders'] })
    const reader = broker.consumer({ groupId: 'h', topics: ['orders'] })
    await reader.ready()
    const given = wrong as never
    for (const [error, text] of [
      [thrownBy(() => headersOf(given)), 'headersOf: expected a record, received '],
      [
        thrownBy(() => new BatchError(new Error('down'), given)),
        'BatchError: failedAt expected the record that failed, received undefined',
      ],
      [thrownBy(() => broker.group('g').committed(given)), 'committed: expected { topic, partition } '],
      [await rejectionOf(reader.committed(given)), 'committed: expected { topic, partition } '],
      [thrownBy(() => reader.position(given)), 'position: expected { topic, partition } '],
      [thrownBy(() => reader.seek(given, 0)), 'seek: expected { topic, partition } '],
    ] as const) {
      expect(error).toMatchObject({ name: 'InvalidArgumentError', code: 'INVALID_REQUEST', errno: 42 })
      expect(error.message.slice(0, text.length)).toBe(text)
      expect(error.field).toBeTypeOf('string')
    }
  })

  it('one partition is no list of them, to a pause', async () => {
    const { broker } = shop()
    const reader = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await reader.ready()
    const orders0 = { topic: 'orders', partition: 0 } as never
    for (const method of ['pause', 'resume'] as const) {
      expect(thrownBy(() => reader[method](orders0))).toMatchObject({
        name: 'InvalidArgumentError',
        message: `${method}: expected an array, received an object`,
      })
    }
    expect(reader.paused).toEqual([])
  })

  it('a sleep takes a signal and nothing else', async () => {
    const { broker } = shop()
    for (const options of [null, { abort: new AbortController().signal }, { signal: 'stop' }]) {
      expect(await rejectionOf(broker.clock.sleep(1, options as never))).toMatchObject({
        name: 'InvalidOptionError',
      })
    }
  })
})

describe('what cannot be read', () => {
  const broken = new Error('out of order')
  const refuse = () => {
    throw broken
  }
  const closed = () =>
    new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse }) as never
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy as never
  }
  const holes = new Array(2) as never
  const bare = Object.create(null) as never
  const at = { topic: 'orders', partition: 0, offset: 1 }
  const unreadable = 'could not be read: '

  it.each<[string, (broker: ReturnType<typeof shop>['broker']) => unknown, string, string]>([
    [
      'options',
      () => new Broker(closed()),
      'INVALID_CONFIG',
      `Broker: the options ${unreadable}out of order`,
    ],
    ['an option', () => new Broker({ codec: revoked() }), 'INVALID_CONFIG', "option 'codec' expected"],
    [
      'options of a topic',
      broker => broker.createTopic('log', closed()),
      'INVALID_CONFIG',
      `Topic 'log': the options ${unreadable}`,
    ],
    ['topics', broker => broker.declare(revoked()), 'INVALID_CONFIG', "declare: option 'topics' expected"],
    [
      'a declared topic',
      broker => broker.declare({ log: closed() }),
      'INVALID_CONFIG',
      `Topic 'log': the options ${unreadable}`,
    ],
    [
      'changes',
      broker => broker.admin.alterTopic('orders', closed()),
      'INVALID_CONFIG',
      `Topic 'orders': the options ${unreadable}`,
    ],
    [
      'a number of partitions',
      broker => broker.admin.addPartitions('orders', bare),
      'INVALID_PARTITIONS',
      'received an object',
    ],
    [
      'another one',
      broker => broker.admin.addPartitions('orders', Symbol('three') as never),
      'INVALID_PARTITIONS',
      'received a symbol',
    ],
    [
      'offsets',
      broker => broker.admin.deleteRecords([at, closed()]),
      'INVALID_REQUEST',
      'deleteRecords: expected an array of',
    ],
    [
      'a list with holes',
      broker => broker.admin.deleteRecords(holes),
      'INVALID_REQUEST',
      'deleteRecords: expected an array of',
    ],
    [
      'partitions with holes',
      broker => broker.admin.deleteGroupOffsets('g', holes),
      'INVALID_REQUEST',
      'deleteOffsets: expected an array of',
    ],
    [
      'a place',
      broker => broker.admin.setGroupOffsets('g', revoked()),
      'INVALID_REQUEST',
      'setOffsets: expected',
    ],
    [
      'the id of a group',
      broker => broker.admin.describeGroup(bare),
      'GROUP_ID_NOT_FOUND',
      'groupId expected a string, received an object',
    ],
    [
      'another id',
      broker => broker.group(Symbol('g') as never),
      'GROUP_ID_NOT_FOUND',
      'groupId expected a string, received a symbol',
    ],
    [
      'the name of a topic',
      broker => broker.admin.deleteTopic(Symbol('orders') as never),
      'UNKNOWN_TOPIC_OR_PARTITION',
      'received a symbol',
    ],
    [
      'the name of an event',
      broker => broker.on(bare, () => {}),
      'INVALID_REQUEST',
      'Broker has no event an object; known events',
    ],
    ['groups', broker => broker.idle({ groups: holes }), 'INVALID_CONFIG', "idle: option 'groups' expected"],
    [
      'topics of a consumer',
      broker => broker.consumer({ topics: holes }),
      'INVALID_CONFIG',
      "Consumer: option 'topics' expected",
    ],
    [
      'an assignment',
      broker => broker.consumer({ assign: holes }),
      'INVALID_CONFIG',
      "Consumer: option 'assign' expected",
    ],
    [
      'options of a consumer',
      broker => broker.consumer(closed()),
      'INVALID_CONFIG',
      `Consumer: the options ${unreadable}`,
    ],
    [
      'options of a run',
      broker => broker.consumer({ topics: ['orders'] }).run(closed()),
      'INVALID_CONFIG',
      `run: the options ${unreadable}`,
    ],
    [
      'NaN for options of a run',
      broker => broker.consumer({ topics: ['orders'] }).run(Number.NaN as never),
      'INVALID_CONFIG',
      'run: expected an object of options, received NaN',
    ],
    [
      'partitions to pause',
      broker => broker.consumer({ topics: ['orders'] }).pause(holes),
      'INVALID_REQUEST',
      'pause: expected { topic, partition }',
    ],
    [
      'a value',
      broker => broker.producer().send({ topic: 'orders', value: revoked() }),
      'INVALID_RECORD',
      `Record for topic 'orders': value ${unreadable}`,
    ],
    [
      'a key',
      broker => broker.topic('orders').append({ key: revoked(), value: 1 }),
      'INVALID_RECORD',
      'key expected a string or null',
    ],
    [
      'messages',
      broker => broker.producer().sendBatch(revoked()),
      'INVALID_REQUEST',
      'sendBatch: expected an array of messages',
    ],
    [
      'a chosen partition',
      broker => broker.producer({ partitioner: closed }).send({ topic: 'orders', value: 1 }),
      'INVALID_RECORD',
      'partition expected a whole number, received an object',
    ],
  ])('is refused for %s, and changes nothing', async (_, call, code, text) => {
    const { broker } = shop()
    broker.createGroup('g', { topics: ['orders'] })
    const before = broker.describe()
    const error = await rejectionOf((async () => call(broker))())
    expect(error).toMatchObject({ code })
    expect(error.message).toContain(text)
    expect(broker.describe()).toEqual(before)
  })
})

describe('the value of an option where the options belong', () => {
  const reader = (broker: Broker) => broker.consumer({ groupId: 'g', topics: ['orders'] })
  const calls: readonly (readonly [text: string, call: (broker: Broker) => unknown])[] = [
    [
      'idle: expected an object of options, such as { timeoutMs: 100 }, received 100',
      b => b.idle(100 as never),
    ],
    [
      "redrive: expected an object of options, such as { from: 'dlq' }, received 'dlq'",
      b => b.redrive('dlq' as never),
    ],
    [
      'poll: expected an object of options, such as { timeoutMs: 100 }, received 100',
      b => reader(b).poll(100 as never),
    ],
    [
      "Consumer: expected an object of options, such as { groupId: 'g' }, received 'g'",
      b => b.consumer('g' as never),
    ],
    [
      "run: option 'retry' expected an object, such as { attempts: 3 }, received 3",
      b => reader(b).run({ eachRecord: () => {}, retry: 3 as never }),
    ],
    ['idle: expected an object of options, received -1', b => b.idle(-1 as never)],
    [
      'advanceUntilIdle: expected an object of options, such as { limitMs: 100 }, received 100',
      () => new TestBroker().advanceUntilIdle(100 as never),
    ],
  ]

  it.each(calls)('is told where it goes: %s', async (text, call) => {
    const { broker } = shop()
    const error = await rejectionOf((async () => call(broker as unknown as Broker))())
    expect(error).toMatchObject({ name: 'InvalidOptionError', message: text })
  })
})

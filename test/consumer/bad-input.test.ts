import { describe, expect, it } from 'vitest'
import type { ConsumerOptions } from '../../src/consumer/consumer-options.ts'
import {
  IllegalStateError,
  InvalidArgumentError,
  InvalidOptionError,
  topic,
  UnknownTopicOrPartitionError,
} from '../../src/index.ts'
import { fill, offsets } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

function orders() {
  const { broker, clock } = testBroker({ topics: { orders: topic<number>(), order_lines: topic<number>() } })
  fill(broker as never, 'orders', 4)
  const reader = (options: ConsumerOptions<any> = {}) =>
    broker.consumer<'orders'>({ groupId: 'g', topics: ['orders'], ...options })
  const committed = () => broker.group('g').committed({ topic: 'orders', partition: 0 })?.offset ?? null
  return { broker, clock, reader, committed }
}

describe('consumer options', () => {
  const bad: readonly (readonly [object, string, string])[] = [
    [{ groupID: 'g' }, 'groupID', "Consumer: unknown option 'groupID'. Did you mean 'groupId'?"],
    [{ groupId: '' }, 'groupId', "option 'groupId' expected a string that is not empty, received ''"],
    [{ groupId: 5 }, 'groupId', 'received 5'],
    [
      { topics: 'orders' },
      'topics',
      "expected an array of topic names, such as ['orders'], a RegExp or an array of RegExps, received 'orders'",
    ],
    [{ topics: ['orders', 5] }, 'topics', 'received an array of 2'],
    [{ topics: [/a/, 'orders'] }, 'topics', 'received an array of 2'],
    [
      { from: 'start' },
      'from',
      "expected one of 'beginning', 'end', or { timestamp } in epoch milliseconds, received 'start'",
    ],
    [{ from: 7 }, 'from', 'received 7'],
    [{ until: 5 }, 'until', "expected one of 'end', received 5"],
    [
      { assign: orders0 },
      'assign',
      'expected an array of { topic, partition, offset? } with whole numbers, 0 or more',
    ],
    [{ assign: [{ topic: 'orders', partition: -1 }] }, 'assign', 'received an array of 1'],
    [
      { assign: [orders0, { topic: 'orders', partition: 1, offset: Number.NaN }] },
      'assign',
      "received an array of 2, of which [1] is { topic: 'orders', partition: 1, offset: NaN }",
    ],
    [{ assign: [orders0, orders0] }, 'assign', "expected each partition once, received 'orders-0'"],
    [
      { autoOffsetReset: 'smallest' },
      'autoOffsetReset',
      "expected one of 'earliest', 'latest', 'none', received 'smallest'",
    ],
    [{ autoCommit: 'yes' }, 'autoCommit', "expected true or false, received 'yes'"],
    [{ maxPollRecords: 0 }, 'maxPollRecords', 'expected a whole number of at least 1, received 0'],
    [
      { maxPollIntervalMs: -1 },
      'maxPollIntervalMs',
      'expected a number of milliseconds, 1 or more (Infinity for no limit), received -1',
    ],
    [
      { maxPollIntervalMs: 0 },
      'maxPollIntervalMs',
      'expected a number of milliseconds, 1 or more (Infinity for no limit), received 0',
    ],
    [{ sessionTimeoutMs: Number.NaN }, 'sessionTimeoutMs', 'received NaN'],
    [{ rebalanceTimeoutMs: '5' }, 'rebalanceTimeoutMs', "received '5'"],
    [
      { assignor: 'sticky' },
      'assignor',
      "expected one of 'uniform', 'range', or an object with assign(), received 'sticky'",
    ],
    [{ onAssigned: 'x' }, 'onAssigned', 'expected a function'],
    [
      { topics: ['orders'], assign: [orders0] },
      'assign',
      "Consumer: options 'topics' and 'assign' exclude each other",
    ],
    [{ groupId: 'g', from: 'end' }, 'from', "option 'from' is for a reader without groupId and assign"],
    [
      { assign: [orders0], until: 'end' },
      'until',
      "option 'until' is for a reader without groupId and assign",
    ],
    [
      { topics: ['orders'], groupInstanceId: 'a' },
      'groupInstanceId',
      "option 'groupInstanceId' is for a member of a group",
    ],
    [
      { groupId: 'g', assign: [orders0], assignor: 'range' },
      'assignor',
      "option 'assignor' is for a member of a group",
    ],
    [
      { groupId: 'g', topics: ['orders', 'order.*'] },
      'topics',
      "Consumer: option 'topics' has 'order.*'; a pattern is a RegExp, such as /^order\\./",
    ],
    [{ group: 'g' }, 'group', "Consumer: unknown option 'group'. Did you mean 'groupId'?"],
    [{ groupId: 'g', readUncommitted: true }, 'readUncommitted', "Did you mean 'isolationLevel'?"],
    [
      { groupId: 'g', fromBeginning: true },
      'fromBeginning',
      "'fromBeginning'; a consumer begins at the oldest record, unless it has autoOffsetReset: 'latest'",
    ],
    [
      { groupId: 'g', eachMessage: () => {} },
      'eachMessage',
      "Consumer: unknown option 'eachMessage'; the handler is an option of run(): run({ eachRecord })",
    ],
    [{ groupId: 'g', eachBatch: () => {} }, 'eachBatch', "'eachBatch'; that is an option of run()"],
  ]

  it.each(bad)('%j are refused, naming the option', (options, option, text) => {
    const { broker } = orders()
    const error = thrownBy(() => broker.consumer(options as never))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ code: 'INVALID_CONFIG', errno: 40, option })
    expect(error.message).toContain(text)
    expect(broker.groups.size).toBe(0)
  })

  it.each([undefined, null, 'g', []])('%j is refused for options', options => {
    const { broker } = orders()
    expect(thrownBy(() => broker.consumer(options as never)).message).toMatch(
      /^Consumer: expected an object of options(, such as { groupId: 'g' })?, received /,
    )
  })
})

describe('run', () => {
  const eachRecord = () => {}
  const bad: readonly (readonly [object, string, string])[] = [
    [{}, 'eachRecord', "run: expected either 'eachRecord' or 'eachBatch', received neither"],
    [{ eachRecord, eachBatch: eachRecord }, 'eachRecord', 'received both'],
    [
      { eachRecord: 'log' },
      'eachRecord',
      "expected a function, or an object with a function per topic, received 'log'",
    ],
    [{ eachRecord: { orders: 5 } }, 'eachRecord', 'received an object'],
    [
      { eachMessage: eachRecord },
      'eachMessage',
      "run: unknown option 'eachMessage'. Did you mean 'eachRecord'?",
    ],
    [
      { eachRecord, partitionsConsumedConcurrently: 3 },
      'partitionsConsumedConcurrently',
      "Did you mean 'concurrency'?",
    ],
    [{ eachRecord, retries: 3 }, 'retries', "Did you mean 'retry'?"],
    [
      { eachRecord, autoCommit: false },
      'autoCommit',
      "run: unknown option 'autoCommit'; that is an option of the consumer",
    ],
    [{ eachRecord, attempts: 3 }, 'attempts', "run: unknown option 'attempts'. Did you mean 'retry'?"],
    [{ eachRecord, deadLetter: 'dlq' }, 'deadLetter', "Did you mean 'onFailure'?"],
    [
      { eachRecord, fromBeginning: true },
      'fromBeginning',
      "a consumer begins at the oldest record, unless it has autoOffsetReset: 'latest'",
    ],
    [
      { eachRecord, commitEvery: 5 },
      'commitEvery',
      "run: unknown option 'commitEvery'; known options: eachRecord, eachBatch,",
    ],
    [{ eachRecord, batch: {} }, 'batch', "run: option 'batch' goes with 'eachBatch'"],
    [
      { eachBatch: eachRecord, batch: { maxRecords: 0 } },
      'maxRecords',
      "run: batch: option 'maxRecords' expected",
    ],
    [
      { eachBatch: eachRecord, batch: { linger: 5 } },
      'linger',
      "run: batch: unknown option 'linger'. Did you mean 'lingerMs'?",
    ],
    [
      { eachRecord, concurrency: 1.5 },
      'concurrency',
      "option 'concurrency' expected a whole number of at least 1, received 1.5",
    ],
    [
      { eachRecord, ordering: 'keys' },
      'ordering',
      "option 'ordering' expected one of 'partition', 'key', 'none', received 'keys'",
    ],
    [
      { eachBatch: eachRecord, ordering: 'key' },
      'ordering',
      "option 'ordering' expected 'partition' where 'eachBatch' is given, received 'key'",
    ],
    [
      { eachRecord, windowRecords: 5 },
      'windowRecords',
      "option 'windowRecords' goes with ordering 'key' or 'none'",
    ],
    [{ eachRecord, ordering: 'key', windowRecords: 0 }, 'windowRecords', 'of at least 1, received 0'],
    [
      { eachRecord, onFailure: 'ignore' },
      'onFailure',
      "expected one of 'restart', 'stop', 'skip', 'park-key', or { deadLetter: topic }, received 'ignore'",
    ],
    [
      { eachRecord, onFailure: { deadLetter: '' } },
      'onFailure',
      'or { deadLetter: topic }, received an object',
    ],
    [{ eachRecord, onFailure: { to: 'x' } }, 'onFailure', 'or { deadLetter: topic }, received an object'],
    [{ eachRecord, onFailure: null }, 'onFailure', 'or { deadLetter: topic }, received null'],
    [
      { eachRecord, onFailure: 'park-key', ordering: 'partition' },
      'onFailure',
      "onFailure 'park-key' goes with 'eachRecord' and ordering 'key'",
    ],
    [
      { eachBatch: eachRecord, onFailure: 'park-key' },
      'onFailure',
      "onFailure 'park-key' goes with 'eachRecord' and ordering 'key'",
    ],
    [{ eachRecord, parkedDelayMs: 5 }, 'parkedDelayMs', "goes with onFailure 'park-key'"],
    [
      { eachRecord, onFailure: { deadLetter: 'orders' } },
      'onFailure',
      "onFailure: this consumer reads 'orders' itself, so a failed record would come back at once",
    ],
    [
      {
        eachRecord,
        retry: { topics: [{ topic: 'later', delayMs: 5 }] },
        onFailure: { deadLetter: 'later' },
      },
      'onFailure',
      "onFailure: 'later' is one of retry.topics; a record given up there would come back for ever",
    ],
    [{ eachRecord, retry: { jitter: 2 } }, 'jitter', 'expected a number from 0 to 1, received 2'],
    [
      { eachRecord, retry: { topics: [{ topic: 'later', delayMs: 'long' }] } },
      'topics',
      'expected an array of { topic, delayMs }, each topic once, received an array of 1',
    ],
    [
      { eachBatch: eachRecord, retry: { topics: [{ topic: 'later', delayMs: 5 }] } },
      'topics',
      "retry: option 'topics' goes with 'eachRecord'",
    ],
    [{ eachRecord, retry: { retryable: true } }, 'retryable', 'expected a function, received true'],
    [{ eachRecord, signal: {} }, 'signal', 'expected an AbortSignal, received an object'],
    [
      { eachRecord, retry: 3 },
      'retry',
      "option 'retry' expected an object, such as { attempts: 3 }, received 3",
    ],
    [
      { eachRecord, retry: { attempts: 0 } },
      'attempts',
      'expected a whole number of at least 1, or Infinity, received 0',
    ],
    [
      { eachRecord, retry: { times: 5 } },
      'times',
      "run: retry: unknown option 'times'; known options: attempts, delayMs, backoff, jitter, retryable, topics",
    ],
    [
      { eachRecord, retry: { retries: 5 } },
      'retries',
      "run: retry: unknown option 'retries'; 'attempts' counts the first one, too",
    ],
    [{ eachRecord, retry: { initialRetryTime: 5 } }, 'initialRetryTime', "Did you mean 'delayMs'?"],
    [{ eachRecord, retry: { delayMs: -1 } }, 'delayMs', 'received -1'],
    [
      { eachRecord, retry: { backoff: 2 } },
      'backoff',
      "run: retry: option 'backoff' expected a function from the failed attempt to milliseconds, such as " +
        "attempt => 100 * attempt (for a delay that doubles give 'delayMs'), received 2",
    ],
    [
      { eachRecord, retry: { delayMs: 1, backoff: () => 1 } },
      'backoff',
      "options 'delayMs' and 'backoff' exclude each other",
    ],
  ]

  it.each(bad)('refuses %j, joins nothing, and can be called again', async (options, option, text) => {
    const { broker, reader } = orders()
    const consumer = reader()
    const error = await rejectionOf(consumer.run(options as never))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ code: 'INVALID_CONFIG', errno: 40, option })
    expect(error.message).toContain(text)
    expect(broker.groups.size).toBe(0)
    const read: number[] = []
    await consumer.run({ eachRecord: record => void read.push(record.offset) })
    await broker.idle()
    expect(read).toEqual([0, 1, 2, 3])
  })

  it.each([undefined, null, () => {}, 'x'])('refuses %s for options', async options => {
    const { reader } = orders()
    expect((await rejectionOf(reader().run(options as never))).message).toMatch(
      /^run: expected an object of options, received /,
    )
  })

  it('refuses a function for options, and says where it goes', async () => {
    const { reader } = orders()
    expect((await rejectionOf(reader().run((() => {}) as never))).message).toBe(
      'run: expected an object of options, received a function; give it as run({ eachRecord })',
    )
  })
})

describe('a topic that is not there', () => {
  it('rejects every way to consume with its near matches, and leaves no group behind', async () => {
    const { broker, reader } = orders()
    const loop = async (consumer: AsyncIterable<unknown>) => {
      for await (const _ of consumer) break
    }
    for (const consume of [
      (consumer: any) => consumer.ready(),
      (consumer: any) => consumer.run({ eachRecord() {} }),
      (consumer: any) => consumer.poll(),
      (consumer: any) => loop(consumer),
      (consumer: any) => loop(consumer.batches()),
      (consumer: any) => consumer.caughtUp(),
    ]) {
      const error = await rejectionOf(consume(reader({ topics: ['orders', 'orderlines'] })))
      expect(error).toBeInstanceOf(UnknownTopicOrPartitionError)
      expect(error).toMatchObject({ errno: 3, topic: 'orderlines', suggestions: ['order_lines'] })
    }
    expect(broker.groups.size).toBe(0)
  })

  it('of an assigned partition rejects likewise', async () => {
    const { broker } = orders()
    for (const [assign, fields] of [
      [
        { topic: 'order', partition: 0 },
        { topic: 'order', suggestions: ['orders'] },
      ],
      [
        { topic: 'orders', partition: 1 },
        { topic: 'orders', partition: 1 },
      ],
    ] as const) {
      const error = await rejectionOf(broker.consumer({ assign: [assign as never] }).poll())
      expect(error).toBeInstanceOf(UnknownTopicOrPartitionError)
      expect(error).toMatchObject(fields)
    }
  })
})

describe('calls of a consumer', () => {
  it('refuse what they cannot mean, and change nothing', async () => {
    const { broker, reader, committed } = orders()
    const consumer = reader()
    expect(offsets(await consumer.poll({ maxRecords: 2 }))).toEqual([0, 1])
    const calls: readonly (readonly [() => unknown, object, string])[] = [
      [
        () => consumer.seek(orders0, -1),
        { field: 'to', received: -1 },
        'seek: expected a whole number of at least 0',
      ],
      [() => consumer.seek(orders0, 1.5), { field: 'to' }, 'received 1.5'],
      [() => consumer.seek(orders0, 'start' as never), { field: 'to' }, "received 'start'"],
      [() => consumer.seek(orders0, undefined as never), { field: 'to' }, 'received undefined'],
      [
        () => consumer.commit([{ ...orders0, offset: -1 }]),
        { field: 'offsets' },
        'commit: expected an array of { topic, partition, offset, metadata? }',
      ],
      [
        () => consumer.commit([{ ...orders0, offset: '1' as never }]),
        { field: 'offsets' },
        "received an array of 1, of which [0] is { topic: 'orders', partition: 0, offset: '1' }",
      ],
      [() => consumer.commit(orders0 as never), { field: 'offsets' }, 'received an object'],
      [
        () => consumer.subscribe('orders' as never),
        { field: 'topics' },
        'subscribe: expected an array of topic names',
      ],
      [
        () => consumer.position(undefined as never),
        {},
        'position: expected { topic, partition } with a whole number, 0 or more, received undefined',
      ],
      [
        () => consumer.pause(['orders-0'] as never),
        {},
        "pause: expected { topic, partition } with a whole number, 0 or more, received 'orders-0'",
      ],
    ]
    for (const [call, fields, text] of calls) {
      const error = await rejectionOf((async () => call())())
      expect(error).toBeInstanceOf(InvalidArgumentError)
      expect(error).toMatchObject({ code: 'INVALID_REQUEST', errno: 42, ...fields })
      expect(error.message).toContain(text)
    }
    for (const options of [{ maxRecords: 0 }, { timeoutMs: -1 }, { signal: 5 }, { max: 1 }]) {
      expect(await rejectionOf(consumer.poll(options as never))).toMatchObject({
        name: 'InvalidOptionError',
        option: Object.keys(options)[0],
      })
    }
    expect([committed(), consumer.position(orders0)]).toEqual([null, 2])
    expect(offsets(await consumer.poll())).toEqual([2, 3])
    expect(await rejectionOf(consumer.close({ wait: 5 } as never))).toMatchObject({ option: 'wait' })
    expect(broker.group('g').members).toHaveLength(1)
    await consumer.close()
    expect(committed()).toBe(4)
  })

  it('of a commit with too much metadata are refused as Kafka does', async () => {
    const { reader, committed } = orders()
    const consumer = reader({ autoCommit: false })
    await consumer.ready()
    const error = await rejectionOf(consumer.commit([{ ...orders0, offset: 1, metadata: 'ä'.repeat(2049) }]))
    expect(error).toMatchObject({
      name: 'OffsetMetadataTooLargeError',
      code: 'OFFSET_METADATA_TOO_LARGE',
      errno: 12,
      ...orders0,
    })
    expect(error.message).toContain('metadata expected at most 4096 bytes, received 4098')
    expect(committed()).toBeNull()
    await consumer.commit([{ ...orders0, offset: 1, metadata: 'ä'.repeat(2048) }])
    expect(committed()).toBe(1)
  })

  it('that subscribe to a name with a wildcard are refused, and the subscription stays', async () => {
    const { broker, reader } = orders()
    const consumer = reader()
    await consumer.run({ eachRecord() {} })
    const error = await rejectionOf(consumer.subscribe(['order.*' as never]))
    expect(error).toMatchObject({ name: 'InvalidOptionError', option: 'topics' })
    expect(error.message).toMatch(/^subscribe: .* has 'order\.\*'; a pattern is a RegExp/)
    expect(consumer.assignment.length).toBeGreaterThan(0)
    await broker.close()
  })

  it('in a second way of consuming are refused, and the first goes on', async () => {
    const { broker, reader } = orders()
    const read: number[] = []
    const consumer = reader()
    await consumer.run({ eachRecord: record => void read.push(record.offset) })
    for (const second of [
      () => consumer.run({ eachRecord() {} }),
      () => consumer.poll(),
      () => consumer[Symbol.asyncIterator](),
      () => consumer.batches(),
    ]) {
      const error = await rejectionOf((async () => second())())
      expect(error).toBeInstanceOf(IllegalStateError)
      expect(error).toMatchObject({ code: 'ILLEGAL_STATE', retriable: false })
      expect(error.message).toContain("already consumes by 'run' and cannot also")
    }
    fill(broker as never, 'orders', 1)
    await broker.idle()
    expect(read).toEqual([0, 1, 2, 3, 4])
  })
})

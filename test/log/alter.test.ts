import { describe, expect, it } from 'vitest'
import {
  type AnyRecord,
  json,
  type Topic,
  type TopicChanges,
  type TopicOptions,
  topic,
} from '../../src/index.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

interface Body {
  readonly key?: string
  readonly value: unknown
  readonly partition?: number
  readonly timestamp?: number
}

function altered(options: TopicOptions = {}) {
  const { broker, clock } = testBroker()
  const log: Topic<AnyRecord, Body> = broker.createTopic('log', options)
  const write = (...values: readonly unknown[]) => {
    for (const value of values) log.append({ key: `k${String(value)}`, value })
  }
  const held = () => log.records().map(record => record.value)
  return { broker, clock, log, write, held }
}

describe('what a topic keeps', () => {
  it('stays as it is by an option that is undefined, as by one that is left out', () => {
    const { log } = altered({ retentionMs: 5000 })
    log.alter({ retentionMs: undefined, segmentRecords: 10 } as TopicChanges)
    expect(log.options).toMatchObject({ retentionMs: 5000, segmentRecords: 10 })
    expect(() => log.alter({ retentionRecord: undefined } as TopicChanges)).toThrow(
      "Topic 'log': unknown option 'retentionRecord'. Did you mean 'retentionRecords'?",
    )
  })

  it('shrinks at once when it is to keep fewer records, and grows again', () => {
    const { log, write, held } = altered()
    write(1, 2, 3, 4)
    log.alter({ retentionRecords: 2 })
    expect(held()).toEqual([3, 4])
    write(5)
    expect(held()).toEqual([4, 5])
    log.alter({ retentionRecords: null })
    write(6, 7)
    expect(held()).toEqual([4, 5, 6, 7])
    expect(log.options.retentionRecords).toBe(-1)
  })

  it('goes at once when its time is shorter than its age, and later on its new time', async () => {
    const { clock, log, write, held } = altered({ segmentRecords: 1 })
    write(1)
    await clock.advance(60_000)
    write(2)
    await clock.advance(10_000)
    log.alter({ retentionMs: 60_000 })
    expect(held()).toEqual([2])
    await clock.advance(50_000)
    expect(held()).toEqual([2])
    await clock.advance(1)
    expect(held()).toEqual([])
  })

  it('stays for the longer time that it is given', async () => {
    const { clock, log, write, held } = altered({ retentionMs: 1000 })
    write(1)
    log.alter({ retentionMs: 5000 })
    await clock.advance(5000)
    expect(held()).toEqual([1])
    await clock.advance(1)
    expect(held()).toEqual([])
  })

  it('closes segments by its new age', async () => {
    const { clock, log, write, held } = altered()
    write(1)
    log.alter({ retentionMs: 8000 })
    expect(log.options.segmentMs).toBe(1000)
    await clock.advance(1000)
    write(2)
    await clock.advance(7001)
    expect(held()).toEqual([2])
  })

  it('closes segments when their records may go, however late it is to close them', async () => {
    const { clock, log, write, held } = altered()
    log.alter({ retentionMs: 8000, segmentMs: 1_000_000 })
    expect(log.options.segmentMs).toBe(8000)
    write(1)
    await clock.advance(8000)
    write(2)
    await clock.advance(1)
    expect(held()).toEqual([2])
    log.alter({ retentionMs: -1 })
    expect(log.options.segmentMs).toBe(1_000_000)
  })

  it('goes down to its bytes, also those that were not counted when they were written', () => {
    const { broker, log, held } = altered({ segmentRecords: 1 })
    for (let i = 0; i < 3; i++) log.append({ key: 'k', value: new Uint8Array(99) })
    expect(broker.describe().topics[0]!.partitions[0]!.bytes).toBe(0)
    log.alter({ retentionBytes: 150 })
    expect(held()).toHaveLength(2)
    expect(broker.describe().topics[0]!.partitions[0]!.bytes).toBe(200)
  })

  it('is counted anew where bytes were counted before, were not, and are again', () => {
    const { broker, log, held } = altered({ segmentRecords: 1 })
    for (let i = 0; i < 3; i++) log.append({ value: new Uint8Array(100) })
    log.alter({ retentionBytes: 1000 })
    log.alter({ retentionBytes: null, segmentBytes: null })
    log.append({ value: new Uint8Array(100) })
    log.alter({ retentionBytes: 450 })
    expect(held()).toHaveLength(4)
    expect(log.partitions[0]!.bytes).toBe(400)
    expect(broker.describe()).toMatchObject({ bytes: 400, records: 4 })
  })

  it('counts what is kept by reference as its JSON', () => {
    const { broker, log } = altered()
    log.append({ value: { id: 1 } })
    log.alter({ retentionBytes: 1000 })
    expect(broker.describe().topics[0]!.partitions[0]!.bytes).toBe('{"id":1}'.length)
  })

  it('cannot begin to count bytes where values have none', () => {
    const { log, write, held } = altered()
    write({ id: 1n })
    expect(thrownBy(() => log.alter({ retentionBytes: 1, retentionRecords: 1 }))).toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('keeps a value that has none'),
      cause: expect.any(TypeError),
    })
    expect(log.options).toMatchObject({ retentionBytes: -1, retentionRecords: -1 })
    expect(held()).toHaveLength(1)
  })

  it('is counted with what the broker may keep, once it is counted at all', () => {
    const { broker } = testBroker({
      maxBytes: 250,
      topics: { log: topic<Uint8Array>({ segmentRecords: 1 }) },
    })
    const log = broker.topic('log')
    for (let i = 0; i < 3; i++) log.append({ value: new Uint8Array(100) })
    log.alter({ maxMessageBytes: 1000 })
    expect(log.records()).toHaveLength(2)
  })

  it('tells who had not read what goes', async () => {
    const { broker, log, write } = altered()
    const dropped: unknown[] = []
    broker.on('recordsDropped', event => dropped.push(event))
    broker.createGroup('g', { topics: ['log'] })
    write(1, 2, 3)
    log.alter({ retentionRecords: 1 })
    expect(dropped).toEqual([
      {
        topic: 'log',
        partition: 0,
        from: 0,
        to: 2,
        reason: 'retention',
        groups: [{ groupId: 'g', count: 2 }],
      },
    ])
  })
})

describe('what a topic takes', () => {
  it('follows its limits of size and time from the next record on', () => {
    const { clock, log, write } = altered({ codec: json })
    write('a'.repeat(50))
    log.alter({ maxMessageBytes: 20, messageTimestampAfterMaxMs: 10, messageTimestampBeforeMaxMs: 10 })
    expect(thrownBy(() => write('a'.repeat(50)))).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    const late = { key: 'a', value: 1, timestamp: clock.now() + 11 }
    expect(thrownBy(() => log.append(late))).toMatchObject({ code: 'INVALID_TIMESTAMP' })
    log.alter({ messageTimestampType: 'LogAppendTime' })
    expect(log.append(late).timestamp).toBe(clock.now())
  })
})

describe('cleanupPolicy', () => {
  it('begins to compact what is there', async () => {
    const { clock, log } = altered({ segmentRecords: 2 })
    for (const [key, value] of [
      ['a', 1],
      ['b', 1],
      ['a', 2],
      [null, 0],
      ['a', 3],
    ] as const)
      log.append(key === null ? { value } : { key, value })
    log.alter({ cleanupPolicy: 'compact' })
    expect(log.options).toMatchObject({ retentionMs: -1, whenFull: 'reject' })
    await clock.advance(0)
    // The one without a key could never be replaced; the open segment is left alone.
    expect(log.records().map(({ key, value }) => [key, value])).toEqual([
      ['b', 1],
      ['a', 2],
      ['a', 3],
    ])
    expect(thrownBy(() => log.append({ value: 1 }))).toMatchObject({ code: 'INVALID_RECORD', field: 'key' })
  })

  it('ends compaction, and goes by age again', async () => {
    const { clock, log, write, held } = altered({ cleanupPolicy: 'compact', segmentRecords: 1 })
    for (let i = 0; i < 3; i++) log.append({ key: 'a', value: i })
    log.alter({ cleanupPolicy: 'delete', retentionMs: 1000 })
    const before = held()
    for (let i = 0; i < 3; i++) log.append({ key: 'a', value: i })
    await clock.advance(1000)
    expect(held()).toEqual([...before, 0, 1, 2])
    await clock.advance(300_000)
    expect(held()).toEqual([])
    expect(thrownBy(() => log.compact())).toMatchObject({ code: 'INVALID_CONFIG' })
    write(1)
  })

  it('goes on with compaction by the new rules', async () => {
    const { clock, log } = altered({
      cleanupPolicy: 'compact',
      segmentRecords: 1,
      minCompactionLagMs: 60_000,
    })
    for (let i = 0; i < 4; i++) log.append({ key: 'a', value: i })
    await clock.advance(10)
    expect(log.records()).toHaveLength(4)
    log.alter({ minCompactionLagMs: null })
    await clock.advance(0)
    expect(log.records().map(({ value }) => value)).toEqual([2, 3])
  })

  it('does not go on with a pass that began under the old rules', async () => {
    const { clock, log } = altered({ segmentRecords: 1 })
    log.append({ key: 'gone', value: null })
    for (let i = 0; i < 20; i++) log.append({ key: `k${i}`, value: i })
    log.alter({ cleanupPolicy: 'compact' })
    // The segment that this closes lets a pass begin, which keeps tombstones for a day.
    log.append({ key: 'last', value: 1 })
    log.alter({ deleteRetentionMs: 0 })
    await clock.advance(0)
    expect(log.records()[0]).toMatchObject({ key: 'k0' })
  })

  it('lets what was asked for under another policy rest until that comes again', () => {
    const { log } = altered({ retentionMs: 1000, whenFull: 'drop-oldest' })
    log.alter({ cleanupPolicy: 'compact' })
    expect(log.options).toMatchObject({ retentionMs: -1, whenFull: 'reject' })
    log.alter({ deleteRetentionMs: 5 })
    log.alter({ cleanupPolicy: null })
    expect(log.options).toMatchObject({
      retentionMs: 1000,
      whenFull: 'drop-oldest',
      deleteRetentionMs: 86_400_000,
    })
    expect(thrownBy(() => log.alter({ cleanupPolicy: 'compact', retentionMs: 5 }))).toMatchObject({
      code: 'INVALID_CONFIG',
      option: 'retentionMs',
    })
  })

  it("drops what every group has read when it becomes 'consumed', and waits for the rest", async () => {
    const { broker, log, write, held } = altered()
    const group = broker.createGroup('g', { topics: ['log'] })
    write(1, 2, 3)
    group.setOffsets([{ topic: 'log', partition: 0, offset: 2 }])
    log.alter({ cleanupPolicy: 'consumed' })
    expect(held()).toEqual([3])
    group.setOffsets([{ topic: 'log', partition: 0, offset: 3 }])
    expect(held()).toEqual([])
  })
})

describe('whenFull', () => {
  it('holds back what is unread from then on, and hears of members that had their partitions before', async () => {
    const { broker, log, write, held } = altered()
    const consumer = broker.consumer({ groupId: 'g', topics: ['log'], autoCommit: false })
    const commitNext = async () => {
      await consumer.poll({ maxRecords: 1 })
      await consumer.commit()
    }
    write(1)
    await commitNext()
    write(2, 3, 4)
    log.alter({ whenFull: 'wait', retentionRecords: 3 })
    expect(held()).toEqual([2, 3, 4])
    log.alter({ retentionRecords: 2 })
    expect(held()).toEqual([2, 3, 4])
    expect(thrownBy(() => write(5))).toMatchObject({ code: 'QUEUE_FULL' })
    const sending = broker.producer().send({ topic: 'log', value: 5 })
    await commitNext()
    expect(held()).toEqual([2, 3, 4])
    await commitNext()
    await sending
    expect(held()).toEqual([4, 5])
  })

  it('drops at once what every group has read, where the bytes of the rest just fit', () => {
    const { broker, log, write, held } = altered({ codec: json, segmentRecords: 1 })
    const group = broker.createGroup('g', { topics: ['log'] })
    write(1, 2, 3)
    group.setOffsets([{ topic: 'log', partition: 0, offset: 1 }])
    log.alter({ whenFull: 'reject', retentionBytes: 2 * 'k11'.length })
    expect(held()).toEqual([2, 3])
  })

  it('lets those who wait write when there is room for more', async () => {
    const { broker, log, write, held } = altered({ whenFull: 'wait', retentionRecords: 1 })
    broker.createGroup('g', { topics: ['log'] })
    write(1)
    const sending = broker.producer().send({ topic: 'log', value: 2 })
    log.alter({ retentionRecords: 2 })
    await sending
    expect(held()).toEqual([1, 2])
  })

  it('refuses later sends, and lets those who wait already wait on', async () => {
    const { broker, log, write, held } = altered({ whenFull: 'wait', retentionRecords: 1 })
    const group = broker.createGroup('g', { topics: ['log'] })
    write(1)
    const producer = broker.producer()
    const sending = producer.send({ topic: 'log', value: 2 })
    log.alter({ whenFull: 'reject' })
    await expect(producer.send({ topic: 'log', value: 3 })).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    group.setOffsets([{ topic: 'log', partition: 0, offset: 1 }])
    await sending
    expect(held()).toEqual([2])
  })

  it('drops what is unread once it may', () => {
    const { broker, log, write, held } = altered({ whenFull: 'reject', retentionRecords: 2 })
    broker.on('recordsDropped', () => {})
    broker.createGroup('g', { topics: ['log'] })
    write(1, 2)
    log.alter({ whenFull: 'drop-oldest' })
    write(3)
    expect(held()).toEqual([2, 3])
  })
})

describe('a change', () => {
  const refused: readonly (readonly [string, object, string])[] = [
    [
      'an unknown option',
      { retentionRecords: 1, retentionMss: 5 },
      "unknown option 'retentionMss'. Did you mean 'retentionMs'",
    ],
    ['an unknown option that is taken back', { retentionMss: null }, "unknown option 'retentionMss'"],
    ['a value that cannot be', { retentionMs: 0 }, "'retentionMs' expected a whole number of at least 1"],
    ['its partitions', { retentionRecords: 1, partitions: 3 }, 'addPartitions makes more of them'],
    ['its codec', { codec: json }, "option 'codec' cannot be altered"],
    ['its keys', { keys: 'bytes' }, "option 'keys' cannot be altered"],
    ['options at odds', { cleanupPolicy: 'compact', retentionMs: 5 }, "'retentionMs' means nothing"],
    ['no options at all', 'retentionMs' as never, 'an object of options'],
  ]

  it.each(refused)('is refused, and nothing has changed: %s', (_, changes, message) => {
    const { log } = altered()
    const before = log.options
    expect(thrownBy(() => log.alter(changes))).toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining(message),
    })
    expect(log.options).toBe(before)
  })

  it('is told, with the options whose values are others now', () => {
    const { broker, log } = altered()
    const events: unknown[] = []
    broker.on('topicAltered', event => events.push(event))
    log.alter({ retentionMs: 8000 })
    log.alter({ retentionMs: 8000 })
    log.alter({})
    log.alter({ messageTimestampAfterMaxMs: 5 })
    expect(events).toEqual([
      { topic: 'log', options: ['retentionMs', 'segmentMs'] },
      { topic: 'log', options: ['messageTimestampAfterMaxMs'] },
    ])
  })

  it('counts for partitions that are added later', () => {
    const { log } = altered()
    log.alter({ retentionRecords: 1 })
    log.addPartitions(2)
    for (const value of [1, 2]) log.append({ value, partition: 1 })
    expect(log.records()).toHaveLength(1)
  })

  it('is made by an administrator, too', async () => {
    const { broker, log } = altered()
    await broker.admin.alterTopic('log', { retentionRecords: 7 })
    expect(log.options.retentionRecords).toBe(7)
    const missing = await rejectionOf(broker.admin.alterTopic('lag', { retentionRecords: 7 }))
    expect(missing).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', suggestions: ['log'] })
    const wrong = { retentionRecords: 'many' } as unknown as TopicChanges
    expect(await rejectionOf(broker.admin.alterTopic('log', wrong))).toMatchObject({ code: 'INVALID_CONFIG' })
  })

  it('cannot be made of a topic that was deleted', () => {
    const { broker, log } = altered()
    broker.deleteTopic('log')
    expect(thrownBy(() => log.alter({}))).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })
})

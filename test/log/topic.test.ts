import { describe, expect, it } from 'vitest'
import {
  InvalidPartitionsError,
  InvalidRecordError,
  json,
  TopicAlreadyExistsError,
  topic,
  UnknownTopicOrPartitionError,
} from '../../src/index.ts'
import { thrownBy } from '../helpers/errors.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'

describe('records', () => {
  it('gives all that is retained in the order of the appends, over partitions and segments', async () => {
    const { broker } = testBroker({ topics: { log: topic<number>({ partitions: 3, segmentRecords: 2 }) } })
    const log = broker.topic('log')
    const partitions = [2, 0, 0, 1, 2, 2, 0, 1, 1, 2, 0, 0]
    for (let i = 0; i < partitions.length; i++) log.append({ value: i, partition: partitions[i]! })
    await broker.producer().sendBatch([
      { topic: 'log', value: 12, partition: 1 },
      { topic: 'log', value: 13, partition: 0 },
      { topic: 'log', value: 14, partition: 1 },
    ])
    const all = Array.from({ length: 15 }, (_, i) => i)
    expect(log.records().map(record => record.value)).toEqual(all)
    log.partitions[2]!.deleteRecords(3)
    log.partitions[0]!.deleteRecords(1)
    const gone = new Set([0, 4, 5, 1])
    expect(log.records().map(record => record.value)).toEqual(all.filter(i => !gone.has(i)))
  })

  it('is empty in the beginning and after everything is deleted', () => {
    const { broker } = testBroker({ topics: { log: topic<number>() } })
    const log = broker.topic('log')
    expect(log.records()).toEqual([])
    log.append({ value: 1 })
    log.partitions[0]!.deleteRecords(1)
    expect(log.records()).toEqual([])
  })

  it('goes on past the 500 of a read', () => {
    const { broker } = testBroker({ topics: { log: topic<number>({ partitions: 2 }) } })
    const log = broker.topic('log')
    for (let i = 0; i < 1501; i++) log.append({ value: i, partition: i % 2 })
    expect(log.records().map(record => record.value)).toEqual(Array.from({ length: 1501 }, (_, i) => i))
  })
})

describe('freeze', () => {
  it('freezes values that are kept by reference, all the way down, cycles too', () => {
    const { broker } = testBroker({ freeze: true })
    broker.createTopic('log')
    const value: any = { list: [{ id: 1 }], bytes: new Uint8Array(1) }
    value.self = value
    broker.topic('log').append({ value })
    expect([value, value.list, value.list[0]].map(Object.isFrozen)).toEqual([true, true, true])
    expect(() => value.list.push(2)).toThrow(TypeError)
    expect(() => {
      value.bytes[0] = 7
    }).not.toThrow()
  })

  it('freezes each value of a batch', async () => {
    const { broker } = testBroker({ freeze: true })
    broker.createTopic('log')
    const values = [{ id: 1 }, { id: 2 }]
    await broker.producer().sendBatch(values.map(value => ({ topic: 'log', value })))
    expect(values.map(Object.isFrozen)).toEqual([true, true])
  })

  it('is what each topic says, else what the broker says, and nothing by default', () => {
    const frozen = (broker: boolean | undefined, own: boolean | undefined) => {
      const { broker: made } = testBroker(broker === undefined ? {} : { freeze: broker })
      made.createTopic('log', own === undefined ? {} : { freeze: own })
      const value = { id: 1 }
      made.topic('log').append({ value })
      return Object.isFrozen(value)
    }
    expect([
      frozen(undefined, undefined),
      frozen(true, undefined),
      frozen(false, true),
      frozen(true, false),
    ]).toEqual([false, true, true, false])
  })

  it('freezes a chain of objects, however long', () => {
    const { broker } = testBroker({ freeze: true })
    broker.createTopic('log')
    interface Chain {
      next?: Chain
    }
    const value: Chain = {}
    let last = value
    for (let i = 0; i < 50_000; i++) {
      last.next = {}
      last = last.next
    }
    broker.topic('log').append({ value })
    expect([Object.isFrozen(value), Object.isFrozen(last)]).toEqual([true, true])
  })

  it('leaves the value of a refused record as it was', async () => {
    const { broker } = testBroker({ freeze: true })
    broker.createTopic('log')
    const value = { id: 1 }
    expect(() => broker.topic('log').append({ value, partition: 7 })).toThrow(UnknownTopicOrPartitionError)
    await expect(
      broker.producer().sendBatch([
        { topic: 'log', value },
        { topic: 'log', value: undefined },
      ]),
    ).rejects.toThrow('value is undefined')
    expect(Object.isFrozen(value)).toBe(false)
  })

  it('refuses what cannot be frozen, and writes nothing of its batch', async () => {
    const { broker } = testBroker({ freeze: true })
    const log = broker.createTopic('log')
    const thrown = new Error('no')
    const throws = () => {
      throw thrown
    }
    const unfreezable = new Proxy(new Uint8Array(1), {})
    const refused = [unfreezable, new Proxy({}, { ownKeys: throws })].map(value =>
      thrownBy(() => log.append({ value: { value } })),
    )
    for (const error of refused) {
      expect(error).toBeInstanceOf(InvalidRecordError)
      expect(error).toMatchObject({ topic: 'log', field: 'value' })
      expect(error.message).toMatch(/^Record for topic 'log': value could not be frozen: /)
    }
    expect(refused[1]!.cause).toBe(thrown)
    const batch = [{ id: 1 }, unfreezable].map(value => ({ topic: 'log', value }))
    await expect(broker.producer().sendBatch(batch)).rejects.toThrow(InvalidRecordError)
    expect(log.records()).toEqual([])
  })

  it('leaves what a codec encodes alone', () => {
    const { broker } = testBroker({ freeze: true, codec: json })
    broker.createTopic('log')
    const value = { id: 1 }
    broker.topic('log').append({ value })
    expect(Object.isFrozen(value)).toBe(false)
  })
})

describe('addPartitions', () => {
  it('adds empty ones behind, tells it, and leaves what is there', () => {
    const { broker } = testBroker({ topics: { log: topic<string>({ partitions: 2 }) } })
    const events: object[] = []
    broker.on('partitionsAdded', event => events.push(event))
    const log = broker.topic('log')
    log.append({ value: 'a', partition: 1 })
    log.addPartitions(4)
    log.append({ value: 'b', partition: 3 })
    expect(events).toEqual([{ topic: 'log', from: 2, to: 4 }])
    expect(log.partitions.map(each => [each.index, each.highWatermark])).toEqual([
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 1],
    ])
    expect(log.records().map(record => [record.partition, record.value])).toEqual([
      [1, 'a'],
      [3, 'b'],
    ])
  })

  it('is told by the options, also once those are altered', () => {
    const { broker } = testBroker({ topics: { log: topic({ partitions: 2 }) } })
    const log = broker.topic('log')
    log.addPartitions(4)
    expect(log.options.partitions).toBe(4)
    log.alter({ retentionRecords: 5 })
    expect(log.options).toMatchObject({ partitions: 4, retentionRecords: 5 })
  })

  it.each([0, 1, 2, -3, 2.5, '4', undefined, 100_001])('refuses a total of %s where there are 2', total => {
    const { broker } = testBroker({ topics: { log: topic({ partitions: 2 }) } })
    const error = thrownBy(() => broker.topic('log').addPartitions(total as never))
    expect(error).toBeInstanceOf(InvalidPartitionsError)
    expect(error).toMatchObject({ code: 'INVALID_PARTITIONS', errno: 37, topic: 'log', received: total })
    expect(error.message).toBe(
      `Topic 'log' has 2 partitions; addPartitions expected a whole number from 3 to 100000, received ${typeof total === 'string' ? `'${total}'` : total}`,
    )
    expect(broker.topic('log').partitions).toHaveLength(2)
  })
})

describe('deletion', () => {
  it('takes the records and the name, and tells it', () => {
    const { broker } = testBroker({ topics: { log: topic<string>(), other: topic<string>() } })
    const events: object[] = []
    broker.on('topicDeleted', event => events.push(event))
    broker.topic('log').append({ value: 'a' })
    broker.topic('other').append({ value: 'b' })
    broker.deleteTopic('log')
    expect(events).toEqual([{ topic: 'log' }])
    expect([...broker.topics.keys()]).toEqual(['other'])
    expect(broker.describe().records).toBe(1)
    expect(thrownBy(() => broker.topic('log'))).toMatchObject({ errno: 3, topic: 'log' })
    expect(thrownBy(() => broker.deleteTopic('log'))).toBeInstanceOf(UnknownTopicOrPartitionError)
  })

  it('lets the name be used again, from offset 0 and under another id', () => {
    const { broker } = testBroker()
    const first = broker.createTopic('log')
    expect(thrownBy(() => broker.createTopic('log'))).toBeInstanceOf(TopicAlreadyExistsError)
    broker.topic('log').append({ value: 'old' })
    broker.deleteTopic('log')
    const second = broker.createTopic('log', { partitions: 2 })
    expect(second.id).not.toBe(first.id)
    expect(broker.topic('log').append({ value: 'new', partition: 0 }).offset).toBe(0)
    expect(
      broker
        .topic('log')
        .records()
        .map(record => record.value),
    ).toEqual(['new'])
  })

  it('makes what still holds the topic refuse to write, rather than lose it', async () => {
    const { broker } = testBroker({ topics: { log: topic<string>() } })
    const log = broker.topic('log')
    log.append({ value: 'a' })
    broker.deleteTopic('log')
    const error = thrownBy(() => log.append({ value: 'b' }))
    expect(error).toBeInstanceOf(UnknownTopicOrPartitionError)
    expect(error).toMatchObject({ topic: 'log' })
    expect(log.records()).toEqual([])
    expect(broker.describe()).toMatchObject({ records: 0, topics: [] })
    expect(thrownBy(() => log.addPartitions(3))).toBeInstanceOf(UnknownTopicOrPartitionError)
    broker.createTopic('log')
    expect(thrownBy(() => log.append({ value: 'c' }))).toBeInstanceOf(UnknownTopicOrPartitionError)
    expect(broker.topic('log').records()).toEqual([])
  })

  it('refuses a record whose schema was still at work', async () => {
    let pass: (() => void) | undefined
    const slow = schemaOf(
      (value: unknown) => new Promise<{ value: unknown }>(resolve => (pass = () => resolve({ value }))),
    )
    const { broker } = testBroker()
    broker.createTopic('log', { schema: slow })
    const sent = broker.producer().send({ topic: 'log', value: 'a' })
    const refused = expect(sent).rejects.toThrow(UnknownTopicOrPartitionError)
    broker.deleteTopic('log')
    pass?.()
    await refused
    expect(broker.describe().records).toBe(0)
  })
})

describe('options', () => {
  it('show every default filled in, and cannot be changed', () => {
    const { broker } = testBroker()
    const { options } = broker.createTopic('log', { retentionMs: 80_000, retentionRecords: 64 })
    expect(options).toEqual({
      partitions: 1,
      retentionMs: 80_000,
      retentionRecords: 64,
      retentionBytes: -1,
      cleanupPolicy: 'delete',
      whenFull: 'drop-oldest',
      minCompactionLagMs: 0,
      deleteRetentionMs: 86_400_000,
      minCleanableDirtyRatio: 0.5,
      segmentMs: 10_000,
      segmentRecords: 8,
      segmentBytes: -1,
      maxMessageBytes: -1,
      messageTimestampType: 'CreateTime',
      messageTimestampBeforeMaxMs: -1,
      messageTimestampAfterMaxMs: 3_600_000,
      freeze: false,
      codec: undefined,
      schema: undefined,
      keys: 'string',
    })
    expect(Object.isFrozen(options)).toBe(true)
  })

  it('close a segment after 4,096 records, 7 days or 16 MiB, where nothing smaller is kept', () => {
    const { broker } = testBroker()
    const { options } = broker.createTopic('log', { retentionMs: -1, codec: json })
    expect(options).toMatchObject({ segmentRecords: 4096, segmentMs: 7 * 86_400_000, segmentBytes: 16 << 20 })
  })
})

import { describe, expect, it } from 'vitest'
import { json, QueueFullError, RecordListTooLargeError, string, topic } from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { offsets } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'
import { full, log0 } from './full-topic-scene.ts'

const warnings = collectWarnings()

describe("whenFull: 'drop-oldest'", () => {
  it('drops what every group has committed past before what somebody has not read, older as that may be', async () => {
    const { broker } = testBroker({ maxRecords: 8 })
    broker.createTopic('unread', { segmentRecords: 2 })
    broker.createTopic('read', { segmentRecords: 2 })
    broker.createGroup('g', { topics: ['unread', 'read'] })
    const dropped: object[] = []
    broker.on('recordsDropped', event => dropped.push(event))
    for (let i = 0; i < 4; i++) broker.topic('unread').append({ value: i })
    for (let i = 0; i < 4; i++) broker.topic('read').append({ value: i })
    broker.group('g').setOffsets([{ topic: 'read', partition: 0, offset: 2 }])
    broker.topic('unread').append({ value: 4 })
    expect([offsets(broker.topic('unread').records()), offsets(broker.topic('read').records())]).toEqual([
      [0, 1, 2, 3, 4],
      [2, 3],
    ])
    expect(dropped).toEqual([])
    // Nothing is left that everybody has read: now the oldest of all goes.
    for (let i = 5; i < 7; i++) broker.topic('unread').append({ value: i })
    expect(offsets(broker.topic('unread').records())).toEqual([2, 3, 4, 5, 6])
    expect(dropped).toMatchObject([{ topic: 'unread', from: 0, to: 2, reason: 'limit' }])
  })

  it('misses nothing for a group that has left and has read a former topic of the same name', async () => {
    const { broker } = testBroker({ maxRecords: 2 })
    const options = { partitions: 2, segmentRecords: 1 }
    broker.createTopic('log', options)
    const reader = broker.consumer({ groupId: 'g', topics: ['log'] })
    await reader.ready()
    await reader.close()
    broker.deleteTopic('log')
    const log = broker.createTopic('log', options)
    const dropped: object[] = []
    broker.on('recordsDropped', event => dropped.push(event))
    broker.group('g').setOffsets([{ topic: 'log', partition: 1, offset: 0 }])
    for (let value = 0; value < 3; value++) log.append({ partition: 0, value })
    expect([offsets(log.records()), dropped]).toEqual([[1, 2], []])
  })
})

describe("whenFull: 'reject'", () => {
  it('refuses what has no room, writes nothing of it, and takes it once everybody has read', async () => {
    const { broker, log, producer, commit, values } = full({ whenFull: 'reject' })
    broker.createTopic('elsewhere', {})
    broker.createGroup('reads elsewhere', { topics: ['elsewhere'] })
    const error = await rejectionOf(producer.send({ topic: 'log', value: 3 }))
    expect(error).toBeInstanceOf(QueueFullError)
    expect(error).toMatchObject({
      code: 'QUEUE_FULL',
      retriable: true,
      ...log0,
      details: [{ groupId: 'g', offset: 0 }],
      message:
        "No room: log-0 keeps 3 records, and its retentionRecords is 3; group 'g' has not committed 3 of them",
    })
    expect(thrownBy(() => log.append({ value: 3 }))).toBeInstanceOf(QueueFullError)
    expect(values()).toEqual([0, 1, 2])
    commit(2)
    const batch = [3, 4, 5].map(value => ({ topic: 'log', value }))
    expect(await rejectionOf(producer.sendBatch(batch))).toBeInstanceOf(QueueFullError)
    expect(values()).toEqual([0, 1, 2])
    await producer.sendBatch(batch.slice(0, 2))
    expect(values()).toEqual([2, 3, 4])
    expect(warnings).toEqual([])
  })

  it('counts nothing as read while no group is there', () => {
    const { broker } = testBroker()
    const log = broker.createTopic('log', { retentionRecords: 2, whenFull: 'reject' })
    log.append({ value: 0 })
    log.append({ value: 1 })
    expect(thrownBy(() => log.append({ value: 2 })).message).toContain('no group reads it')
    broker.createGroup('late', { topics: ['log'], from: 'end' })
    expect(log.append({ value: 2 }).offset).toBe(2)
  })

  it('goes by bytes, too, and gives them back by segments', async () => {
    const { broker } = testBroker({
      topics: {
        log: topic<string>({ codec: string, retentionBytes: 8, segmentBytes: 4, whenFull: 'reject' }),
      },
    })
    const log = broker.topic('log')
    broker.createGroup('g', { topics: ['log'] })
    for (let i = 0; i < 4; i++) log.append({ value: 'xx' })
    expect(thrownBy(() => log.append({ value: 'y' }))).toMatchObject({ code: 'QUEUE_FULL' })
    broker.group('g').setOffsets([{ ...log0, offset: 1 }])
    expect(thrownBy(() => log.append({ value: 'y' }))).toMatchObject({ code: 'QUEUE_FULL' })
    broker.group('g').setOffsets([{ ...log0, offset: 2 }])
    log.append({ value: 'y' })
    expect([log.partitions[0]!.logStartOffset, log.partitions[0]!.bytes]).toEqual([2, 5])
  })

  it('drops no more of what everybody has read than the new records need', async () => {
    const { broker } = testBroker({
      topics: {
        log: topic<string>({ codec: string, retentionBytes: 8, segmentBytes: 4, whenFull: 'reject' }),
      },
    })
    const log = broker.topic('log')
    const [partition] = log.partitions
    broker.createGroup('g', { topics: ['log'] })
    for (let i = 0; i < 4; i++) log.append({ value: 'xx' })
    broker.group('g').setOffsets([{ ...log0, offset: 4 }])
    log.append({ value: 'y' })
    expect([partition!.logStartOffset, partition!.bytes]).toEqual([2, 5])
    log.append({ value: 'zzz' })
    expect([partition!.logStartOffset, partition!.bytes]).toEqual([2, 8])
  })

  it.each([
    ['retentionRecords is 3', { retentionRecords: 3, whenFull: 'reject' }, RecordListTooLargeError],
    ['retentionBytes is 3', { retentionBytes: 3, whenFull: 'wait', codec: json }, RecordListTooLargeError],
    [
      'retentionRecords is 3, retentionBytes is 3',
      { retentionRecords: 3, retentionBytes: 3, whenFull: 'wait', codec: json },
      RecordListTooLargeError,
    ],
  ] as const)('a batch that can never fit because %s is refused as such', async (limits, options, kind) => {
    const { broker } = testBroker()
    broker.createTopic('log', options as TopicOptions)
    const batch = [1, 2, 3, 4].map(value => ({ topic: 'log', value }))
    const error = await rejectionOf(broker.producer().sendBatch(batch))
    expect(error).toBeInstanceOf(kind)
    expect(error.message).toContain('can never fit')
    expect(error.message).toContain(`log-0, ${limits}`)
    expect(broker.describe().records).toBe(0)
  })

  it.each([
    ['records', { retentionRecords: 3, whenFull: 'reject' }],
    ['bytes', { retentionBytes: 3, whenFull: 'reject', codec: json }],
  ] as const)('a batch fits that has just as many %s as the topic keeps', async (_, options) => {
    const { broker } = testBroker()
    broker.createTopic('log', options as TopicOptions)
    const batch = [1, 2, 3].map(value => ({ topic: 'log', value }))
    await broker.producer().sendBatch(batch)
    expect(broker.describe().records).toBe(3)
  })
})

it('says of a log that was compacted once what counts beside its records', () => {
  const { broker } = testBroker()
  const log = broker.createTopic('log', { cleanupPolicy: 'compact' })
  for (const value of [1, 2, 3]) log.append({ key: 'a', value })
  log.compact()
  log.alter({ cleanupPolicy: 'delete', retentionRecords: 3, whenFull: 'reject' })
  expect(thrownBy(() => log.append({ value: 4 })).message).toBe(
    'No room: log-0 keeps 1 record and 2 offsets without one (an end of a transaction, or compacted), ' +
      'and its retentionRecords is 3; no group reads it',
  )
})

describe('a transaction', () => {
  it('counts with its end, of which the error tells', async () => {
    const { broker, send, told, clock } = full({ retentionRecords: 5 })
    const producer = broker.producer({ transactionalId: 'tx' })
    await producer.transaction(tx => tx.send({ topic: 'log', value: 3 }))
    expect(thrownBy(() => broker.topic('log').append({ value: 4 })).message).toBe(
      'No room: log-0 keeps 4 records and 1 offset without one (an end of a transaction, or compacted), and its retentionRecords is 5; ' +
        "group 'g' has not committed 4 of them",
    )
    send(4, { timeoutMs: 50 })
    await clock.advance(50)
    expect(told).toEqual(['4 TimeoutError'])
  })

  it('has an end that a group has yet to commit: the group is named', async () => {
    const { broker } = testBroker()
    const log = broker.createTopic('log', { retentionRecords: 1, whenFull: 'reject' })
    const group = broker.createGroup('g', { topics: ['log'] })
    const producer = broker.producer({ transactionalId: 'tx' })
    await producer.transaction(tx => tx.send({ topic: 'log', value: 0 }))
    group.setOffsets([{ topic: 'log', partition: 0, offset: 1 }])
    expect(thrownBy(() => log.append({ value: 1 })).message).toMatch(
      /, and its retentionRecords is 1; group 'g' has committed all of them, up to offset 1 of 2$/,
    )
  })

  it('does not wait for room in a topic: its send is refused, alone or in a batch', async () => {
    const { broker, values } = full()
    const producer = broker.producer({ transactionalId: 'tx' })
    const record = { topic: 'log', value: 'a' }
    const sent = [
      producer.transaction(tx => tx.send(record)),
      producer.transaction(tx => tx.sendBatch([record])),
    ]
    for (const each of sent) expect(await rejectionOf(each)).toBeInstanceOf(QueueFullError)
    expect(values()).toEqual([0, 1, 2])
  })
})

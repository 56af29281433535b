import { describe, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()
const tp = { topic: 'log', partition: 0 } as const

/** A log of five records, and what the broker says about dropped ones. */
function fiveRecords(
  options: Pick<TopicOptions, 'retentionMs' | 'retentionRecords' | 'segmentRecords'> = {},
  listen = true,
) {
  const { broker, clock } = testBroker({ topics: { log: topic<number>(options) } })
  const dropped: object[] = []
  if (listen) broker.on('recordsDropped', event => dropped.push(event))
  const log = broker.topic('log')
  const append = (count: number) => {
    for (let i = 0; i < count; i++) log.append({ value: log.partitions[0]!.highWatermark })
  }
  append(5)
  const committed = (groupId: string, offset: number) =>
    broker.admin.setGroupOffsets(groupId, [{ ...tp, offset }])
  return { broker, clock, log, partition: log.partitions[0]!, append, dropped, committed }
}

describe("'recordsDropped'", () => {
  it('is silent where nobody reads, and where everybody has read', async () => {
    const { partition, dropped, committed } = fiveRecords()
    partition.deleteRecords(2)
    await committed('a', 4)
    await committed('b', 5)
    partition.deleteRecords(4)
    expect(dropped).toEqual([])
  })

  it('says so each time, though another group has no place in the log yet', async () => {
    const { broker, partition, dropped, committed } = fiveRecords()
    const latest = broker.consumer({ groupId: 'a', topics: ['log'], autoOffsetReset: 'latest' })
    await latest.run({ eachRecord: () => {} })
    await latest.close()
    await broker.admin.deleteGroupOffsets('a', [tp])
    await committed('b', 1)
    partition.deleteRecords(2)
    partition.deleteRecords(4)
    expect(dropped).toMatchObject([
      { from: 0, to: 2, groups: [{ groupId: 'b', count: 1 }] },
      { from: 2, to: 4, groups: [{ groupId: 'b', count: 2 }] },
    ])
  })

  it('says from where to where, why, and who had not read how many', async () => {
    const { partition, dropped, committed } = fiveRecords()
    await committed('a', 1)
    await committed('b', 3)
    await committed('c', 5)
    partition.deleteRecords(2)
    partition.deleteRecords(4)
    partition.deleteRecords(4)
    expect(dropped).toEqual([
      { ...tp, from: 0, to: 2, reason: 'deleteRecords', groups: [{ groupId: 'a', count: 1 }] },
      {
        ...tp,
        from: 2,
        to: 4,
        reason: 'deleteRecords',
        groups: [
          { groupId: 'a', count: 2 },
          { groupId: 'b', count: 1 },
        ],
      },
    ])
    await new Promise(resolve => setImmediate(resolve))
    expect(warnings).toEqual([])
  })

  it('names a group whose members are gone before it committed anything there', async () => {
    const { broker, partition, dropped } = fiveRecords()
    const begin = async (groupId: string, autoOffsetReset: 'earliest' | 'latest') => {
      const consumer = broker.consumer({ groupId, topics: ['log'], autoCommit: false, autoOffsetReset })
      await consumer.run({ eachRecord: () => {} })
      await consumer.close()
    }
    await begin('a', 'earliest')
    await begin('b', 'latest')
    partition.deleteRecords(2)
    expect(dropped).toEqual([
      { ...tp, from: 0, to: 2, reason: 'deleteRecords', groups: [{ groupId: 'a', count: 2 }] },
    ])
  })

  it('names a group that has only begun, though nobody read what was dropped before', async () => {
    const { broker, clock, append, dropped } = fiveRecords({ retentionRecords: 2 })
    const onAssigned = () => broker.clock.sleep(1000)
    const consumer = broker.consumer({ groupId: 'a', topics: ['log'], onAssigned })
    const seen: number[] = []
    void consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
    await clock.settle()
    append(1)
    await clock.advance(1000)
    expect(dropped).toEqual([
      { ...tp, from: 3, to: 4, reason: 'retention', groups: [{ groupId: 'a', count: 1 }] },
    ])
    expect(seen).toEqual([4, 5])
  })

  it('says so for each append that pushes an unread record out', async () => {
    const { append, dropped, committed } = fiveRecords({ retentionRecords: 5 })
    await committed('a', 1)
    append(3)
    expect(dropped).toEqual([
      { ...tp, from: 1, to: 2, reason: 'retention', groups: [{ groupId: 'a', count: 1 }] },
      { ...tp, from: 2, to: 3, reason: 'retention', groups: [{ groupId: 'a', count: 1 }] },
    ])
  })

  it('says so of a group that was moved back, though it had read them once', async () => {
    const { broker, append, dropped, committed } = fiveRecords({ retentionRecords: 5 })
    await committed('a', 5)
    append(2)
    expect(dropped).toEqual([])
    broker.group('a').setOffsets([{ ...tp, offset: 2 }])
    append(1)
    expect(dropped).toEqual([
      { ...tp, from: 2, to: 3, reason: 'retention', groups: [{ groupId: 'a', count: 1 }] },
    ])
  })

  it('says so when time drops them', async () => {
    const { clock, dropped, committed } = fiveRecords({ retentionMs: 1000, segmentRecords: 2 })
    await committed('a', 3)
    await clock.advance(1001)
    expect(dropped).toEqual([
      { ...tp, from: 0, to: 5, reason: 'retention', groups: [{ groupId: 'a', count: 2 }] },
    ])
  })

  it('says so when the broker’s maxRecords drops them', async () => {
    const { broker } = testBroker({
      maxRecords: 4,
      topics: { log: topic<number>({ segmentRecords: 2 }), other: topic<number>() },
    })
    const dropped: object[] = []
    broker.on('recordsDropped', event => dropped.push(event))
    for (let i = 0; i < 4; i++) broker.topic('log').append({ value: i })
    await broker.admin.setGroupOffsets('a', [{ ...tp, offset: 1 }])
    await broker.producer().sendBatch([0, 1].map(value => ({ topic: 'other' as const, value })))
    expect(dropped).toEqual([
      { ...tp, from: 0, to: 2, reason: 'limit', groups: [{ groupId: 'a', count: 1 }] },
    ])
  })

  it('warns the process where nobody listens, naming topic and group', async () => {
    const { partition, clock, committed } = fiveRecords({}, false)
    await committed('a', 1)
    await committed('b', 3)
    partition.deleteRecords(4)
    await clock.settle()
    expect(warnings).toEqual([
      "Dropped records of log-0 that were not read: 3 by group 'a', 1 by group 'b'. " +
        "Listen to 'recordsDropped' to hear of all of them",
    ])
  })

  it('warns once per topic and group, however many records a group that lags behind loses', async () => {
    const { partition, clock, committed } = fiveRecords({}, false)
    await committed('a', 1)
    for (const before of [2, 3, 4, 5]) partition.deleteRecords(before)
    await clock.settle()
    expect(warnings).toHaveLength(1)
  })

  it('warns anew of a topic, and of a group, that was made anew', async () => {
    const { broker, clock } = fiveRecords({}, false)
    const drop = async () => {
      broker.topic('log').append({ value: 0 })
      await broker.admin.setGroupOffsets('a', [{ ...tp, offset: 0 }])
      broker.topic('log').partitions[0]!.deleteRecords(1)
      await clock.settle()
    }
    await drop()
    broker.deleteTopic('log')
    broker.createTopic('log')
    await drop()
    broker.deleteGroup('a')
    broker.deleteTopic('log')
    broker.createTopic('log')
    await drop()
    expect(warnings).toHaveLength(3)
  })

  it('counts a member’s position as read, committed or not, and a record that it was not handed as unread', async () => {
    const { broker, partition, dropped } = fiveRecords()
    const reader = broker.consumer({ groupId: 'a', topics: ['log'], autoCommit: false })
    expect(await reader.poll({ maxRecords: 3 })).toHaveLength(3)
    partition.deleteRecords(3)
    expect(dropped).toEqual([])
    partition.deleteRecords(4)
    expect(dropped).toEqual([
      { ...tp, from: 3, to: 4, reason: 'deleteRecords', groups: [{ groupId: 'a', count: 1 }] },
    ])
  })

  it('counts from where a new group begins to read', async () => {
    const { broker, partition, append, dropped } = fiveRecords()
    partition.deleteRecords(1)
    const late = broker.consumer({ groupId: 'late', topics: ['log'], autoOffsetReset: 'latest' })
    const early = broker.consumer({ groupId: 'early', topics: ['log'] })
    await Promise.all([late.ready(), early.ready()])
    append(1)
    partition.deleteRecords(6)
    expect(dropped).toEqual([
      {
        ...tp,
        from: 1,
        to: 6,
        reason: 'deleteRecords',
        groups: [
          { groupId: 'late', count: 1 },
          { groupId: 'early', count: 5 },
        ],
      },
    ])
  })

  it('counts what no reader of committed records could have read yet: it may be committed', async () => {
    const { broker, partition, append, dropped, committed } = fiveRecords()
    await committed('a', 5)
    const producer = broker.producer({ transactionalId: 'shop' })
    await producer.transaction(async tx => {
      await tx.send({ topic: 'log', value: 5 })
      append(2)
      partition.deleteRecords(7)
    })
    await expect(
      producer.transaction(async tx => {
        await tx.send({ topic: 'log', value: 9 })
        throw new Error('aborted')
      }),
    ).rejects.toThrow('aborted')
    partition.deleteRecords(11)
    expect(dropped).toEqual([
      { ...tp, from: 0, to: 7, reason: 'deleteRecords', groups: [{ groupId: 'a', count: 2 }] },
      { ...tp, from: 7, to: 11, reason: 'deleteRecords', groups: [{ groupId: 'a', count: 1 }] },
    ])
  })

  it('counts what a seek went back to', async () => {
    const { broker, partition, dropped } = fiveRecords()
    const reader = broker.consumer({ groupId: 'a', topics: ['log'] })
    await reader.poll()
    partition.deleteRecords(1)
    reader.seek(tp, 2)
    partition.deleteRecords(3)
    expect(dropped).toEqual([
      { ...tp, from: 1, to: 3, reason: 'deleteRecords', groups: [{ groupId: 'a', count: 1 }] },
    ])
  })

  it.each([
    ['when it left', undefined],
    ['when it was closed, and its place was kept', 'static'],
  ])('counts what a member had in hand %s without committing', async (_, groupInstanceId) => {
    const { broker, partition, dropped } = fiveRecords()
    const reader = broker.consumer({ groupId: 'a', topics: ['log'], autoCommit: false, groupInstanceId })
    await reader.poll({ maxRecords: 1 })
    await reader.commit()
    await reader.poll()
    partition.deleteRecords(1)
    await reader.close()
    expect(dropped).toEqual([])
    partition.deleteRecords(3)
    expect(dropped).toEqual([
      { ...tp, from: 1, to: 3, reason: 'deleteRecords', groups: [{ groupId: 'a', count: 2 }] },
    ])
  })

  it('counts what a failed handler will get again after its restart', async () => {
    const { broker, clock, partition, append, dropped } = fiveRecords()
    const reader = broker.consumer({ groupId: 'a', topics: ['log'] })
    reader.on('restarting', () => {})
    let failing = true
    const read: number[] = []
    await reader.run({
      eachRecord: record => {
        if (record.value === 3 && failing) throw new Error('not yet')
        read.push(record.value)
      },
      retry: { attempts: 1 },
    })
    await clock.settle()
    partition.deleteRecords(1)
    partition.deleteRecords(4)
    failing = false
    append(1)
    await clock.advance(1000)
    expect(read).toEqual([0, 1, 2, 4, 5])
    expect(dropped).toEqual([
      { ...tp, from: 1, to: 4, reason: 'deleteRecords', groups: [{ groupId: 'a', count: 1 }] },
    ])
  })
})

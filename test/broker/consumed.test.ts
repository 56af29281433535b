import { describe, expect, it } from 'vitest'
import {
  type Broker,
  type Consumer,
  InvalidOptionError,
  UnknownTopicOrPartitionError,
} from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { fill, gate, offsets } from '../helpers/behaviours.ts'
import { thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

const day = 24 * 60 * 60 * 1000

function queue(options: TopicOptions = {}) {
  const { broker, clock } = testBroker()
  const log = broker.createTopic('jobs', { cleanupPolicy: 'consumed', ...options })
  const kept = (partition = 0) => {
    const { logStartOffset, highWatermark } = log.partitions[partition]!
    return [logStartOffset, highWatermark]
  }
  const read = async (groupId: string, topics: (string | RegExp)[] = ['jobs']) => {
    const seen: number[] = []
    const consumer = broker.consumer({ groupId, topics: topics as string[] })
    await consumer.run({ eachRecord: async ({ offset }) => void seen.push(offset) })
    return { consumer, seen }
  }
  return { broker, clock, log, kept, read }
}

describe("cleanupPolicy: 'consumed'", () => {
  it('lets a record go once every group has committed past it', async () => {
    const { broker, kept, read } = queue()
    broker.createGroup('slow', { topics: ['jobs'] })
    fill(broker, 'jobs', 5)
    const { seen } = await read('fast')
    await broker.idle()
    expect([seen, kept()]).toEqual([
      [0, 1, 2, 3, 4],
      [0, 5],
    ])
    broker.group('slow').setOffsets([{ topic: 'jobs', partition: 0, offset: 3 }])
    expect(kept()).toEqual([3, 5])
    await read('slow')
    await broker.idle()
    expect([kept(), broker.describe().records]).toEqual([[5, 5], 0])
    fill(broker, 'jobs', 1)
    await broker.idle()
    expect(kept()).toEqual([6, 6])
  })

  it('never lets go of what is handed out and not committed', async () => {
    const { broker, clock, kept } = queue()
    const { opened, open } = gate()
    fill(broker, 'jobs', 3)
    const worker = broker.consumer({ groupId: 'g', topics: ['jobs'] })
    await worker.run({ eachRecord: ({ offset }) => (offset === 1 ? opened : undefined) })
    await clock.settle()
    expect([worker.position({ topic: 'jobs', partition: 0 }), kept()]).toEqual([2, [1, 3]])
    open()
    await broker.idle()
    expect(kept()).toEqual([3, 3])
  })

  it('frees nothing while no group is registered, however long that is', async () => {
    const { broker, clock, kept, read } = queue()
    fill(broker, 'jobs', 3)
    await clock.advance(100 * day)
    expect(kept()).toEqual([0, 3])
    const { seen } = await read('late')
    await broker.idle()
    expect([seen, kept()]).toEqual([
      [0, 1, 2],
      [3, 3],
    ])
  })

  it('a group that is registered ahead of its first consumer misses nothing', async () => {
    const { broker, kept, read } = queue({ partitions: 2 })
    const ahead = broker.createGroup('ahead', { topics: ['jobs'] })
    expect([ahead.state, ahead.offsets.length]).toEqual(['Empty', 2])
    for (const partition of [0, 1]) fill(broker, 'jobs', 3, partition)
    await read('first')
    await broker.idle()
    expect([kept(0), kept(1)]).toEqual([
      [0, 3],
      [0, 3],
    ])
    const { seen } = await read('ahead')
    await broker.idle()
    expect(seen.sort()).toEqual([0, 0, 1, 1, 2, 2])
    expect([kept(0), kept(1)]).toEqual([
      [3, 3],
      [3, 3],
    ])
  })

  it('keeps what a group has still to read after all its members have left, until it is gone', async () => {
    const { broker, clock, kept, read } = queue()
    const { consumer } = await read('gone')
    fill(broker, 'jobs', 2)
    await broker.idle()
    await consumer.close()
    fill(broker, 'jobs', 2)
    await read('stays')
    await broker.idle()
    expect(kept()).toEqual([2, 4])
    broker.deleteGroup('gone')
    expect(kept()).toEqual([4, 4])
    // A group that has committed nothing counts, too, until its offsets would expire.
    const silent = broker.consumer({ groupId: 'silent', topics: ['jobs'], autoCommit: false })
    await silent.ready()
    await silent.close()
    fill(broker, 'jobs', 1)
    await broker.idle()
    expect(kept()).toEqual([4, 5])
    await clock.advance(8 * day)
    expect(kept()).toEqual([5, 5])
  })

  it.each<[string, (broker: Broker, groupId: string) => Promise<unknown>]>([
    [
      'has read the topic and committed nothing',
      async (broker, groupId) => {
        const consumer = broker.consumer({ groupId, topics: ['jobs'], autoCommit: false })
        await consumer.ready()
        await consumer.close()
      },
    ],
    [
      'was moved ahead of its first consumer',
      (broker, groupId) =>
        broker.admin.setGroupOffsets(groupId, [{ topic: 'jobs', partition: 0, offset: 0 }]),
    ],
  ])('keeps what a group has still to read of a partition that is added, where it %s', async (_, begin) => {
    const { broker, log, kept, read } = queue()
    await begin(broker, 'away')
    await read('here')
    log.addPartitions(2)
    fill(broker, 'jobs', 2, 1)
    await broker.idle()
    expect(kept(1)).toEqual([0, 2])
    broker.deleteGroup('away')
    expect(kept(1)).toEqual([2, 2])
  })

  it('keeps what a group has still to read of a topic that is made after it began, whose name its pattern fits', async () => {
    const { broker, read } = queue()
    const silent = broker.consumer({ groupId: 'silent', topics: /^jobs/, autoCommit: false })
    await silent.run({ eachRecord: () => {} })
    const late = broker.createTopic('jobs.late', { cleanupPolicy: 'consumed' })
    fill(broker, 'jobs.late', 2)
    await read('here', ['jobs.late'])
    await broker.idle({ groups: ['here'] })
    expect(late.partitions[0]!.logStartOffset).toBe(0)
    await silent.commit()
    expect(late.partitions[0]!.logStartOffset).toBe(2)
  })

  it('lets a send go that waits for room once a group is moved on', async () => {
    const { broker, clock, kept } = queue({ retentionRecords: 2 })
    broker.createGroup('g', { topics: ['jobs'] })
    fill(broker, 'jobs', 2)
    const sent = broker.producer().send({ topic: 'jobs', value: 2 })
    await clock.settle()
    broker.group('g').setOffsets('latest')
    expect(await sent).toMatchObject({ offset: 2 })
    expect(kept()).toEqual([2, 3])
  })

  it('forgets a group for a topic that it reads no more once its offsets are deleted', async () => {
    const { broker, kept, read } = queue()
    broker.createTopic('other', {})
    const { consumer } = await read('g')
    await read('h')
    await consumer.subscribe(['other'])
    fill(broker, 'jobs', 2)
    await broker.idle({ groups: ['h'] })
    expect(kept()).toEqual([0, 2])
    await broker.admin.deleteGroupOffsets('g', [{ topic: 'jobs', partition: 0 }])
    expect(kept()).toEqual([2, 2])
  })

  it('forgets a group for a topic that it reads no more once its offsets have expired', async () => {
    const { broker, clock, kept, read } = queue()
    broker.createTopic('other', {})
    const { consumer } = await read('g')
    await read('h')
    fill(broker, 'jobs', 1)
    await broker.idle()
    await consumer.subscribe(['other'])
    fill(broker, 'jobs', 2)
    await broker.idle({ groups: ['h'] })
    await clock.advance(7 * day - 1)
    expect(kept()).toEqual([1, 3])
    await clock.advance(1)
    expect(kept()).toEqual([3, 3])
  })

  describe('of a group that reads it and has committed nothing', () => {
    const silent = async () => {
      const made = queue()
      made.broker.createTopic('other')
      const consumer = made.broker.consumer({
        groupId: 'silent',
        topics: ['jobs'] as string[],
        autoCommit: false,
      })
      await consumer.ready()
      await made.read('h')
      fill(made.broker, 'jobs', 2)
      await made.broker.idle({ groups: ['h'] })
      await made.clock.advance(day)
      await consumer.subscribe(['other'])
      return { ...made, consumer }
    }

    it('keeps all until its last reader has stopped for as long as offsets are kept', async () => {
      const { clock, kept } = await silent()
      await clock.advance(7 * day - 1)
      expect(kept()).toEqual([0, 2])
      await clock.advance(1)
      expect(kept()).toEqual([2, 2])
    })

    it('keeps all for the time of the topic itself, though that of another one is over before', async () => {
      const { broker, clock, kept, consumer } = await silent()
      broker.createTopic('third')
      await clock.advance(day)
      await consumer.subscribe(['jobs'])
      await clock.advance(day)
      await consumer.subscribe(['third'])
      await clock.advance(7 * day - 1)
      expect(kept()).toEqual([0, 2])
      await clock.advance(1)
      expect(kept()).toEqual([2, 2])
    })

    it('keeps all where a member reads it again in time', async () => {
      const { clock, kept, consumer } = await silent()
      await clock.advance(6 * day)
      await consumer.subscribe(['jobs'])
      await clock.advance(8 * day)
      expect(kept()).toEqual([0, 2])
    })

    it('lets all go once it is told to forget the topic', async () => {
      const { broker, kept } = await silent()
      await broker.admin.deleteGroupOffsets('silent', [{ topic: 'jobs', partition: 0 }])
      expect(kept()).toEqual([2, 2])
    })
  })

  it.each<[string, (consumer: Consumer) => Promise<unknown>]>([
    ['had left', consumer => consumer.close()],
    ['read something else by then', consumer => consumer.subscribe([])],
  ])('forgets a group for a topic that is deleted, though it %s', async (_, leave) => {
    const { broker, clock, read } = queue()
    const { consumer } = await read('gone')
    await leave(consumer)
    await clock.settle()
    broker.deleteTopic('jobs')
    const { partitions } = broker.createTopic('jobs', { cleanupPolicy: 'consumed' })
    fill(broker, 'jobs', 2)
    await read('here')
    await broker.idle()
    expect(partitions[0]!.logStartOffset).toBe(2)
  })

  it('implies wait: a producer that is too fast waits for its consumers', async () => {
    const { broker, clock, log, kept, read } = queue({ retentionRecords: 4 })
    expect([log.options.whenFull, log.options.retentionMs]).toEqual(['wait', -1])
    const producer = broker.producer()
    let sent = 0
    for (let i = 0; i < 20; i++) void producer.send({ topic: 'jobs', value: i }).then(() => sent++)
    await clock.settle()
    expect([sent, kept()]).toEqual([4, [0, 4]])
    const { seen } = await read('g')
    await broker.idle()
    expect([sent, seen.length, kept()]).toEqual([20, 20, [20, 20]])
  })

  it.each([
    [{ retentionMs: 1000 }, 'retentionMs'],
    [{ whenFull: 'drop-oldest' }, 'whenFull'],
    [{ deleteRetentionMs: 1 }, 'deleteRetentionMs'],
  ] as const)('refuses %o', (options, option) => {
    const { broker } = testBroker()
    const error = thrownBy(() => broker.createTopic('t', { cleanupPolicy: 'consumed', ...options }))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ option })
  })
})

describe('createGroup', () => {
  it('begins where it is told to, and leaves alone what is committed already', async () => {
    const { broker } = testBroker()
    for (const name of ['a', 'b']) broker.createTopic(name, {})
    fill(broker, 'a', 3)
    const group = broker.createGroup('g', { topics: ['a'], from: 'end' })
    expect(group.offsets).toEqual([{ topic: 'a', partition: 0, offset: 3 }])
    fill(broker, 'a', 2)
    expect(broker.createGroup('g', { topics: ['a', 'b'] })).toBe(group)
    expect(group.offsets).toEqual([
      { topic: 'a', partition: 0, offset: 3 },
      { topic: 'b', partition: 0, offset: 0 },
    ])
    expect(group.lag()).toBe(2)
    const seen: unknown[] = []
    await broker
      .consumer({ groupId: 'g', topics: ['a'] })
      .run({ eachRecord: record => void seen.push(record) })
    await broker.idle()
    expect(offsets(seen as { offset: number }[])).toEqual([3, 4])
    expect(thrownBy(() => broker.createGroup('g', { topics: ['b'] }))).toMatchObject({
      code: 'UNKNOWN_MEMBER_ID',
    })
  })

  it('refuses what it cannot mean, and makes no group then', () => {
    const { broker } = testBroker()
    const calls: [() => unknown, string][] = [
      [() => broker.createGroup('g', { topics: ['nowhere'] }), 'UNKNOWN_TOPIC_OR_PARTITION'],
      [() => broker.createGroup('', { topics: [] }), 'INVALID_GROUP_ID'],
      [() => broker.createGroup('g', {} as never), 'INVALID_REQUEST'],
      [() => broker.createGroup('g', { topics: 'a' } as never), 'INVALID_CONFIG'],
      [() => broker.createGroup('g', { topics: [], from: 'latest' } as never), 'INVALID_CONFIG'],
    ]
    expect(calls.map(([call]) => thrownBy(call).code)).toEqual(calls.map(([, code]) => code))
    expect(thrownBy(calls[0]![0])).toBeInstanceOf(UnknownTopicOrPartitionError)
    expect(broker.groups.size).toBe(0)
  })
})

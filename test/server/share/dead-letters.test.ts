import { describe, expect, it } from 'vitest'
import { connect } from '../../../src/server/index.ts'
import { apis } from '../../../src/server/protocol/apis.ts'
import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import type { TopicOptions } from '../../../src/topic-definition.ts'
import { WireClient } from '../../helpers/wire-client.ts'
import { accept, type configure, reject, release, ShareConsumer, shareScenes } from './share-scene.ts'

const scenes = shareScenes()
const topicConfig = 2
const brokerConfig = 4
const enabled = { 'errors.deadletterqueue.group.enable': 'true' }
const name = 'dlq.orders'

type Configs = Parameters<typeof configure>[2]

/** A group whose dead letters go to `dlq.orders`; `dead: null` makes no such topic. */
async function scene({
  dead = {},
  group = {},
  orders = {},
  topicConfigs = enabled,
}: {
  readonly dead?: TopicOptions | null
  readonly group?: Configs
  readonly orders?: TopicOptions
  readonly topicConfigs?: Readonly<Record<string, string>>
} = {}) {
  const { broker, client, append, log } = scenes(
    {},
    { errorsDeadletterqueueTopicName: name, ...group },
    orders,
  )
  const errors: unknown[] = []
  broker.on('error', error => errors.push(error))
  const alter = async (
    resourceType: number,
    resourceName: string,
    texts: Readonly<Record<string, string>>,
  ) => {
    const configs = Object.entries(texts).map(([each, value]) => ({ name: each, configOperation: 0, value }))
    const resources = [{ resourceType, resourceName, configs }]
    const { responses } = await client.call(apis.incrementalAlterConfigs, 1, { resources })
    expect(responses[0]).toMatchObject({ errorCode: 0 })
  }
  if (dead !== null) {
    broker.createTopic(name, dead)
    await alter(topicConfig, name, topicConfigs)
  }
  const member = new ShareConsumer(new WireClient(connect(broker)), 'm', 'g', () => [
    broker.topic('orders').id,
  ])
  await member.join()
  return {
    broker,
    append,
    log,
    errors,
    alter,
    member,
    letters: () => (broker.topics.has(name) ? broker.topic(name).records() : []),
    /** Fetches all there is, and rejects it. */
    async rejectAll() {
      for (const [first, last] of await member.fetch()) {
        expect(await member.acknowledge(reject(first, last))).toBe(0)
      }
    },
  }
}

const headersOf = (offset: number, count: number, message: string) => ({
  '__dlq.errors.topic': 'orders',
  '__dlq.errors.partition': '0',
  '__dlq.errors.offset': String(offset),
  '__dlq.errors.group': 'g',
  '__dlq.errors.delivery.count': String(count),
  '__dlq.errors.message': message,
})
const rejected = 'Offset rejected by client.'
const exceeded = 'Offset delivery count exceeded the threshold.'

describe('the dead letter queue of a share group', () => {
  it('is told of records that are rejected, and of no others', async () => {
    const { broker, append, member, letters, errors } = await scene()
    append(5)
    expect(await member.fetch()).toEqual([[0, 4, 1]])
    await broker.advance(1000)
    const gap = { firstOffset: 2, lastOffset: 2, acknowledgeTypes: [0] }
    expect(await member.acknowledge(accept(0, 0), reject(1, 1), gap, release(3, 3), reject(4, 4))).toBe(0)
    expect(letters()).toMatchObject([
      {
        key: null,
        value: null,
        partition: 0,
        timestamp: broker.clock.now(),
        headers: headersOf(1, 1, rejected),
      },
      {
        key: null,
        value: null,
        partition: 0,
        timestamp: broker.clock.now(),
        headers: headersOf(4, 1, rejected),
      },
    ])
    expect(errors).toEqual([])
  })

  it('is told of records that were delivered as often as they may be, however the last delivery ends', async () => {
    const { broker, append, member, letters } = await scene({ group: { shareDeliveryCountLimit: 2 } })
    append(3)
    await member.fetch()
    await member.acknowledge(release(0, 2))
    expect(letters()).toEqual([])
    expect(await member.fetch()).toEqual([[0, 2, 2]])
    await member.acknowledge(release(0, 0), accept(1, 1))
    await broker.advance(30_000)
    append(1)
    await member.fetch()
    await member.acknowledge(release(3, 3))
    expect(await member.fetch()).toEqual([[3, 3, 2]])
    await member.close()
    expect(letters().map(({ headers }) => headers)).toEqual(
      [0, 2, 3].map(offset => headersOf(offset, 2, exceeded)),
    )
  })

  it('is told of records that have left the log since they were delivered, without what was in them', async () => {
    const group = { errorsDeadletterqueueCopyRecordEnable: true, shareDeliveryCountLimit: 2 }
    const { broker, append, log, member, letters, errors } = await scene({ group })
    append(3)
    await member.fetch()
    log.deleteRecords(2)
    expect(await member.acknowledge(reject(0, 1), release(2, 2))).toBe(0)
    expect(await member.fetch()).toEqual([[2, 2, 2]])
    log.deleteRecords(3)
    await broker.advance(30_000)
    expect(letters().map(({ key, value, headers }) => [key, value, headers])).toEqual([
      [null, null, headersOf(0, 1, rejected)],
      [null, null, headersOf(1, 1, rejected)],
      [null, null, headersOf(2, 2, exceeded)],
    ])
    expect(errors).toEqual([])
  })

  it('is not told of records of which the group has seen that they left the log', async () => {
    const { append, log, member, letters } = await scene()
    append(3)
    await member.fetch({ maxRecords: 1, shareAcquireMode: 1 })
    await member.fetch()
    await member.acknowledge(release(0, 0))
    log.deleteRecords(2)
    expect(await member.fetch()).toEqual([])
    expect(await member.acknowledge(reject(1, 2))).toBe(0)
    expect(letters().map(({ headers }) => headers)).toEqual([headersOf(2, 1, rejected)])
  })

  it('says of a record that is rejected on its last delivery that it was rejected', async () => {
    const { append, member, rejectAll, letters } = await scene({ group: { shareDeliveryCountLimit: 2 } })
    append(1)
    await member.fetch()
    await member.acknowledge(release(0, 0))
    await rejectAll()
    expect(letters().map(({ headers }) => headers)).toEqual([headersOf(0, 2, rejected)])
  })

  it('gets key and value where they are copied, but not the headers', async () => {
    const { broker, rejectAll, letters } = await scene({
      group: { errorsDeadletterqueueCopyRecordEnable: true },
    })
    broker.topic('orders').append({ key: 'o-1', value: { total: 30 }, headers: { trace: 'x' } })
    broker.topic('orders').append({ key: 'o-1', value: null })
    await rejectAll()
    expect(letters()).toMatchObject([
      { key: 'o-1', value: { total: 30 }, headers: headersOf(0, 1, rejected) },
      { key: 'o-1', value: null, headers: headersOf(1, 1, rejected) },
    ])
  })

  it("gets the bytes that the topic's codec makes of a value of the process", async () => {
    const codec = {
      encode: (value: unknown) => Buffer.from(`<${value}>`),
      decode: (bytes: Uint8Array) => Buffer.from(bytes).toString().slice(1, -1),
    }
    const { broker, rejectAll, letters } = await scene({
      orders: { codec },
      dead: { codec: { encode: codec.encode, decode: bytes => Buffer.from(bytes).toString() } },
      group: { errorsDeadletterqueueCopyRecordEnable: true },
    })
    broker.topic('orders').append({ value: 'thirty' })
    await rejectAll()
    expect(letters().map(({ value }) => value)).toEqual(['<thirty>'])
  })

  it('keeps what the topic of a record drops as soon as all groups have finished it', async () => {
    const { append, rejectAll, letters, log } = await scene({
      orders: { cleanupPolicy: 'consumed' },
      group: { errorsDeadletterqueueCopyRecordEnable: true },
    })
    append(2)
    await rejectAll()
    expect(letters().map(({ value }) => value)).toEqual([0, 1])
    expect(log.logStartOffset).toBe(2)
  })

  it('has a partition for each of the topic, counted from the first again where it has fewer', async () => {
    const { broker, letters } = await scene({ orders: { partitions: 4 }, dead: { partitions: 3 } })
    for (const partition of [0, 1, 2, 3]) broker.topic('orders').append({ value: 1, partition })
    const { id } = broker.topic('orders')
    const client = new WireClient(connect(broker))
    const said = { groupId: 'g', memberId: 'n', maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, batchSize: 9 }
    const indexes = [0, 1, 2, 3]
    const asked = (acks: readonly object[]) => [
      {
        topicId: id,
        partitions: indexes.map(partitionIndex => ({ partitionIndex, acknowledgementBatches: acks })),
      },
    ]
    const fetch = { ...said, maxRecords: 9 }
    await client.call(apis.shareFetch, 2, { ...fetch, shareSessionEpoch: 0, topics: asked([]) })
    await client.call(apis.shareAcknowledge, 2, {
      ...said,
      shareSessionEpoch: 1,
      topics: asked([reject(0, 0)]),
    })
    const told = letters().map(({ partition, headers }) => [partition, headers['__dlq.errors.partition']])
    expect(told.sort()).toEqual([
      [0, '0'],
      [0, '3'],
      [1, '1'],
      [2, '2'],
    ])
  })

  it('gets no copy of what is larger than its topic takes, only where it is', async () => {
    const { broker, rejectAll, letters } = await scene({
      dead: { maxMessageBytes: 1000 },
      group: { errorsDeadletterqueueCopyRecordEnable: true },
    })
    for (const size of [10, 2000, 600, 700]) broker.topic('orders').append({ value: 'x'.repeat(size) })
    await rejectAll()
    const sizes = letters().map(({ value }) => (value as string | null)?.length ?? null)
    expect(sizes).toEqual([10, null, 600, 700])
  })

  // Read again for each of them, the batch would take longer than a test may.
  it('gets copies of every other record of a large batch', async () => {
    const count = 9000
    const { member, letters } = await scene({
      group: { errorsDeadletterqueueCopyRecordEnable: true, sharePartitionMaxRecordLocks: count },
    })
    const records = Array.from({ length: count }, (_, offset) => ({
      offset,
      timestamp: 0,
      key: null,
      value: Buffer.from(JSON.stringify(offset)),
      headers: [],
    }))
    const partitionData = [{ index: 0, records: [writeBatch(records)] }]
    await member.client.call(apis.produce, 8, { acks: 1, topicData: [{ name: 'orders', partitionData }] })
    expect(await member.fetch({ maxRecords: count })).toEqual([[0, count - 1, 1]])
    const acknowledgeTypes = records.map(({ offset }) => (offset % 2 === 0 ? 1 : 3))
    const batch = { firstOffset: 0, lastOffset: count - 1, acknowledgeTypes }
    expect(await member.acknowledge(batch)).toBe(0)
    expect(letters().map(({ value }) => value)).toEqual(
      records.map(({ offset }) => offset).filter(offset => offset % 2 === 1),
    )
  })

  it('waits 30 s for room where its topic waits', async () => {
    const { broker, append, rejectAll, letters, errors } = await scene({
      dead: { retentionRecords: 1, whenFull: 'wait' },
      group: { errorsDeadletterqueueCopyRecordEnable: true },
    })
    const values = () => letters().map(({ value }) => value)
    const readers = broker.createGroup('readers', { topics: [name] })
    append(2)
    await rejectAll()
    expect(values()).toEqual([0])
    await broker.advance(29_999)
    readers.setOffsets('latest')
    await broker.advance(0)
    expect(values()).toEqual([1])
    append(1)
    await rejectAll()
    await broker.advance(30_000)
    expect(values()).toEqual([1])
    expect(errors).toEqual([expect.objectContaining({ code: 'REQUEST_TIMED_OUT' })])
  })

  it('is told nothing when the broker closes', async () => {
    const { broker, append, member, errors } = await scene({ group: { shareDeliveryCountLimit: 2 } })
    append(1)
    await member.fetch()
    await member.acknowledge(release(0, 0))
    expect(await member.fetch()).toEqual([[0, 0, 2]])
    const dead = broker.topic(name).partitions[0]!
    await broker.close()
    expect([dead.highWatermark, errors]).toEqual([0, []])
  })

  it('tells of no dead letters that still wait when the broker closes', async () => {
    const { broker, append, rejectAll, errors } = await scene({
      dead: { retentionRecords: 1, whenFull: 'wait' },
    })
    broker.createGroup('readers', { topics: [name] })
    append(3)
    await rejectAll()
    await broker.close()
    expect(errors).toEqual([])
  })

  it('is not there for a group without a name for it', async () => {
    const { append, rejectAll, letters, errors } = await scene({
      group: { errorsDeadletterqueueTopicName: '' },
    })
    append(1)
    await rejectAll()
    expect([letters(), errors]).toEqual([[], []])
  })
})

describe('the topic of a dead letter queue', () => {
  const refusals = async ({
    append,
    rejectAll,
    letters,
    errors,
    member,
  }: Awaited<ReturnType<typeof scene>>) => {
    append(1)
    await rejectAll()
    expect(letters()).toEqual([])
    // It is archived all the same.
    expect(await member.fetch()).toEqual([])
    return errors
  }

  it('has to be meant for that', async () => {
    const made = await scene({ topicConfigs: {} })
    expect(await refusals(made)).toEqual([
      expect.objectContaining({
        message: expect.stringContaining('config errors.deadletterqueue.group.enable is not true'),
      }),
    ])
  })

  it('has to be there', async () => {
    expect(await refusals(await scene({ dead: null }))).toEqual([
      expect.objectContaining({ message: expect.stringContaining('there is no such topic') }),
    ])
  })

  it("has to begin with the broker's prefix, which may be changed", async () => {
    const made = await scene()
    const { alter, rejectAll, append, letters } = made
    await alter(brokerConfig, '', { 'errors.deadletterqueue.topic.name.prefix': 'other.' })
    expect(await refusals(made)).toEqual([
      expect.objectContaining({ message: expect.stringContaining("begins with 'other.'") }),
    ])
    await alter(brokerConfig, '', { 'errors.deadletterqueue.topic.name.prefix': '' })
    append(1)
    await rejectAll()
    expect(letters()).toHaveLength(1)
  })

  it('is made with the first dead letter where the broker may', async () => {
    const { broker, alter, append, rejectAll, letters, errors } = await scene({ dead: null })
    await alter(brokerConfig, '', { 'errors.deadletterqueue.auto.create.topics.enable': 'true' })
    expect(broker.topics.has(name)).toBe(false)
    append(2)
    await rejectAll()
    expect(letters().map(({ offset }) => offset)).toEqual([0, 1])
    const client = new WireClient(connect(broker))
    const resources = [{ resourceType: topicConfig, resourceName: name, configurationKeys: null }]
    const { results } = await client.call(apis.describeConfigs, 4, { resources })
    const own = results[0].configs.filter(({ configSource }: any) => configSource === 1)
    expect(own.map((each: any) => [each.name, each.value]).sort()).toEqual([
      ['errors.deadletterqueue.group.enable', 'true'],
      ['message.timestamp.type', 'CreateTime'],
    ])
    expect(errors).toEqual([])
  })

  it('is not made where its name is none', async () => {
    const made = await scene({ dead: null, group: { errorsDeadletterqueueTopicName: 'dlq.a b' } })
    await made.alter(brokerConfig, '', { 'errors.deadletterqueue.auto.create.topics.enable': 'true' })
    expect(await refusals(made)).toHaveLength(1)
  })

  it('may refuse a dead letter, which is gone then', async () => {
    const made = await scene({
      dead: { cleanupPolicy: 'compact' },
      group: { errorsDeadletterqueueCopyRecordEnable: true },
    })
    const { broker, append, rejectAll, letters, errors } = made
    append(1)
    broker.topic('orders').append({ key: 'k', value: 'with a key' })
    await rejectAll()
    expect(letters().map(({ value }) => value)).toEqual(['with a key'])
    expect(errors).toEqual([expect.objectContaining({ code: 'INVALID_RECORD' })])
  })
})

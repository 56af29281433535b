import { expect, it } from 'vitest'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const scene = wireScenes()

it.each([
  ['before it begins', 1],
  ['after it ends', 4],
  ['at no offset', -1],
])('tells nothing of a log that is read %s but the error, as Kafka does', async (_, fetchOffset) => {
  const { broker, client } = scene()
  const orders = broker.topic('orders')
  for (let i = 0; i < 3; i++) orders.append({ value: i })
  orders.partitions[0]!.deleteRecords(2)
  for (const version of [4, 5, 12]) {
    const topics = [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1000 }] }]
    const { responses } = await client.call(apis.fetch as Api, version, { maxWaitMs: 0, topics })
    expect(responses[0].partitions).toMatchObject([
      { errorCode: 1, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 },
    ])
  }
})

it('tells partitions in the order in which they are asked for, even where topics take turns', async () => {
  const { broker, client } = scene()
  broker.createTopic('bills')
  for (const name of ['orders', 'bills']) broker.topic(name as 'orders').addPartitions(2)
  const asked = ['orders-1', 'bills-0', 'bills-1', 'orders-0'].map(
    each => each.split('-') as [string, string],
  )
  const topics = asked.map(([topic, partition]) => ({
    topic,
    partitions: [{ partition: Number(partition), fetchOffset: 0, partitionMaxBytes: 1000 }],
  }))
  const { responses } = await client.call(apis.fetch as Api, 12, { maxWaitMs: 0, topics })
  const told = responses.map(({ topic, partitions }: any) => [
    topic,
    partitions.map(({ partitionIndex }: any) => partitionIndex),
  ])
  expect(told).toEqual([
    ['orders', [1]],
    ['bills', [0, 1]],
    ['orders', [0]],
  ])
})

it('gives a batch even to who wants no bytes, who would wait for ever else', async () => {
  const { broker, client } = scene()
  broker.topic('orders').append({ value: 1 })
  const topics = [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 0 }] }]
  const { responses } = await client.call(apis.fetch as Api, 12, { maxWaitMs: 0, maxBytes: 0, topics })
  expect(responses[0].partitions[0].records.length).toBeGreaterThan(0)
})

it.each([2, -1])(
  'refuses all partitions of a fetch with the isolation level %i, as Kafka does',
  async isolationLevel => {
    const { broker, client } = scene()
    broker.topic('orders').append({ value: 1 })
    const topics = [
      { topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] },
    ]
    const answer = await client.call(apis.fetch as Api, 12, { maxWaitMs: 0, isolationLevel, topics })
    expect(answer).toMatchObject({ errorCode: -1, responses: [{ topic: 'orders' }] })
    expect(answer.responses[0].partitions).toMatchObject([
      { partitionIndex: 0, errorCode: -1, highWatermark: -1, records: Buffer.alloc(0) },
    ])
  },
)

it('refuses a fetch that names a later epoch of its last record than there was, as Kafka does', async () => {
  const { broker, client } = scene()
  broker.topic('orders').append({ value: 1 })
  const codes = []
  for (const lastFetchedEpoch of [-2, -1, 0, 1]) {
    const partition = { partition: 0, fetchOffset: 0, lastFetchedEpoch, partitionMaxBytes: 1000 }
    const topics = [{ topic: 'orders', partitions: [partition] }]
    const { responses } = await client.call(apis.fetch as Api, 12, { maxWaitMs: 0, topics })
    codes.push(responses[0].partitions[0].errorCode)
  }
  expect(codes).toEqual([0, 0, 0, 1])
})

it('answers who waits for records of a topic that is deleted at once, by whichever name it was asked for', async () => {
  const { broker, client } = scene()
  for (const version of [12, 13]) {
    broker.createTopic('bills')
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
    const topics = [{ topic: 'bills', topicId: broker.topic('bills' as 'orders').id, partitions }]
    const answer = client.call(apis.fetch as Api, version, { maxWaitMs: 500, minBytes: 1, topics })
    await broker.advance(499)
    broker.deleteTopic('bills' as 'orders')
    const { responses } = await answer
    expect(responses[0].partitions).toMatchObject([{ errorCode: 3, highWatermark: -1 }])
  }
})

it('waits for records no longer than its server lets it', async () => {
  const { broker } = scene({ fetchMaxWaitMs: 5000 })
  const topics = [
    { topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] },
  ]
  const asked = (maxWaitMs: number) =>
    new WireClient(connect(broker)).call(apis.fetch as Api, 12, {
      maxWaitMs,
      minBytes: 1,
      topics,
    })
  const waits = { short: asked(2000), long: asked(60_000) }
  await broker.advance(2000)
  expect((await waits.short).responses[0].partitions).toMatchObject([{ errorCode: 0 }])
  let answered = false
  const long = waits.long.finally(() => {
    answered = true
  })
  await broker.advance(2999)
  expect(answered).toBe(false)
  await broker.advance(1)
  expect((await long).responses[0].partitions).toMatchObject([{ errorCode: 0, highWatermark: 0 }])
  for (const fetchMaxWaitMs of [0, -1, 0.5])
    expect(() => connect(broker, { fetchMaxWaitMs })).toThrow('fetchMaxWaitMs')
})

it('tells who has waited for more what there is by then', async () => {
  const { broker, client } = scene()
  const orders = broker.topic('orders')
  orders.append({ value: 1 })
  const topics = [
    { topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] },
  ]
  const answer = client.call(apis.fetch as Api, 12, { maxWaitMs: 500, minBytes: 1000, topics })
  await broker.advance(499)
  orders.partitions[0]!.deleteRecords(1)
  await broker.advance(1)
  expect((await answer).responses[0].partitions).toMatchObject([{ errorCode: 1 }])
})

it('looks again for each turn in which there was more, until there is as much as was asked for', async () => {
  const { broker, client } = scene()
  const orders = broker.topic('orders')
  const topics = [
    { topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] },
  ]
  let answered = false
  const answer = client.call(apis.fetch as Api, 12, { maxWaitMs: 60_000, minBytes: 200, topics })
  void answer.then(() => {
    answered = true
  })
  for (let i = 0; i < 2; i++) {
    orders.append({ value: i })
    await broker.advance(1)
    expect(answered).toBe(false)
  }
  orders.append({ value: 'x'.repeat(100) })
  expect((await answer).responses[0].partitions).toMatchObject([{ errorCode: 0, highWatermark: 3 }])
})

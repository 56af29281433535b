import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
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

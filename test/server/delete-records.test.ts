import { afterEach, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { WireClient } from '../helpers/wire-client.ts'

const brokers: TestBroker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

it.each([
  ['delete', 0, 1],
  ['compact,delete', 0, 1],
  ['compact', 44, -1],
] as const)(
  "answers a client that deletes records under cleanup.policy '%s' with %i",
  async (policy, code, lowest) => {
    const broker = new TestBroker({ topics: { orders: topic({ cleanupPolicy: policy }) } })
    brokers.push(broker)
    for (const value of [1, 2]) broker.topic('orders').append({ key: 'k', value })
    const client = new WireClient(connect(broker))
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: 1 }] }]
    const answer = await client.call(apis.deleteRecords as Api, 2, { topics, timeoutMs: 1000 })
    expect(answer.topics[0].partitions[0]).toMatchObject({ errorCode: code, lowWatermark: lowest })
    expect(broker.topic('orders').partitions[0]!.logStartOffset).toBe(Math.max(0, lowest))
  },
)

it('refuses to delete records before an offset that is none', async () => {
  const broker = new TestBroker({ topics: { orders: topic() } })
  brokers.push(broker)
  const client = new WireClient(connect(broker))
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: -2 }] }]
  const answer = await client.call(apis.deleteRecords as Api, 2, { topics, timeoutMs: 1000 })
  expect(answer.topics[0].partitions[0]).toMatchObject({ errorCode: 1, lowWatermark: -1 })
})

it('takes what is said last of a partition that is named twice, and tells of each once', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 2 }) } })
  brokers.push(broker)
  for (const partition of [0, 0, 1]) broker.topic('orders').append({ partition, value: 1 })
  const client = new WireClient(connect(broker))
  const one = (name: string, ...partitions: readonly (readonly [number, number])[]) => ({
    name,
    partitions: partitions.map(([partitionIndex, offset]) => ({ partitionIndex, offset })),
  })
  const topics = [
    one('orders', [0, 2], [1, 9]),
    one('nowhere', [0, 0]),
    one('elsewhere'),
    one('orders', [1, 1], [0, 1]),
    one('nowhere', [0, 1]),
  ]
  const answer = await client.call(apis.deleteRecords as Api, 2, { topics, timeoutMs: 1000 })
  expect(answer.topics).toEqual([
    {
      name: 'orders',
      partitions: [
        { partitionIndex: 0, lowWatermark: 1, errorCode: 0 },
        { partitionIndex: 1, lowWatermark: 1, errorCode: 0 },
      ],
    },
    { name: 'nowhere', partitions: [{ partitionIndex: 0, lowWatermark: -1, errorCode: 3 }] },
  ])
})

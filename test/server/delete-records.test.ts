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

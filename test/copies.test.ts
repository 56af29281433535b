import type * as Brokerlet from 'brokerlet'
import { BatchError, Broker, headersOf, isBrokerletError, topic } from 'brokerlet'
import { connect } from 'brokerlet/server'
import { TestBroker } from 'brokerlet/testing'
import { expect, it, vi } from 'vitest'
import { apis } from '../src/server/protocol/apis.ts'
import type { Api } from '../src/server/protocol/message.ts'
import { WireClient } from './helpers/wire-client.ts'

// A process that uses both `import` and `require` has two copies of this package.
async function otherCopy(): Promise<typeof Brokerlet> {
  vi.resetModules()
  const other = await import('brokerlet')
  expect(other.Broker).not.toBe(Broker)
  return other
}

it("knows the other copy's errors", async () => {
  const other = await otherCopy()
  expect(isBrokerletError(new other.ClosedError('closed'))).toBe(true)
})

it("knows how far a handler of batches came by the other copy's BatchError", async () => {
  const other = await otherCopy()
  for (const Made of [BatchError, other.BatchError]) {
    const broker = new TestBroker({ topics: { orders: topic<number>() } })
    for (const value of [0, 1, 2]) broker.topic('orders').append({ value })
    const skipped: unknown[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    consumer.on('skipped', ({ record, error }) => skipped.push([record.offset, error]))
    const cause = new Error('no stock')
    let failed = false
    await consumer.run({
      eachBatch: ({ records }) => {
        if (failed) return
        failed = true
        throw new Made(cause, { failedAt: records[1]! })
      },
      retry: { attempts: 1 },
      onFailure: 'skip',
    })
    await broker.idle()
    expect(skipped).toEqual([[1, cause]])
    const done = broker.timeline.ofKind('processed').map(({ offset }) => offset)
    expect(done).toEqual([0, 2])
    await broker.close()
  }
})

it("has all headers of a record of the other copy's broker", async () => {
  const other = await otherCopy()
  const broker = new Broker({ topics: { orders: topic<number>() } })
  const headers = [
    ['tag', 'a'],
    ['tag', 'b'],
  ] as const
  broker.topic('orders').append({ value: 1, headers })
  const [record] = broker.topic('orders').records()
  expect(headersOf(record!)).toEqual(headers)
  expect(other.headersOf(record!)).toEqual(headers)
})

it("has clients of both copies' servers in the same groups, with the same configs", async () => {
  const { consumerGroupHeartbeat, describeConfigs, incrementalAlterConfigs } = apis as Record<string, Api>
  vi.resetModules()
  const other = await import('brokerlet/server')
  expect(other.connect).not.toBe(connect)
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 4 }) } })
  const server = await other.serve(broker)
  const clients = [connect(broker), other.connect(broker)].map(socket => new WireClient(socket))
  const join = async (client: WireClient, memberId: string) => {
    const answer = await client.call(consumerGroupHeartbeat!, 1, {
      groupId: 'g',
      memberId,
      memberEpoch: 0,
      rebalanceTimeoutMs: 1000,
      subscribedTopicNames: ['orders'],
      topicPartitions: [],
    })
    expect(answer.errorCode).toBe(0)
  }
  await join(clients[0]!, 'a')
  await join(clients[1]!, 'b')
  expect(broker.group('g').members.map(({ memberId }) => memberId)).toEqual(['a', 'b'])

  const configs = [{ name: 'min.insync.replicas', configOperation: 0, value: '2' }]
  const resource = { resourceType: 2, resourceName: 'orders' }
  await clients[0]!.call(incrementalAlterConfigs!, 1, { resources: [{ ...resource, configs }] })
  const configurationKeys = ['min.insync.replicas']
  const { results } = await clients[1]!.call(describeConfigs!, 4, {
    resources: [{ ...resource, configurationKeys }],
  })
  expect(results[0].configs).toMatchObject([{ value: '2' }])
  await server.close()
  await broker.close()
})

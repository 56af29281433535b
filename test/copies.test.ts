import { createConnection } from 'node:net'
import type * as Brokerlet from 'brokerlet'
import {
  BatchError,
  Broker,
  bytes,
  headersOf,
  InvalidOptionError,
  isBrokerletError,
  json,
  string,
  topic,
} from 'brokerlet'
import { connect } from 'brokerlet/server'
import { TestBroker } from 'brokerlet/testing'
import { expect, it, vi } from 'vitest'
import type { Partition } from '../src/log/partition.ts'
import { apis } from '../src/server/protocol/apis.ts'
import type { Api } from '../src/server/protocol/message.ts'
import { readBatches } from '../src/server/protocol/record-batch.ts'
import { sequencedBatch, WireClient } from './helpers/wire-client.ts'

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

it("takes a topic that both copies' modules declare with the same codec", async () => {
  const other = await otherCopy()
  for (const [name, codec] of Object.entries({ json, string, bytes })) {
    const broker = new Broker({ topics: { orders: topic({ codec }) } })
    broker.declare({ orders: other.topic({ codec: other[name as 'json'] }) })
    const another = other[name === 'json' ? 'string' : 'json']
    expect(() => broker.declare({ orders: other.topic({ codec: another }) })).toThrow(InvalidOptionError)
    await broker.close()
  }
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

it("reads the batches of clients as they came, whichever copy's server took them", async () => {
  const { fetch, produce } = apis as Record<string, Api>
  vi.resetModules()
  const other = await import('brokerlet/server')
  const broker = new TestBroker({ topics: { orders: topic() } })
  const server = await other.serve(broker)
  const sockets = [connect(broker), createConnection(server.port, '127.0.0.1')]
  const clients = sockets.map(socket => new WireClient(socket))
  // A producer's id is in its batch, and in no record.
  const sent = [0, 1, 2, 3].map(i => sequencedBatch(i, 0, 0, [i]))
  for (const [i, records] of sent.entries()) {
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: [records] }] }]
    const { responses } = await clients[i % 2]!.call(produce!, 8, { acks: -1, timeoutMs: 1000, topicData })
    expect(responses[0].partitionResponses[0].errorCode).toBe(0)
  }
  for (const client of clients) {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }]
    const asked = { maxWaitMs: 0, minBytes: 0, topics: [{ topic: 'orders', partitions }] }
    const { records } = (await client.call(fetch!, 11, asked)).responses[0].partitions[0]
    expect(readBatches(records).map(({ producerId }) => producerId)).toEqual([0, 1, 2, 3])
  }
  // They are in one segment.
  const log = broker.topic('orders').partitions[0]! as unknown as Partition
  expect(log.segmentFrom(0)).toBe(log.segmentFrom(3))
  for (const socket of sockets) socket.destroy()
  await broker.close()
})

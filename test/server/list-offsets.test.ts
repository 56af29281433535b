import { describe, expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { sequencedBatch } from '../helpers/wire-client.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const scene = wireScenes()

function start() {
  const { broker, client } = scene()
  const list = async (timestamp: number, version = 11, partitionIndex = 0) => {
    const topics = [{ name: 'orders', partitions: [{ partitionIndex, timestamp }] }]
    const answer = await client.call(apis.listOffsets as Api, version, { topics })
    const { errorCode, offset, leaderEpoch } = answer.topics[0].partitions[0]
    return { errorCode, offset, leaderEpoch }
  }
  return { orders: broker.topic('orders'), list }
}

// Kafka's numbers of the places that a client can ask for.
const latest = -1
const earliest = -2
const maxTimestamp = -3
const earliestLocal = -4
const latestTiered = -5

it('has all of a log at hand, from where it begins', async () => {
  const { orders, list } = start()
  for (let i = 0; i < 5; i++) orders.append({ value: i })
  orders.partitions[0]!.deleteRecords(2)
  expect(await list(earliest)).toEqual({ errorCode: 0, offset: 2, leaderEpoch: 0 })
  expect(await list(earliestLocal)).toEqual({ errorCode: 0, offset: 2, leaderEpoch: 0 })
  expect(await list(latest)).toEqual({ errorCode: 0, offset: 5, leaderEpoch: 0 })
})

it('finds the newest of the records that are kept, whatever was newer and is gone', async () => {
  const { broker, client } = scene()
  const segments = broker.createTopic('segments', { segmentRecords: 1 })
  const one = broker.createTopic('one')
  for (const log of [segments, one]) {
    for (const timestamp of [1000, 500, 700]) log.append({ value: 1, timestamp })
  }
  const newest = async (name: string) => {
    const topics = [{ name, partitions: [{ partitionIndex: 0, timestamp: maxTimestamp }] }]
    const { offset, timestamp } = (await client.call(apis.listOffsets as Api, 11, { topics })).topics[0]
      .partitions[0]
    return [offset, timestamp]
  }
  for (const log of [segments, one]) {
    expect(await newest(log.name)).toEqual([0, 1000])
    log.partitions[0]!.deleteRecords(1)
    expect(await newest(log.name)).toEqual([2, 700])
    log.partitions[0]!.deleteRecords(3)
    expect(await newest(log.name)).toEqual([-1, -1])
  }
})

it('refuses all partitions with an isolation level that there is not, as Kafka does', async () => {
  const { broker, client } = scene()
  broker.topic('orders').append({ value: 1 })
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: latest }] }]
  const codes = []
  for (const [replicaId, isolationLevel] of [
    [-1, 1],
    [-1, 2],
    [-1, -1],
    [-2, 2],
  ]) {
    const answer = await client.call(apis.listOffsets as Api, 11, { replicaId, isolationLevel, topics })
    codes.push(answer.topics[0].partitions[0].errorCode)
  }
  expect(codes).toEqual([0, -1, -1, -1])
})

it.each([
  ['the newest record of an empty log', maxTimestamp],
  ['what is on another storage', latestTiered],
  ['a time after the last record', 9e12],
])('finds nowhere, of no epoch, %s', async (_, timestamp) => {
  const { list } = start()
  expect(await list(timestamp)).toEqual({ errorCode: 0, offset: -1, leaderEpoch: -1 })
})

it.each([
  ['the newest record', maxTimestamp, 7],
  ['where the log begins here', earliestLocal, 8],
  ['what is on another storage', latestTiered, 9],
  ['what is to be brought there', -6, 11],
])('looks for %s from the version on that knows of it', async (_, timestamp, since) => {
  const { list } = start()
  expect(await list(timestamp, since - 1)).toMatchObject({ errorCode: 35, offset: -1 })
  expect(await list(timestamp, since)).toMatchObject({ errorCode: 0 })
})

it('knows of no other place than those that have a number', async () => {
  const { list } = start()
  expect(await list(-7)).toMatchObject({ errorCode: 35, offset: -1 })
  expect(await list(-7, 11, 9)).toMatchObject({ errorCode: 35, offset: -1 })
  expect(await list(earliest, 11, 9)).toMatchObject({ errorCode: 3, offset: -1 })
})

// Java's consumer takes an offset without a time for a fault of its own.
describe('in a transaction', () => {
  async function writing() {
    const { broker, client } = scene()
    const init = { transactionalId: 't', transactionTimeoutMs: 10_000 }
    const { producerId, producerEpoch } = await client.call(apis.initProducerId as Api, 4, init)
    const records = [sequencedBatch(producerId, producerEpoch, 0, [1, 2], 16)]
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    await client.call(apis.produce as Api, 12, { transactionalId: 't', acks: -1, timeoutMs: 1000, topicData })
    const end = async (committed: boolean) => {
      await client.call(apis.endTxn as Api, 5, { transactionalId: 't', producerId, producerEpoch, committed })
    }
    const find = async (timestamp: number, isolationLevel: 0 | 1, replicaId = -1) => {
      const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp }] }]
      const answer = await client.call(apis.listOffsets as Api, 11, { replicaId, isolationLevel, topics })
      const found = answer.topics[0].partitions[0]
      return [found.offset, found.timestamp]
    }
    return { broker, end, find }
  }

  it('finds what is not decided yet only for who reads it', async () => {
    const { find } = await writing()
    for (const timestamp of [0, maxTimestamp]) {
      expect(await find(timestamp, 0)).toEqual([0, 0])
      expect(await find(timestamp, 1)).toEqual([-1, -1])
    }
  })

  it('hides nothing that is not decided yet from who is no consumer', async () => {
    const { find } = await writing()
    const [tool, broker] = [-2, 1]
    for (const replicaId of [tool, broker]) {
      expect(await find(0, 1, replicaId)).toEqual([0, 0])
      expect(await find(latest, 1, replicaId)).toEqual([2, -1])
    }
    expect(await find(latest, 1)).toEqual([0, -1])
  })

  it('finds what was aborted with the time that it has, as Kafka does', async () => {
    const { end, find } = await writing()
    await end(false)
    expect([await find(0, 0), await find(0, 1)]).toEqual([
      [0, 0],
      [0, 0],
    ])
  })

  it('finds the end of it, which is no record, with a time', async () => {
    const { broker, end, find } = await writing()
    await end(true)
    const now = broker.clock.now()
    expect([await find(1, 0), await find(1, 1)]).toEqual([
      [2, 1],
      [2, 1],
    ])
    expect(await find(maxTimestamp, 1)).toEqual([2, now])
  })
})

it('refuses a partition that is named twice, once, and finds the others', async () => {
  const { broker, client } = scene()
  broker.createTopic('two', { partitions: 2 })
  const invalidRequest = 42
  const unknownPartition = 3
  const named = (name: string, ...partitions: number[]) => ({
    name,
    partitions: partitions.map(partitionIndex => ({ partitionIndex, timestamp: latest })),
  })
  for (const version of [1, 11]) {
    const topics = [named('two', 0, 0, 1), named('orders', 0), named('orders', 0), named('nowhere', 0, 1, 0)]
    const answer = await client.call(apis.listOffsets as Api, version, { topics })
    expect(
      answer.topics.map(({ name, partitions }: any) => [
        name,
        partitions.map(({ partitionIndex, errorCode, offset }: any) => [partitionIndex, errorCode, offset]),
      ]),
    ).toEqual([
      [
        'two',
        [
          [0, invalidRequest, -1],
          [1, 0, 0],
        ],
      ],
      ['orders', [[0, invalidRequest, -1]]],
      [
        'nowhere',
        [
          [0, invalidRequest, -1],
          [1, unknownPartition, -1],
        ],
      ],
    ])
  }
})

it('finds nothing of a topic whose partitions are not named, and leaves it out', async () => {
  const { client } = scene()
  const topics = [
    { name: 'orders', partitions: [] },
    { name: 'nowhere', partitions: [] },
  ]
  expect(await client.call(apis.listOffsets as Api, 11, { topics })).toMatchObject({ topics: [] })
})

it('refuses a partition for its epoch beside a topic whose partitions are not named', async () => {
  const { client } = scene()
  const unknownEpoch = 75
  for (const [api, index] of [
    [apis.listOffsets, 'partitionIndex'],
    [apis.offsetForLeaderEpoch, 'partition'],
  ] as const) {
    const partitions = [{ [index]: 0, currentLeaderEpoch: 1, timestamp: latest, leaderEpoch: 0 }]
    const topics = [
      { name: 'orders', topic: 'orders', partitions },
      { name: 'nowhere', topic: 'nowhere', partitions: [] },
    ]
    const answer = await client.call(api as Api, 4, { topics })
    const told = answer.topics.flatMap((each: any) => each.partitions)
    expect(told).toMatchObject([{ [index]: 0, errorCode: unknownEpoch }])
  }
})

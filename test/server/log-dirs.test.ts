import { afterEach, expect, it } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { sequencedBatch, WireClient } from '../helpers/wire-client.ts'

const { alterReplicaLogDirs, describeLogDirs, produce } = apis as unknown as Readonly<Record<string, Api>>

const brokers: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

const orders = topic({ partitions: 2, segmentRecords: 2, retentionRecords: -1 })

function start(broker = new Broker({ topics: { orders, payments: topic({ partitions: 1 }) } })) {
  brokers.push(broker)
  const client = new WireClient(connect(broker))
  const sizesOf = async (topics: readonly object[] | null = null, version = 5) => {
    const { errorCode, results } = await client.call(describeLogDirs!, version, { topics })
    expect([errorCode, results[0].errorCode, results.length]).toEqual([0, 0, 1])
    return Object.fromEntries(
      results[0].topics.flatMap(({ name, partitions }: any) =>
        partitions.map((each: any) => [`${name}-${each.partitionIndex}`, each.partitionSize]),
      ),
    )
  }
  return { broker, client, sizesOf }
}

const batch = sequencedBatch(-1, -1, -1, [1, 2, 3])

it('tells how many bytes a partition keeps: of batches as they came, of records of the process by their JSON', async () => {
  const { broker, client, sizesOf } = start()
  expect(await sizesOf()).toEqual({ 'orders-0': 0, 'orders-1': 0, 'payments-0': 0 })
  await client.call(produce!, 9, {
    acks: 1,
    timeoutMs: 100,
    topicData: [{ name: 'orders', partitionData: [{ index: 0, records: [batch] }] }],
  })
  const producer = broker.producer()
  for (let i = 0; i < 5; i++) {
    await producer.send({ topic: 'orders', partition: 1, key: 'a', value: { id: i }, headers: { h: 'x' } })
  }
  const perRecord = 'a{"id":0}hx'.length
  expect(await sizesOf()).toEqual({ 'orders-0': batch.length, 'orders-1': 5 * perRecord, 'payments-0': 0 })
  await producer.send({ topic: 'orders', partition: 1, value: null })
  await producer.send({ topic: 'orders', partition: 1, value: 'é' })
  expect(await sizesOf()).toMatchObject({ 'orders-1': 5 * perRecord + Buffer.byteLength('"é"') })
})

it('tells of no topic that has nothing in a log directory of which it was asked', async () => {
  const { client } = start()
  const topics = [{ topic: 'orders', partitions: [1] }]
  const { results } = await client.call(describeLogDirs!, 4, { topics })
  expect(results[0].topics).toEqual([expect.objectContaining({ name: 'orders' })])
})

it('tells what is left once the oldest segments have gone', async () => {
  const { broker, sizesOf } = start()
  for (const value of [1, 22, 333, 4444]) {
    await broker.producer().send({ topic: 'orders', partition: 0, value })
  }
  expect(await sizesOf()).toMatchObject({ 'orders-0': 10 })
  broker.topic('orders').partitions[0]!.deleteRecords(2)
  expect(await sizesOf()).toMatchObject({ 'orders-0': 7 })
})

it('tells the bytes that a topic counts', async () => {
  const broker = new Broker({ topics: { orders: topic({ partitions: 1, retentionBytes: 1000 }) } })
  const { sizesOf } = start(broker as never)
  await broker.producer().send({ topic: 'orders', key: 'ab', value: new Uint8Array(10) as never })
  expect(await sizesOf()).toEqual({ 'orders-0': 12 })
})

it('is not stopped by a value that has no JSON, written before there was a server', async () => {
  const broker = new Broker({ topics: { orders: topic<unknown>({ partitions: 1, segmentRecords: 1 }) } })
  for (const value of [1n, 'four']) await broker.producer().send({ topic: 'orders', value })
  const { sizesOf } = start(broker as never)
  expect(await sizesOf()).toEqual({ 'orders-0': '"four"'.length })
})

it.each([1, 2, 3, 4, 5])('tells of those partitions that are asked for (version %i)', async version => {
  const { sizesOf } = start()
  const asked = [
    { topic: 'orders', partitions: [1, 9] },
    { topic: 'nowhere', partitions: [0] },
  ]
  expect(await sizesOf(asked, version)).toEqual({ 'orders-1': 0 })
  const twice = [
    { topic: 'orders', partitions: [1] },
    { topic: 'orders', partitions: [0] },
  ]
  expect(await sizesOf(twice, version)).toEqual({ 'orders-0': 0, 'orders-1': 0 })
  expect(await sizesOf([], version)).toEqual({})
})

it.each([1, 2])('moves no log elsewhere (version %i)', async version => {
  const { client } = start()
  const { results } = await client.call(describeLogDirs!, 5, { topics: null })
  const move = async (path: string) => {
    const topics = [
      { name: 'orders', partitions: [0, 9] },
      { name: 'nowhere', partitions: [0] },
    ]
    const answer = await client.call(alterReplicaLogDirs!, version, { dirs: [{ path, topics }] })
    return answer.results.flatMap(({ topicName, partitions }: any) =>
      partitions.map((each: any) => `${topicName}-${each.partitionIndex} ${each.errorCode}`),
    )
  }
  expect(await move('/var/lib/kafka')).toEqual(['orders-0 57', 'orders-9 57', 'nowhere-0 57'])
  expect(await move(results[0].logDir)).toEqual(['orders-0 0', 'orders-9 3', 'nowhere-0 3'])
})

it('tells of each log once that is to be moved, and of no topic without one', async () => {
  const { client } = start()
  const one = (name: string, ...partitions: number[]) => ({ name, partitions })
  const { results } = await client.call(describeLogDirs!, 5, { topics: null })
  const { logDir } = results[0]
  const answer = await client.call(alterReplicaLogDirs!, 2, {
    dirs: [
      { path: '/var/lib/kafka', topics: [one('orders', 1, 0), one('nowhere')] },
      { path: logDir, topics: [one('orders', 0), one('orders', 0)] },
    ],
  })
  expect(answer.results).toEqual([
    {
      topicName: 'orders',
      partitions: [
        { partitionIndex: 1, errorCode: 57 },
        { partitionIndex: 0, errorCode: 0 },
      ],
    },
  ])
})

it('moves no log whose folder would have too long a name on the way', async () => {
  const { client } = start()
  const { results } = await client.call(describeLogDirs!, 5, { topics: null })
  const move = async (length: number, partition: number, path: string) => {
    const topics = [{ name: 'x'.repeat(length), partitions: [partition] }]
    const answer = await client.call(alterReplicaLogDirs!, 2, { dirs: [{ path, topics }] })
    return answer.results[0].partitions[0].errorCode
  }
  for (const path of [results[0].logDir, '/var/lib/kafka']) {
    expect([await move(214, 0, path), await move(213, 10, path)]).toEqual([17, 17])
    expect(await move(213, 0, path)).toBe(path === results[0].logDir ? 3 : 57)
  }
})

import { afterEach, expect, it } from 'vitest'
import { connect } from '../../../src/server/index.ts'
import { apis } from '../../../src/server/protocol/apis.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { sequencedBatch, WireClient } from '../../helpers/wire-client.ts'
import {
  accept,
  acquiredIn,
  configure,
  offsetsIn,
  release,
  ShareConsumer,
  shareScenes,
} from './share-scene.ts'

const scene = shareScenes()
const open: TestBroker[] = []
afterEach(async () => {
  for (const broker of open.splice(0)) await broker.close()
})

const produce = (client: WireClient, values: readonly number[]) =>
  client.call(apis.produce, 12, {
    acks: 1,
    timeoutMs: 1000,
    topicData: [
      { name: 'orders', partitionData: [{ index: 0, records: [sequencedBatch(-1, -1, -1, values)] }] },
    ],
  })

/** Each list is a transaction; one that begins with -1 is aborted. */
async function transactions(broker: TestBroker, ...lists: readonly (readonly number[])[]): Promise<void> {
  const producer = broker.producer({ transactionalId: 'tx' })
  for (const values of lists) {
    await producer
      .transaction(async tx => {
        for (const value of values) await tx.send({ topic: 'orders', key: `${value}`, value })
        if (values[0] === -1) throw new Error('no')
      })
      .catch(() => {})
  }
}

it('brings batches of clients as they came, and only those that have what was acquired', async () => {
  const { client, joined } = scene()
  for (const values of [[0, 1, 2], [3, 4], [5]]) await produce(client, values)
  const a = await joined('a')
  expect(await a.fetch({ maxRecords: 1 })).toEqual([[0, 2, 1]])
  const answer = await a.fetchAll({ batchSize: 2 })
  expect(acquiredIn(answer)).toEqual([
    [3, 4, 1],
    [5, 5, 1],
  ])
  expect(offsetsIn(answer)).toEqual([3, 4, 5])
  await a.acknowledge(accept(0, 0), release(1, 1), accept(2, 4), release(5, 5))
  const again = await a.fetchAll()
  expect(acquiredIn(again)).toEqual([
    [1, 1, 2],
    [5, 5, 2],
  ])
  expect(offsetsIn(again)).toEqual([0, 1, 2, 5])
})

it('goes on where the log begins when what it would deliver is gone', async () => {
  const { log, append, joined } = scene()
  append(6)
  const a = await joined('a')
  expect(await a.fetch({ maxRecords: 3, shareAcquireMode: 1 })).toEqual([[0, 2, 1]])
  await a.acknowledge(release(0, 0))
  log.deleteRecords(5)
  expect(await a.fetch()).toEqual([[5, 5, 1]])
  // What it had of that is gone, and nothing is wrong with saying so.
  expect(await a.acknowledge(accept(1, 2), accept(5, 5))).toBe(0)
  log.deleteRecords(6)
  append(1)
  expect(await a.fetch()).toEqual([[6, 6, 1]])
})

it('delivers again what is left of a batch whose beginning is gone', async () => {
  const { client, log, joined } = scene()
  await produce(client, [0, 1, 2, 3, 4, 5])
  const a = await joined('a')
  await a.fetch()
  await a.acknowledge(release(0, 5))
  log.deleteRecords(2)
  expect(await a.fetch()).toEqual([[2, 5, 2]])
})

it('follows a log that keeps only so many records', async () => {
  const { append, joined } = scene({}, {}, { retentionRecords: 3 })
  append(2)
  const a = await joined('a')
  await a.fetch()
  append(4)
  expect(await a.fetch()).toEqual([[3, 5, 1]])
  expect(await a.acknowledge(accept(0, 1), accept(3, 5))).toBe(0)
})

it('ends with its topic, and begins anew with another one of that name', async () => {
  const { broker, append, joined } = scene()
  append(2)
  const a = await joined('a')
  await a.fetch()
  broker.deleteTopic('orders')
  const partitions = (await a.fetchAll({ topics: [] })).responses[0].partitions
  expect(partitions).toMatchObject([{ errorCode: 100 }])
  broker.createTopic('orders')
  append(1)
  const { assignment } = await a.beat()
  expect(assignment.topicPartitions[0].topicId).toBe(broker.topic('orders').id)
  a.sessionEpoch = 0
  expect(await a.fetch()).toEqual([[0, 0, 1]])
})

it('says that a topic is gone, whatever is said of its records', async () => {
  const { broker, joined } = scene()
  const a = await joined('a')
  await a.fetchAll()
  const topics = [
    {
      topicId: broker.topic('orders').id,
      partitions: [
        {
          partitionIndex: 0,
          acknowledgementBatches: [{ firstOffset: 1, lastOffset: 0, acknowledgeTypes: [] }],
        },
      ],
    },
  ]
  broker.deleteTopic('orders')
  const { responses } = await a.fetchAll({ topics })
  expect(responses[0].partitions).toMatchObject([{ errorCode: 100, acknowledgeErrorCode: 100 }])
})

it('hears at once that its topic was deleted while it waits', async () => {
  const { broker, joined } = scene()
  const a = await joined('a')
  const waiting = a.fetchAll({ maxWaitMs: 60_000 })
  await broker.advance(1)
  broker.deleteTopic('orders')
  await broker.advance(1)
  expect((await waiting).responses[0].partitions).toMatchObject([{ errorCode: 100 }])
})

it('hears of a value that has no form on the wire, as every client does', async () => {
  const broker = new TestBroker()
  open.push(broker)
  const errors: unknown[] = []
  broker.on('error', error => void errors.push(error))
  // There was no server yet that could have refused it.
  broker.createTopic('orders').append({ value: 1n as never })
  const client = new WireClient(connect(broker))
  configure(broker, 'g', { shareAutoOffsetReset: 'earliest' })
  const a = new ShareConsumer(client, 'a', 'g', () => [broker.topic('orders').id])
  await a.join()
  const answer = await a.fetchAll({ maxWaitMs: 60_000 })
  expect(answer.responses[0].partitions).toMatchObject([{ errorCode: -1, acquiredRecords: [] }])
  expect(errors).toHaveLength(1)
})

it('delivers what compaction has left', async () => {
  const { broker, log, joined } = scene({}, {}, { cleanupPolicy: 'compact', deleteRetentionMs: 0 })
  for (const [i, key] of ['a', 'b', 'a', 'c', 'b', 'a'].entries())
    broker.topic('orders').append({ key, value: i })
  log.compact()
  const a = await joined('a')
  const answer = await a.fetchAll()
  expect(acquiredIn(answer)).toEqual([[3, 5, 1]])
  expect(offsetsIn(answer)).toEqual([3, 4, 5])
  await a.acknowledge(release(3, 5))
  broker.topic('orders').append({ key: 'b', value: 6 })
  log.compact()
  expect(await a.fetch()).toEqual([
    [3, 3, 2],
    [5, 5, 2],
    [6, 6, 1],
  ])
})

it('delivers once more nothing that compaction has taken meanwhile, where it was the first to come again, too', async () => {
  const { broker, log, joined } = scene({}, {}, { cleanupPolicy: 'compact', deleteRetentionMs: 0 })
  const append = (key: string) => broker.topic('orders').append({ key, value: key })
  for (const key of ['a', 'b', 'c']) append(key)
  const a = await joined('a')
  await a.fetch()
  await a.acknowledge(release(0, 2))
  append('a')
  log.compact()
  const answer = await a.fetchAll()
  expect(acquiredIn(answer)).toEqual([
    [1, 2, 2],
    [3, 3, 1],
  ])
  expect(offsetsIn(answer)).toEqual([1, 2, 3])
  expect(broker.describe().groups[0]!.partitions).toMatchObject([{ committed: 1 }])
})

it('goes on where compaction has taken what was to come again, and another member has what is left before', async () => {
  const { broker, log, joined } = scene({}, {}, { cleanupPolicy: 'compact', deleteRetentionMs: 0 })
  // So large that each is read by itself.
  const append = (key: string) => broker.topic('orders').append({ key, value: key.repeat(70_000) })
  for (const key of ['a', 'b', 'c']) append(key)
  const [a, b] = [await joined('a'), await joined('b')]
  expect(await a.fetch({ maxRecords: 1 })).toEqual([[0, 0, 1]])
  expect(await b.fetch({ maxRecords: 1 })).toEqual([[1, 1, 1]])
  await a.acknowledge(release(0, 0))
  append('a')
  log.compact()
  expect(await a.fetch({ maxRecords: 1 })).toEqual([[2, 2, 1]])
})

it('passes over nothing where compaction has taken what was to come again, and other partitions have filled the answer', async () => {
  const { broker, log, joined } = scene({}, {}, { cleanupPolicy: 'compact', deleteRetentionMs: 0 })
  broker.createTopic('audit')
  const append = (key: string) => broker.topic('orders').append({ key, value: key })
  for (const key of ['a', 'b', 'c']) append(key)
  const a = await joined('a')
  const [orders, audit] = ['orders', 'audit'].map(name => broker.topics.get(name)!.id)
  const of = (topicId: string | undefined) => ({ topicId, partitions: [{ partitionIndex: 0 }] })
  expect(await a.fetch({ maxRecords: 1, shareAcquireMode: 1, topics: [of(orders)] })).toEqual([[0, 0, 1]])
  await a.acknowledge(release(0, 0))
  append('a')
  log.compact()
  broker.topic('audit').append({ value: 0 })
  const b = await joined('b')
  // A session begins with its second partition.
  const full = await b.fetchAll({ minBytes: 0, maxRecords: 1, topics: [of(orders), of(audit)] })
  expect(acquiredIn(full)).toEqual([[0, 0, 1]])
  expect(full.responses).toMatchObject([
    { topicId: audit },
    { topicId: orders, partitions: [{ acquiredRecords: [] }] },
  ])
  expect(
    await b.fetch({ topics: [of(orders)], forgottenTopicsData: [{ topicId: audit, partitions: [0] }] }),
  ).toEqual([
    [1, 2, 1],
    [3, 3, 1],
  ])
})

it('delivers what is aborted, too, unless it reads what is committed; nobody is given the ends of transactions', async () => {
  const { broker, joined } = scene()
  await transactions(broker, [1, 2], [-1, 3], [4])
  const a = await joined('a')
  expect(await a.fetch()).toEqual([
    [0, 1, 1],
    [3, 4, 1],
    [6, 6, 1],
  ])
  expect(await a.acknowledge(accept(0, 1), accept(3, 4), accept(6, 6))).toBe(0)
  expect(await a.fetch()).toEqual([])
  expect(broker.describe().groups[0]!.partitions).toMatchObject([{ committed: 8, lag: 0 }])
})

it('delivers only what is committed where its group is told so', async () => {
  const { broker, joined } = scene({}, { shareIsolationLevel: 'read_committed' })
  await transactions(broker, [-1, 0], [1, 2], [-1, 3])
  const a = await joined('a')
  expect(await a.fetch()).toEqual([[3, 4, 1]])
  const producer = broker.producer({ transactionalId: 'open' })
  let end = () => {}
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const transaction = producer.transaction(async tx => {
    await tx.send({ topic: 'orders', value: 5 })
    await ended
  })
  await broker.advance(0)
  const waiting = a.fetch({ maxWaitMs: 60_000 })
  await broker.advance(100)
  end()
  await transaction
  await broker.advance(0)
  expect(await waiting).toEqual([[9, 9, 1]])
})

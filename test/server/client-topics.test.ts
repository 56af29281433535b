import { afterEach, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { readBatches, readRecords, writeBatch } from '../../src/server/protocol/record-batch.ts'
import { TestBroker, type TestBrokerOptions } from '../../src/testing/index.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { createTopics, fetch, metadata, produce } = apis as unknown as Readonly<Record<string, Api>>

const brokers: TestBroker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

// Eight bytes of a number, as Kafka's LongSerializer writes -2, and one that says é otherwise than UTF-8.
const long = Buffer.from('fffffffffffffffe', 'hex')
const latin = Buffer.from('é', 'latin1')

function start(autoCreateTopics: TestBrokerOptions['autoCreateTopics'] = false) {
  const broker = new TestBroker({ topics: { declared: topic() }, autoCreateTopics })
  brokers.push(broker)
  const client = new WireClient(connect(broker))
  const make = (name: string, ...configs: object[]) =>
    client.call(createTopics!, 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1, configs }] })
  const send = async (name: string, ...keys: Buffer[]) => {
    const records = keys.map((key, offset) => {
      return { offset, timestamp: 1, key, value: Buffer.from(`${offset}`), headers: [] }
    })
    const topicData = [{ name, partitionData: [{ index: 0, records: [writeBatch(records)] }] }]
    const answer = await client.call(produce!, 8, { acks: -1, timeoutMs: 1000, topicData })
    return answer.responses[0].partitionResponses[0].errorCode
  }
  const keysOnWire = async (name: string) => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }]
    const topics = [{ topic: name, partitions }]
    const answer = await client.call(fetch!, 11, { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, topics })
    const batches = readBatches(Buffer.from(answer.responses[0].partitions[0].records))
    return batches.flatMap(each =>
      readRecords(each, () => expect.unreachable('it is not packed')).map(({ key }) => key),
    )
  }
  const keysInProcess = (name: string) =>
    [...broker.topic(name as 'declared').records()].map(({ key }) => key)
  return { broker, client, make, send, keysOnWire, keysInProcess }
}

it('has any keys: text is a string in the process, and bytes are bytes', async () => {
  const { make, send, keysOnWire, keysInProcess } = start()
  await make('made')
  const keys = [Buffer.from('k'), long, Buffer.from('é'), latin]
  expect(await send('made', ...keys)).toBe(0)
  expect(await keysOnWire('made')).toEqual(keys)
  expect(keysInProcess('made')).toEqual(['k', new Uint8Array(long), 'é', new Uint8Array(latin)])
})

it('is compacted by keys of both kinds', async () => {
  const { broker, make, send, keysOnWire } = start()
  await make('made', { name: 'cleanup.policy', value: 'compact' })
  await send('made', Buffer.from('é'), latin, long, Buffer.from('é'), long)
  broker.topic('made' as 'declared').compact()
  expect(await keysOnWire('made')).toEqual([latin, Buffer.from('é'), long])
})

it('has any keys where it was made when a client named it first', async () => {
  const { client, send, keysOnWire } = start(true)
  await client.call(metadata!, 9, { topics: [{ name: 'named' }], allowAutoTopicCreation: true })
  expect(await send('named', long)).toBe(0)
  expect(await keysOnWire('named')).toEqual([long])
})

it('has the keys that the option says', async () => {
  const { client, send } = start({ keys: 'string' })
  await client.call(metadata!, 9, { topics: [{ name: 'named' }], allowAutoTopicCreation: true })
  expect(await send('named', long)).toBe(87)
})

it('is not one that the process has declared, where other keys than text are refused', async () => {
  const { client, send } = start(true)
  await client.call(metadata!, 9, { topics: [{ name: 'declared' }], allowAutoTopicCreation: true })
  expect(await send('declared', long)).toBe(87)
  expect(await send('declared', Buffer.from('k'))).toBe(0)
})

// A service that makes both would find out on a cluster.
it('is refused beside one whose name differs only by . and _, as on a cluster', async () => {
  const { broker, client, make } = start({})
  const invalidTopic = 17
  expect((await make('orders.paid')).topics).toMatchObject([{ errorCode: 0 }])
  expect((await make('orders_paid')).topics).toMatchObject([
    { errorCode: invalidTopic, errorMessage: expect.stringContaining("'orders.paid'") },
  ])
  expect((await make('orders-paid')).topics).toMatchObject([{ errorCode: 0 }])
  expect((await make('orders.paid')).topics).toMatchObject([{ errorCode: 36 }])
  const named = { topics: [{ name: 'orders_paid' }], allowAutoTopicCreation: true }
  expect((await client.call(metadata!, 9, named)).topics).toMatchObject([{ errorCode: invalidTopic }])
  // In memory nothing comes of it, and who serves topics of both names gets both.
  broker.createTopic('orders_paid')
  expect((await client.call(metadata!, 9, named)).topics).toMatchObject([{ errorCode: 0 }])
})

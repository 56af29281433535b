import { afterEach, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { readBatches, readRecords } from '../../src/server/protocol/record-batch.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { sequencedBatch, WireClient } from '../helpers/wire-client.ts'

const {
  initProducerId,
  produce,
  fetch,
  addPartitionsToTxn,
  addOffsetsToTxn,
  txnOffsetCommit,
  endTxn,
  apiVersions,
} = apis as unknown as Readonly<Record<string, Api>>

const brokers: TestBroker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

function start() {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) } })
  brokers.push(broker)
  const client = new WireClient(connect(broker))
  const init = (transactionalId = 't') =>
    client.call(initProducerId!, 4, { transactionalId, transactionTimeoutMs: 10_000 })
  const add = async ({ producerId, producerEpoch }: Identity, name = 'orders', partition = 0) => {
    const answer = await client.call(addPartitionsToTxn!, 3, {
      v3AndBelowTransactionalId: 't',
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name, partitions: [partition] }],
    })
    return answer.resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode
  }
  const send = async ({ producerId, producerEpoch }: Identity, sequence: number, value: number) => {
    const records = [sequencedBatch(producerId, producerEpoch, sequence, [value], 16)]
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    const answer = await client.call(produce!, 8, {
      transactionalId: 't',
      acks: -1,
      timeoutMs: 1000,
      topicData,
    })
    return answer.responses[0].partitionResponses[0].errorCode
  }
  const end = async (identity: Identity, committed: boolean) => {
    const { producerId, producerEpoch } = identity
    return (await client.call(endTxn!, 3, { transactionalId: 't', producerId, producerEpoch, committed }))
      .errorCode
  }
  const read = async (isolationLevel: 0 | 1) => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }]
    const topics = [{ topic: 'orders', partitions }]
    const answer = await client.call(fetch!, 11, { maxWaitMs: 0, minBytes: 0, isolationLevel, topics })
    const { records } = answer.responses[0].partitions[0]
    return readBatches(records ?? Buffer.alloc(0))
      .filter(({ control }) => !control)
      .flatMap(batch => readRecords(batch, (_, bytes) => bytes))
      .map(({ value }) => Number(String(value)))
  }
  return { broker, client, init, add, send, end, read }
}

it('shows what a transaction wrote to read_committed only once it has committed', async () => {
  const { init, add, send, end, read } = start()
  const producer = await init()
  expect(await add(producer)).toBe(0)
  expect(await send(producer, 0, 1)).toBe(0)
  expect([await read(1), await read(0)]).toEqual([[], [1]])
  expect(await end(producer, true)).toBe(0)
  expect(await read(1)).toEqual([1])
})

it('never shows what was aborted, and goes on under the same epoch', async () => {
  const { init, add, send, end, read } = start()
  const producer = await init()
  await add(producer)
  await send(producer, 0, 1)
  expect(await end(producer, false)).toBe(0)
  await add(producer)
  expect(await send(producer, 1, 2)).toBe(0)
  await end(producer, true)
  expect([await read(1), await read(0)]).toEqual([[2], [1, 2]])
})

it('writes a batch of a transaction that comes twice once', async () => {
  const { init, add, send, end, read } = start()
  const producer = await init()
  await add(producer)
  await send(producer, 0, 1)
  expect(await send(producer, 0, 1)).toBe(0)
  await end(producer, true)
  expect(await read(1)).toEqual([1])
})

it('fences a producer whose id another one has taken, and aborts what it had open', async () => {
  const { init, add, send, end, read } = start()
  const zombie = await init()
  await add(zombie)
  await send(zombie, 0, 1)
  const next = await init()
  expect(next).toMatchObject({ producerId: zombie.producerId, producerEpoch: zombie.producerEpoch + 1 })
  expect(await add(zombie)).toBe(90)
  expect(await send(zombie, 1, 9)).toBe(47)
  expect(await end(zombie, true)).toBe(90)
  await add(next)
  await send(next, 0, 2)
  await end(next, true)
  expect(await read(1)).toEqual([2])
})

it('aborts what takes too long, and says so at its end', async () => {
  const { broker, init, add, send, end, read } = start()
  const producer = await init()
  await add(producer)
  await send(producer, 0, 1)
  await broker.advance(10_000)
  expect(await end(producer, true)).toBe(120)
  expect(await read(1)).toEqual([])
})

it('commits offsets with its transaction, and refuses those of a member that is gone', async () => {
  const { broker, client, init, end } = start()
  const { producerId, producerEpoch } = await init()
  const identity = { transactionalId: 't', producerId, producerEpoch, groupId: 'g' }
  expect(await client.call(addOffsetsToTxn!, 3, identity)).toMatchObject({ errorCode: 0 })
  const commit = async (more: object) => {
    const topics = [
      { name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: 'm' }] },
    ]
    const answer = await client.call(txnOffsetCommit!, 3, { ...identity, topics, ...more })
    return answer.topics[0].partitions[0].errorCode
  }
  expect(await commit({ memberId: 'gone', generationId: 3 })).toBe(25)
  expect(await commit({})).toBe(0)
  expect(broker.groups.get('g')).toBeUndefined()
  expect(await end({ producerId, producerEpoch }, true)).toBe(0)
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 5, metadata: 'm' })
})

it('refuses what has no transaction, is not known or is not there', async () => {
  const { init, add, send, end } = start()
  const producer = await init()
  expect(await send(producer, 0, 1)).toBe(48)
  expect(await send({ producerId: 99, producerEpoch: 0 }, 0, 1)).toBe(49)
  expect(await add({ producerId: 99, producerEpoch: 0 })).toBe(49)
  expect(await add(producer, 'nowhere')).toBe(3)
  expect(await add(producer, 'orders', 7)).toBe(3)
  expect(await end(producer, true)).toBe(0)
})

it('speaks to producers only what they speak', async () => {
  const { client } = start()
  const { apiKeys } = await client.call(apiVersions!, 0, {})
  expect(apiKeys).toContainEqual({ apiKey: 24, minVersion: 0, maxVersion: 3 })
})

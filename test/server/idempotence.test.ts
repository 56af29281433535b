import { afterEach, expect, it } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { sequencedBatch, WireClient } from '../helpers/wire-client.ts'

const { initProducerId, produce } = apis as unknown as Readonly<Record<string, Api>>

const brokers: Broker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

const topics = { orders: topic({ partitions: 1 }) }

function start(broker: Broker<any> = new Broker({ topics })) {
  brokers.push(broker)
  const client = new WireClient(connect(broker))
  const init = (more: object = {}) =>
    client.call(initProducerId!, 4, { transactionalId: null, transactionTimeoutMs: 1000, ...more })
  const send = async (records: Buffer, transactionalId: string | null = null) => {
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: [records] }] }]
    const answer = await client.call(produce!, 8, { transactionalId, acks: -1, timeoutMs: 1000, topicData })
    const { errorCode, baseOffset } = answer.responses[0].partitionResponses[0]
    return [errorCode, baseOffset]
  }
  const values = () =>
    broker
      .topic('orders')
      .records()
      .map(({ value }) => value as unknown)
  return { client, init, send, values }
}

it('writes a batch that comes twice once, and answers with the offset that it has', async () => {
  const { init, send, values } = start()
  const { producerId, producerEpoch } = await init()
  expect(producerEpoch).toBe(0)
  expect(await send(sequencedBatch(producerId, 0, 0, [1, 2]))).toEqual([0, 0])
  expect(await send(sequencedBatch(producerId, 0, 2, [3]))).toEqual([0, 2])
  expect(await send(sequencedBatch(producerId, 0, 0, [1, 2]))).toEqual([0, 0])
  expect(values()).toEqual([1, 2, 3])
})

it('answers with the time that it got where the topic gives it', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ messageTimestampType: 'LogAppendTime' }) } })
  const { client } = start(broker)
  const began = broker.now
  const send = async (sequence: number) => {
    const records = [sequencedBatch(7, 0, sequence, [sequence])]
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    const answer = await client.call(produce!, 8, { acks: -1, timeoutMs: 1000, topicData })
    return answer.responses[0].partitionResponses[0].logAppendTimeMs - began
  }
  expect(await send(0)).toBe(0)
  await broker.advance(5)
  expect(await send(1)).toBe(5)
  await broker.advance(5)
  expect(await send(0)).toBe(0)
})

it('refuses a gap, and an epoch that is over', async () => {
  const { init, send, values } = start()
  const { producerId } = await init()
  await send(sequencedBatch(producerId, 0, 0, [1]))
  expect(await send(sequencedBatch(producerId, 0, 5, [9]))).toEqual([45, -1])
  // A client that has lost count raises its epoch by itself (KIP-360).
  expect(await send(sequencedBatch(producerId, 1, 0, [2]))).toEqual([0, 1])
  expect(await send(sequencedBatch(producerId, 0, 1, [9]))).toEqual([47, -1])
  expect(values()).toEqual([1, 2])
})

it('tells where the log begins where that refuses a batch', async () => {
  const { client, init, send } = start()
  const { producerId } = await init()
  await send(sequencedBatch(producerId, 1, 0, [1]))
  for (const [epoch, errorCode] of [
    [0, 47],
    [1, 45],
  ] as const) {
    const records = [sequencedBatch(producerId, epoch, 5, [9])]
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    const { responses } = await client.call(produce!, 8, { acks: -1, timeoutMs: 1000, topicData })
    expect(responses[0].partitionResponses[0]).toMatchObject({ errorCode, baseOffset: -1, logStartOffset: 0 })
  }
})

it('gives each producer an id of its own', async () => {
  const { init } = start()
  expect((await init()).producerId).not.toBe((await init()).producerId)
})

// @platformatic/kafka says that it is producer 0 whenever it begins.
it('gives a new id also to a producer that names one, so that no two write under the same', async () => {
  const { init, send, values } = start()
  const first = await init({ producerId: 0, producerEpoch: 0 })
  const second = await init({ producerId: 0, producerEpoch: 0 })
  expect(first.producerEpoch).toBe(0)
  expect(second).toMatchObject({ errorCode: 0, producerEpoch: 0 })
  expect(second.producerId).not.toBe(first.producerId)
  expect(await send(sequencedBatch(first.producerId, 0, 0, [1]))).toEqual([0, 0])
  expect(await send(sequencedBatch(second.producerId, 0, 0, [2]))).toEqual([0, 1])
  expect(values()).toEqual([1, 2])
})

// A server that is started anew has forgotten everything, and a service that outlives it goes on with the id it has.
it('takes no record of a producer from before for another one’s that came twice', async () => {
  // In 2020.
  const before = start(new TestBroker<any>({ topics }))
  const old = (await before.init()).producerId
  await before.send(sequencedBatch(old, 0, 0, [1, 2]))
  await brokers.pop()!.close()

  const { init, send, values } = start()
  const { producerId } = await init()
  await send(sequencedBatch(producerId, 0, 0, [10]))
  await send(sequencedBatch(producerId, 0, 1, [11]))
  await send(sequencedBatch(producerId, 0, 2, [12]))
  expect(await send(sequencedBatch(old, 0, 2, [3]))).toEqual([0, 3])
  expect(values()).toEqual([10, 11, 12, 3])
})

it('refuses a batch whose first offset or sequence number no client writes', async () => {
  const { init, send, values } = start()
  const { producerId } = await init()
  expect(await send(sequencedBatch(producerId, 0, -1, [1]))).toEqual([87, -1])
  const late = sequencedBatch(producerId, 0, 0, [1])
  late.writeBigInt64BE(7n, 0)
  expect(await send(late)).toEqual([87, -1])
  const transactional = 16
  expect(await send(sequencedBatch(-1, -1, -1, [1], transactional), 't')).toEqual([87, -1])
  expect(values()).toEqual([])
})

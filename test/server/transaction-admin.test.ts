import { afterEach, describe, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { sequencedBatch, WireClient } from '../helpers/wire-client.ts'

const {
  initProducerId,
  addPartitionsToTxn,
  endTxn,
  produce,
  describeProducers,
  describeTransactions,
  listTransactions,
} = apis as unknown as Readonly<Record<string, Api>>

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

function start() {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 2 }) } })
  open.push(() => broker.close())
  const client = new WireClient(connect(broker))
  const init = (transactionalId: string | null) =>
    client.call(initProducerId!, 4, { transactionalId, transactionTimeoutMs: 10_000 })
  const add = (
    transactionalId: string,
    { producerId, producerEpoch }: Identity,
    partitions: readonly number[],
  ) =>
    client.call(addPartitionsToTxn!, 3, {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: 'orders', partitions }],
    })
  const send = async (
    { producerId, producerEpoch }: Identity,
    values: readonly number[],
    attributes: 0 | 16,
  ) => {
    const records = [sequencedBatch(producerId, producerEpoch, 0, values, attributes)]
    const transactionalId = attributes === 0 ? null : 't'
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    const answer = await client.call(produce!, 8, { transactionalId, acks: -1, timeoutMs: 1000, topicData })
    expect(answer.responses[0].partitionResponses[0].errorCode).toBe(0)
  }
  const end = (transactionalId: string, { producerId, producerEpoch }: Identity, committed: boolean) =>
    client.call(endTxn!, 3, { transactionalId, producerId, producerEpoch, committed })
  const list = async (filters: object = {}) => {
    const answer = await client.call(listTransactions!, 2, filters)
    const told = answer.transactionStates.map(
      ({ transactionalId, transactionState }: Record<string, string>) =>
        `${transactionalId} ${transactionState}`,
    )
    return answer.errorCode === 0 ? told : answer.errorCode
  }
  const describeOne = async (transactionalId: string) =>
    (await client.call(describeTransactions!, 0, { transactionalIds: [transactionalId] }))
      .transactionStates[0]
  const producers = async (partition = 0) => {
    const topics = [{ name: 'orders', partitionIndexes: [partition] }]
    return (await client.call(describeProducers!, 0, { topics })).topics[0].partitions[0]
  }
  return { broker, client, init, add, send, end, list, describeOne, producers }
}

interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

describe('DescribeTransactions', () => {
  it('tells what a producer does, from its coming to its end', async () => {
    const { broker, init, add, end, describeOne } = start()
    expect(await describeOne('t')).toMatchObject({ errorCode: 105, transactionalId: 't' })
    const producer = await init('t')
    const { producerId, producerEpoch } = producer
    const told = { errorCode: 0, transactionTimeoutMs: 10_000, producerId, producerEpoch }
    const never = { transactionStartTimeMs: -1, topics: [] }
    expect(await describeOne('t')).toMatchObject({ ...told, ...never, transactionState: 'Empty' })
    await broker.advance(500)
    const began = broker.now
    await add('t', producer, [0, 1])
    expect(await describeOne('t')).toMatchObject({
      ...told,
      transactionState: 'Ongoing',
      transactionStartTimeMs: began,
      topics: [{ topic: 'orders', partitions: [0, 1] }],
    })
    await broker.advance(500)
    await end('t', producer, true)
    const resting = { ...told, transactionStartTimeMs: began, topics: [] }
    expect(await describeOne('t')).toMatchObject({ ...resting, transactionState: 'CompleteCommit' })
    await add('t', producer, [0])
    await end('t', producer, false)
    const again = { ...resting, transactionStartTimeMs: began + 500 }
    expect(await describeOne('t')).toMatchObject({ ...again, transactionState: 'CompleteAbort' })
  })

  it('tells nothing of an id that is unknown, or empty', async () => {
    const { describeOne } = start()
    expect(await describeOne('nobody')).toMatchObject({ errorCode: 105 })
    expect(await describeOne('')).toMatchObject({ errorCode: 42 })
  })

  it('tells of one that took too long', async () => {
    const { broker, init, add, describeOne } = start()
    await add('t', await init('t'), [0])
    await broker.advance(10_000)
    expect(await describeOne('t')).toMatchObject({ transactionState: 'CompleteAbort' })
  })

  it('tells of transactions of this process, too', async () => {
    const { broker, describeOne } = start()
    const producer = broker.producer({ transactionalId: 'own' })
    await producer.transaction(async tx => {
      await tx.send({ topic: 'orders', value: 1, partition: 1 })
      expect(await describeOne('own')).toMatchObject({
        transactionState: 'Ongoing',
        topics: [{ topic: 'orders', partitions: [1] }],
      })
    })
    expect(await describeOne('own')).toMatchObject({ transactionState: 'CompleteCommit' })
  })
})

describe('ListTransactions', () => {
  it('lists those that fit all that is asked', async () => {
    const { broker, client, init, add, list } = start()
    const pay = await init('pay-1')
    await init('pay-2')
    await init('ship')
    await add('pay-1', pay, [0])
    await broker.advance(500)
    expect(await list()).toEqual(['pay-1 Ongoing', 'pay-2 Empty', 'ship Empty'])
    expect(await list({ stateFilters: ['Ongoing', 'CompleteAbort'] })).toEqual(['pay-1 Ongoing'])
    expect(await list({ producerIdFilters: [pay.producerId, 99] })).toEqual(['pay-1 Ongoing'])
    // One that never began has lasted for ever.
    expect(await list({ durationFilter: 499 })).toEqual(['pay-1 Ongoing', 'pay-2 Empty', 'ship Empty'])
    expect(await list({ durationFilter: 500 })).toEqual(['pay-2 Empty', 'ship Empty'])
    expect(await list({ transactionalIdPattern: 'pay-.' })).toEqual(['pay-1 Ongoing', 'pay-2 Empty'])
    expect(await list({ transactionalIdPattern: 'pay' })).toEqual([])
    expect(await list({ transactionalIdPattern: '' })).toHaveLength(3)
    expect(await list({ transactionalIdPattern: '(' })).toBe(128)
    const unknown = await client.call(listTransactions!, 0, { stateFilters: ['Sleeping', 'Dead'] })
    expect(unknown).toMatchObject({ unknownStateFilters: ['Sleeping'], transactionStates: [] })
  })
})

describe('DescribeProducers', () => {
  it('takes no name that no topic can have', async () => {
    const { client } = start()
    const names = ['nowhere', 'no spaces', '', '..']
    const topics = names.map(name => ({ name, partitionIndexes: [0] }))
    const answer = await client.call(describeProducers!, 0, { topics })
    const codes = answer.topics.map(({ partitions }: any) => partitions[0].errorCode)
    expect(codes).toEqual([3, 17, 17, 17])
  })

  it('tells who numbers batches, and where their transactions begin', async () => {
    const { broker, init, add, send, end, producers } = start()
    expect(await producers()).toEqual(expect.objectContaining({ errorCode: 0, activeProducers: [] }))
    const plain = await init(null)
    await send(plain, [1, 2], 0)
    const producer = await init('t')
    await add('t', producer, [0])
    await send(producer, [3], 16)
    // That of their records: a client's clock is another one.
    const common = { lastTimestamp: 0 }
    expect((await producers()).activeProducers).toMatchObject([
      {
        ...common,
        producerId: plain.producerId,
        producerEpoch: 0,
        lastSequence: 1,
        currentTxnStartOffset: -1,
      },
      { ...common, producerId: producer.producerId, lastSequence: 0, currentTxnStartOffset: 2 },
    ])
    expect((await producers(1)).activeProducers).toEqual([])
    await end('t', producer, true)
    expect((await producers()).activeProducers).toMatchObject([
      { ...common, coordinatorEpoch: -1 },
      { lastTimestamp: broker.now, lastSequence: 0, coordinatorEpoch: 0, currentTxnStartOffset: -1 },
    ])
    // One that takes its id over begins anew there.
    await add('t', producer, [0])
    const next = await init('t')
    expect((await producers()).activeProducers[1]).toMatchObject({
      producerEpoch: next.producerEpoch - 1,
      lastSequence: -1,
    })
    expect(await producers(7)).toMatchObject({ errorCode: 3 })
  })

  it('tells of the producers of a partition as often as it is named', async () => {
    const { client } = start()
    const topics = [
      { name: 'orders', partitionIndexes: [0, 0] },
      { name: 'orders', partitionIndexes: [1] },
    ]
    const answer = await client.call(describeProducers!, 0, { topics })
    const told = answer.topics.map(({ partitions }: any) =>
      partitions.map((each: any) => each.partitionIndex),
    )
    expect(told).toEqual([[0, 0], [1]])
  })

  it('tells of producers of this process while their transactions are open', async () => {
    const { broker, producers } = start()
    await broker.producer({ transactionalId: 'own' }).transaction(async tx => {
      await tx.send({ topic: 'orders', value: 1, partition: 0 })
      expect((await producers()).activeProducers).toMatchObject([
        { producerEpoch: 0, lastSequence: -1, currentTxnStartOffset: 0 },
      ])
    })
    expect((await producers()).activeProducers).toEqual([])
  })
})

it('tells of the producer of this process that has taken a transactional id', async () => {
  const { broker, init, describeOne } = start()
  const { producerId, producerEpoch } = await init('t')
  const producer = broker.producer({ transactionalId: 't' })
  await producer.transaction(tx => tx.send({ topic: 'orders', value: 1 }))
  const told = await describeOne('t')
  expect(told).toMatchObject({ errorCode: 0, transactionState: 'CompleteCommit' })
  expect([told.producerId, told.producerEpoch]).not.toEqual([producerId, producerEpoch])
  expect(told.producerId).toBe(producerId)
  expect(told.producerEpoch).toBeGreaterThan(producerEpoch)
})

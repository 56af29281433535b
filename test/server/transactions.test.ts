import { describe, expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { sequencedBatch } from '../helpers/wire-client.ts'
import { type Identity, start } from './transactions-scene.ts'

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

it('lists aborted transactions, of which there are none, only to read_committed', async () => {
  const { client } = start()
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
  const aborted = async (isolationLevel: number) => {
    const topics = [{ topic: 'orders', partitions }]
    const answer = await client.call(fetch!, 11, { maxWaitMs: 0, minBytes: 0, isolationLevel, topics })
    return answer.responses[0].partitions[0].abortedTransactions
  }
  expect([await aborted(0), await aborted(1)]).toEqual([null, []])
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
  expect(next.producerId).toBe(zombie.producerId)
  expect(next.producerEpoch).toBeGreaterThan(zombie.producerEpoch)
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
  expect(await end(producer, true)).toBe(90)
  expect(await read(1)).toEqual([])
})

// KafkaJS knows no number above 88.
describe('an older client', () => {
  it.each([0, 1])('hears by its epoch that it is fenced, in version %i', async version => {
    const { client, init } = start()
    const { producerId, producerEpoch } = await init()
    await init()
    const identity = { transactionalId: 't', producerId, producerEpoch }
    const partitions = [{ name: 'orders', partitions: [0] }]
    const added = await client.call(addPartitionsToTxn!, version, {
      v3AndBelowTransactionalId: 't',
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: partitions,
    })
    expect(added.resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode).toBe(47)
    const offsets = await client.call(addOffsetsToTxn!, version, { ...identity, groupId: 'g' })
    const end = await client.call(endTxn!, version, { ...identity, committed: true })
    expect([offsets.errorCode, end.errorCode]).toEqual([47, 47])
  })

  it('hears so too where it comes back as one that is over', async () => {
    const { client, init } = start()
    const first = await init()
    await init()
    for (const [version, errorCode] of [
      [3, 47],
      [4, 90],
    ] as const) {
      const asked = { transactionalId: 't', transactionTimeoutMs: 10_000, ...first }
      expect(await client.call(initProducerId!, version, asked)).toMatchObject({ errorCode })
    }
  })

  it('hears so of a transaction that took too long, where it could not know that it may abort', async () => {
    const { broker, client, init, add, addGroup, send } = start()
    const producer = await init()
    await add(producer)
    await addGroup(producer)
    await send(producer, 0, 1)
    await broker.advance(10_000)
    expect(await send(producer, 1, 2)).toBe(47)
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 0 }] }]
    const { producerId, producerEpoch } = producer
    const identity = { transactionalId: 't', producerId, producerEpoch, groupId: 'g' }
    const ends = { ...identity, committed: true }
    const commit = async (version: number) => {
      const answer = await client.call(txnOffsetCommit!, version, { ...identity, topics })
      return answer.topics[0].partitions[0].errorCode
    }
    expect([await commit(3), await commit(4)]).toEqual([47, 120])
    expect(await client.call(endTxn!, 1, ends)).toMatchObject({ errorCode: 47 })
  })

  it('is fenced by a transaction that took too long, however it ends that, until it begins anew', async () => {
    const { broker, init, add, send, end, read } = start()
    const producer = await init()
    await add(producer)
    await send(producer, 0, 1)
    await broker.advance(10_000)
    expect([await end(producer, false), await end(producer, true), await end(producer, false)]).toEqual([
      90, 90, 90,
    ])
    await add(producer)
    expect(await send(producer, 1, 2)).toBe(47)
    const next = await init()
    expect(next).toMatchObject({ errorCode: 0, producerId: producer.producerId })
    await add(next)
    expect([await send(next, 0, 3), await end(next, true), await read(1)]).toEqual([0, 0, [3]])
  })
})

it('writes in a transaction only to the partitions that it was told of', async () => {
  const { broker, client, init, add, addGroup, end, read } = start()
  broker.topic('orders').addPartitions(2)
  const { producerId, producerEpoch } = await init()
  const send = async (version: number, partition: number) => {
    const records = [sequencedBatch(producerId, producerEpoch, 0, [1], 16)]
    const topicData = [{ name: 'orders', partitionData: [{ index: partition, records }] }]
    const asked = { transactionalId: 't', acks: -1, timeoutMs: 1000, topicData }
    return (await client.call(produce!, version, asked)).responses[0].partitionResponses[0].errorCode
  }
  // Whoever knows of that aborts, and goes on.
  expect([await send(10, 1), await send(11, 1)]).toEqual([48, 120])
  await add({ producerId, producerEpoch })
  expect([await send(10, 1), await send(11, 1), await send(10, 0)]).toEqual([48, 120, 0])
  expect(await end({ producerId, producerEpoch }, true)).toBe(0)
  expect([await send(10, 0), await send(11, 0)]).toEqual([48, 120])
  // The next transaction has not been told of any.
  await addGroup({ producerId, producerEpoch })
  expect([await send(10, 0), await send(11, 0)]).toEqual([48, 120])
  expect(broker.topic('orders').partitions[1]!.highWatermark).toBe(0)
  expect(await read(1)).toEqual([1])
})

it('lets a producer into its transaction only under its own transactional id, until it has written there', async () => {
  const { client, init, add, addGroup, end } = start()
  const producer = await init('t')
  await init('other')
  const send = async (transactionalId: string, sequence: number) => {
    const records = [sequencedBatch(producer.producerId, producer.producerEpoch, sequence, [sequence], 16)]
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
    const asked = { transactionalId, acks: -1, timeoutMs: 1000, topicData }
    return (await client.call(produce!, 11, asked)).responses[0].partitionResponses[0].errorCode
  }
  const commitOffset = async (transactionalId: string, version: number) => {
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }]
    const asked = {
      ...producer,
      transactionalId,
      groupId: 'g',
      memberId: '',
      generationIdOrMemberEpoch: -1,
      topics,
    }
    return (await client.call(txnOffsetCommit!, version, asked)).topics[0].partitions[0].errorCode
  }
  expect([await send('other', 0), await send('nobody', 0), await commitOffset('other', 3)]).toEqual([
    49, 49, 49,
  ])
  await add(producer)
  await addGroup(producer)
  expect([await send('other', 0), await send('nobody', 0), await commitOffset('other', 3)]).toEqual([
    49, 49, 49,
  ])
  expect([await commitOffset('other', 5), await send('t', 0), await commitOffset('t', 3)]).toEqual([49, 0, 0])
  expect([await send('other', 1), await commitOffset('other', 3), await commitOffset('other', 5)]).toEqual([
    0, 0, 0,
  ])
  expect(await end(producer, true)).toBe(0)
  expect([await send('other', 2), await commitOffset('other', 3)]).toEqual([49, 49])
})

it.each([3, 11, 12])(
  'refuses a request v%i with a batch of a transaction and no transactional id',
  async version => {
    const { broker, client, init, add } = start()
    const producer = await init()
    await add(producer)
    const send = async (attributes: number, acks: number) => {
      const transactional = sequencedBatch(producer.producerId, producer.producerEpoch, 0, [1], attributes)
      const partitionData = [
        { index: 0, records: [sequencedBatch(-1, -1, -1, [1])] },
        { index: 7, records: [transactional] },
      ]
      const asked = {
        transactionalId: null,
        acks,
        timeoutMs: 1000,
        topicData: [{ name: 'orders', partitionData }],
      }
      const { responses } = await client.call(produce!, version, asked)
      return responses[0].partitionResponses.map(({ errorCode }: { errorCode: number }) => errorCode)
    }
    expect([await send(16, -1), await send(16, 1)]).toEqual([
      [53, 53],
      [53, 53],
    ])
    expect(broker.topic('orders').partitions[0]!.highWatermark).toBe(0)
    expect(await send(0, -1)).toEqual([0, 3])
  },
)

it('forgets a transactional id that was silent for too long, and whoever comes with it begins anew', async () => {
  const { broker, init, add, end } = start({ transactionalIdExpirationMs: 1000 })
  const silent = await init()
  await broker.advance(999)
  expect(await add(silent)).toBe(0)
  expect(await end(silent, true)).toBe(0)
  await broker.advance(1000)
  expect(await add(silent)).toBe(49)
  const next = await init()
  expect(next.producerId).not.toBe(silent.producerId)
  expect(await add(next)).toBe(0)
})

it('fences an open transaction whose id a producer of this process has taken', async () => {
  const { broker, init, add, addGroup, send, end, read } = start()
  const zombie = await init()
  await add(zombie)
  await send(zombie, 0, 1)
  const producer = broker.producer({ transactionalId: 't' })
  await producer.transaction(tx => tx.send({ topic: 'orders', value: 2 }))
  expect([await add(zombie), await addGroup(zombie)]).toEqual([90, 90])
  expect([await end(zombie, true), await end(zombie, false)]).toEqual([90, 90])
  expect(await read(1)).toEqual([2])
})

it('gives a transactional id another producer id once the epochs of the one before are used up', async () => {
  const { broker, init, add } = start()
  const first = await init()
  // Each transaction of a producer in this process takes an epoch.
  const producer = await broker.engine.initTransactions('t', 10_000)
  for (let epoch = first.producerEpoch + 1; epoch < 32_765; epoch++) await producer.begin().commit()
  const last = await init()
  expect(last).toMatchObject({ producerId: first.producerId, producerEpoch: 32_766 })
  const next = await init()
  expect(next.producerEpoch).toBe(0)
  expect(next.producerId).not.toBe(first.producerId)
  expect([await add(last), await add(next)]).toEqual([49, 0])
})

it('knows a transactional id, however many others come', async () => {
  const { init, add } = start()
  const producer = await init()
  for (let i = 0; i < 1001; i++) await init(`other-${i}`)
  expect(await add(producer)).toBe(0)
})

it('refuses what has no transaction, is not known or is not there', async () => {
  const { init, add, send, end } = start()
  const producer = await init()
  expect(await send(producer, 0, 1)).toBe(48)
  expect(await send({ producerId: 99, producerEpoch: 0 }, 0, 1)).toBe(49)
  expect(await add({ producerId: 99, producerEpoch: 0 })).toBe(49)
  expect(await add(producer, 'nowhere')).toBe(3)
  expect(await add(producer, 'orders', 7)).toBe(3)
  expect([await end(producer, true), await end(producer, false)]).toEqual([48, 48])
})

it.each([true, false])(
  'ends what has ended once more only as it has ended, where that is committed: %s',
  async committed => {
    const { init, add, end } = start()
    const producer = await init()
    await add(producer)
    await end(producer, committed)
    expect([await end(producer, committed), await end(producer, !committed)]).toEqual([0, 48])
  },
)

it('refuses an id that is empty, and half of an identity', async () => {
  const { client, broker, init } = start()
  const refused = { errorCode: 42, producerId: -1, producerEpoch: -1 }
  expect(await init('')).toMatchObject(refused)
  const halves = [
    { producerId: 7, producerEpoch: -1 },
    { producerId: -1, producerEpoch: 0 },
  ]
  for (const half of halves) {
    const asked = { transactionalId: 't', transactionTimeoutMs: 10_000, ...half }
    expect(await client.call(initProducerId!, 4, asked)).toMatchObject(refused)
  }
  expect([...broker.engine.transactionalSessions]).toEqual([])
})

it('gives its next epoch only to the producer that is known (KIP-360)', async () => {
  const { client, init } = start()
  const first = await init()
  const again = ({ producerId, producerEpoch }: Identity, transactionalId = 't') =>
    client.call(initProducerId!, 4, {
      transactionalId,
      transactionTimeoutMs: 10_000,
      producerId,
      producerEpoch,
    })
  const second = await again(first)
  expect(second).toMatchObject({ errorCode: 0, producerId: first.producerId })
  // It has not heard the answer.
  expect(await again(first)).toEqual(second)
  const third = await again(second)
  expect(third).toMatchObject({ errorCode: 0 })
  expect(third.producerEpoch).toBeGreaterThan(second.producerEpoch)
  expect(await again(first)).toMatchObject({ errorCode: 90, producerId: -1 })
  expect(await again({ ...third, producerId: 12_345 })).toMatchObject({ errorCode: 90, producerId: -1 })
  // Where nobody has that transactional id there is nobody to be fenced.
  expect(await again(third, 'another')).toMatchObject({ errorCode: 0 })
})

it('aborts what a producer has open where one comes with the identity before; only the former goes on (KIP-360)', async () => {
  const { client, init, add, send, end, read } = start()
  const first = await init()
  const again = ({ producerId, producerEpoch }: Identity) =>
    client.call(initProducerId!, 4, {
      transactionalId: 't',
      transactionTimeoutMs: 10_000,
      producerId,
      producerEpoch,
    })
  const second = await again(first)
  await add(second)
  await send(second, 0, 1)
  expect(await again(first)).toMatchObject({ errorCode: 51, producerId: -1 })
  expect(await read(1)).toEqual([])
  expect(await again(first)).toMatchObject({ errorCode: 90 })
  expect(await end(second, true)).toBe(90)
  const third = await again(second)
  expect(third).toMatchObject({ errorCode: 0, producerEpoch: second.producerEpoch + 1 })
  await add(third)
  expect([await send(third, 0, 2), await end(third, true)]).toEqual([0, 0])
  expect(await read(1)).toEqual([2])
})

it('aborts what a producer has open where one comes with any older epoch of it', async () => {
  const { client, init, add, send, end, read } = start()
  const first = await init()
  await init()
  const third = await init()
  await add(third)
  await send(third, 0, 1)
  const { producerId, producerEpoch } = first
  const asked = { transactionalId: 't', transactionTimeoutMs: 10_000, producerId, producerEpoch }
  expect(await client.call(initProducerId!, 4, asked)).toMatchObject({ errorCode: 51 })
  expect(await client.call(initProducerId!, 4, asked)).toMatchObject({ errorCode: 90 })
  expect([await end(third, true), await read(1)]).toEqual([90, []])
})

it('ends a transaction with a control record in each partition that was added, written to or not', async () => {
  const { broker, init, add, end } = start()
  const [log] = broker.topic('orders').partitions
  const producer = await init()
  for (const [committed, endOffset] of [
    [true, 1],
    [false, 2],
  ] as const) {
    await add(producer)
    expect([await end(producer, committed), log!.highWatermark]).toEqual([0, endOffset])
  }
  await broker.producer().send({ topic: 'orders', value: 'next' })
  expect(broker.topic('orders').records()).toMatchObject([{ offset: 2, value: 'next' }])
})

it('speaks to producers only what they speak', async () => {
  const { client } = start()
  const { apiKeys } = await client.call(apiVersions!, 0, {})
  expect(apiKeys).toContainEqual({ apiKey: 24, minVersion: 0, maxVersion: 3 })
  expect(apiKeys).toContainEqual({ apiKey: 22, minVersion: 0, maxVersion: 5 })
})

it('refuses a time-out beyond the longest one, and one that is none', async () => {
  const { client } = start({}, { maxTransactionTimeoutMs: 5000 })
  const init = async (transactionTimeoutMs: number) =>
    (await client.call(initProducerId!, 4, { transactionalId: 'tx', transactionTimeoutMs })).errorCode
  expect(await init(5001)).toBe(50)
  expect(await init(0)).toBe(50)
  expect(await init(5000)).toBe(0)
})

it('answers for each partition as often as it is named, and once if one of them is not there', async () => {
  const { client, init } = start()
  const { producerId, producerEpoch } = await init()
  const add = async (...topics: (readonly [name: string, ...partitions: number[]])[]) => {
    const answer = await client.call(apis.addPartitionsToTxn as Api, 3, {
      v3AndBelowTransactionalId: 't',
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: topics.map(([name, ...partitions]) => ({ name, partitions })),
    })
    return answer.resultsByTopicV3AndBelow.map(({ name, resultsByPartition }: any) => [
      name,
      ...resultsByPartition.map((each: any) => each.partitionErrorCode),
    ])
  }
  expect(await add(['orders', 0, 0], ['nowhere'])).toEqual([['orders', 0, 0], ['nowhere']])
  expect(await add(['orders', 0, 0], ['nowhere', 0, 0], ['empty'], ['orders', 0])).toEqual([
    ['orders', 55],
    ['nowhere', 3],
  ])
})

it('adds nothing to a transaction of nobody, and ends none', async () => {
  const { client, init } = start()
  const { producerId, producerEpoch } = await init()
  const asked = { transactionalId: '', producerId, producerEpoch }
  for (const version of [3, 0]) {
    const added = await client.call(apis.addOffsetsToTxn as Api, version, { ...asked, groupId: 'g' })
    const ended = await client.call(apis.endTxn as Api, version, { ...asked, committed: true })
    expect([added.errorCode, ended.errorCode]).toEqual([42, 42])
  }
})

it('takes no half of an identity, with a transactional id or without', async () => {
  const { client } = start()
  for (const transactionalId of ['tx', null]) {
    const init = async (producerId: number, producerEpoch: number) => {
      const asked = { transactionalId, transactionTimeoutMs: 1000, producerId, producerEpoch }
      return (await client.call(initProducerId!, 4, asked)).errorCode
    }
    expect([await init(-1, 0), await init(0, -1), await init(-1, -1)]).toEqual([42, 42, 0])
  }
})

it('aborts nothing of a producer where one comes with another producer id', async () => {
  const { client, init, add, send, end, read } = start()
  const { producerId, producerEpoch } = await init()
  const identity = { producerId, producerEpoch }
  await add(identity)
  await send(identity, 0, 1)
  const other = { transactionalId: 't', transactionTimeoutMs: 10_000, producerId: 12_345, producerEpoch }
  expect(await client.call(initProducerId!, 4, other)).toMatchObject({ errorCode: 90, producerId: -1 })
  expect(await end(identity, true)).toBe(0)
  expect(await read(1)).toEqual([1])
})

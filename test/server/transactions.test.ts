import { afterEach, describe, expect, it } from 'vitest'
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
  offsetFetch,
  endTxn,
  apiVersions,
  consumerGroupHeartbeat,
  joinGroup,
} = apis as unknown as Readonly<Record<string, Api>>

const brokers: TestBroker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

function start(options: { readonly transactionalIdExpirationMs?: number } = {}) {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) }, ...options })
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
  const addGroup = async ({ producerId, producerEpoch }: Identity, groupId = 'g') => {
    const asked = { transactionalId: 't', producerId, producerEpoch, groupId }
    return (await client.call(addOffsetsToTxn!, 3, asked)).errorCode
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
  return { broker, client, init, add, addGroup, send, end, read }
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

it('commits in a transaction only offsets of the groups that it was told of', async () => {
  const { client, init, add, addGroup, end } = start()
  const producer = await init()
  const { producerId, producerEpoch } = producer
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 0 }] }]
  const commit = async (version: number, groupId: string) => {
    const asked = { transactionalId: 't', producerId, producerEpoch, groupId, topics }
    return (await client.call(txnOffsetCommit!, version, asked)).topics[0].partitions[0].errorCode
  }
  await add(producer)
  expect([await commit(3, 'g'), await commit(4, 'g')]).toEqual([48, 120])
  await addGroup(producer, 'g')
  expect([await commit(3, 'g'), await commit(4, 'g'), await commit(3, 'other')]).toEqual([0, 0, 48])
  await end(producer, true)
  await addGroup(producer, 'other')
  expect([await commit(3, 'g'), await commit(3, 'other')]).toEqual([48, 0])
})

it('begins nothing with offsets of nothing that is there', async () => {
  const { client, init } = start()
  const { producerId, producerEpoch } = await init()
  const identity = { transactionalId: 't', producerId, producerEpoch }
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 9, committedOffset: 5 }] }]
  const answer = await client.call(txnOffsetCommit!, 5, { ...identity, groupId: 'g', topics })
  expect(answer.topics[0].partitions[0].errorCode).toBe(3)
  expect(await client.call(endTxn!, 5, { ...identity, committed: true })).toMatchObject({ errorCode: 48 })
})

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

it('knows a transactional id, however many others come', async () => {
  const { init, add } = start()
  const producer = await init()
  for (let i = 0; i < 1001; i++) await init(`other-${i}`)
  expect(await add(producer)).toBe(0)
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

// Java's producer could not be used any more if it were told of a rebalance.
it('commits in a transaction offsets of a classic member whose leader has not assigned yet', async () => {
  const { broker, client, init, addGroup, end } = start()
  const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }]
  const { memberId, generationId } = await client.call(joinGroup!, 3, {
    groupId: 'g',
    memberId: '',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    protocolType: 'consumer',
    protocols,
  })
  const producer = await init()
  await addGroup(producer)
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 5 }] }]
  const commit = { transactionalId: 't', ...producer, groupId: 'g', memberId, generationId, topics }
  const answer = await client.call(txnOffsetCommit!, 3, commit)
  expect(answer.topics[0].partitions[0].errorCode).toBe(0)
  expect(await end(producer, true)).toBe(0)
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toMatchObject({ offset: 5 })
})

// As KafkaJS does, which speaks of before KIP-447.
it('commits offsets of a client that does not say which member it is, whoever the members are', async () => {
  const { broker, client, init, add, addGroup, send, end, read } = start()
  const reader = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await reader.run({ eachRecord: () => {} })
  const place = { topic: 'orders', partition: 0 }
  broker.topic('orders').append({ value: 0 })
  await broker.idle()
  expect(broker.group('g').committed(place)).toMatchObject({ offset: 1 })

  const producer = await init()
  await add(producer)
  await send(producer, 0, 1)
  await addGroup(producer)
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 0 }] }]
  const identity = { transactionalId: 't', ...producer, groupId: 'g' }
  const answer = await client.call(txnOffsetCommit!, 2, { ...identity, topics })
  expect(answer.topics[0].partitions[0].errorCode).toBe(0)
  // Whoever names a member or a generation has to be that member.
  for (const member of [
    { memberId: 'nobody', generationId: -1 },
    { memberId: '', generationId: 1 },
  ]) {
    const refused = await client.call(txnOffsetCommit!, 3, { ...identity, ...member, topics })
    expect(refused.topics[0].partitions[0].errorCode).toBe(25)
  }
  reader.pause()
  expect(await end(producer, true)).toBe(0)
  expect(await read(1)).toEqual([0, 1])
  expect(broker.group('g').committed(place)).toMatchObject({ offset: 0 })
  // What the member commits afterwards counts as ever.
  reader.resume()
  await broker.idle()
  expect(broker.group('g').committed(place)).toMatchObject({ offset: 3 })
})

it('[98] tells who asks for what is stable that an offset is pending, and what it came to once that is decided', async () => {
  const { broker, client, init, end } = start()
  const committed = async (
    requireStable: boolean,
    version = 8,
    all = false,
    partition = 0,
    groupId = 'g',
  ) => {
    const topics = all ? null : [{ name: 'orders', partitionIndexes: [partition] }]
    const request = version < 8 ? { groupId, topics } : { groups: [{ groupId, topics }] }
    const answer = await client.call(offsetFetch!, version, { ...request, requireStable })
    const [{ committedOffset, errorCode }] = (version < 8 ? answer : answer.groups[0]).topics[0].partitions
    return errorCode === 0 ? committedOffset : errorCode
  }
  broker.topic('orders').addPartitions(2)
  for (const groupId of ['g', 'h']) broker.createGroup(groupId, { topics: ['orders'] })
  const producer = await init()
  const identity = { transactionalId: 't', ...producer, groupId: 'g' }
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 5 }] }]
  for (const commits of [false, true]) {
    await client.call(addOffsetsToTxn!, 3, identity)
    await client.call(txnOffsetCommit!, 2, { ...identity, topics })
    expect([await committed(true), await committed(true, 7), await committed(true, 8, true)]).toEqual([
      88, 88, 88,
    ])
    // Not of what else the group has committed, nor of another group.
    expect([await committed(true, 8, false, 1), await committed(true, 8, false, 0, 'h')]).toEqual([0, 0])
    expect(await committed(false)).toBe(0)
    expect(await end(producer, commits)).toBe(0)
    expect(await committed(true)).toBe(commits ? 5 : 0)
  }
})

it('refuses offsets that could not be committed before its records count', async () => {
  const { client, init, add, addGroup, send, end, read } = start()
  const producer = await init()
  await add(producer)
  await addGroup(producer)
  await send(producer, 0, 1)
  const committedMetadata = 'x'.repeat(5000)
  const topics = [
    { name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 0, committedMetadata }] },
  ]
  const identity = { transactionalId: 't', ...producer, groupId: 'g' }
  const answer = await client.call(txnOffsetCommit!, 2, { ...identity, topics })
  expect(answer.topics[0].partitions[0].errorCode).toBe(12)
  expect(await end(producer, false)).toBe(0)
  expect(await read(1)).toEqual([])
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

it('tells of an offset that cannot be committed at once, and commits the others and what was written', async () => {
  const { broker, client, init, add, addGroup, send, end, read } = start()
  const producer = await init()
  await add(producer)
  for (const groupId of ['g', 'other']) await addGroup(producer, groupId)
  await send(producer, 0, 1)
  const offset = async (groupId: string, partitionIndex: number, committedMetadata: string) => {
    const partition = { partitionIndex, committedOffset: 5, committedMetadata }
    const topics = [
      { name: 'orders', partitions: [partition, { partitionIndex: 9, committedOffset: 5 }] },
      { name: 'nowhere', partitions: [{ partitionIndex: 0, committedOffset: 5 }] },
    ]
    const { producerId, producerEpoch } = producer
    const asked = { transactionalId: 't', producerId, producerEpoch, groupId, topics }
    const answer = await client.call(txnOffsetCommit!, 3, asked)
    return answer.topics.flatMap(({ partitions }: any) => partitions.map(({ errorCode }: any) => errorCode))
  }
  // The first is a group that is not there yet.
  expect(await offset('other', 0, 'x'.repeat(4097))).toEqual([12, 3, 3])
  expect(await offset('g', 0, 'x')).toEqual([0, 3, 3])
  expect(await offset('g', 0, 'x'.repeat(4097))).toEqual([12, 3, 3])
  expect(await end(producer, true)).toBe(0)
  expect(await read(1)).toEqual([1])
  expect(broker.group('g').offsets).toMatchObject([{ partition: 0, offset: 5, metadata: 'x' }])
})

describe('the protocol of KIP-890', () => {
  function newer() {
    const started = start()
    const { client } = started
    const send = async ({ producerId, producerEpoch }: Identity, sequence: number, value: number) => {
      const records = [sequencedBatch(producerId, producerEpoch, sequence, [value], 16)]
      const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
      const asked = { transactionalId: 't', acks: -1, timeoutMs: 1000, topicData }
      return (await client.call(produce!, 12, asked)).responses[0].partitionResponses[0].errorCode
    }
    const end = ({ producerId, producerEpoch }: Identity, committed: boolean) =>
      client.call(endTxn!, 5, { transactionalId: 't', producerId, producerEpoch, committed })
    const commitOffset = async (
      { producerId, producerEpoch }: Identity,
      committedOffset: number,
      member: object = {},
    ) => {
      const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset }] }]
      const asked = { transactionalId: 't', producerId, producerEpoch, groupId: 'g', topics, ...member }
      return (await client.call(txnOffsetCommit!, 5, asked)).topics[0].partitions[0].errorCode
    }
    return { ...started, send, end, commitOffset }
  }

  it('begins with what is written, and goes on under another epoch after each end', async () => {
    const { init, send, end, read } = newer()
    const first = await init()
    expect(await send(first, 0, 1)).toBe(0)
    expect([await read(1), await read(0)]).toEqual([[], [1]])
    const second = await end(first, true)
    expect(second).toMatchObject({ errorCode: 0, producerId: first.producerId })
    expect(second.producerEpoch).toBeGreaterThan(first.producerEpoch)
    expect(await send(second, 0, 2)).toBe(0)
    const third = await end(second, false)
    expect(third.producerEpoch).toBeGreaterThan(second.producerEpoch)
    expect(await read(1)).toEqual([1])
  })

  it('lets nothing late into the next transaction', async () => {
    const { init, send, end, read } = newer()
    const first = await init()
    await send(first, 0, 1)
    const second = await end(first, true)
    expect(await send(first, 1, 9)).toBe(47)
    await send(second, 0, 2)
    expect(await send(first, 1, 9)).toBe(47)
    await end(second, true)
    expect(await read(1)).toEqual([1, 2])
  })

  it('begins with offsets that are committed', async () => {
    const { broker, init, end, commitOffset } = newer()
    const producer = await init()
    expect(await commitOffset(producer, 5)).toBe(0)
    expect(broker.groups.has('g')).toBe(false)
    await end(producer, true)
    expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 5 })
  })

  it('keeps the order of batches whose first was refused and comes again after the second', async () => {
    const { init, send, end, read } = newer()
    const first = await init()
    expect(await send(first, 1, 2)).toBe(45)
    expect([await send(first, 0, 1), await send(first, 1, 2)]).toEqual([0, 0])
    const second = await end(first, true)
    expect(await send(second, 1, 4)).toBe(45)
    expect([await send(second, 0, 3), await send(second, 1, 4)]).toEqual([0, 0])
    await end(second, true)
    expect(await read(1)).toEqual([1, 2, 3, 4])
  })

  it('answers an end that comes twice as before, and one that contradicts it with an error', async () => {
    const { init, send, end, read } = newer()
    const first = await init()
    await send(first, 0, 1)
    const second = await end(first, true)
    expect(await end(first, true)).toEqual(second)
    expect(await end(first, false)).toMatchObject({ errorCode: 48 })
    expect(await end(second, true)).toMatchObject({ errorCode: 48 })
    const third = await end(second, false)
    expect(third.producerEpoch).toBeGreaterThan(second.producerEpoch)
    expect(await read(1)).toEqual([1])
    expect(await end(first, true)).toMatchObject({ errorCode: 90 })
  })

  it('gives its next epoch to a producer that has not heard of its last one, too', async () => {
    const { client, init, send, end, read } = newer()
    const first = await init()
    await send(first, 0, 1)
    await end(first, true)
    const { producerId, producerEpoch } = first
    const asked = { transactionalId: 't', transactionTimeoutMs: 10_000, producerId, producerEpoch }
    const next = await client.call(initProducerId!, 5, asked)
    expect(next).toMatchObject({ errorCode: 0, producerId })
    expect(await send(next, 0, 2)).toBe(0)
    await end(next, true)
    expect(await read(1)).toEqual([1, 2])
  })

  it('fences an end that comes again once the next transaction has begun', async () => {
    const { init, send, end, read } = newer()
    const first = await init()
    await send(first, 0, 1)
    const second = await end(first, true)
    await send(second, 0, 2)
    expect(await end(first, true)).toMatchObject({ errorCode: 90 })
    expect(await end(second, true)).toMatchObject({ errorCode: 0 })
    expect(await read(1)).toEqual([1, 2])
  })

  it('goes on after what took too long, once that is aborted', async () => {
    const { broker, init, send, end, read } = newer()
    const first = await init()
    await send(first, 0, 1)
    await broker.advance(10_000)
    expect(await send(first, 1, 2)).toBe(120)
    expect(await end(first, true)).toMatchObject({ errorCode: 120 })
    const second = await end(first, false)
    expect(second.producerEpoch).toBeGreaterThan(first.producerEpoch)
    expect(await send(second, 0, 3)).toBe(0)
    await end(second, true)
    expect(await read(1)).toEqual([3])
  })

  // Java's producer is of no more use after any other error of an end.
  it('says that it was aborted when it is to commit offsets of a member that is gone, and goes on', async () => {
    const { broker, client, init, send, end, commitOffset, read } = newer()
    const beat = (memberEpoch: number) =>
      client.call(consumerGroupHeartbeat!, 1, {
        groupId: 'g',
        memberId: 'reader',
        memberEpoch,
        rebalanceTimeoutMs: 10_000,
        subscribedTopicNames: ['orders'],
        topicPartitions: [],
      })
    const { memberEpoch } = await beat(0)
    const first = await init()
    await send(first, 0, 1)
    expect(await commitOffset(first, 5, { memberId: 'reader', generationId: memberEpoch })).toBe(0)
    await beat(-1)
    expect(await end(first, true)).toMatchObject({ errorCode: 120 })
    expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toBeNull()
    const second = await end(first, false)
    expect(second).toMatchObject({ errorCode: 0 })
    expect(await send(second, 0, 2)).toBe(0)
    expect(await end(second, true)).toMatchObject({ errorCode: 0 })
    expect(await read(1)).toEqual([2])
  })

  it('fences one whose id another one has taken, in this process, too', async () => {
    const { broker, init, send, end } = newer()
    const zombie = await init()
    const next = await init()
    expect(await send(zombie, 0, 1)).toBe(47)
    await broker.producer({ transactionalId: 't' }).transaction(async tx => {
      await tx.send({ topic: 'orders', value: 1 })
    })
    expect(await send(next, 0, 1)).toBe(47)
    expect(await end(next, false)).toMatchObject({ errorCode: 90 })
  })

  it('does not begin with a batch that is of no transaction, or of nobody', async () => {
    const { client, init, send, end } = newer()
    const producer = await init()
    expect(await send({ producerId: 99, producerEpoch: 0 }, 0, 1)).toBe(49)
    const plain = [sequencedBatch(producer.producerId, producer.producerEpoch, 0, [1])]
    const asWell = { transactionalId: 't', acks: -1, timeoutMs: 1000 }
    const plainData = [{ name: 'orders', partitionData: [{ index: 0, records: plain }] }]
    await client.call(produce!, 12, { ...asWell, topicData: plainData })
    expect(await end(producer, true)).toMatchObject({ errorCode: 48 })
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: [Buffer.alloc(5)] }] }]
    const { responses } = await client.call(produce!, 12, { ...asWell, topicData })
    expect(responses[0].partitionResponses[0].errorCode).not.toBe(0)
  })

  it('tells of a KIP-848 member that has moved on in the words of a producer, which goes on after an abort', async () => {
    const { broker, client, init, end } = newer()
    const member = { groupId: 'g', memberId: 'a', rebalanceTimeoutMs: 60_000 }
    const joins = { ...member, memberEpoch: 0, subscribedTopicNames: ['orders'], topicPartitions: [] }
    await client.call(consumerGroupHeartbeat!, 1, joins)
    const commitOffset = async ({ producerId, producerEpoch }: Identity, generationId: number) => {
      const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 5 }] }]
      const identity = { producerId, producerEpoch, memberId: 'a', generationId }
      const asked = { transactionalId: 't', groupId: 'g', ...identity, topics }
      return (await client.call(txnOffsetCommit!, 5, asked)).topics[0].partitions[0].errorCode
    }
    const producer = await init()
    expect(await commitOffset(producer, 7)).toBe(22)
    expect(await commitOffset(producer, 2)).toBe(0)
    await client.call(consumerGroupHeartbeat!, 1, { ...member, memberEpoch: -1 })
    expect(await end(producer, true)).toMatchObject({ errorCode: 120 })
    const next = await end(producer, false)
    expect(next).toMatchObject({ errorCode: 0 })
    expect(broker.group('g').offsets).toEqual([])
    expect(await end({ ...producer, ...next }, true)).toMatchObject({ errorCode: 48 })
  })

  it('does not begin with what an older producer sends', async () => {
    const { init, send, end } = start()
    const producer = await init()
    expect(await send(producer, 0, 1)).toBe(48)
    expect(await end(producer, true)).toBe(48)
  })
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

it('fences both where a producer comes once more with an identity whose successor has a transaction open (KIP-360)', async () => {
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
  expect(await again(second)).toMatchObject({ errorCode: 90 })
  expect(await end(second, true)).toBe(90)
  const third = await init()
  await add(third)
  expect([await send(third, 0, 2), await end(third, true)]).toEqual([0, 0])
  expect(await read(1)).toEqual([2])
})

it('speaks to producers only what they speak', async () => {
  const { client } = start()
  const { apiKeys } = await client.call(apiVersions!, 0, {})
  expect(apiKeys).toContainEqual({ apiKey: 24, minVersion: 0, maxVersion: 3 })
  expect(apiKeys).toContainEqual({ apiKey: 22, minVersion: 0, maxVersion: 5 })
})

it('refuses a time-out beyond the longest one, and one that is none', async () => {
  const broker = new TestBroker()
  brokers.push(broker)
  const client = new WireClient(connect(broker, { maxTransactionTimeoutMs: 5000 }))
  const init = async (transactionTimeoutMs: number) =>
    (await client.call(initProducerId!, 4, { transactionalId: 'tx', transactionTimeoutMs })).errorCode
  expect(await init(5001)).toBe(50)
  expect(await init(0)).toBe(50)
  expect(await init(5000)).toBe(0)
})

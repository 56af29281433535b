import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { start } from './transactions-scene.ts'

const { addOffsetsToTxn, txnOffsetCommit, offsetFetch, endTxn, joinGroup, metadata } =
  apis as unknown as Readonly<Record<string, Api>>

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

it('refuses offsets of a transaction whose id is empty', async () => {
  const { client, init } = start()
  const { producerId, producerEpoch } = await init()
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 5 }] }]
  const asked = { transactionalId: '', producerId, producerEpoch, groupId: 'g', topics }
  const answers = [
    await client.call(txnOffsetCommit!, 3, asked),
    await client.call(txnOffsetCommit!, 5, asked),
  ]
  expect(answers.map(answer => answer.topics[0].partitions[0].errorCode)).toEqual([42, 42])
})

it('takes topics by their ids from a producer that names them so', async () => {
  const { broker, client, init, end } = start()
  const { topicId } = (await client.call(metadata!, 12, { topics: [{ name: 'orders' }] })).topics[0]
  const unknown = '00000000-0000-0000-0000-000000000001'
  const producer = await init()
  const offset = (partitionIndex: number) => ({ partitionIndex, committedOffset: 5, committedMetadata: '' })
  const answer = await client.call(txnOffsetCommit!, 6, {
    transactionalId: 't',
    ...producer,
    groupId: 'g',
    topics: [
      { topicId, partitions: [offset(0), offset(9)] },
      { topicId: unknown, partitions: [offset(0)] },
    ],
  })
  const told = (partitionIndex: number, errorCode: number) => ({ partitionIndex, errorCode })
  expect(answer.topics).toMatchObject([
    { topicId, partitions: [told(0, 0), told(9, 3)] },
    { topicId: unknown, partitions: [told(0, 100)] },
  ])
  expect(await end(producer, true)).toBe(0)
  expect(broker.group('g').offsets).toMatchObject([{ topic: 'orders', partition: 0, offset: 5 }])
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
  expect(await commit({ memberId: 'gone', generationIdOrMemberEpoch: 3 })).toBe(25)
  expect(await commit({})).toBe(0)
  expect(broker.groups.get('g')).toBeUndefined()
  expect(await end({ producerId, producerEpoch }, true)).toBe(0)
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 5, metadata: 'm' })
})

// Java's producer could not be used any more if it were told of a rebalance.
it('commits in a transaction offsets of a classic member whose leader has not assigned yet', async () => {
  const { broker, client, init, addGroup, end } = start()
  const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }]
  const { memberId, generationId: generationIdOrMemberEpoch } = await client.call(joinGroup!, 3, {
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
  const commit = {
    transactionalId: 't',
    ...producer,
    groupId: 'g',
    memberId,
    generationIdOrMemberEpoch,
    topics,
  }
  const answer = await client.call(txnOffsetCommit!, 3, commit)
  expect(answer.topics[0].partitions[0].errorCode).toBe(0)
  expect(await end(producer, true)).toBe(0)
  expect(broker.group('g').committed({ topic: 'orders', partition: 0 })).toMatchObject({ offset: 5 })
})

it('takes whoever names a place, and no member, for a member', async () => {
  const { broker, client, init, addGroup } = start()
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => {} })
  const producer = await init()
  await addGroup(producer)
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 5 }] }]
  const commit = async (groupInstanceId: string | null) => {
    const asked = { transactionalId: 't', ...producer, groupId: 'g', groupInstanceId, topics }
    return (await client.call(txnOffsetCommit!, 3, asked)).topics[0].partitions[0].errorCode
  }
  expect([await commit('place'), await commit(null)]).toEqual([25, 0])
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
    { memberId: 'nobody', generationIdOrMemberEpoch: -1 },
    { memberId: '', generationIdOrMemberEpoch: 1 },
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
    name = 'orders',
  ) => {
    const topics = all ? null : [{ name, partitionIndexes: [partition] }]
    const request = version < 8 ? { groupId, topics } : { groups: [{ groupId, topics }] }
    const answer = await client.call(offsetFetch!, version, { ...request, requireStable })
    const [{ committedOffset, errorCode }] = (version < 8 ? answer : answer.groups[0]).topics[0].partitions
    return errorCode === 0 ? committedOffset : errorCode
  }
  broker.topic('orders').addPartitions(2)
  broker.createTopic('bills')
  const read = ['orders', 'bills'] as 'orders'[]
  for (const groupId of ['g', 'h']) broker.createGroup(groupId, { topics: read })
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
    expect(await committed(true, 8, false, 0, 'g', 'bills')).toBe(0)
    expect(await committed(false)).toBe(0)
    expect(await end(producer, commits)).toBe(0)
    expect(await committed(true)).toBe(commits ? 5 : 0)
  }
})

it('aborts where the topic of an offset was deleted meanwhile, even if it is there again', async () => {
  const { broker, client, init, add, addGroup, send, end, read } = start()
  broker.createTopic('in', { partitions: 1 })
  const producer = await init()
  await add(producer)
  await addGroup(producer)
  await send(producer, 0, 1)
  const topics = [{ name: 'in', partitions: [{ partitionIndex: 0, committedOffset: 5 }] }]
  await client.call(txnOffsetCommit!, 2, { transactionalId: 't', ...producer, groupId: 'g', topics })
  broker.deleteTopic('in' as never)
  broker.createTopic('in', { partitions: 1 })
  expect(await end(producer, true)).toBe(90)
  expect(await read(1)).toEqual([])
  expect(broker.groups.get('g')).toBeUndefined()
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

it('commits the offsets whose metadata is not too long, as OffsetCommit does', async () => {
  const { broker, client, init, add, addGroup, end } = start()
  broker.topic('orders').addPartitions(2)
  const producer = await init()
  await add(producer)
  await addGroup(producer, 'g')
  const { producerId, producerEpoch } = producer
  const commit = async (version: number, texts: readonly string[], more: object = {}) => {
    const partitions = texts.map((committedMetadata, partitionIndex) => ({
      partitionIndex,
      committedOffset: 5,
      committedMetadata,
    }))
    const identity = { transactionalId: 't', producerId, producerEpoch, groupId: 'g', ...more }
    const answer = await client.call(txnOffsetCommit!, version, {
      ...identity,
      topics: [{ name: 'orders', partitions }],
    })
    return answer.topics[0].partitions.map(({ errorCode }: any) => errorCode)
  }
  const long = 'x'.repeat(4097)
  for (const version of [0, 3, 5]) {
    expect(await commit(version, [long, 'x'])).toEqual([12, 0])
    expect(await commit(version, ['x', long])).toEqual([0, 12])
    expect(await commit(version, [long])).toEqual([12])
  }
  // What the whole request is refused for comes first.
  expect(await commit(3, [long], { producerEpoch: producerEpoch + 1 })).toEqual([47])
  expect(await commit(3, [long], { memberId: 'nobody', generationIdOrMemberEpoch: 1 })).toEqual([25])
  expect(await end(producer, true)).toBe(0)
  expect(broker.group('g').offsets).toMatchObject([
    { partition: 0, offset: 5, metadata: 'x' },
    { partition: 1, offset: 5, metadata: 'x' },
  ])
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

import { expect, it } from 'vitest'
import { UnknownMemberIdError } from '../../src/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { errors, start } from './mixed-groups-scene.ts'

const { addOffsetsToTxn, endTxn, initProducerId, offsetCommit, offsetFetch, txnOffsetCommit } =
  apis as unknown as Readonly<Record<string, Api>>

it('takes what a classic client commits under any generation since it got the partition, as whichever instance', async () => {
  const { client, classic, join } = start()
  const a = await classic().lead()
  await join('k')
  await a.join([0, 1, 2, 3])
  await a.sync()
  await a.join([0, 2])
  await a.sync()
  const commit = async (generation: number, partition: number, groupInstanceId: string | null = null) => {
    const partitions = [{ partitionIndex: partition, committedOffset: 1, committedMetadata: '' }]
    const answer = await client.call(offsetCommit!, 8, {
      groupId: 'g',
      memberId: a.memberId,
      generationIdOrMemberEpoch: generation,
      groupInstanceId,
      topics: [{ name: 'orders', partitions }],
    })
    return answer.topics[0].partitions[0].errorCode
  }
  expect(a.generationId).toBe(2)
  expect(await commit(1, 0)).toBe(0)
  expect(await commit(1, 1)).toBe(errors.ILLEGAL_GENERATION)
  expect(await commit(3, 0)).toBe(errors.ILLEGAL_GENERATION)
  expect(await commit(-1, 0)).toBe(errors.ILLEGAL_GENERATION)
  // A group that assigns goes by members' ids alone.
  expect(await commit(2, 0, 'one')).toBe(0)
})

it('[66] refuses what a consumer with assign commits while classic clients have the group, at once and in a transaction', async () => {
  const { broker, classic } = start()
  const a = await classic().lead()
  const tp = { topic: 'orders' as const, partition: 0 }
  const consumer = broker.consumer({ groupId: 'g', assign: [tp], autoCommit: false })
  await broker.producer().send({ topic: 'orders', partition: 0, value: 'v' })
  expect(await consumer.poll()).toHaveLength(1)
  const refused = { name: 'CommitFailedError', code: 'UNKNOWN_MEMBER_ID', groupId: 'g' }
  await expect(consumer.commit()).rejects.toMatchObject(refused)
  const producer = broker.producer({ transactionalId: 't' })
  await expect(producer.transaction(tx => tx.sendOffsets(consumer))).rejects.toMatchObject(refused)
  expect(broker.group('g').committed(tp)).toBeNull()
  await a.leave()
  await consumer.commit()
  expect(broker.group('g').committed(tp)).toEqual({ offset: 1 })
})

it('is not given beginnings by createGroup while classic clients have it', async () => {
  const { broker, classic } = start()
  const a = await classic().lead()
  const create = () => broker.createGroup('g', { topics: ['orders'] })
  expect(create).toThrow(UnknownMemberIdError)
  const tp = { topic: 'orders', partition: 0 } as const
  expect(broker.group('g').committed(tp)).toBeNull()
  await a.leave()
  expect(create().committed(tp)).toEqual({ offset: 0 })
})

it('keeps what classic clients read and have not committed, where a topic keeps what is unread', async () => {
  const { broker, classic } = start()
  broker.topic('orders').alter({ cleanupPolicy: 'consumed' })
  const a = await classic().lead()
  const other = broker.consumer({ groupId: 'other', topics: ['orders'] })
  await other.run({ eachRecord: () => {} })
  await broker.producer().send({ topic: 'orders', value: 1, partition: 0 })
  await broker.group('other').caughtUp()
  expect(broker.topic('orders').records()).toHaveLength(1)
  await a.commit(0)
  expect(broker.topic('orders').records()).toEqual([])
})

it('tells a classic member of a group that assigns what is committed, whether or not it says its generation', async () => {
  const { client, classic, join } = start()
  await join('k')
  const a = classic()
  await a.join()
  const topics = [{ name: 'orders', partitionIndexes: [0] }]
  const fetched = async (memberEpoch: number) => {
    const groups = [{ groupId: 'g', memberId: a.memberId, memberEpoch, topics }]
    return (await client.call(offsetFetch!, 9, { groups })).groups[0].errorCode
  }
  expect([await fetched(-1), await fetched(a.generationId)]).toEqual([0, 0])
  expect(await fetched(a.generationId + 1)).toBe(errors.ILLEGAL_GENERATION)
})

it('counts for idle what a classic client of a mixed group has committed', async () => {
  const { broker, classic, own } = start()
  const a = await classic().lead()
  const running = own().run({ eachRecord: () => {} })
  await a.join()
  await a.sync()
  await running
  const producer = broker.producer()
  for (let partition = 0; partition < 4; partition++) {
    await producer.send({ topic: 'orders', value: partition, partition })
  }
  const idle = broker.idle({ timeoutMs: 100 })
  const refused = expect(idle).rejects.toThrow(/orders-0: 1 .*orders-2: 1/)
  await broker.advance(100)
  await refused
  await a.commit(0)
  await a.commit(2)
  await broker.idle()
})

it('keeps what classic clients have committed while they are there, and for its time from then on', async () => {
  const { broker, classic } = start()
  const days = (count: number) => count * 86_400_000
  const a = classic()
  await a.join([], { sessionTimeoutMs: days(20) })
  await a.sync({ [a.memberId]: [0, 1, 2, 3] })
  await a.commit(0)
  await broker.advance(days(8))
  const group = broker.group('g')
  expect(group.offsets).toHaveLength(1)
  expect(() => group.setOffsets('earliest')).toThrow(/members on the wire/)
  await a.leave()
  group.setOffsets([{ topic: 'orders', partition: 0, offset: 0 }])
  await broker.advance(days(7) - 1)
  expect(group.offsets).toHaveLength(1)
  await broker.advance(1)
  expect(group.state).toBe('Dead')
})

it('counts the offsets of a transaction under a generation in which they may have been read', async () => {
  const { broker, client, classic, join } = start()
  const a = await classic().lead()
  await join('k')
  await a.join()
  const transaction = async (partition: number, generationIdOrMemberEpoch: number) => {
    const producer = await client.call(initProducerId!, 4, {
      transactionalId: 't',
      transactionTimeoutMs: 9999,
    })
    const who = {
      transactionalId: 't',
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
    }
    await client.call(addOffsetsToTxn!, 3, { ...who, groupId: 'g' })
    const partitions = [{ partitionIndex: partition, committedOffset: 7, committedMetadata: '' }]
    const answer = await client.call(txnOffsetCommit!, 3, {
      ...who,
      ...a.identity,
      generationIdOrMemberEpoch,
      topics: [{ name: 'orders', partitions }],
    })
    await client.call(endTxn!, 3, { ...who, committed: true })
    return answer.topics[0].partitions[0].errorCode
  }
  expect(await transaction(0, a.generationId + 1)).toBe(errors.ILLEGAL_GENERATION)
  for (const generation of [a.generationId - 1, a.generationId]) {
    expect(await transaction(1, generation)).toBe(errors.ILLEGAL_GENERATION)
  }
  expect(await transaction(0, a.generationId)).toBe(0)
  expect(broker.group('g').offsets).toEqual([{ topic: 'orders', partition: 0, offset: 7 }])
})

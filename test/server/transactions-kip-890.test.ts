import { describe, expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { sequencedBatch } from '../helpers/wire-client.ts'
import { type Identity, start } from './transactions-scene.ts'

const {
  initProducerId,
  produce,
  txnOffsetCommit,
  endTxn,
  consumerGroupHeartbeat,
  describeProducers,
  metadata,
} = apis as unknown as Readonly<Record<string, Api>>

function identityOf({ producerId, producerEpoch }: Identity): Identity {
  return { producerId, producerEpoch }
}

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
    const initAs = (known: Identity, transactionTimeoutMs = 10_000) =>
      client.call(initProducerId!, 5, { transactionalId: 't', transactionTimeoutMs, ...identityOf(known) })
    return { ...started, initAs, send, end, commitOffset }
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

  // (Kafka: ReplicaManager.handleProduceAppend)
  it('begins also with what is too large for its topic, and says before whose that is no longer', async () => {
    const { broker, init, send, end } = newer()
    broker.topic('orders').alter({ maxMessageBytes: 60 })
    const first = await init()
    expect(await send(first, 0, 1)).toBe(10)
    expect(await end(first, true)).toMatchObject({ errorCode: 0 })
    expect(await send(first, 0, 1)).toBe(47)
  })

  it('ends in a topic that was made anew while it was open', async () => {
    const { broker, client, init, send, end, read } = newer()
    const first = await init()
    await send(first, 0, 1)
    await broker.deleteTopic('orders')
    await broker.createTopic('orders')
    await send(first, 0, 2)
    const { producerId, producerEpoch } = await end(first, true)
    expect(await read(1)).toEqual([2])
    const asked = { topics: [{ name: 'orders', partitionIndexes: [0] }] }
    const { topics } = await client.call(describeProducers!, 0, asked)
    const producer = { producerId, producerEpoch, coordinatorEpoch: 0, currentTxnStartOffset: -1 }
    expect(topics[0].partitions[0].activeProducers).toMatchObject([producer])
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

  it('gives a producer that has not heard of its last epoch that very epoch, and the next one to one that has', async () => {
    const { init, initAs, send, end, read } = newer()
    const first = await init()
    await send(first, 0, 1)
    const second = await end(first, true)
    expect(await initAs(first)).toMatchObject({ errorCode: 0, producerEpoch: second.producerEpoch })
    expect(await initAs(first)).toMatchObject({ errorCode: 0, producerEpoch: second.producerEpoch })
    expect(await end(first, true)).toMatchObject({ errorCode: 90 })
    expect(await send(second, 0, 2)).toBe(0)
    const third = await end(second, false)
    const fourth = await initAs(third)
    expect(fourth).toMatchObject({ errorCode: 0, producerEpoch: third.producerEpoch + 1 })
    expect(await initAs(second)).toMatchObject({ errorCode: 90 })
    expect(await send(fourth, 0, 3)).toBe(0)
    await end(fourth, true)
    expect(await read(1)).toEqual([1, 3])
  })

  it('aborts the transaction of a producer that asks for its next epoch meanwhile, and raises it by one', async () => {
    const { init, initAs, send, end, read } = newer()
    const first = await init()
    await send(first, 0, 1)
    const second = await initAs(first)
    expect(second).toMatchObject({ errorCode: 0, producerEpoch: first.producerEpoch + 1 })
    expect(await initAs(first)).toEqual(second)
    expect(await end(first, false)).toMatchObject({ errorCode: 90 })
    expect(await send(second, 0, 2)).toBe(0)
    expect(await end(second, true)).toMatchObject({ errorCode: 0 })
    expect(await read(1)).toEqual([2])
  })

  it('lets a producer go on whose transaction was aborted by one that had not heard of its epoch', async () => {
    const { init, initAs, send, end, read } = newer()
    const first = await init()
    const second = await initAs(first)
    await send(second, 0, 1)
    expect(await initAs(first)).toMatchObject({ errorCode: 51 })
    expect(await end(second, true)).toMatchObject({ errorCode: 48 })
    const third = await end(second, false)
    expect(third).toMatchObject({ errorCode: 0, producerEpoch: second.producerEpoch + 1 })
    expect(await initAs(first)).toMatchObject({ errorCode: 90 })
    expect(await initAs(second)).toMatchObject({ errorCode: 0, producerEpoch: third.producerEpoch })
    expect(await send(third, 0, 2)).toBe(0)
    await end(third, true)
    expect(await read(1)).toEqual([2])
  })

  it('raises the epoch by one for a producer that comes after the transactions of an older client', async () => {
    const { init, initAs, add, send, end, client } = newer()
    const first = await init()
    for (const sequence of [0, 1, 2]) {
      await add(first)
      await send(first, sequence, 1)
      const older = { transactionalId: 't', ...identityOf(first), committed: true }
      expect(await client.call(endTxn!, 4, older)).toMatchObject({ errorCode: 0 })
    }
    const second = await initAs(first)
    expect(second).toMatchObject({ errorCode: 0, producerEpoch: first.producerEpoch + 1 })
    await send(second, 0, 2)
    await end(second, true)
    // A third producer comes after the open transaction of the second is aborted.
    await send({ ...second, producerEpoch: second.producerEpoch + 1 }, 0, 3)
    expect((await init()).producerEpoch).toBe(second.producerEpoch + 3)
  })

  it('takes the time-out with which a producer comes again', async () => {
    const { broker, init, initAs, send, end } = newer()
    const first = await init()
    await send(first, 0, 1)
    await end(first, true)
    const second = await initAs(first, 1000)
    await send(second, 0, 2)
    await broker.advance(1000)
    expect(await send(second, 1, 3)).toBe(120)
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
    expect(await commitOffset(first, 5, { memberId: 'reader', generationIdOrMemberEpoch: memberEpoch })).toBe(
      0,
    )
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
    const { topicId } = (await client.call(metadata!, 12, { topics: [{ name: 'orders' }] })).topics[0]
    const commitOffset = async (
      version: number,
      { producerId, producerEpoch }: Identity,
      generationIdOrMemberEpoch: number,
    ) => {
      const topics = [{ name: 'orders', topicId, partitions: [{ partitionIndex: 0, committedOffset: 5 }] }]
      const identity = { producerId, producerEpoch, memberId: 'a', generationIdOrMemberEpoch }
      const asked = { transactionalId: 't', groupId: 'g', ...identity, topics }
      return (await client.call(txnOffsetCommit!, version, asked)).topics[0].partitions[0].errorCode
    }
    const producer = await init()
    // Since KIP-1319 a producer knows STALE_MEMBER_EPOCH.
    expect([await commitOffset(5, producer, 7), await commitOffset(6, producer, 7)]).toEqual([22, 113])
    expect(await commitOffset(5, producer, 2)).toBe(0)
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

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  Broker,
  headersOf,
  json,
  type OpenTopics,
  type Producer,
  type PubSub,
  topic,
} from '../../src/index.ts'
import { connect, type KafkaConnection, mirror } from '../../src/kafka/index.ts'
import { serve, WireFaults } from '../../src/server/index.ts'
import { numbers, readAll, sendNumbers, values } from './collect.ts'

const topics = {
  orders: topic<number>({ partitions: 2 }),
  prices: topic<number>({ cleanupPolicy: 'compact', codec: json }),
}

let broker: Broker<OpenTopics>
let bus: KafkaConnection<OpenTopics>
let remote: Broker<OpenTopics>
let faults: WireFaults

// The cluster of a program that has outgrown its process.
beforeEach(async () => {
  broker = new Broker({ topics }) as Broker<OpenTopics>
  remote = new Broker() as Broker<OpenTopics>
  faults = new WireFaults()
  const server = await serve(remote, { consumerHeartbeatIntervalMs: 50, faults })
  const options = { bootstrapBrokers: [server.address], topics, createTopics: true, fetchMaxWaitMs: 50 }
  bus = (await connect(options)) as unknown as KafkaConnection<OpenTopics>
})
afterEach(async () => {
  await bus.close({ timeoutMs: 1000 })
  await Promise.all([broker.close(), remote.close()])
})

/** Reads for a group up to a number of records, or to the end, and commits what it has read. */
async function readOn(place: PubSub<OpenTopics>, groupId: string, name: string, count = Infinity) {
  const consumer = place.consumer({ groupId, topics: [name], autoCommit: false, maxPollRecords: 1 })
  const seen: unknown[] = []
  await consumer.ready()
  const { partitions } = await place.admin.describeTopic(name)
  const atEnd = () =>
    partitions.every(
      ({ partition, highWatermark }) => consumer.position({ topic: name, partition }) === highWatermark,
    )
  while (seen.length < count && !(count === Infinity && atEnd())) {
    const records = await consumer.poll({ timeoutMs: 100 })
    seen.push(...values(records))
    await consumer.commit()
  }
  await consumer.close()
  return seen
}

describe('mirroring', () => {
  it.each([
    ['well', false],
    ['with an error', true],
  ])('closes its producer when it ends %s', async (_how, fails) => {
    await sendNumbers(broker, 'orders', 1)
    if (fails) faults.fail({ api: 'Produce' }, 'TOPIC_AUTHORIZATION_FAILED')
    const producers: Producer<OpenTopics>[] = []
    const producer: typeof bus.producer = options => {
      producers.push(bus.producer(options))
      return producers[0]!
    }
    await mirror(broker, { admin: bus.admin, producer }).catch(() => {})
    await expect(producers[0]!.send({ topic: 'orders', value: 1 })).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('copies each partition in order, with keys, headers and timestamps', async () => {
    const headers = [
      ['trace', 'a'],
      ['trace', 'b'],
      ['raw', Uint8Array.of(255, 0)],
    ] as const
    const producer = broker.producer()
    await producer.send({
      topic: 'orders',
      partition: 1,
      key: 'ada',
      value: 1,
      headers,
      timestamp: 1_700_000_000_000,
    })
    await producer.send({ topic: 'orders', partition: 1, value: null, timestamp: 1_700_000_000_001 })
    await sendNumbers(broker, 'orders', 1200)
    const { topics: copied } = await mirror(broker, bus, { topics: ['orders'] })
    expect(copied).toEqual([{ topic: 'orders', records: 1202 }])
    const there = await readAll(bus, 'orders')
    expect(values(there)).toEqual([...numbers(1200), 1, null])
    expect(there).toEqual(await readAll(broker, 'orders'))
    expect(headersOf(there[1200]!)).toEqual(headers)
  })

  it('lets a group go on exactly where it was, whatever gaps the log has here', async () => {
    await sendNumbers(broker, 'orders', 10)
    await broker.admin.deleteRecords([{ topic: 'orders', partition: 0, offset: 3 }])
    const transactional = broker.producer({ transactionalId: 'payments' })
    const aborted = transactional.transaction(async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: -1 })
      throw new Error('no')
    })
    await expect(aborted).rejects.toThrow('no')
    await transactional.transaction(async tx => {
      for (const value of [10, 11, 12]) await tx.send({ topic: 'orders', partition: 0, value })
    })
    await sendNumbers(broker, 'orders', 3, n => ({ partition: 0, value: 13 + n }))
    const keyOf = (n: number) => ({ key: String(n % 2 === 0 ? 'same' : n) })
    await sendNumbers(broker, 'prices', 20, keyOf)
    broker.topic('prices').compact()
    const prices = values(await readAll(broker, 'prices'))
    expect(prices).toHaveLength(11)

    // One group for each place that it could have come to.
    const expected = new Map<string, readonly unknown[]>()
    for (const [name, all] of [
      ['orders', numbers(13, 3)],
      ['prices', prices],
    ] as const) {
      for (let read = 1; read <= all.length; read++) {
        expect(await readOn(broker, `${name}.${read}`, name, read)).toEqual(all.slice(0, read))
        expected.set(`${name}.${read}`, all.slice(read))
      }
    }
    await mirror(broker, bus, { maxRecords: 4 })
    for (const [groupId, rest] of expected)
      expect([groupId, await readOn(bus, groupId, groupId.split('.')[0]!)]).toEqual([groupId, rest])
  })

  it('stands before the next record, wherever in a gap a group stands here', async () => {
    const producer = broker.producer({ transactionalId: 'payments' })
    for (let n = 0; n < 4; n++) {
      await sendNumbers(broker, 'orders', 2)
      const aborted = producer.transaction(async tx => {
        for (const value of numbers(3)) await tx.send({ topic: 'orders', partition: 0, value })
        throw new Error('no')
      })
      await expect(aborted).rejects.toThrow('no')
    }
    await broker.admin.deleteRecords([{ topic: 'orders', partition: 0, offset: 4 }])
    const records = await readAll(broker, 'orders')
    const end = broker.topic('orders').partitions[0]!.highWatermark
    const places = numbers(end + 1)
    const at = (offset: number) => ({ topic: 'orders', partition: 0, offset })
    for (const offset of places) await broker.admin.setGroupOffsets(`g${offset}`, [at(offset)])
    const { groups } = await mirror(broker, bus)
    const before = (offset: number) => records.filter(record => record.offset < offset).length
    expect(groups).toEqual(places.map(offset => ({ groupId: `g${offset}`, offsets: [at(before(offset))] })))
  })

  it('gives what was committed, with its metadata, the end for the end, and nothing for nothing', async () => {
    await sendNumbers(broker, 'orders', 4)
    await broker.admin.deleteRecords([{ topic: 'orders', partition: 0, offset: 2 }])
    await sendNumbers(broker, 'orders', 2, () => ({ partition: 1 }))
    const orders = (partition: number, offset: number) => ({ topic: 'orders', partition, offset })
    await broker.admin.setGroupOffsets('behind', [{ ...orders(0, 1), metadata: 'shard 7' }])
    await broker.admin.setGroupOffsets('ended', [orders(0, 4), orders(1, 2)])
    const { groups } = await mirror(broker, bus)
    expect(groups).toEqual([
      { groupId: 'behind', offsets: [{ ...orders(0, 0), metadata: 'shard 7' }] },
      { groupId: 'ended', offsets: [orders(0, 2), orders(1, 2)] },
    ])
    for (const { groupId, offsets } of groups)
      expect(await bus.admin.listGroupOffsets(groupId)).toEqual(offsets)
  })

  it('commits nothing there for a group that has committed nothing of these topics', async () => {
    await broker.admin.setGroupOffsets('g', [{ topic: 'prices', partition: 0, offset: 0 }])
    faults.fail({ api: 'OffsetCommit' }, 'GROUP_AUTHORIZATION_FAILED')
    const { groups } = await mirror(broker, bus, { topics: ['orders'], groups: ['g'] })
    expect(groups).toEqual([{ groupId: 'g', offsets: [] }])
    expect(faults.unused).toHaveLength(1)
  })

  it('copies what is sent, and counts what is committed, while it copies', async () => {
    const at = (offset: number) => [{ topic: 'orders', partition: 0, offset }]
    await sendNumbers(broker, 'orders', 10)
    await broker.admin.setGroupOffsets('g', at(1))
    const held = faults.pauseNext({ api: 'Produce' })
    const running = mirror(broker, bus, { topics: ['orders'], maxRecords: 2 })
    await held.entered
    await sendNumbers(broker, 'orders', 5, n => ({ partition: 0, value: 10 + n }))
    await broker.admin.setGroupOffsets('g', at(12))
    held.release()
    expect((await running).topics).toEqual([{ topic: 'orders', records: 15 }])
    expect(await readOn(bus, 'g', 'orders')).toEqual([12, 13, 14])
  })

  it('passes over what is deleted here while it copies', async () => {
    await sendNumbers(broker, 'orders', 10)
    const held = faults.pauseNext({ api: 'Produce' })
    const running = mirror(broker, bus, { topics: ['orders'], maxRecords: 2 })
    await held.entered
    await broker.admin.deleteRecords([{ topic: 'orders', partition: 0, offset: 7 }])
    held.release()
    await running
    expect(values(await readAll(bus, 'orders'))).toEqual([0, 1, 7, 8, 9])
  })

  it('is refused at its end where a transaction was begun while it copied', async () => {
    await sendNumbers(broker, 'orders', 10)
    await broker.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 0, offset: 1 }])
    const held = faults.pauseNext({ api: 'Produce' })
    const running = mirror(broker, bus, { topics: ['orders'] })
    await held.entered
    await broker.producer({ transactionalId: 'payments' }).transaction(async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: 10 })
      held.release()
      await expect(running).rejects.toMatchObject({ code: 'ILLEGAL_STATE', partition: 0, offset: 10 })
    })
    expect(await bus.admin.listGroups()).toEqual([])
  })

  it('gives no group an offset where a record could not be written', async () => {
    await sendNumbers(broker, 'orders', 10)
    await broker.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 0, offset: 1 }])
    faults.fail({ api: 'Produce' }, 'TOPIC_AUTHORIZATION_FAILED')
    await expect(mirror(broker, bus)).rejects.toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
    expect(await bus.admin.listGroups()).toEqual([])
    await mirror(broker, bus)
    expect(await readOn(bus, 'g', 'orders')).toEqual(numbers(9, 1))
  })

  it('moves one topic after the other', async () => {
    for (const name of ['orders', 'prices']) {
      await sendNumbers(broker, name, 4, n => ({ key: String(n), partition: 0 }))
      await broker.admin.setGroupOffsets('g', [{ topic: name, partition: 0, offset: 3 }])
    }
    await mirror(broker, bus, { topics: ['orders'] })
    await mirror(broker, bus, { topics: ['prices'] })
    expect(await readOn(bus, 'g', 'orders')).toEqual([3])
    expect(await readOn(bus, 'g', 'prices')).toEqual([3])
  })
})

describe('a mirror is refused, and writes nothing', () => {
  beforeEach(async () => {
    await sendNumbers(broker, 'orders', 4)
    await broker.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 0, offset: 2 }])
  })

  const records = async () => (await bus.admin.describeTopic('orders')).partitions[0]!.highWatermark

  it('where a topic or a group is missing, here or there', async () => {
    const groups = ['unknown']
    await expect(mirror(broker, bus, { groups })).rejects.toMatchObject({
      code: 'GROUP_ID_NOT_FOUND',
      groupId: 'unknown',
    })
    await expect(mirror(broker, bus, { topics: ['order'] })).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      suggestions: ['orders'],
    })
    broker.createTopic('late')
    await expect(mirror(broker, bus)).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      topic: 'late',
      message: expect.stringContaining(`the cluster has no topic 'late'`),
    })
    expect(await records()).toBe(0)
  })

  it('where a topic has another number of partitions', async () => {
    await bus.admin.addPartitions('orders', 3)
    await expect(mirror(broker, bus)).rejects.toMatchObject({
      code: 'INVALID_PARTITIONS',
      topic: 'orders',
      expected: '2',
      received: 3,
    })
    expect(await records()).toBe(0)
  })

  it('where a group has members there', async () => {
    const consumer = bus.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.ready()
    await expect(mirror(broker, bus)).rejects.toMatchObject({ code: 'NON_EMPTY_GROUP', groupId: 'g' })
    expect(await records()).toBe(0)
  })

  it('where a group has offsets there', async () => {
    await bus.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 1, offset: 0 }])
    await expect(mirror(broker, bus)).rejects.toMatchObject({
      code: 'ILLEGAL_STATE',
      groupId: 'g',
      topic: 'orders',
      partition: 1,
    })
    expect(await records()).toBe(0)
  })

  it('where there are records already, until they are deleted', async () => {
    await sendNumbers(bus, 'orders', 3)
    await expect(mirror(broker, bus)).rejects.toMatchObject({
      code: 'ILLEGAL_STATE',
      topic: 'orders',
      partition: 0,
    })
    expect(await bus.admin.listGroups()).not.toContain('g')
    await bus.admin.deleteRecords([{ topic: 'orders', partition: 0, offset: 3 }])
    await mirror(broker, bus)
    expect(await bus.admin.listGroupOffsets('g')).toEqual([{ topic: 'orders', partition: 0, offset: 5 }])
    expect(await readOn(bus, 'g', 'orders')).toEqual([2, 3])
  })

  it('where a transaction is open', async () => {
    const producer = broker.producer({ transactionalId: 'payments' })
    await producer.transaction(async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: 4 })
      await expect(mirror(broker, bus)).rejects.toMatchObject({
        code: 'ILLEGAL_STATE',
        topic: 'orders',
        partition: 0,
        offset: 4,
      })
    })
    expect(await records()).toBe(0)
  })

  it('where an option cannot be', async () => {
    await expect(mirror(broker, bus, { maxRecords: 0 })).rejects.toMatchObject({ option: 'maxRecords' })
    await expect(mirror(broker, bus, { topics: 'orders' } as never)).rejects.toMatchObject({
      option: 'topics',
    })
  })
})

import { setTimeout } from 'node:timers/promises'
import { type ConsumerConfig, Kafka, logLevel, type ProducerConfig } from 'kafkajs'
import { afterEach, expect, it } from 'vitest'
import { Broker, ClosedError, json, topic } from '../../src/index.ts'
import { connect, socketFactory } from '../../src/server/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { schemaOf } from '../helpers/schema.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const orders = { orders: topic({ partitions: 3 }) }

function start(topics: object = orders, Kind: typeof Broker = Broker) {
  const broker = new Kind({ topics: topics as typeof orders })
  const kafka = new Kafka({
    clientId: 'shop',
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker),
    logLevel: logLevel.NOTHING,
    retry: { retries: 2 },
  })
  open.push(() => broker.close())
  const producer = async (options: ProducerConfig = {}) => {
    const made = kafka.producer(options)
    open.push(() => made.disconnect())
    await made.connect()
    return made
  }
  const consumer = async (groupId: string, options: Partial<ConsumerConfig> = {}) => {
    // Its own waits are real time, so they are short here.
    const made = kafka.consumer({ groupId, maxWaitTimeInMs: 20, heartbeatInterval: 20, ...options })
    open.push(() => made.disconnect())
    await made.connect()
    return made
  }
  return { broker, kafka, producer, consumer }
}

it('produces, and a consumer of this process reads what the JSON says', async () => {
  const { broker, producer } = start()
  const seen: unknown[] = []
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: ({ key, value, headers, partition }) => void seen.push({ key, value, headers, partition }),
  })
  const shop = await producer()
  const sent = await shop.send({
    topic: 'orders',
    messages: [{ key: 'a', value: JSON.stringify({ id: 1 }), headers: { trace: 'x' }, partition: 2 }],
  })
  expect(sent).toMatchObject([{ topicName: 'orders', partition: 2, errorCode: 0, baseOffset: '0' }])
  await broker.idle()
  expect(seen).toEqual([{ key: 'a', value: { id: 1 }, headers: { trace: 'x' }, partition: 2 }])
})

it('refuses connections once its broker is closed, as a port where nobody listens', async () => {
  const { broker, kafka, producer, consumer } = start()
  const shop = await producer({ retry: { retries: 0 } })
  const billing = await consumer('billing')
  await billing.subscribe({ topic: 'orders' })
  await billing.run({ eachMessage: async () => {} })
  let rejoined = false
  await broker.group('billing').stable()
  billing.on('consumer.group_join', () => {
    rejoined = true
  })
  const crashed = new Promise(resolve => void billing.on('consumer.crash', resolve))
  await broker.close()
  await expect(shop.send({ topic: 'orders', messages: [{ value: '1' }] })).rejects.toThrow(/connection/i)
  await expect(kafka.admin({ retry: { retries: 0 } }).connect()).rejects.toThrow('ECONNREFUSED')
  await crashed
  expect(rejoined).toBe(false)
})

it('is a socket that never connects, and says why, where its broker is closed', async () => {
  const broker = new Broker()
  const factory = socketFactory(broker)
  const socket = connect(broker)
  await broker.close()
  const told = await new Promise(resolve => {
    const request = { host: 'in-process', port: 9092, onConnect: () => resolve('connected') }
    factory(request).on('error', resolve)
  })
  expect(told).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' })
  expect(() => connect(broker)).toThrow(ClosedError)
  expect(() => socketFactory(broker)).toThrow(ClosedError)
  socket.destroy()
})

it('puts a key on the same partition as a producer of this process', async () => {
  const { broker, producer } = start({ orders: topic({ partitions: 12 }) })
  const shop = await producer()
  const keys = Array.from({ length: 50 }, (_, i) => `customer-${i}`)
  await shop.send({ topic: 'orders', messages: keys.map(key => ({ key, value: '1' })) })
  for (const key of keys) await broker.producer().send({ topic: 'orders', key, value: 2 })
  const partitions = new Map<string, Set<number>>()
  for (const { key, partition } of broker.topic('orders').records()) {
    partitions.set(key!, (partitions.get(key!) ?? new Set()).add(partition))
  }
  expect([...partitions.values()].every(each => each.size === 1)).toBe(true)
})

it('consumes in a group, commits, and idle waits for it', async () => {
  const { broker, consumer } = start()
  const seen: unknown[] = []
  const reader = await consumer('shipping')
  await reader.subscribe({ topics: ['orders'], fromBeginning: true })
  const joined = new Promise(resolve => reader.on('consumer.group_join', resolve))
  await reader.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ partition, message: { offset, key, value, headers } }) => {
      seen.push([partition, offset, String(key), JSON.parse(String(value)), String(headers!.trace)])
    },
  })
  await joined
  const producer = broker.producer()
  await producer.send({ topic: 'orders', key: 'k', value: { id: 1 }, partition: 1, headers: { trace: 'x' } })
  await broker.idle()
  expect(seen).toEqual([[1, '0', 'k', { id: 1 }, 'x']])
  expect(broker.group('shipping').committed({ topic: 'orders', partition: 1 })).toEqual({ offset: 1 })
})

it('says what it waits for while a client has not committed', async () => {
  const { broker, consumer } = start()
  const reader = await consumer('shipping')
  await reader.subscribe({ topics: ['orders'], fromBeginning: true })
  const joined = new Promise(resolve => reader.on('consumer.group_join', resolve))
  await reader.run({ autoCommit: false, eachMessage: async () => {} })
  await joined
  await broker.producer().send({ topic: 'orders', key: 'k', value: 1, partition: 1 })
  await expect(broker.idle({ timeoutMs: 100 })).rejects.toThrow(
    /of group 'shipping': 1 record of orders-1 delivered, not committed/,
  )
})

it('does not wait for what was there before a client that begins at the end', async () => {
  const { broker, consumer } = start()
  await broker.producer().send({ topic: 'orders', key: 'k', value: 'before', partition: 1 })
  const reader = await consumer('shipping')
  await reader.subscribe({ topics: ['orders'], fromBeginning: false })
  const joined = new Promise(resolve => reader.on('consumer.group_join', resolve))
  const seen: unknown[] = []
  await reader.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ message: { value } }) => void seen.push(JSON.parse(String(value))),
  })
  await joined
  await broker.idle()
  await broker.producer().send({ topic: 'orders', key: 'k', value: 'after', partition: 1 })
  await broker.idle()
  expect(seen).toEqual(['after'])
})

it('consumes, produces and leaves while the time of a test broker stands still', async () => {
  const { broker, consumer, producer } = start({ ...orders, paid: topic({ partitions: 1 }) }, TestBroker)
  const shop = await producer()
  const reader = await consumer('shipping')
  await reader.subscribe({ topics: ['orders'], fromBeginning: true })
  const joined = new Promise(resolve => reader.on('consumer.group_join', resolve))
  await reader.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ message: { key, value } }) => {
      // Its own time goes on.
      await setTimeout(20)
      await shop.send({ topic: 'paid', messages: [{ key, value }] })
    },
  })
  await joined
  await broker.producer().send({ topic: 'orders', key: 'k', value: 1 })
  await broker.idle()
  expect(broker.topic('paid' as 'orders').records()).toMatchObject([{ key: 'k' }])
  await reader.disconnect()
  expect(broker.clock.now()).toBe(Date.UTC(2020, 0, 1))
})

it('shares the load among three, and gives it to the others when one leaves', async () => {
  const { consumer } = start()
  const members = []
  const assignments: Record<string, number[]> = {}
  for (const name of ['a', 'b', 'c']) {
    const member = await consumer('group')
    await member.subscribe({ topics: ['orders'], fromBeginning: true })
    member.on('consumer.group_join', ({ payload }) => {
      assignments[name] = payload.memberAssignment.orders ?? []
    })
    await member.run({ eachMessage: async () => {} })
    members.push(member)
  }
  const counts = () => Object.values(assignments).map(each => each.length)
  await expect.poll(counts, { timeout: 10_000 }).toEqual([1, 1, 1])
  await members[2]!.disconnect()
  delete assignments.c
  await expect.poll(() => Object.values(assignments).flat().sort(), { timeout: 10_000 }).toEqual([0, 1, 2])
}, 20_000)

it('shares a group with consumers of this process, record by record once, and has it back when they leave', async () => {
  const { broker, consumer } = start({ orders: topic({ partitions: 6 }) })
  const handled: { readonly id: number; readonly by: string }[] = []
  const assigned: Record<string, number[]> = {}
  const kafkaJs = async (by: string) => {
    const reader = await consumer('billing')
    await reader.subscribe({ topics: ['orders'], fromBeginning: true })
    reader.on('consumer.group_join', ({ payload }) => {
      assigned[by] = payload.memberAssignment.orders ?? []
    })
    await reader.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ message }) => void handled.push({ id: JSON.parse(String(message.value)), by }),
    })
    return reader
  }
  const counts = () => Object.values(assigned).map(each => each.length)
  let sent = 0
  const send = async () => {
    const batch = Array.from({ length: 60 }, () => ({
      topic: 'orders' as const,
      value: sent,
      partition: sent++ % 6,
    }))
    await broker.producer().sendBatch(batch)
  }
  const seen: number[] = []
  const settle = async () => {
    await broker.idle()
    seen.push(...handled.map(({ id }) => id))
    return new Set(handled.splice(0).map(each => each.by))
  }

  const first = await kafkaJs('a')
  await expect.poll(counts, { timeout: 10_000 }).toEqual([6])
  await send()
  expect(await settle()).toEqual(new Set(['a']))

  // Records come while partitions are handed over.
  const own = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  const running = own.run({ eachRecord: ({ value }) => void handled.push({ id: Number(value), by: 'own' }) })
  await send()
  await running
  await expect.poll(counts, { timeout: 10_000 }).toEqual([3])
  await send()
  expect(await settle()).toEqual(new Set(['a', 'own']))
  const second = await kafkaJs('b')
  await send()
  await expect.poll(counts, { timeout: 10_000 }).toEqual([2, 2])
  await send()
  expect(await settle()).toEqual(new Set(['a', 'b', 'own']))
  expect(own.assignment).toHaveLength(2)

  const closing = own.close()
  await send()
  await closing
  await expect.poll(counts, { timeout: 10_000 }).toEqual([3, 3])
  await send()
  expect(await settle()).toEqual(new Set(['a', 'b']))
  expect(seen.sort((x, y) => x - y)).toEqual(Array.from({ length: sent }, (_, id) => id))
  await second.disconnect()
  await first.disconnect()
}, 30_000)

it('does not mix with consumers of this process where it assigns in a way of its own', async () => {
  const { broker, consumer } = start()
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).ready()
  const assigner = () => ({
    name: 'mine',
    version: 1,
    assign: async () => [],
    protocol: () => ({ name: 'mine', metadata: Buffer.from('{"mine":1}') }),
  })
  const reader = await consumer('billing', { partitionAssigners: [assigner] })
  await reader.subscribe({ topics: ['orders'] })
  const crashed = new Promise<{ readonly payload: { readonly error: Error } }>(resolve =>
    reader.on('consumer.crash', resolve),
  )
  await reader.run({ eachMessage: async () => {} })
  expect((await crashed).payload.error).toMatchObject({ type: 'INCONSISTENT_GROUP_PROTOCOL' })
})

it('administers topics, groups and offsets', async () => {
  const { broker, kafka, producer } = start()
  const admin = kafka.admin()
  open.push(() => admin.disconnect())
  await admin.connect()
  const late = { topic: 'late', numPartitions: 4, configEntries: [{ name: 'retention.ms', value: '60000' }] }
  expect(await admin.createTopics({ topics: [late], validateOnly: true, waitForLeaders: false })).toBe(true)
  expect([...broker.topics.keys()]).toEqual(['orders'])
  expect(await admin.createTopics({ topics: [late] })).toBe(true)
  expect(await admin.createTopics({ topics: [late] })).toBe(false)
  expect(broker.topics.get('late')!.options).toMatchObject({ partitions: 4, retentionMs: 60_000 })
  const wrong = { topic: 'wrong', configEntries: [{ name: 'retention.mss', value: '1' }] }
  await expect(admin.createTopics({ topics: [wrong] })).rejects.toMatchObject({
    errors: [{ type: 'INVALID_CONFIG' }],
  })

  expect((await admin.listTopics()).sort()).toEqual(['late', 'orders'])
  await admin.createPartitions({ topicPartitions: [{ topic: 'late', count: 6 }] })
  expect(broker.topics.get('late')!.partitionCount).toBe(6)
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: 2, name: 'late' }],
  })
  expect(resources[0]!.configEntries).toContainEqual(
    expect.objectContaining({ configName: 'retention.ms', configValue: '60000' }),
  )

  const shop = await producer()
  await shop.send({ topic: 'late', messages: [1, 2, 3].map(id => ({ value: `${id}`, partition: 0 })) })
  expect(await admin.fetchTopicOffsets('late')).toContainEqual({
    partition: 0,
    offset: '3',
    high: '3',
    low: '0',
  })
  await admin.deleteTopicRecords({ topic: 'late', partitions: [{ partition: 0, offset: '2' }] })
  expect(broker.topics.get('late')!.partitions[0]!.logStartOffset).toBe(2)

  await broker.admin.setGroupOffsets('g', [{ topic: 'late', partition: 0, offset: 3 }])
  const fetched = await admin.fetchOffsets({ groupId: 'g', topics: ['late'] })
  expect(fetched[0]!.partitions).toContainEqual(expect.objectContaining({ partition: 0, offset: '3' }))
  expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toContain('g')
  expect((await admin.describeGroups(['g'])).groups).toMatchObject([{ groupId: 'g', state: 'Empty' }])
  await admin.deleteGroups(['g', 'g'])
  await admin.deleteTopics({ topics: ['late'] })
  expect([...broker.topics.keys()]).toEqual(['orders'])
  expect((await admin.describeCluster()).brokers).toEqual([{ nodeId: 1, host: 'in-process', port: 9092 }])
})

it('writes what an idempotent producer sends, once and in order', async () => {
  const { broker, producer } = start({ orders: topic({ partitions: 1 }) })
  const shop = await producer({ idempotent: true, maxInFlightRequests: 1 })
  for (const value of ['1', '2', '3']) await shop.send({ topic: 'orders', messages: [{ value }] })
  expect(
    broker
      .topic('orders')
      .records()
      .map(({ value }) => value as unknown),
  ).toEqual([1, 2, 3])
})

it('runs transactions: what is sent and what is consumed count together, or not at all', async () => {
  const { broker, producer, consumer } = start({
    orders: topic({ partitions: 1 }),
    payments: topic({ partitions: 1 }),
  })
  const shop = await producer({ transactionalId: 'shop', idempotent: true, maxInFlightRequests: 1 })
  const seen: number[] = []
  await broker.consumer({ topics: ['payments' as never] }).run({
    eachRecord: ({ value }) => void seen.push(value as number),
  })
  const payments = () => broker.topics.get('payments')!.partitions[0]!
  let failing = true
  const billing = await consumer('billing')
  await billing.subscribe({ topics: ['orders'], fromBeginning: true })
  await billing.run({
    autoCommit: false,
    eachMessage: async ({ topic: name, partition, message }) => {
      const transaction = await shop.transaction()
      await transaction.send({ topic: 'payments', messages: [{ value: String(message.value) }] })
      if (failing) {
        failing = false
        return transaction.abort()
      }
      await transaction.sendOffsets({
        consumerGroupId: 'billing',
        topics: [{ topic: name, partitions: [{ partition, offset: String(Number(message.offset) + 1) }] }],
      })
      await transaction.commit()
    },
  })
  for (const value of [1, 2]) await broker.producer().send({ topic: 'orders', value })
  await expect
    .poll(() => broker.groups.get('billing')?.offsets ?? [], { timeout: 10_000 })
    .toEqual([{ topic: 'orders', partition: 0, offset: 2 }])
  // The first was aborted, and never delivered again: the client had moved on.
  expect(seen).toEqual([2])
  expect(
    payments()
      .read(0, { isolationLevel: 'read_uncommitted' })
      .map(({ value }) => value),
  ).toEqual([1, 2])
  expect(payments().lastStableOffset).toBe(payments().highWatermark)
})

it('keeps the bytes of a topic with a codec, and undoes gzip', async () => {
  const { broker, producer } = start({ orders: topic({ partitions: 1, codec: json }) })
  const shop = await producer()
  await shop.send({
    topic: 'orders',
    compression: 1,
    messages: [{ key: null, value: '{ "id" : 1 }' }, { value: null }],
  })
  expect(broker.topic('orders').records()).toMatchObject([{ value: { id: 1 } }, { value: null }])
})

it('keeps what is no JSON as the bytes that it is, and hands them on', async () => {
  const { broker, producer, consumer } = start({ orders: topic({ partitions: 1 }) })
  const shop = await producer()
  await shop.send({ topic: 'orders', messages: [{ value: 'plain text' }] })
  expect(broker.topic('orders').records()[0]!.value).toEqual(new Uint8Array(Buffer.from('plain text')))
  const reader = await consumer('g')
  await reader.subscribe({ topics: ['orders'], fromBeginning: true })
  const value = await new Promise(resolve => {
    void reader.run({ eachMessage: async ({ message }) => resolve(String(message.value)) })
  })
  expect(value).toBe('plain text')
})

it('refuses a record that its topic refuses, by the number that Kafka gives it', async () => {
  const { producer } = start({
    orders: topic({
      partitions: 1,
      schema: schemaOf((value: unknown) =>
        typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] },
      ),
    }),
  })
  const shop = await producer()
  await expect(shop.send({ topic: 'orders', messages: [{ value: '"x"' }] })).rejects.toMatchObject({
    type: 'INVALID_RECORD',
  })
  await shop.send({ topic: 'orders', messages: [{ value: '1' }] })
})

it('is told about a topic that is not there', async () => {
  const { producer } = start()
  const shop = await producer()
  await expect(shop.send({ topic: 'ordres', messages: [{ value: '1' }] })).rejects.toMatchObject({
    cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' },
  })
})

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compress, decompress } from '@mongodb-js/zstd'
import kafkajs from 'kafkajs'
import snappy from 'kafkajs-snappy'
import lz4 from 'lz4-napi'
import { drive, isShared, Missing, password, tlsCa, until, user, values } from '../driver.js'

const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = kafkajs
const { version } = createRequire(import.meta.url)('kafkajs/package.json')

CompressionCodecs[CompressionTypes.Snappy] = snappy
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: ({ buffer }) => lz4.compressFrame(buffer),
  decompress: buffer => lz4.decompressFrame(buffer),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }) => compress(buffer),
  decompress: buffer => decompress(buffer),
})

const open = (address, config = {}) =>
  new Kafka({
    clientId: 'matrix',
    brokers: [address],
    logLevel: logLevel.ERROR,
    retry: { retries: 3 },
    ...config,
  })

async function consumer(kafka, groupId = 'billing', config = {}) {
  const made = kafka.consumer({ groupId, maxWaitTimeInMs: 50, heartbeatInterval: 100, ...config })
  await made.connect()
  return made
}

async function producer(kafka, config) {
  const made = kafka.producer(config)
  await made.connect()
  return made
}

/** Hands each record to `take` until that says that it was the last. */
async function consume(reader, take, { topic = 'orders', began = () => {} } = {}) {
  await reader.subscribe({ topics: [topic], fromBeginning: true })
  let last = false
  const done = until(() => last)
  await reader.run({
    eachMessage: async ({ partition, message }) => {
      if (last) return
      last = take(partition, message)
      done.changed()
    },
  })
  began()
  await done.promise
}

async function roundTrip(kafka, count, compression) {
  const writer = await producer(kafka)
  await writer.send({
    topic: 'orders',
    compression,
    messages: values(count).map(value => ({ value, partition: 0 })),
  })
  const reader = await consumer(kafka)
  const seen = []
  await consume(reader, (_partition, { value }) => seen.push(String(value)) === count)
  await Promise.all([reader.disconnect(), writer.disconnect()])
  return { values: seen }
}

async function withAdmin(address, work) {
  const admin = open(address).admin()
  await admin.connect()
  const told = await work(admin)
  await admin.disconnect()
  return told
}

const classicOnly = protocol => {
  if (protocol !== 'classic') throw new Missing('has no KIP-848 groups')
}

await drive(version, {
  async produce(address) {
    const writer = await producer(open(address))
    await writer.send({
      topic: 'orders',
      messages: [
        { partition: 0, key: 'a', value: 'one', headers: { trace: 'x' } },
        { partition: 1, key: 'b', value: 'two' },
        { partition: 2, key: 'c', value: null },
        { key: 'd', value: 'four' },
      ],
    })
    await writer.disconnect()
  },

  async consume(address, protocol) {
    classicOnly(protocol)
    const reader = await consumer(open(address))
    const records = []
    await consume(reader, (partition, { offset, key, value, headers }) => {
      records.push([partition, Number(offset), String(key), String(value), String(headers.trace)])
      return records.length === 99
    })
    await reader.disconnect()
    return { records }
  },

  async share(address, protocol) {
    classicOnly(protocol)
    const reader = await consumer(open(address))
    const seen = []
    await consume(reader, (_partition, { value }) => {
      if (String(value) !== 'stop') seen.push(String(value))
      return String(value) === 'stop'
    })
    await reader.disconnect()
    return { values: seen }
  },

  async rebalance(address, protocol) {
    classicOnly(protocol)
    const kafka = open(address)
    const assigned = new Map()
    const shared = members => until(() => assigned.size === members && isShared([...assigned.values()]))
    let wanted = shared(3)
    const members = await Promise.all([1, 2, 3].map(() => consumer(kafka)))
    for (const member of members) {
      assigned.set(member, [])
      member.on('consumer.group_join', ({ payload }) => {
        if (assigned.has(member)) assigned.set(member, payload.memberAssignment.orders ?? [])
        if ([...assigned.values()].flat().length === 6) wanted.changed()
      })
      await member.subscribe({ topics: ['orders'] })
      await member.run({ eachMessage: async () => {} })
    }
    await wanted.promise
    const three = [...assigned.values()]
    wanted = shared(2)
    const [leaving, ...staying] = members
    assigned.delete(leaving)
    await leaving.disconnect()
    await wanted.promise
    await Promise.all(staying.map(each => each.disconnect()))
    return { three, two: [...assigned.values()] }
  },

  async seek(address) {
    const reader = await consumer(open(address))
    const offsets = []
    await consume(
      reader,
      (_partition, { offset }) => {
        if (Number(offset) >= 7) offsets.push(Number(offset))
        return offsets.length === 3
      },
      { began: () => reader.seek({ topic: 'orders', partition: 0, offset: '7' }) },
    )
    await reader.disconnect()
    return { offsets }
  },

  offsets: (address, timestamp) =>
    withAdmin(address, async admin => {
      const [{ low, high }] = await admin.fetchTopicOffsets('orders')
      const [{ offset: byTime }] = await admin.fetchTopicOffsetsByTimestamp('orders', Number(timestamp))
      const reader = await consumer(open(address), 'billing', {})
      const joined = new Promise(resolve => reader.on('consumer.group_join', resolve))
      await reader.subscribe({ topics: ['orders'] })
      await reader.run({ autoCommit: false, eachMessage: async () => {} })
      await joined
      await reader.commitOffsets([{ topic: 'orders', partition: 0, offset: '5' }])
      await reader.disconnect()
      const [{ partitions }] = await admin.fetchOffsets({ groupId: 'billing', topics: ['orders'] })
      return {
        earliest: Number(low),
        latest: Number(high),
        byTime: Number(byTime),
        committed: Number(partitions[0].offset),
      }
    }),

  async reset(address) {
    const reader = await consumer(open(address))
    let first
    await consume(reader, (_partition, { offset }) => {
      first ??= Number(offset)
      return true
    })
    await reader.disconnect()
    return { first }
  },

  async transactions(address) {
    const kafka = open(address)
    const writer = await producer(kafka, {
      transactionalId: 'matrix',
      maxInFlightRequests: 1,
      idempotent: true,
    })
    const reader = await consumer(kafka)
    await reader.subscribe({ topics: ['orders'], fromBeginning: true })
    let done = false
    const paid = until(() => done)
    await reader.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch }) => {
        const transaction = await writer.transaction()
        const messages = batch.messages.map(({ value }) => ({ value: `paid ${value}` }))
        await transaction.send({ topic: 'payments', messages })
        const offset = String(Number(batch.lastOffset()) + 1)
        await transaction.sendOffsets({
          consumerGroupId: 'billing',
          topics: [{ topic: 'orders', partitions: [{ partition: 0, offset }] }],
        })
        await transaction.commit()
        done = offset === '3'
        paid.changed()
      },
    })
    await paid.promise
    await reader.disconnect()
    const aborted = await writer.transaction()
    await aborted.send({ topic: 'payments', messages: [{ value: 'lost' }] })
    await aborted.abort()
    const last = await writer.transaction()
    await last.send({ topic: 'payments', messages: [{ value: 'last' }] })
    await last.commit()
    await writer.disconnect()
    const audit = await consumer(kafka, 'audit', { readUncommitted: false })
    const read = []
    await consume(
      audit,
      (_partition, { value }) => {
        read.push(String(value))
        return String(value) === 'last'
      },
      { topic: 'payments' },
    )
    await audit.disconnect()
    return { read }
  },

  'admin-topics': address =>
    withAdmin(address, async admin => {
      await admin.createTopics({
        topics: [
          { topic: 'made', numPartitions: 3, configEntries: [{ name: 'retention.ms', value: '60000' }] },
        ],
      })
      const listed = (await admin.listTopics()).toSorted()
      const { topics } = await admin.fetchTopicMetadata({ topics: ['made'] })
      await admin.createPartitions({ topicPartitions: [{ topic: 'made', count: 5 }] })
      await admin.deleteTopics({ topics: ['old'] })
      return { listed, partitions: topics[0].partitions.length }
    }),

  'admin-records': address =>
    withAdmin(address, async admin => {
      // It does not look for the leader by itself.
      await admin.fetchTopicOffsets('orders')
      await admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition: 0, offset: '4' }] })
    }),

  'admin-configs': address =>
    withAdmin(address, async admin => {
      const resource = { type: ConfigResourceTypes.TOPIC, name: 'orders' }
      const retention = async () => {
        const { resources } = await admin.describeConfigs({
          resources: [{ ...resource, configNames: ['retention.ms'] }],
        })
        return resources[0].configEntries[0].configValue
      }
      const before = await retention()
      await admin.alterConfigs({
        resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '120000' }] }],
      })
      return { before, after: await retention() }
    }),

  'admin-groups': address =>
    withAdmin(address, async admin => {
      const listed = (await admin.listGroups()).groups.map(({ groupId }) => groupId)
      const { groups } = await admin.describeGroups(['stale'])
      const [{ partitions }] = await admin.fetchOffsets({ groupId: 'stale', topics: ['orders'] })
      await admin.deleteGroups(['stale'])
      return {
        listed,
        state: groups[0].state,
        offset: Number(partitions.find(({ partition }) => partition === 0).offset),
      }
    }),

  'admin-offsets': address =>
    withAdmin(address, admin =>
      admin.setOffsets({ groupId: 'stale', topic: 'orders', partitions: [{ partition: 0, offset: '1' }] }),
    ),

  codec: (address, name) =>
    roundTrip(
      open(address),
      50,
      {
        gzip: CompressionTypes.GZIP,
        snappy: CompressionTypes.Snappy,
        lz4: CompressionTypes.LZ4,
        zstd: CompressionTypes.ZSTD,
      }[name],
    ),
  sasl: (address, mechanism) =>
    roundTrip(open(address, { sasl: { mechanism: mechanism.toLowerCase(), username: user, password } }), 1),
  tls: address => roundTrip(open(address, { ssl: { ca: readFileSync(tlsCa) } }), 1),
})

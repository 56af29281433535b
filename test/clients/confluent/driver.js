import { createRequire } from 'node:module'
import confluent from '@confluentinc/kafka-javascript'
import { drive, isShared, password, tlsCa, until, user, values } from '../driver.js'

const { version } = createRequire(import.meta.url)('@confluentinc/kafka-javascript/package.json')
const { CompressionTypes, ErrorCodes, Kafka, logLevel } = confluent.KafkaJS

/** `config` is librdkafka's. */
const open = (address, config = {}) =>
  new Kafka({ kafkaJS: { clientId: 'matrix', brokers: [address], logLevel: logLevel.ERROR }, ...config })

async function consumer(kafka, { groupId = 'billing', ...config } = {}, more = {}) {
  const made = kafka.consumer({
    kafkaJS: { groupId, fromBeginning: true, ...config },
    // KIP-848 groups take the times of the broker.
    ...(more['group.protocol'] === 'consumer'
      ? {}
      : { 'heartbeat.interval.ms': 100, 'session.timeout.ms': 6000 }),
    'fetch.wait.max.ms': 50,
    ...more,
  })
  await made.connect()
  return made
}

async function producer(kafka, config = {}) {
  const made = kafka.producer({ kafkaJS: config, 'queue.buffering.max.ms': 0 })
  await made.connect()
  return made
}

/** Hands each record to `take` until that says that it was the last. */
async function consume(reader, take, { topic = 'orders', began = () => {} } = {}) {
  await reader.subscribe({ topics: [topic] })
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

async function roundTrip(kafka, count, config) {
  const writer = await producer(kafka, config)
  await writer.send({ topic: 'orders', messages: values(count).map(value => ({ value, partition: 0 })) })
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

const groupProtocol = protocol => ({ 'group.protocol': protocol })

await drive(`${version} (librdkafka ${confluent.librdkafkaVersion})`, {
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
    const reader = await consumer(open(address), {}, groupProtocol(protocol))
    const records = []
    await consume(reader, (partition, { offset, key, value, headers }) => {
      records.push([partition, Number(offset), String(key), String(value), String(headers.trace)])
      return records.length === 99
    })
    await reader.disconnect()
    return { records }
  },

  async share(address, protocol) {
    const reader = await consumer(open(address), {}, groupProtocol(protocol))
    const seen = []
    await consume(reader, (_partition, { value }) => {
      if (String(value) !== 'stop') seen.push(String(value))
      return String(value) === 'stop'
    })
    await reader.disconnect()
    return { values: seen }
  },

  async rebalance(address, protocol) {
    const kafka = open(address)
    const owned = []
    const shared = () => isShared(owned) && owned.flat().length === 6
    let wanted = until(shared)
    const members = []
    for (const i of [0, 1, 2]) {
      owned[i] = []
      const member = await consumer(
        kafka,
        {},
        {
          ...groupProtocol(protocol),
          rebalance_cb(error, assignment) {
            const partitions = assignment.map(({ partition }) => partition)
            if (error.code === ErrorCodes.ERR__ASSIGN_PARTITIONS) {
              owned[i] = protocol === 'classic' ? partitions : [...owned[i], ...partitions]
            } else {
              owned[i] = owned[i].filter(each => !partitions.includes(each))
            }
            wanted.changed()
          },
        },
      )
      await member.subscribe({ topics: ['orders'] })
      await member.run({ eachMessage: async () => {} })
      members.push(member)
    }
    await wanted.promise
    const three = owned.map(each => [...each])
    wanted = until(() => owned[0].length === 0 && isShared(owned.slice(1)) && owned.flat().length === 6)
    await members[0].disconnect()
    owned[0] = []
    wanted.changed()
    await wanted.promise
    const two = owned.slice(1)
    await Promise.all(members.slice(1).map(each => each.disconnect()))
    return { three, two }
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
      const reader = await consumer(open(address), { autoCommit: false })
      let joined = false
      const assigned = until(() => joined)
      await consume(reader, () => {
        joined = true
        assigned.changed()
        return true
      })
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
      first = Number(offset)
      return true
    })
    await reader.disconnect()
    return { first }
  },

  async transactions(address) {
    const kafka = open(address)
    const writer = await producer(kafka, { transactionalId: 'matrix' })
    const reader = await consumer(kafka, { autoCommit: false })
    const orders = []
    await consume(reader, (_partition, { value }) => orders.push(String(value)) === 3)
    for (const [i, order] of orders.entries()) {
      const transaction = await writer.transaction()
      await transaction.send({ topic: 'payments', messages: [{ value: `paid ${order}` }] })
      await transaction.sendOffsets({
        consumer: reader,
        topics: [{ topic: 'orders', partitions: [{ partition: 0, offset: String(i + 1) }] }],
      })
      await transaction.commit()
    }
    await reader.disconnect()
    const aborted = await writer.transaction()
    await aborted.send({ topic: 'payments', messages: [{ value: 'lost' }] })
    await aborted.abort()
    const last = await writer.transaction()
    await last.send({ topic: 'payments', messages: [{ value: 'last' }] })
    await last.commit()
    await writer.disconnect()
    const audit = await consumer(kafka, { groupId: 'audit', readUncommitted: false })
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
      const [made] = await admin.fetchTopicMetadata({ topics: ['made'] })
      await admin.deleteTopics({ topics: ['old'] })
      return { listed, partitions: made.partitions.length, grown: false }
    }),

  'admin-records': address =>
    withAdmin(address, async admin => {
      await admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition: 0, offset: '4' }] })
    }),

  'admin-groups': address =>
    withAdmin(address, async admin => {
      const listed = (await admin.listGroups()).groups.map(({ groupId }) => groupId)
      const { groups } = await admin.describeGroups(['stale'])
      const [{ partitions }] = await admin.fetchOffsets({ groupId: 'stale', topics: ['orders'] })
      await admin.deleteGroups(['stale'])
      const names = Object.entries(confluent.KafkaJS.ConsumerGroupStates)
      return {
        listed,
        state: names.find(([, number]) => number === groups[0].state)[0],
        offset: Number(partitions.find(({ partition }) => partition === 0).offset),
      }
    }),

  codec: (address, name) =>
    roundTrip(open(address), 50, {
      compression: {
        gzip: CompressionTypes.GZIP,
        snappy: CompressionTypes.SNAPPY,
        lz4: CompressionTypes.LZ4,
        zstd: CompressionTypes.ZSTD,
      }[name],
    }),
  sasl: (address, mechanism) =>
    roundTrip(
      open(address, {
        'security.protocol': 'sasl_plaintext',
        'sasl.mechanisms': mechanism,
        'sasl.username': user,
        'sasl.password': password,
      }),
      1,
    ),
  tls: address => roundTrip(open(address, { 'security.protocol': 'ssl', 'ssl.ca.location': tlsCa }), 1),
})

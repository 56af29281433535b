import { readFileSync } from 'node:fs'
import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  FetchIsolationLevels,
  IncrementalAlterConfigOperationTypes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { drive, isShared, Missing, password, tlsCa, until, user, values } from '../driver.js'

const { version } = JSON.parse(
  readFileSync(new URL('node_modules/@platformatic/kafka/package.json', import.meta.url), 'utf8'),
)

const base = address => ({ clientId: 'matrix', bootstrapBrokers: [address], retries: 3 })

const open = (address, config) =>
  new Consumer({
    ...base(address),
    groupId: 'billing',
    deserializers: stringDeserializers,
    maxWaitTime: 50,
    heartbeatInterval: 100,
    ...config,
  })

const producer = (address, config) =>
  new Producer({ ...base(address), serializers: stringSerializers, ...config })

/** Hands each record to `take` until that says that it was the last. */
async function consume(reader, take, options) {
  const stream = await reader.consume({
    topics: ['orders'],
    mode: 'committed',
    fallbackMode: 'earliest',
    autocommit: false,
    ...options,
  })
  for await (const message of stream) {
    if (await take(message)) {
      await message.commit()
      break
    }
    await message.commit()
  }
  await stream.close()
}

async function roundTrip(address, count, { compression, ...config } = {}) {
  const writer = producer(address, config)
  await writer.send({
    ...(compression && { compression }),
    messages: values(count).map(value => ({ topic: 'orders', value, partition: 0 })),
  })
  const reader = open(address, config)
  const seen = []
  await consume(reader, ({ value }) => seen.push(value) === count)
  await Promise.all([reader.close(true), writer.close()])
  return { values: seen }
}

async function withAdmin(address, work) {
  const admin = new Admin(base(address))
  const told = await work(admin)
  await admin.close()
  return told
}

await drive(version, {
  async produce(address) {
    const writer = producer(address)
    const topic = 'orders'
    await writer.send({
      messages: [
        { topic, partition: 0, key: 'a', value: 'one', headers: { trace: 'x' } },
        { topic, partition: 1, key: 'b', value: 'two' },
        { topic, partition: 2, key: 'c', value: null },
        { topic, key: 'd', value: 'four' },
      ],
    })
    await writer.close()
  },

  async consume(address, groupProtocol) {
    const reader = open(address, { groupProtocol })
    const records = []
    await consume(reader, ({ partition, offset, key, value, headers }) => {
      records.push([partition, Number(offset), key, value, headers.get('trace')])
      return records.length === 99
    })
    await reader.close(true)
    return { records }
  },

  async share(address, groupProtocol) {
    const reader = open(address, { groupProtocol })
    const seen = []
    await consume(reader, ({ value }) => value === 'stop' || !seen.push(value))
    await reader.close(true)
    return { values: seen }
  },

  async rebalance(address, groupProtocol) {
    let members = [1, 2, 3].map(() => open(address, { groupProtocol }))
    const assignments = () =>
      members.map(each => each.assignments?.find(({ topic }) => topic === 'orders')?.partitions ?? [])
    const shared = () => isShared(assignments()) && assignments().flat().length === 6
    const streams = new Map()
    // A stream whose consumer is closed fails.
    const leave = async member => {
      await streams.get(member).close()
      await member.close(true)
    }
    let wanted = until(shared)
    for (const member of members) {
      for (const event of ['consumer:group:join', 'consumer:group:rebalance', 'consumer:heartbeat:end']) {
        member.on(event, () => wanted.changed())
      }
      const stream = await member.consume({ topics: ['orders'], mode: 'latest' })
      stream.resume()
      streams.set(member, stream)
    }
    await wanted.promise
    const three = assignments()
    const [leaving, ...staying] = members
    members = staying
    wanted = until(shared)
    await leave(leaving)
    await wanted.promise
    const two = assignments()
    await Promise.all(staying.map(leave))
    return { three, two }
  },

  async seek(address) {
    const reader = open(address)
    const offsets = []
    await consume(reader, ({ offset }) => offsets.push(Number(offset)) === 3, {
      mode: 'manual',
      offsets: [{ topic: 'orders', partition: 0, offset: 7n }],
    })
    await reader.close(true)
    return { offsets }
  },

  async offsets(address, timestamp) {
    const reader = open(address)
    reader.topics.track('orders')
    await reader.joinGroup()
    const at = async time =>
      Number((await reader.listOffsets({ topics: ['orders'], timestamp: time })).get('orders')[0])
    const found = { earliest: await at(-2n), latest: await at(-1n), byTime: await at(BigInt(timestamp)) }
    await reader.commit({ offsets: [{ topic: 'orders', partition: 0, offset: 5n, leaderEpoch: 0 }] })
    const committed = await reader.listCommittedOffsets({ topics: [{ topic: 'orders', partitions: [0] }] })
    await reader.close(true)
    return { ...found, committed: Number(committed.get('orders')[0]) }
  },

  reset() {
    throw new Missing('reports an offset that is out of range, and leaves the rest to the application')
  },

  async transactions(address) {
    const writer = producer(address, { transactionalId: 'matrix', idempotent: true })
    const reader = open(address)
    const stream = await reader.consume({ topics: ['orders'], mode: 'earliest', autocommit: false })
    let paid = 0
    for await (const message of stream) {
      const transaction = await writer.beginTransaction()
      await transaction.addConsumer(reader)
      await transaction.send({ messages: [{ topic: 'payments', value: `paid ${message.value}` }] })
      await transaction.addOffset(message)
      await transaction.commit()
      if (++paid === 3) break
    }
    await stream.close()
    await reader.close(true)
    const aborted = await writer.beginTransaction()
    await aborted.send({ messages: [{ topic: 'payments', value: 'lost' }] })
    await aborted.abort()
    const last = await writer.beginTransaction()
    await last.send({ messages: [{ topic: 'payments', value: 'last' }] })
    await last.commit()
    await writer.close()
    const audit = open(address, { groupId: 'audit', isolationLevel: FetchIsolationLevels.READ_COMMITTED })
    const read = []
    await consume(audit, ({ value }) => read.push(value) && value === 'last', { topics: ['payments'] })
    await audit.close(true)
    return { read }
  },

  'admin-topics': address =>
    withAdmin(address, async admin => {
      await admin.createTopics({
        topics: ['made'],
        partitions: 3,
        replicas: 1,
        configs: [{ name: 'retention.ms', value: '60000' }],
      })
      const listed = (await admin.listTopics()).toSorted()
      const { topics } = await admin.metadata({ topics: ['made'] })
      await admin.createPartitions({ topics: [{ name: 'made', count: 5 }] })
      await admin.deleteTopics({ topics: ['old'] })
      return { listed, partitions: topics.get('made').partitionsCount }
    }),

  'admin-records': address =>
    withAdmin(address, async admin => {
      await admin.deleteRecords({ topics: [{ name: 'orders', partitions: [{ partition: 0, offset: 4n }] }] })
    }),

  'admin-configs': address =>
    withAdmin(address, async admin => {
      const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: 'orders' }
      const retention = async () => {
        const [{ configs }] = await admin.describeConfigs({
          resources: [{ ...resource, configurationKeys: ['retention.ms'] }],
        })
        return configs[0].value
      }
      const before = await retention()
      const configOperation = IncrementalAlterConfigOperationTypes.SET
      await admin.incrementalAlterConfigs({
        resources: [{ ...resource, configs: [{ name: 'retention.ms', configOperation, value: '120000' }] }],
      })
      return { before, after: await retention() }
    }),

  'admin-groups': address =>
    withAdmin(address, async admin => {
      const listed = [...(await admin.listGroups()).keys()]
      const { state } = (await admin.describeGroups({ groups: ['stale'] })).get('stale')
      const [{ topics }] = await admin.listConsumerGroupOffsets({ groups: ['stale'] })
      const { committedOffset } = topics[0].partitions.find(({ partitionIndex }) => partitionIndex === 0)
      await admin.deleteGroups({ groups: ['stale'] })
      return { listed, state, offset: Number(committedOffset) }
    }),

  'admin-offsets': address =>
    withAdmin(address, async admin => {
      const topics = [{ name: 'orders', partitionOffsets: [{ partition: 0, offset: 1n }] }]
      await admin.alterConsumerGroupOffsets({ groupId: 'stale', topics })
    }),

  'admin-delete-offsets': address =>
    withAdmin(address, async admin => {
      const topics = [{ name: 'orders', partitionIndexes: [1] }]
      await admin.deleteConsumerGroupOffsets({ groupId: 'stale', topics })
    }),

  codec(address, compression) {
    if (compression === 'zstd' && !('zstdCompressSync' in process.getBuiltinModule('zlib'))) {
      throw new Missing(`has zstd where Node has it, which ${process.version} has not`)
    }
    return roundTrip(address, 50, { compression })
  },
  sasl: (address, mechanism) => roundTrip(address, 1, { sasl: { mechanism, username: user, password } }),
  tls: address => roundTrip(address, 1, { tls: { ca: readFileSync(tlsCa) } }),
})

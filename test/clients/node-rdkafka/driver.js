import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import rdkafka from 'node-rdkafka'
import { drive, isShared, Missing, password, tlsCa, until, user, values } from '../driver.js'

const { version } = createRequire(import.meta.url)('node-rdkafka/package.json')

/** A promise of what a method gives to its callback. */
const ask = (client, method, ...args) => promisify(client[method]).apply(client, args)

async function connect(client) {
  await ask(client, 'connect', {})
  return client
}

async function consumer(address, config = {}) {
  const made = new rdkafka.KafkaConsumer(
    {
      'bootstrap.servers': address,
      'group.id': 'billing',
      // KIP-848 groups take the times of the broker.
      ...(config['group.protocol'] === 'consumer' ? {} : { 'heartbeat.interval.ms': 100 }),
      'fetch.wait.max.ms': 50,
      'enable.auto.commit': false,
      ...config,
    },
    { 'auto.offset.reset': 'earliest' },
  )
  made.setDefaultConsumeTimeout(50)
  made.setDefaultConsumeLoopTimeoutDelay(1)
  return connect(made)
}

/** One that tells when a record is delivered. */
async function producer(address, config = {}) {
  const made = new rdkafka.HighLevelProducer({ 'bootstrap.servers': address, 'linger.ms': 0, ...config })
  await connect(made)
  made.setPollInterval(5)
  return made
}

const send = (writer, { topic = 'orders', partition = null, key = null, value, headers = [] }) =>
  ask(writer, 'produce', topic, partition, value, key, null, headers)

const close = (...clients) => Promise.all(clients.map(client => ask(client, 'disconnect')))

/** Hands each record to `take` until that says that it was the last. */
async function flow(reader, take) {
  let last = false
  const done = until(() => last)
  reader.on('data', message => {
    if (last) return
    last = take(message)
    done.changed()
  })
  reader.consume()
  await done.promise
}

/** The same, of a topic, and commits what was read. */
async function consume(reader, take, topic = 'orders') {
  reader.subscribe([topic])
  await flow(reader, take)
  reader.commitSync(reader.position())
  await close(reader)
}

async function next(reader) {
  for (;;) {
    const [message] = await ask(reader, 'consume', 1)
    if (message !== undefined) return message
  }
}

async function roundTrip(address, count, { compression = 'none', ...config } = {}) {
  const writer = await producer(address, { ...config, 'compression.type': compression, 'linger.ms': 50 })
  await Promise.all(values(count).map(value => send(writer, { partition: 0, value: Buffer.from(value) })))
  await close(writer)
  const seen = []
  await consume(await consumer(address, config), ({ value }) => seen.push(String(value)) === count)
  return { values: seen }
}

async function withAdmin(address, work) {
  const admin = rdkafka.AdminClient.create({ 'bootstrap.servers': address })
  const told = await work(admin)
  admin.disconnect()
  return told
}

const notOfAdmin = () => {
  throw new Missing('its AdminClient makes topics, deletes them, and adds partitions')
}

const groupProtocol = protocol => ({ 'group.protocol': protocol })
const at = (offset, partition = 0) => ({ topic: 'orders', partition, offset })

await drive(`${version.replace('v', '')} (librdkafka ${rdkafka.librdkafkaVersion})`, {
  async produce(address) {
    const writer = await producer(address)
    await Promise.all([
      send(writer, { partition: 0, key: 'a', value: Buffer.from('one'), headers: [{ trace: 'x' }] }),
      send(writer, { partition: 1, key: 'b', value: Buffer.from('two') }),
      send(writer, { partition: 2, key: 'c', value: null }),
      send(writer, { key: 'd', value: Buffer.from('four') }),
    ])
    await close(writer)
  },

  async consume(address, protocol) {
    const records = []
    await consume(
      await consumer(address, groupProtocol(protocol)),
      ({ partition, offset, key, value, headers: [{ trace }] }) =>
        records.push([partition, offset, String(key), String(value), String(trace)]) === 99,
    )
    return { records }
  },

  async share(address, protocol) {
    const reader = await consumer(address, groupProtocol(protocol))
    reader.subscribe(['orders'])
    const seen = []
    await flow(reader, message => {
      reader.commitMessageSync(message)
      const value = String(message.value)
      if (value !== 'stop') seen.push(value)
      return value === 'stop'
    })
    await close(reader)
    return { values: seen }
  },

  async rebalance(address, protocol) {
    const owned = [[], [], []]
    const allOf = those => isShared(those) && those.flat().length === 6
    let wanted = until(() => allOf(owned))
    const members = await Promise.all(
      owned.map(async (_none, i) => {
        const member = await consumer(address, { ...groupProtocol(protocol), rebalance_cb: true })
        member.on('rebalance', ({ code }, assignment) => {
          const partitions = assignment.map(({ partition }) => partition)
          if (code !== rdkafka.CODES.ERRORS.ERR__ASSIGN_PARTITIONS) {
            owned[i] = owned[i].filter(each => !partitions.includes(each))
          } else {
            owned[i] = protocol === 'classic' ? partitions : [...owned[i], ...partitions]
          }
          wanted.changed()
        })
        member.subscribe(['orders'])
        member.consume()
        return member
      }),
    )
    await wanted.promise
    const three = [...owned]
    wanted = until(() => allOf(owned.slice(1)))
    await close(members[0])
    await wanted.promise
    const two = owned.slice(1)
    await close(...members.slice(1))
    return { three, two }
  },

  async seek(address) {
    const reader = await consumer(address)
    reader.assign([at(0)])
    await next(reader)
    await ask(reader, 'seek', at(7), 1000)
    const offsets = []
    while (offsets.length < 3) offsets.push((await next(reader)).offset)
    await close(reader)
    return { offsets }
  },

  async offsets(address, timestamp) {
    const reader = await consumer(address)
    const { lowOffset, highOffset } = await ask(reader, 'queryWatermarkOffsets', 'orders', 0, 10_000)
    const [byTime] = await ask(reader, 'offsetsForTimes', [at(Number(timestamp))], 10_000)
    reader.commitSync(at(5))
    const [committed] = await ask(reader, 'committed', [{ topic: 'orders', partition: 0 }], 10_000)
    await close(reader)
    return { earliest: lowOffset, latest: highOffset, byTime: byTime.offset, committed: committed.offset }
  },

  async reset(address) {
    const reader = await consumer(address)
    reader.subscribe(['orders'])
    const { offset: first } = await next(reader)
    await close(reader)
    return { first }
  },

  async transactions(address) {
    const writer = await producer(address, { 'transactional.id': 'matrix' })
    await ask(writer, 'initTransactions', 10_000)
    const pay = value => send(writer, { topic: 'payments', value: Buffer.from(value) })
    const reader = await consumer(address)
    reader.subscribe(['orders'])
    for (let i = 0; i < 3; i++) {
      const { value } = await next(reader)
      await ask(writer, 'beginTransaction')
      await pay(`paid ${value}`)
      await ask(writer, 'sendOffsetsToTransaction', reader.position(), reader, 10_000)
      await ask(writer, 'commitTransaction', 10_000)
    }
    await close(reader)
    await ask(writer, 'beginTransaction')
    await pay('lost')
    await ask(writer, 'abortTransaction', 10_000)
    await ask(writer, 'beginTransaction')
    await pay('last')
    await ask(writer, 'commitTransaction', 10_000)
    await close(writer)
    const read = []
    await consume(
      await consumer(address, { 'group.id': 'audit', 'isolation.level': 'read_committed' }),
      ({ value }) => {
        read.push(String(value))
        return read.at(-1) === 'last'
      },
      'payments',
    )
    return { read }
  },

  'admin-topics': address =>
    withAdmin(address, async admin => {
      await ask(admin, 'createTopic', {
        topic: 'made',
        num_partitions: 3,
        replication_factor: 1,
        config: { 'retention.ms': '60000' },
      })
      // Its consumers and producers list topics.
      const lister = await consumer(address)
      const { topics } = await ask(lister, 'getMetadata', { timeout: 10_000 })
      await close(lister)
      await ask(admin, 'createPartitions', 'made', 5)
      await ask(admin, 'deleteTopic', 'old')
      return {
        listed: topics.map(({ name }) => name).toSorted(),
        partitions: topics.find(({ name }) => name === 'made').partitions.length,
      }
    }),

  'admin-records': notOfAdmin,
  'admin-configs': notOfAdmin,
  'admin-groups': notOfAdmin,
  'admin-delete-offsets': notOfAdmin,

  // A consumer that is no member commits for the group.
  async 'admin-offsets'(address) {
    const reader = await consumer(address, { 'group.id': 'stale' })
    reader.commitSync(at(1))
    await close(reader)
  },

  codec: (address, compression) => roundTrip(address, 50, { compression }),
  sasl: (address, mechanism) =>
    roundTrip(address, 1, {
      'security.protocol': 'sasl_plaintext',
      'sasl.mechanisms': mechanism,
      'sasl.username': user,
      'sasl.password': password,
    }),
  tls: address => roundTrip(address, 1, { 'security.protocol': 'ssl', 'ssl.ca.location': tlsCa }),
})

/** @platformatic/kafka, as `npm run golden` runs it. It is installed in test/clients/platformatic. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const folder = path.resolve(
  import.meta.dirname,
  '../../clients/platformatic/node_modules/@platformatic/kafka',
)
const { Admin, Consumer, Producer, stringDeserializers, stringSerializers } = await import(
  pathToFileURL(path.join(folder, 'dist/index.js')).href
)
const { version } = createRequire(import.meta.url)(path.join(folder, 'package.json'))
console.log(`@platformatic/kafka ${version}`)

const [address, saslAddress, file] = process.argv.slice(2)
const records = JSON.parse(readFileSync(file, 'utf8'))
const base = { clientId: 'golden', bootstrapBrokers: [address] }
const topic = 'platformatic'

const admin = new Admin(base)
await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
await admin.createPartitions({ topics: [{ name: topic, count: 2, assignments: [{ brokerIds: [1] }] }] })
await admin.listTopics()
await admin.metadata({ topics: [topic] })
await admin.describeConfigs({ resources: [{ resourceType: 2, resourceName: topic }] })
const config = { name: 'retention.ms', value: '7200000', configOperation: 0 }
await admin.incrementalAlterConfigs({
  resources: [{ resourceType: 2, resourceName: topic, configs: [config] }],
})
await admin.describeLogDirs({ topics: [{ name: topic, partitions: [0] }] })

const messages = records.map(({ key, value, headers }) => ({
  topic,
  partition: 0,
  key: key ?? undefined,
  value: value ?? undefined,
  headers,
}))

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  const producer = new Producer({ ...base, serializers: stringSerializers })
  try {
    await producer.send({ messages, compression, autocommit: false })
  } catch (error) {
    // Some codecs are optional peers of it, or need a newer Node.
    console.error(`${compression}: ${error.message}`)
  }
  await producer.close()
}
const idempotent = new Producer({ ...base, serializers: stringSerializers, idempotent: true })
await idempotent.send({ messages })
await idempotent.close()

const transactional = new Producer({
  ...base,
  transactionalId: topic,
  idempotent: true,
  serializers: stringSerializers,
})
for (const end of ['commit', 'abort']) {
  const transaction = await transactional.beginTransaction()
  await transaction.send({ messages })
  await transaction[end]()
}
await transactional.close()

for (const groupProtocol of ['classic', 'consumer']) {
  for (const isolationLevel of [0, 1]) {
    const groupId = `${topic}-${groupProtocol}-${isolationLevel}`
    const options = { ...base, groupId, groupProtocol, maxWaitTime: 100, deserializers: stringDeserializers }
    const consumer = new Consumer({ ...options, isolationLevel })
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: true })
    let left = 3 * records.length
    for await (const _ of stream) if (--left === 0) break
    await stream.close()
    await consumer.listOffsets({ topics: [topic] })
    await consumer.listCommittedOffsets({ topics: [{ topic, partitions: [0] }] })
    if (groupProtocol === 'classic') await admin.describeGroups({ groups: [groupId] })
    await consumer.close(true)
  }
}
await admin.listGroups()
await admin.deleteGroups({ groups: [`${topic}-classic-0`] })
await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 4n }] }] })
await admin.deleteTopics({ topics: [topic] })
await admin.close()

const sasl = { mechanism: 'PLAIN', username: 'ada', password: 'secret' }
const secured = new Admin({ ...base, bootstrapBrokers: [saslAddress], sasl })
await secured.listTopics()
await secured.close()

/** KafkaJS, as `npm run golden` runs it. */
import { once } from 'node:events'
import { createRequire } from 'node:module'
import net from 'node:net'
import { CompressionTypes, Kafka, logLevel, type Producer } from 'kafkajs'
import { readScenario } from './scenario.ts'

const { version } = createRequire(import.meta.url)('kafkajs/package.json')
console.log(`kafkajs ${version}`)

const { address, saslAddress, records } = readScenario()
const kafka = new Kafka({ clientId: 'golden', brokers: [address], logLevel: logLevel.NOTHING })
const topic = 'kafkajs'
const groupId = 'kafkajs'

const admin = kafka.admin()
await admin.connect()
await admin.createTopics({
  topics: [{ topic, numPartitions: 1, configEntries: [{ name: 'retention.ms', value: '3600000' }] }],
})
await admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] })
await admin.listTopics()
await admin.describeCluster()
await admin.fetchTopicMetadata({ topics: [topic] })
await admin.describeConfigs({ includeSynonyms: true, resources: [{ type: 2, name: topic }] })
await admin.alterConfigs({
  validateOnly: false,
  resources: [{ type: 2, name: topic, configEntries: [{ name: 'retention.ms', value: '7200000' }] }],
})

const messages = records.map(({ key, value, headers }) => ({ key, value, headers, partition: 0 }))
const send = (producer: Pick<Producer, 'send'>, compression?: CompressionTypes) =>
  producer.send({ topic, messages, compression })

for (const idempotent of [false, true]) {
  const producer = kafka.producer({ idempotent })
  await producer.connect()
  await send(producer)
  await send(producer, CompressionTypes.GZIP)
  await producer.disconnect()
}

// A coordinator that is still starting is waited for here; a transaction would fail.
await admin.fetchOffsets({ groupId: `${groupId}-tx`, topics: [topic] })
const transactional = kafka.producer({ transactionalId: 'kafkajs', maxInFlightRequests: 1, idempotent: true })
await transactional.connect()
for (const end of ['commit', 'abort'] as const) {
  const transaction = await transactional.transaction()
  await transaction.send({ topic, messages })
  await transaction.sendOffsets({
    consumerGroupId: `${groupId}-tx`,
    topics: [{ topic, partitions: [{ partition: 0, offset: '1' }] }],
  })
  await transaction[end]()
}
await transactional.disconnect()

for (const readUncommitted of [true, false]) {
  const consumer = kafka.consumer({ groupId, readUncommitted, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>(resolve => {
    let left = records.length * (readUncommitted ? 6 : 5)
    void consumer.run({
      autoCommit: readUncommitted,
      eachMessage: async () => {
        left--
        if (left === 0) resolve()
      },
    })
  })
  if (readUncommitted) await admin.describeGroups([groupId])
  await consumer.disconnect()
  if (readUncommitted) await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '0' }] })
}

await admin.listGroups()
await admin.fetchOffsets({ groupId, topics: [topic] })
await admin.fetchTopicOffsets(topic)
await admin.fetchTopicOffsetsByTimestamp(topic, 1)
await admin.deleteGroups([groupId])
await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] })
await admin.deleteTopics({ topics: [topic] })
await admin.disconnect()

const secured = new Kafka({
  clientId: 'golden',
  brokers: [saslAddress],
  sasl: { mechanism: 'plain', username: 'ada', password: 'secret' },
  logLevel: logLevel.NOTHING,
}).admin()
await secured.connect()
await secured.listTopics()
await secured.disconnect()

// What a client that is newer than Kafka asks first; no client of today does.
const [host, port] = address.split(':')
const socket = net.connect(Number(port), host)
const name = [7, ...Buffer.from('golden')]
const asked = Buffer.from([0, 18, 0, 99, 0, 0, 0, 1, 0, 6, ...name.slice(1), 0, ...name, ...name, 0])
const length = Buffer.alloc(4)
length.writeInt32BE(asked.length)
socket.write(Buffer.concat([length, asked]))
await once(socket, 'data')
socket.destroy()

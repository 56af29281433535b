import { Kafka, logLevel, Partitioners } from 'kafkajs'

const topic = 'orders'

/** KafkaJS with its defaults, but silent, and with a short fetch wait. */
export async function connect(address, take) {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 12, replicationFactor: 1 }] })
  await admin.disconnect()
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const consumer = kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const joined = new Promise(resolve => consumer.on(consumer.events.GROUP_JOIN, resolve))
  await consumer.run({
    eachMessage: ({ message }) =>
      take({ key: message.key.toString(), value: JSON.parse(message.value.toString()) }),
  })
  await joined
  return {
    send(batch) {
      return producer.send({
        topic,
        messages: batch.map(({ key, value }) => ({ key, value: JSON.stringify(value) })),
      })
    },
    async close() {
      await consumer.disconnect()
      await producer.disconnect()
    },
  }
}

import { KafkaJS } from '@confluentinc/kafka-javascript'

/** A service that knows Confluent's client and nothing of brokerlet: it turns orders into payments. */
export async function startBilling(brokers) {
  const kafka = new KafkaJS.Kafka({ kafkaJS: { brokers, logLevel: KafkaJS.logLevel.ERROR } })
  const producer = kafka.producer()
  const consumer = kafka.consumer({
    kafkaJS: { groupId: 'billing', fromBeginning: true, autoCommitInterval: 50 },
  })
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topics: ['orders'] })
  await consumer.run({
    eachMessage: async ({ message }) => {
      const { id, total } = JSON.parse(String(message.value))
      const value = JSON.stringify({ orderId: id, amount: total })
      await producer.send({ topic: 'payments', messages: [{ key: id, value }] })
    },
  })
  return {
    async stop() {
      await consumer.disconnect()
      await producer.disconnect()
    },
  }
}

import type { Kafka } from 'kafkajs'

export interface Order {
  id: string
  total: number
}

/** A service that knows KafkaJS and nothing of brokerlet: it turns orders into payments. */
export async function startBilling(kafka: Kafka): Promise<{ stop(): Promise<void> }> {
  const producer = kafka.producer()
  const consumer = kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 50, heartbeatInterval: 50 })
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      const order: Order = JSON.parse(String(message.value))
      const payment = { orderId: order.id, amount: order.total }
      await producer.send({
        topic: 'payments',
        messages: [{ key: order.id, value: JSON.stringify(payment) }],
      })
    },
  })
  return {
    async stop() {
      await consumer.disconnect()
      await producer.disconnect()
    },
  }
}

/** A service as many are: it makes its clients when it is loaded, and nobody can give it others. */
import { Kafka, logLevel } from 'kafkajs'

const kafka = new Kafka({ clientId: 'shop', brokers: ['kafka.example:9092'], logLevel: logLevel.NOTHING })
const producer = kafka.producer()
const consumer = kafka.consumer({ groupId: 'billing' })

export const charged: string[] = []

export async function start(): Promise<void> {
  await producer.connect()
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      charged.push(String(message.value))
    },
  })
}

export async function place(order: string): Promise<void> {
  await producer.send({ topic: 'orders', messages: [{ value: order }] })
}

export async function stop(): Promise<void> {
  await consumer.disconnect()
  await producer.disconnect()
}

import {
  Admin,
  Consumer,
  jsonDeserializer,
  jsonSerializer,
  MessagesStreamModes,
  Producer,
  stringDeserializer,
  stringSerializer,
} from '@platformatic/kafka'

const topic = 'orders'

/** A member of a KIP-848 group, with a short fetch wait. */
export async function connect(address, take) {
  const options = { clientId: 'bench', bootstrapBrokers: [address] }
  const admin = new Admin(options)
  await admin.createTopics({ topics: [topic], partitions: 12, replicas: 1 })
  await admin.close()
  const producer = new Producer({
    ...options,
    serializers: { key: stringSerializer, value: jsonSerializer },
  })
  const consumer = new Consumer({
    ...options,
    groupId: 'billing',
    groupProtocol: 'consumer',
    maxWaitTime: 100,
    deserializers: { key: stringDeserializer, value: jsonDeserializer },
  })
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
  const reading = (async () => {
    for await (const record of stream) await take(record)
  })()
  return {
    send(batch) {
      return producer.send({ messages: batch.map(({ key, value }) => ({ topic, key, value })) })
    },
    async close() {
      await stream.close()
      await reading
      await consumer.close(true)
      await producer.close()
    },
  }
}

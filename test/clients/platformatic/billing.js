import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'

/** A service that knows @platformatic/kafka and nothing of brokerlet: it turns orders into payments. */
export async function startBilling(bootstrapBrokers) {
  const base = { clientId: 'billing', bootstrapBrokers }
  const producer = new Producer({ ...base, serializers: stringSerializers })
  const consumer = new Consumer({
    ...base,
    groupId: 'billing',
    groupProtocol: 'consumer',
    deserializers: stringDeserializers,
    maxWaitTime: 50,
  })
  const stream = await consumer.consume({
    topics: ['orders'],
    mode: 'committed',
    fallbackMode: 'earliest',
    autocommit: false,
  })
  stream.on('data', async message => {
    const { id, total } = JSON.parse(message.value)
    const value = JSON.stringify({ orderId: id, amount: total })
    await producer.send({ messages: [{ topic: 'payments', key: id, value }] })
    await message.commit()
  })
  return {
    async stop() {
      await stream.close()
      await consumer.close()
      await producer.close()
    },
  }
}

import { AckPolicy, jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { connect as connectTo } from '@nats-io/transport-node'

/** JetStream with its stream in memory; every message is acknowledged to the sender, and by the reader. */
export async function connect(address, take) {
  const publisher = await connectTo({ servers: address })
  const subscriber = await connectTo({ servers: address })
  const manager = await jetstreamManager(publisher)
  const max_msgs = 1_000_000
  await manager.streams.add({ name: 'orders', subjects: ['orders.>'], storage: StorageType.Memory, max_msgs })
  await manager.consumers.add('orders', { durable_name: 'billing', ack_policy: AckPolicy.All })
  const consumer = await jetstream(subscriber).consumers.get('orders', 'billing')
  const messages = await consumer.consume({ max_messages: 1000 })
  const reading = (async () => {
    let read = 0
    for await (const message of messages) {
      await take(message.json())
      // One acknowledgement covers all messages before it.
      if (++read % 100 === 0) message.ack()
    }
  })()
  const stream = jetstream(publisher)
  return {
    send(batch) {
      return Promise.all(batch.map(record => stream.publish(`orders.${record.key}`, JSON.stringify(record))))
    },
    async close() {
      await messages.close()
      await subscriber.close()
      await publisher.close()
      await reading
    },
  }
}

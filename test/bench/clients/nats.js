import { connect as connectTo } from '@nats-io/transport-node'

/**
 * NATS core: a publisher and a subscriber with a connection each; a flush resolves when the server has all earlier
 * messages.
 */
export async function connect(address, take) {
  const publisher = await connectTo({ servers: address })
  const subscriber = await connectTo({ servers: address })
  const subscription = subscriber.subscribe('orders.>')
  const reading = (async () => {
    for await (const message of subscription) await take(message.json())
  })()
  await subscriber.flush()
  return {
    send(batch) {
      for (const record of batch) publisher.publish(`orders.${record.key}`, JSON.stringify(record))
      return publisher.flush()
    },
    async close() {
      await subscriber.close()
      await publisher.close()
      await reading
    },
  }
}

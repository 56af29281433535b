import { createServer, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import type { PubSub } from 'brokerlet'
import { connect } from 'brokerlet/kafka'
import { type Order, topics } from './topics.ts'

/**
 * One worker: takes orders over HTTP, and bills those of the partitions that its group assigns to it. It
 * knows only the broker's address.
 */
export async function work(address: string): Promise<void> {
  const bus = await connect({ bootstrapBrokers: [address], topics, autoCommitIntervalMs: 100 })
  const billed = await bill(bus)
  const producer = bus.producer()
  const server = createServer(async (request: IncomingMessage, response) => {
    const order = (await json(request)) as Order
    await producer.send({ topic: 'orders', key: order.id, value: order })
    // One worker may take all orders of a connection, but all workers bill them.
    response.writeHead(202, { connection: 'close' }).end()
  })
  server.listen(0, '127.0.0.1')
  process.once('message', async () => {
    server.close()
    await bus.close()
    process.send!(billed())
    process.disconnect()
  })
}

/** Bills orders; returns a function that says how many so far. */
async function bill(bus: PubSub<typeof topics>): Promise<() => number> {
  let billed = 0
  const consumer = bus.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: () => void billed++ })
  return () => billed
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
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
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const order = (await json(request)) as Order
    await producer.send({ topic: 'orders', key: order.id, value: order })
    // One worker may take all orders of a connection, but all workers bill them.
    response.writeHead(202, { connection: 'close' }).end()
  }
  // An order that cannot be taken is this request's failure, and not the end of the worker.
  const server = createServer((request, response) => {
    take(request, response).catch(error => response.writeHead(503).end(String(error)))
  })
  server.listen(0, '127.0.0.1')
  process.once('message', async () => {
    // First the requests that are under way: they still send.
    await new Promise(resolve => server.close(resolve))
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

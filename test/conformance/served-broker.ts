import { once } from 'node:events'
import net from 'node:net'
import { afterEach } from 'vitest'
import { Broker, type OpenTopics, topic } from '../../src/index.ts'
import { type ConnectOptions, connect, type KafkaConnection } from '../../src/kafka/index.ts'
import { type KafkaServer, type ServeOptions, serve } from '../../src/server/index.ts'

export const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})

/** A broker that is served, and connections to it; all are closed after their test. */
export async function start(served: ServeOptions = {}, options: Partial<ConnectOptions> = {}) {
  const broker = new Broker({ topics: { orders: topic({ partitions: 2 }) } })
  const server = await serve(broker, { consumerHeartbeatIntervalMs: 50, ...served })
  open.push(broker)
  const join = async (more: Partial<ConnectOptions> = {}): Promise<KafkaConnection<OpenTopics>> => {
    const cluster = await connect({
      bootstrapBrokers: [server.address],
      fetchMaxWaitMs: 50,
      ...options,
      ...more,
    })
    open.push(cluster)
    return cluster as KafkaConnection<OpenTopics>
  }
  return { broker, server, join }
}

/** The address of a proxy before a server; all served brokers say that their cluster has the same id, this one not. */
export async function underAnotherId(server: KafkaServer): Promise<string> {
  const proxy = net.createServer(client => {
    const broker = net.connect(server.port, '127.0.0.1')
    const close = () => [client, broker].forEach(socket => void socket.destroy())
    for (const socket of [client, broker]) socket.on('error', close).on('close', close)
    client.pipe(broker)
    broker.on('data', data =>
      client.write(Buffer.from(data.toString('latin1').replaceAll('brokerlet', 'elsewhere'), 'latin1')),
    )
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  open.push({ [Symbol.asyncDispose]: async () => void proxy.close() })
  return `127.0.0.1:${(proxy.address() as net.AddressInfo).port}`
}

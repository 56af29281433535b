import { afterEach } from 'vitest'
import { Broker, type OpenTopics, topic } from '../../src/index.ts'
import { type ConnectOptions, connect, type KafkaConnection } from '../../src/kafka/index.ts'
import { type ServeOptions, serve } from '../../src/server/index.ts'

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

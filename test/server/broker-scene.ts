import { connect } from 'node:net'
import { afterEach } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import { type ServedBroker, type ServeOptions, serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { sequencedBatch, WireClient } from '../helpers/wire-client.ts'

export const topics = { orders: topic({ partitions: 3 }) }

/** Kafka's numbers of errors that a broker answers for what another one leads or coordinates. */
export const notLeader = 6
export const notCoordinator = 16

/** Makes servers of three brokers with a topic `orders`, and their clients; all end after each test of the file. */
export function brokerScenes() {
  const open: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of open.splice(0).toReversed()) await close()
  })
  return {
    async start(options: ServeOptions = {}, broker: Broker<typeof topics> = new Broker({ topics })) {
      open.push(() => broker.close())
      const server = await serve(broker, { brokers: 3, ...options })
      return { broker, server, id: broker.topic('orders').id }
    },
    async connectTo({ port }: ServedBroker): Promise<WireClient> {
      const socket = connect(port, '127.0.0.1')
      open.push(() => socket.destroy())
      await new Promise(resolve => socket.once('connect', resolve))
      return new WireClient(socket)
    },
  }
}

/** The leader of each partition of a topic, as a broker tells it. */
export async function leadersAt(client: WireClient, name = 'orders') {
  const { topics: told } = await client.call(apis.metadata as Api, 12, { topics: [{ name }] })
  return told[0].partitions.map((each: any) => [each.partitionIndex, each.leaderId, each.leaderEpoch])
}

/** Writes a record to each of some partitions of `orders`. */
export const produce = (client: WireClient, partitions: readonly number[], more: object = {}) =>
  client.call(apis.produce as Api, 12, {
    acks: 1,
    timeoutMs: 1000,
    topicData: [
      {
        name: 'orders',
        partitionData: partitions.map(index => ({ index, records: [sequencedBatch(-1, -1, -1, [index])] })),
      },
    ],
    ...more,
  })

/** The body of a Fetch of `orders`. */
export const fetchOrders = (id: string, partitions: readonly object[], maxWaitMs = 0) => ({
  maxWaitMs,
  minBytes: 1,
  topics: [
    {
      topicId: id,
      partitions: partitions.map(each => ({ fetchOffset: 0, partitionMaxBytes: 10_000, ...each })),
    },
  ],
})

/** The code of the error by which a broker that does not run refuses a connection. */
export function connectRefused({ port }: ServedBroker): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(undefined))
    socket.once('error', error => resolve((error as NodeJS.ErrnoException).code))
  })
}

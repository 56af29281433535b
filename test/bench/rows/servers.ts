import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { compare, type SlowWork } from '../measure.ts'
import { type OrderMessage, passingMessage, Sink } from '../orders.ts'
import { inBatches } from '../peer.ts'
import type { Need, Row } from '../row.ts'
import { startDelivery } from './end-to-end.ts'

/** A client from clients/, connected to a server. */
interface Client {
  /** Resolves when the server has the whole batch. */
  send(batch: readonly OrderMessage[]): Promise<unknown>
  close(): Promise<void>
}

interface ClientModule {
  /** Connects; from then on calls `take` with every record, and awaits it. */
  connect(address: string, take: (record: { readonly value: unknown }) => Promise<void>): Promise<Client>
}

// npm runs every script from the root; a client's package is installed in `clients`, not beside the built benchmark.
const clients = path.resolve('test/bench/clients')

function serverRow(
  name: string,
  yardstick: string,
  server: Need,
  /** The share of a round's records to use: a server takes long. */
  share: number,
  target?: number,
): Row {
  return {
    name,
    section: 'servers',
    what: `\`sendBatch\` of 100, asynchronous handler, beside ${yardstick} on loopback`,
    unit: 'ns/record',
    ...(target !== undefined && { targets: { [yardstick]: target } }),
    needs: server,
    async measure(scale, address) {
      if (address === undefined) throw new Error(`${name} needs ${server}`)
      const { connect }: ClientModule = await import(pathToFileURL(path.join(clients, `${name}.js`)).href)
      const sink = new Sink()
      const client = await connect(address, sink.takeAsync)
      const send = inBatches((from, to) => {
        const batch: OrderMessage[] = []
        for (let i = from; i < to; i++) batch.push(passingMessage(i))
        return client.send(batch)
      })
      const work = async (records: number) => {
        const delivered = sink.expect(records)
        await send(records)
        await delivered
      }
      const theirs: SlowWork = { share, work }
      const { work: ours, close } = await startDelivery({ sender: 'batch', reader: 'async' })
      const figures = await compare(scale, ours, { [yardstick]: theirs })
      await client.close()
      await close()
      return figures
    },
  }
}

export const serverRows: readonly Row[] = [
  serverRow('nats', 'NATS core', 'nats-server', 0.1, 1 / 9),
  serverRow('redis', 'Redis streams', 'redis-server', 0.05, 1 / 30),
  serverRow('jetstream', 'JetStream', 'nats-server', 0.02, 1 / 140),
  serverRow('kafkajs', 'Kafka by KafkaJS', 'Apache Kafka', 0.02),
  serverRow('platformatic', 'Kafka by @platformatic/kafka', 'Apache Kafka', 0.02),
]

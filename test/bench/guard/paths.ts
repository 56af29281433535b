import type { Work } from '../measure.ts'
import { message, messages, type OrderMessage, orderBroker, Sink } from '../orders.ts'
import type { Peer } from '../peer.ts'
import { eventEmitter3 } from '../peers/emitters.ts'
import { awaitAsync, pushAndAwait, pushAndLoop } from '../peers/loops.ts'
import { type DeliveryOptions, startDelivery } from '../rows/end-to-end.ts'

/** A path of records through the library that must not become slower, and its yardstick. */
export interface Path {
  readonly name: string
  start(): Promise<{ readonly work: Work; readonly yardstick: Work }>
}

const yardstickOf = (peer: Peer, listeners = 1): Work => {
  const work = peer.start({ sink: new Sink(), listeners, messages })
  if (typeof work !== 'function') throw new Error(`${peer.name} is too slow for a yardstick`)
  return work
}

function delivery(name: string, options: DeliveryOptions, peer: Peer): Path {
  return {
    name,
    async start() {
      const { work } = await startDelivery(options)
      return { work, yardstick: yardstickOf(peer, options.groups) }
    },
  }
}

const append: Path = {
  name: 'append',
  async start() {
    const log = orderBroker().topic('orders')
    const work = (records: number) => {
      for (let i = 0; i < records; i++) {
        const { key, value } = message(i)
        log.append({ key, value })
      }
    }
    return { work, yardstick: yardstickOf(pushAndLoop) }
  },
}

const send: Path = {
  name: 'send',
  async start() {
    const broker = orderBroker()
    const producer = broker.producer()
    const sink = new Sink()
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    await consumer.run({ eachRecord: record => sink.take(record) })
    const work = async (records: number) => {
      for (let i = 0; i < records; i++) await producer.send(message(i))
    }
    return { work, yardstick: awaitAsync }
  },
}

const drain: Path = {
  name: 'drain',
  async start() {
    const broker = orderBroker()
    const kept: OrderMessage[] = Array.from({ length: 100_000 }, (_, i) => message(i))
    await broker.producer().sendBatch(kept)
    const sink = new Sink()
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    const first = sink.expect(kept.length)
    await consumer.run({ eachRecord: record => sink.take(record) })
    await first
    const work = async (records: number) => {
      for (let read = 0; read < records; read += kept.length) {
        const all = sink.expect(kept.length)
        for (const partition of consumer.assignment) consumer.seek(partition, 'beginning')
        await all
      }
    }
    return { work, yardstick: yardstickOf(pushAndLoop) }
  },
}

export const paths: readonly Path[] = [
  append,
  drain,
  send,
  delivery('sends-sync', { sender: 'sends', reader: 'sync' }, eventEmitter3),
  delivery('batch-sync', { sender: 'batch', reader: 'sync' }, eventEmitter3),
  delivery('sends-async', { sender: 'sends', reader: 'async' }, pushAndAwait),
  delivery('batch-async', { sender: 'batch', reader: 'async' }, pushAndAwait),
  delivery('for-await', { sender: 'batch', reader: 'forAwait' }, pushAndAwait),
  delivery('by-key', { sender: 'batch', reader: 'byKey' }, pushAndAwait),
  delivery('ten-groups', { sender: 'batch', reader: 'sync', groups: 10 }, eventEmitter3),
]

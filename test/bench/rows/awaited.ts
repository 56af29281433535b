import Emittery from 'emittery'
import { promise as fastq } from 'fastq'
import PQueue from 'p-queue'
import { compare, type SlowWork, type Work } from '../measure.ts'
import { message, type OrderMessage, orderBroker, passingMessage, Sink } from '../orders.ts'
import { bareLogAwaited } from '../peers/bare-log.ts'
import { awaitAsync } from '../peers/loops.ts'
import type { Row } from '../row.ts'

/** Sends one record; resolves when the sender may go on. */
type Send = (record: OrderMessage) => Promise<unknown>

const oneByOne =
  (send: Send): Work =>
  async records => {
    for (let i = 0; i < records; i++) await send(passingMessage(i))
  }

/** The same peers as in batches, each at what it waits with. */
function peers(sink: Sink): Readonly<Record<string, Work | SlowWork>> {
  const emitter = new Emittery<{ orders: OrderMessage }>()
  emitter.on('orders', sink.take)
  const queue = fastq(async (record: OrderMessage) => sink.take(record), 1)
  const functions = new PQueue({ concurrency: 1 })
  return {
    'await async function': awaitAsync,
    'bare log': bareLogAwaited(sink),
    emittery: { share: 0.2, work: oneByOne(record => emitter.emit('orders', record)) },
    'fastq.promise': oneByOne(record => queue.push(record)),
    'p-queue': { share: 0.2, work: oneByOne(record => functions.add(() => sink.take(record))) },
  }
}

export const send: Row = {
  name: 'send',
  section: 'awaited',
  what: 'one `await send` after the other, each delivered to a synchronous handler',
  unit: 'ns/record',
  targets: { 'await async function': 5, emittery: 1 / 3 },
  async measure(scale) {
    const broker = orderBroker()
    const producer = broker.producer()
    const sink = new Sink()
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    await consumer.run({ eachRecord: record => sink.take(record) })
    const ours = async (records: number) => {
      const delivered = sink.expect(records)
      for (let i = 0; i < records; i++) await producer.send(message(i))
      await delivered
    }
    const figures = await compare(scale, ours, peers(new Sink()))
    await broker.close()
    return figures
  },
}

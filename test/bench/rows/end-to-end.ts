import { compare, type Scale, type Work } from '../measure.ts'
import { message, type OrderMessage, orderBroker, Sink } from '../orders.ts'
import type { Row, Target } from '../row.ts'
import { batchSize, emit, pushAndAwait, pushAndLoop } from '../yardsticks.ts'

type OrderBroker = ReturnType<typeof orderBroker>

/** Batches of keyed records: one `sendBatch`, or as many `send` and the last one awaited. */
const senders = {
  batch: (broker: OrderBroker): Work => {
    const producer = broker.producer()
    return async records => {
      for (let i = 0; i < records; ) {
        const batch: OrderMessage[] = []
        for (const end = Math.min(i + batchSize, records); i < end; i++) batch.push(message(i))
        await producer.sendBatch(batch)
      }
    }
  },
  sends: (broker: OrderBroker): Work => {
    const producer = broker.producer()
    return async records => {
      for (let i = 0; i < records; ) {
        let last: Promise<unknown> | undefined
        for (const end = Math.min(i + batchSize, records); i < end; i++) last = producer.send(message(i))
        await last
      }
    }
  },
}

interface Delivery {
  readonly sender: keyof typeof senders
  readonly handler: 'sync' | 'async'
  readonly groups: number
  readonly yardsticks: (sink: Sink) => Readonly<Record<string, Work>>
}

async function deliver(scale: Scale, { sender, handler, groups, yardsticks }: Delivery) {
  const broker = orderBroker()
  const send = senders[sender](broker)
  const sink = new Sink()
  for (let group = 0; group < groups; group++) {
    const consumer = broker.consumer({ groupId: `group-${group}`, topics: ['orders'] })
    await consumer.run({
      eachRecord: handler === 'sync' ? record => sink.take(record) : record => sink.takeAsync(record),
    })
  }
  const ours = async (records: number) => {
    const delivered = sink.expect(records * groups)
    await send(records)
    await delivered
  }
  const figures = await compare(scale, ours, yardsticks(new Sink()))
  await broker.close()
  return figures
}

function row(name: string, what: string, targets: Record<string, Target>, delivery: Delivery): Row {
  return { name, what, unit: 'ns/record', targets, measure: scale => deliver(scale, delivery) }
}

const toSync = (sink: Sink) => ({ emit: emit(sink), 'push and loop': pushAndLoop(sink) })
const toAsync = (sink: Sink) => ({ 'push and await': pushAndAwait(sink) })

export const endToEnd: readonly Row[] = [
  row(
    'batch-sync',
    '`sendBatch` of 100, synchronous handler',
    { emit: { first: 6, later: 5 } },
    { sender: 'batch', handler: 'sync', groups: 1, yardsticks: toSync },
  ),
  row(
    'sends-sync',
    '100 `send`, the last one awaited, synchronous handler',
    { emit: { first: 6, later: 5 } },
    { sender: 'sends', handler: 'sync', groups: 1, yardsticks: toSync },
  ),
  row(
    'batch-async',
    '`sendBatch` of 100, asynchronous handler',
    { 'push and await': { first: 3, later: 2 } },
    { sender: 'batch', handler: 'async', groups: 1, yardsticks: toAsync },
  ),
  row(
    'sends-async',
    '100 `send`, the last one awaited, asynchronous handler',
    { 'push and await': { first: 3, later: 2 } },
    { sender: 'sends', handler: 'async', groups: 1, yardsticks: toAsync },
  ),
  row(
    'ten-groups',
    '`sendBatch` of 100 to ten groups, synchronous handlers',
    { 'emit to ten': { later: 2 } },
    { sender: 'batch', handler: 'sync', groups: 10, yardsticks: sink => ({ 'emit to ten': emit(sink, 10) }) },
  ),
]

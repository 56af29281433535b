import { Broker, topic } from '../../../src/index.ts'
import { toFigure } from '../measure.ts'
import { message, type Order, Sink } from '../orders.ts'
import type { Row } from '../row.ts'
import { Peak, usedMB } from './heap-of.ts'

const looks = 20

async function turn(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

/**
 * A producer that awaits each batch, and a consumer beside it. `sent` is called after each batch, `rested` now and
 * then.
 */
async function steadyLoad(
  records: number,
  { sent, rested }: { sent?: (kept: number) => void; rested?: () => void },
): Promise<void> {
  const broker = new Broker({ topics: { orders: topic<Order>({ cleanupPolicy: 'consumed' }) } })
  const producer = broker.producer()
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  const sink = new Sink()
  await consumer.run({ eachRecord: sink.takeAsync })
  const [partition] = broker.topic('orders').partitions
  for (let done = 0; done < records; ) {
    for (const until = done + records / looks; done < until; done += 100) {
      await producer.sendBatch(Array.from({ length: 100 }, (_, i) => message(i)))
      sent?.(partition!.countFrom(0))
      await turn()
    }
    rested?.()
  }
  await broker.idle({ timeoutMs: 60_000 })
  await broker.close()
}

/** A producer that awaits nothing within waves of 10,000 sends, and a slow consumer. */
async function outrun(records: number, look: () => void): Promise<void> {
  const orders = topic<Order>({ whenFull: 'wait', retentionRecords: 5000 })
  const broker = new Broker({ topics: { orders } })
  const producer = broker.producer()
  const sink = new Sink()
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: sink.takeAsync })
  const wave = Math.min(records, 10_000)
  for (let done = 0; done < records; done += wave) {
    let last: Promise<unknown> | undefined
    for (let i = 0; i < wave; i++) last = producer.send(message(i))
    look()
    await last
  }
  await broker.idle({ timeoutMs: 60_000 })
  await broker.close()
}

export const pressures: readonly Row[] = [
  {
    name: 'consumed-records',
    section: 'memory',
    what: "the most records that a topic with cleanupPolicy 'consumed' keeps under a steady load",
    unit: 'records',
    judged: 'ours',
    async measure(scale) {
      const kept = new Peak()
      const records = scale.records / 2
      await steadyLoad(records, { sent: count => kept.look(count) })
      return [toFigure('all that was sent', [kept.most], [records])]
    },
  },
  {
    name: 'consumed-heap',
    section: 'memory',
    what: 'the most heap that it adds on the way',
    unit: 'MB',
    judged: 'ours',
    targets: { 'all that was sent, at 100 bytes': 10 },
    async measure(scale) {
      const records = scale.records / 2
      const before = usedMB()
      const heap = new Peak()
      await steadyLoad(records, { rested: () => heap.look(usedMB() - before) })
      return [toFigure('all that was sent, at 100 bytes', [heap.most], [(records * 100) / 1e6])]
    },
  },
  {
    name: 'wait-heap',
    section: 'memory',
    what: "the most heap that a producer adds which outruns its consumer by 10,000 sends under whenFull 'wait'",
    unit: 'MB',
    judged: 'ours',
    targets: { 'all that was sent, at 100 bytes': 40 },
    async measure(scale) {
      const records = scale.records / 2
      const before = usedMB()
      const heap = new Peak()
      await outrun(records, () => heap.look(usedMB() - before))
      return [toFigure('all that was sent, at 100 bytes', [heap.most], [(records * 100) / 1e6])]
    },
  },
]

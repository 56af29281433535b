import { toFigure } from '../measure.ts'
import { message, type OrderMessage, orderBroker } from '../orders.ts'
import type { Row } from '../row.ts'

function used(): number {
  // Twice: what the first one finds dead may keep array buffers until the second.
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Bytes per record that `keep` adds to what is there. */
function bytesOf(records: number, keep: () => unknown): number {
  const before = used()
  const kept = keep()
  const bytes = (used() - before) / records
  if (kept === undefined) throw new Error('nothing kept')
  return bytes
}

export const heap: Row = {
  name: 'heap',
  what: 'retained heap per record beyond key and value, 12 partitions',
  unit: 'bytes/record',
  judged: 'ours',
  targets: { 'array of { key, value, timestamp }': { first: 40, later: 26 } },
  async measure(scale) {
    const records = scale.records * 10
    const messages: OrderMessage[] = Array.from({ length: records }, (_, i) => message(i))
    const ours: number[] = []
    const theirs: number[] = []
    for (let round = 0; round < Math.min(3, scale.rounds); round++) {
      const broker = orderBroker({ maxRecords: -1 })
      const topic = broker.topic('orders')
      ours.push(
        bytesOf(records, () => {
          for (const { key, value } of messages) topic.append({ key, value })
          return broker
        }),
      )
      await broker.close()
      theirs.push(
        bytesOf(records, () => messages.map(({ key, value }) => ({ key, value, timestamp: Date.now() }))),
      )
    }
    return [toFigure('array of { key, value, timestamp }', ours, theirs)]
  },
}

import { performance } from 'node:perf_hooks'
import { median, type Scale, toFigure } from '../measure.ts'
import { keyOf, message, type OrderMessage, orderBroker } from '../orders.ts'
import type { Row } from '../row.ts'
import { usedMB } from './heap-of.ts'

/** The megabytes that `keep` adds to the heap. */
function megabytesOf(keep: () => unknown): number {
  const before = usedMB()
  const kept = keep()
  const grown = usedMB() - before
  if (kept === undefined) throw new Error('nothing kept')
  return grown
}

const heap: Row = {
  name: 'heap',
  section: 'memory',
  what: 'retained heap per record beyond key and value, 12 partitions',
  unit: 'bytes/record',
  judged: 'ours',
  targets: { 'array of { key, value, timestamp }': 26 },
  async measure({ records, rounds }) {
    const messages: OrderMessage[] = Array.from({ length: records }, (_, i) => message(i))
    const ours: number[] = []
    const theirs: number[] = []
    for (let round = 0; round < Math.min(3, rounds); round++) {
      const broker = orderBroker({ maxRecords: -1 })
      const topic = broker.topic('orders')
      const kept = megabytesOf(() => {
        for (const { key, value } of messages) topic.append({ key, value })
        return broker
      })
      await broker.close()
      const bare = megabytesOf(() =>
        messages.map(({ key, value }) => ({ key, value, timestamp: Date.now() })),
      )
      ours.push((kept * 1e6) / records)
      theirs.push((bare * 1e6) / records)
    }
    return [toFigure('array of { key, value, timestamp }', ours, theirs)]
  },
}

/** How long a full collection takes, in milliseconds. */
function collection({ rounds }: Scale): number {
  globalThis.gc?.()
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now()
    globalThis.gc?.()
    return performance.now() - start
  })
  return median(times)
}

const fullCollection: Row = {
  name: 'full-collection',
  section: 'memory',
  what: 'a forced full collection with five times as many records retained as a round has (5 million)',
  unit: 'ms',
  targets: { 'array of the same values': 1.5 },
  async measure(scale) {
    const records = 5 * scale.records
    const bare = () => {
      const values = Array.from({ length: records }, (_, i) => message(i).value)
      const time = collection(scale)
      if (values.length !== records) throw new Error('kept too few')
      return time
    }
    const mine = async () => {
      const broker = orderBroker({ maxRecords: -1 })
      const topic = broker.topic('orders')
      for (let i = 0; i < records; i++) {
        const { key, value } = message(i)
        topic.append({ key, value })
      }
      const time = collection(scale)
      await broker.close()
      return time
    }
    const before = bare()
    const ours = await mine()
    return [toFigure('array of the same values', [ours], [(before + bare()) / 2])]
  },
}

const idlePartitions: Row = {
  name: 'idle-partitions',
  section: 'memory',
  what: 'the heap of 10,000 partitions with a record each',
  unit: 'MB',
  judged: 'ours',
  targets: { 'an array of one record each': 20 },
  async measure() {
    const partitions = 10_000
    const ours = megabytesOf(() => {
      const broker = orderBroker({ partitions })
      const topic = broker.topic('orders')
      for (let partition = 0; partition < partitions; partition++)
        topic.append({ key: keyOf(partition), value: message(partition).value, partition })
      return broker
    })
    const theirs = megabytesOf(() =>
      Array.from({ length: partitions }, (_, i) => [{ ...message(i), timestamp: Date.now() }]),
    )
    return [toFigure('an array of one record each', [ours], [theirs])]
  },
}

export const heaps: readonly Row[] = [heap, fullCollection, idlePartitions]

import { Broker, topic } from '../../../src/index.ts'
import { toFigure } from '../measure.ts'
import { message, type Order } from '../orders.ts'
import type { Row } from '../row.ts'
import { Peak, usedMB } from './heap-of.ts'
import { shareOfAppending } from './trimming.ts'

const looks = 50

/** Writes updates of 1,000 keys without a pause, and reports how many records are kept on the way. */
function updates(records: number, look: (kept: number) => void): void {
  const broker = new Broker({
    topics: { orders: topic<Order>({ cleanupPolicy: 'compact' }) },
    maxRecords: -1,
  })
  const log = broker.topic('orders')
  const [partition] = log.partitions
  for (let done = 0; done < looks; done++) {
    for (let i = 0; i < records / looks; i++) {
      const { key, value } = message(i)
      log.append({ key, value })
    }
    look(partition!.countFrom(0))
  }
}

export const compactions: readonly Row[] = [
  {
    name: 'compact-records',
    section: 'housekeeping',
    what: 'the most records that a compacted topic of 1,000 keys keeps while it gets five times as many updates as a round has',
    unit: 'records',
    judged: 'ours',
    targets: { 'all updates': 20_000 },
    async measure(scale) {
      const records = 5 * scale.records
      const kept = new Peak()
      updates(records, count => kept.look(count))
      return [toFigure('all updates', [kept.most], [records])]
    },
  },
  {
    name: 'compact-heap',
    section: 'housekeeping',
    what: 'the most heap that the same topic adds, beside what all its updates would take',
    unit: 'MB',
    judged: 'ours',
    targets: { 'all updates': 10 },
    async measure(scale) {
      const records = 5 * scale.records
      const before = usedMB()
      const heap = new Peak()
      updates(records, () => heap.look(usedMB() - before))
      const bytesPerRecord = 100
      return [toFigure('all updates', [heap.most], [(records * bytesPerRecord) / 1e6])]
    },
  },
  shareOfAppending('compact-share', 'compaction of 1,000 keys, as a share of appending', ['rolled'], {
    maxRecords: -1,
    cleanupPolicy: 'compact',
  }),
]

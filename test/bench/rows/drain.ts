import type { RunOptions } from '../../../src/consumer/run-options.ts'
import { compare, type Scale, type Work } from '../measure.ts'
import { message, type OrderMessage, orderBroker, Sink } from '../orders.ts'
import type { Row } from '../row.ts'

/** A consumer reads the retained records, from the beginning again in each round. */
async function drain(
  scale: Scale,
  sink: Sink,
  options: Pick<RunOptions, 'eachRecord'>,
  yardsticks: Readonly<Record<string, (kept: readonly OrderMessage[]) => Work>>,
) {
  const broker = orderBroker({ maxRecords: -1 })
  const kept = Array.from({ length: scale.records }, (_, i) => message(i))
  await broker.producer().sendBatch(kept)
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  const first = sink.expect(scale.records)
  await consumer.run(options as never)
  await first
  const ours = async (records: number) => {
    const read = sink.expect(records)
    for (const partition of consumer.assignment) consumer.seek(partition, 'beginning')
    await read
  }
  const works = Object.entries(yardsticks).map(([name, make]) => [name, make(kept)] as const)
  const figures = await compare(scale, ours, Object.fromEntries(works))
  await broker.close()
  return figures
}

export const drainSync: Row = {
  name: 'drain-sync',
  section: 'parts',
  what: 'reading what is retained, synchronous handler',
  unit: 'ns/record',
  measure(scale) {
    const sink = new Sink()
    return drain(
      scale,
      sink,
      { eachRecord: record => sink.take(record as never) },
      {
        'array loop': kept => () => {
          const theirs = new Sink()
          for (const record of kept) theirs.take(record)
        },
      },
    )
  },
}

export const drainAsync: Row = {
  name: 'drain-async',
  section: 'parts',
  what: 'reading what is retained, asynchronous handler',
  unit: 'ns/record',
  measure(scale) {
    const sink = new Sink()
    return drain(
      scale,
      sink,
      { eachRecord: record => sink.takeAsync(record as never) },
      {
        'array await': kept => async () => {
          const theirs = new Sink()
          for (const record of kept) await theirs.takeAsync(record)
        },
      },
    )
  },
}

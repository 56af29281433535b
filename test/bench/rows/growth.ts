import { columnLoop } from '../columns.ts'
import { inRounds, median, type Scale, timed, toFigure, type Work } from '../measure.ts'
import { Sink, scattered } from '../orders.ts'
import { eventEmitter3 } from '../peers/emitters.ts'
import { pushAndLoop } from '../peers/loops.ts'
import type { Row } from '../row.ts'
import { deliveryRow, startDelivery } from './end-to-end.ts'

const yardstick = 'growth of a bare column loop'
const delivery = { sender: 'batch', reader: 'sync', messages: scattered } as const

const onPartitions = (partitions: number): Row =>
  deliveryRow(
    {
      name: `partitions-${partitions}`,
      section: 'partitions',
      what: `\`sendBatch\` of 100, 10,000 keys, ${partitions.toLocaleString('en')} partition${partitions === 1 ? '' : 's'}, synchronous handler`,
      peers: [pushAndLoop, eventEmitter3],
    },
    { ...delivery, partitions },
  )

/** The cost of a record on 1,000 partitions, relative to that on one. */
const partitionGrowth: Row = {
  name: 'partition-growth',
  section: 'partitions',
  what: 'from 1 to 1,000 partitions',
  unit: 'times',
  targets: { [yardstick]: 2 },
  async measure(scale) {
    const one = await startDelivery({ ...delivery, partitions: 1 })
    const many = await startDelivery({ ...delivery, partitions: 1000 })
    const maxRecords = 1_000_000
    const bareOne = columnLoop(new Sink(), scattered.kept, { partitions: 1, maxRecords })
    const bareMany = columnLoop(new Sink(), scattered.kept, { partitions: 1000, maxRecords })
    const growth = async (small: Work, large: Work) => {
      const least = await timed(small, scale.records)
      return (await timed(large, scale.records)) / least
    }
    const ours: number[] = []
    const theirs: number[] = []
    await inRounds(scale, async counts => {
      const before = await growth(bareOne, bareMany)
      const grew = await growth(one.work, many.work)
      const after = await growth(bareOne, bareMany)
      if (!counts) return
      ours.push(grew)
      theirs.push((before + after) / 2)
    })
    await one.close()
    await many.close()
    return [toFigure(yardstick, ours, theirs)]
  },
}

/** The cost of a record once this many are kept. */
async function withRetained(kept: number, work: Work, scale: Scale): Promise<number> {
  await work(kept)
  const times: number[] = []
  await inRounds({ ...scale, budgetMs: 0 }, async counts => {
    const time = await timed(work, scale.records)
    if (counts) times.push(time)
  })
  return median(times)
}

/** The records of one log are released before the next is filled: the collector would trace both. */
const retainedGrowth: Row = {
  name: 'retained-growth',
  section: 'partitions',
  what: 'from 10,000 to 10 million retained records, 12 partitions',
  unit: 'times',
  targets: { [yardstick]: 2 },
  async measure(scale) {
    const few = 10_000
    const many = 10 * scale.records
    const bare = async (maxRecords: number) => {
      const work = columnLoop(new Sink(), scattered.kept, { partitions: 12, maxRecords })
      return withRetained(maxRecords, work, scale)
    }
    const mine = async (maxRecords: number) => {
      const { work, close } = await startDelivery({ ...delivery, maxRecords })
      const time = await withRetained(maxRecords, work, scale)
      await close()
      return time
    }
    const growth = async (cost: (maxRecords: number) => Promise<number>) => {
      const least = await cost(few)
      return (await cost(many)) / least
    }
    const before = await growth(bare)
    const ours = await growth(mine)
    const after = await growth(bare)
    return [toFigure(yardstick, [ours], [(before + after) / 2])]
  },
}

export const growths: readonly Row[] = [
  onPartitions(1),
  onPartitions(100),
  onPartitions(1000),
  partitionGrowth,
  retainedGrowth,
]

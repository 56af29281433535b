/** Measures one path, in a process of its own: the bytes that it allocates, or its time beside the yardstick's. */
import { compare, median } from '../measure.ts'
import { measuring } from './measuring.ts'
import { paths } from './paths.ts'

// After this many records the broker drops as many as it gets, and V8 has compiled what it will.
const warmUpRecords = 1_200_000
const roundRecords = 100_000
const rounds = 7

const [name, what] = process.argv.slice(2)
const path = paths.find(each => each.name === name)
if (!path) throw new Error(`No path '${name}'`)
const { work, yardstick } = await path.start()

/** Bytes per record: the heap grows by just that, as long as nothing is collected. */
async function allocatedBytes(): Promise<number> {
  for (let done = 0; done < warmUpRecords; done += roundRecords) await work(roundRecords)
  const bytes: number[] = []
  console.log(measuring)
  for (let round = 0; round < rounds; round++) {
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    await work(roundRecords)
    bytes.push((process.memoryUsage().heapUsed - before) / roundRecords)
  }
  return median(bytes)
}

async function ratio(): Promise<number> {
  const [figure] = await compare({ records: roundRecords, rounds, budgetMs: 0 }, work, { yardstick })
  return figure!.ratio.median
}

process.send?.(await (what === 'bytes' ? allocatedBytes() : ratio()), () => process.exit(0))

import { Session } from 'node:inspector/promises'
import { performance } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { Broker, type Topic, topic } from '../../../src/index.ts'
import type { TopicOptions } from '../../../src/topic-definition.ts'
import { compare, inRounds, type Scale, toFigure } from '../measure.ts'
import { message, type Order, orderBroker } from '../orders.ts'
import type { Row } from '../row.ts'

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string }
  readonly children?: readonly number[]
  readonly hitCount?: number
}

/** The share of all samples that some functions have, callees included, but for those in which nothing ran. */
function shareOf(nodes: readonly ProfileNode[], names: readonly string[]): number {
  const byId = new Map(nodes.map(node => [node.id, node]))
  let within = 0
  let all = 0
  const count = ({ callFrame, hitCount = 0, children = [] }: ProfileNode, inside: boolean) => {
    const isWithin = inside || names.includes(callFrame.functionName)
    if (callFrame.functionName !== '(idle)') all += hitCount
    if (isWithin) within += hitCount
    for (const id of children) count(byId.get(id)!, isWithin)
  }
  count(nodes[0]!, false)
  return within / Math.max(1, all)
}

/**
 * The part of appending that is spent on trimming. As the difference of two times, one part in a hundred would be lost
 * in the noise; so this counts how often a sampling profiler finds trimming while a program does nothing but append. (It
 * does not look for appending by name: V8 puts most of it into the loop that calls it.)
 */
export function shareOfAppending(
  name: string,
  what: string,
  trims: readonly string[],
  { maxRecords, ...options }: TopicOptions & { readonly maxRecords: number },
  target?: number,
): Row {
  return {
    name,
    section: 'housekeeping',
    what,
    unit: 'ns/record',
    ...(target === undefined ? {} : { targets: { append: target } }),
    async measure(scale) {
      const orders = topic<Order>({ partitions: 12, ...(options as object) })
      const broker = new Broker({ topics: { orders }, maxRecords })
      const log = broker.topic('orders')
      const append = (records: number) => {
        for (let i = 0; i < records; i++) {
          const { key, value } = message(i)
          log.append({ key, value })
        }
      }
      // One call after the other, each in its own turn, as a program appends: a single long call keeps the code that it
      // began with, and the target of a WeakRef stays alive until the turn is over.
      const perCall = Math.min(scale.records, 100_000)
      for (let i = 0; i < 10; i++) append(perCall)
      const session = new Session()
      session.connect()
      await session.post('Profiler.enable')
      await session.post('Profiler.setSamplingInterval', { interval: 100 })
      await session.post('Profiler.start')
      const start = performance.now()
      let records = 0
      do {
        append(perCall)
        records += perCall
        await turn()
      } while (performance.now() - start < scale.budgetMs)
      const nsPerRecord = ((performance.now() - start) * 1e6) / records
      const { profile } = await session.post('Profiler.stop')
      session.disconnect()
      await broker.close()
      const share = shareOf(profile.nodes, trims)
      if (scale.budgetMs > 1000 && share === 0) throw new Error(`never found in ${trims.join(' or ')}`)
      return [toFigure('append', [nsPerRecord * share], [nsPerRecord])]
    },
  }
}

/** A log of this many records, a millisecond apart. */
function filledLog(records: number, options: { readonly segmentRecords?: number } = {}) {
  const broker = orderBroker({ maxRecords: -1, ...options })
  const log = broker.topic('orders')
  const first = Date.now() - records
  for (let i = 0; i < records; i++) {
    const { key, value } = message(i)
    log.append({ key, value, timestamp: first + i })
  }
  return { broker, log, first }
}

function trimmed({ partitions }: Topic): number {
  const start = performance.now()
  for (const partition of partitions) partition.deleteRecords(partition.highWatermark)
  return performance.now() - start
}

// While a million records are written, V8 throws the code away that did not run meanwhile, and would compile it again
// within the measurement.
async function warmUp(scale: Scale): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const { broker, log } = filledLog(Math.min(scale.records, 2000), { segmentRecords: 4 })
    trimmed(log)
    await broker.close()
  }
}

/** The cost is per segment, not per record. */
const trimAll: Row = {
  name: 'trim-all',
  section: 'housekeeping',
  what: 'deleteRecords of all the records of a round (a million) of 12 partitions',
  unit: 'ms',
  judged: 'ours',
  targets: { 'splice of an array': 0.1 },
  async measure(scale) {
    const ours: number[] = []
    const theirs: number[] = []
    await inRounds(scale, async counts => {
      const { broker, log } = filledLog(scale.records)
      const kept = Array.from({ length: scale.records }, (_, i) => message(i))
      await warmUp(scale)
      const took = trimmed(log)
      const start = performance.now()
      kept.splice(0)
      const spliced = performance.now() - start
      await broker.close()
      if (!counts) return
      ours.push(took)
      theirs.push(spliced)
    })
    return [toFigure('splice of an array', ours, theirs)]
  },
}

const timeLookUp: Row = {
  name: 'time-look-up',
  section: 'housekeeping',
  what: 'offsetForTimestamp among all the records of a round (a million)',
  unit: 'ns/look-up',
  judged: 'ours',
  targets: { 'binary search of a Float64Array': 1000 },
  async measure(scale) {
    const { broker, log, first } = filledLog(scale.records)
    const times = Float64Array.from({ length: scale.records }, (_, i) => first + i)
    const partitions = log.partitions
    let found = 0
    const ours = (count: number) => {
      for (let i = 0; i < count; i++) {
        const time = first + ((Math.imul(i, 0x9e3779b1) >>> 0) % times.length)
        found += partitions[i % partitions.length]!.offsetForTimestamp(time) ?? 0
      }
    }
    const theirs = (count: number) => {
      for (let i = 0; i < count; i++) {
        const time = first + ((Math.imul(i, 0x9e3779b1) >>> 0) % times.length)
        let low = 0
        for (let high = times.length; low < high; ) {
          const middle = (low + high) >>> 1
          if (times[middle]! < time) low = middle + 1
          else high = middle
        }
        found += low
      }
    }
    const figures = await compare(scale, ours, { 'binary search of a Float64Array': theirs })
    await broker.close()
    if (found === 0) throw new Error('found nothing')
    return figures
  },
}

export const trimmings: readonly Row[] = [
  trimAll,
  timeLookUp,
  shareOfAppending(
    'trim-retention',
    'trimming by retentionRecords, as a share of appending',
    ['#advance'],
    { maxRecords: -1, retentionRecords: 8000 },
    0.01,
  ),
  shareOfAppending(
    'trim-max',
    "trimming by the broker's maxRecords, as a share of appending",
    ['hasRoom', '#shortage'],
    { maxRecords: 100_000 },
    0.01,
  ),
]

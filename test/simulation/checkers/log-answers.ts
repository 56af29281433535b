import type { Partition } from '../../../src/log/partition.ts'
import type { AnyRecord } from '../../../src/record.ts'

const all = { maxRecords: 100_000 }

/** What a log gives to readers of each isolation level, from its beginning. */
export interface LogContents {
  readonly found: readonly AnyRecord[]
  readonly committed: readonly AnyRecord[]
}

export function contentsOf(partition: Partition): LogContents {
  const read = (isolationLevel: 'read_committed' | 'read_uncommitted') =>
    partition.read(partition.logStartOffset, { ...all, isolationLevel }) as readonly AnyRecord[]
  return { found: read('read_uncommitted'), committed: read('read_committed') }
}

/** What does not fit together in what a log answers: reads, counts, and look-ups by time. */
export function wrongAnswers(partition: Partition, { found, committed }: LogContents): string[] {
  const { logStartOffset: start, lastStableOffset: stable, highWatermark: end } = partition
  const wrong: string[] = []
  if (start > stable || stable > end)
    wrong.push(`goes from ${start} to ${end}, and is stable up to ${stable}`)
  let before = start - 1
  for (const { offset } of found) {
    if (offset <= before || offset >= end) wrong.push(`reads ${offset} after ${before}, and ends at ${end}`)
    before = offset
  }
  const offsets = new Set(found.map(({ offset }) => offset))
  for (const { offset } of committed)
    if (offset >= stable || !offsets.has(offset))
      wrong.push(`reads ${offset} as committed, stable up to ${stable}`)
  const middle = start + ((end - start) >> 1)
  for (const from of [start, middle]) {
    for (const records of [found, committed]) {
      const counted = partition.countFrom(from, end, records === committed)
      const there = records.filter(({ offset }) => offset >= from).length
      if (counted !== there) wrong.push(`counts ${counted} from ${from} on, and has ${there}`)
    }
  }
  const [next] = partition.read(middle, { maxRecords: 1, isolationLevel: 'read_uncommitted' })
  const expected = found.find(({ offset }) => offset >= middle)
  if (next?.offset !== expected?.offset)
    wrong.push(`reads ${next?.offset} from ${middle} on, and has ${expected?.offset}`)
  return [...wrong, ...wrongTimes(partition, found)]
}

// The record of an offset may be hidden, or gone by compaction, and then its time is not known.
function wrongTimes(partition: Partition, found: readonly AnyRecord[]): string[] {
  const wrong: string[] = []
  const times = [found[0], found[found.length >> 1], found.at(-1)].flatMap(record => record?.timestamp ?? [])
  for (const timestamp of new Set(times.flatMap(time => [time, time + 1]))) {
    const offset = partition.offsetForTimestamp(timestamp)
    const first = found.find(record => record.timestamp >= timestamp)
    const there = found.find(record => record.offset === offset)
    if (first !== undefined && (offset === null || offset > first.offset))
      wrong.push(`finds ${offset} by the time ${timestamp}, and ${first.offset} has it`)
    if (there !== undefined && there.timestamp < timestamp)
      wrong.push(`finds ${offset} by the time ${timestamp}, which is of ${there.timestamp}`)
  }
  return wrong
}

/** The end of what can be compacted: a segment is only once all of it is decided. */
export function cleanTo({ lastStableOffset, segments, highWatermark }: Partition): number {
  return segments.find(({ endOffset }) => endOffset > lastStableOffset)?.baseOffset ?? highWatermark
}

/** Whether records of a compacted log that was just compacted have the same key, or are hidden. */
export function uncompacted(partition: Partition, { found }: LogContents): string[] {
  const end = cleanTo(partition)
  const offsets = new Map<string, number>()
  const twice: string[] = []
  for (const { key, offset } of found) {
    if (offset >= end) break
    const before = offsets.get(String(key))
    if (before !== undefined) twice.push(`is compacted, and has '${key}' at ${before} and ${offset}`)
    offsets.set(String(key), offset)
  }
  return twice
}

import { firstIndex } from '../binary-search.ts'
import type { ConsumerRecord } from '../record.ts'
import type { Segment } from './segment.ts'

/**
 * Returns the index of the segment that an offset belongs to: the last one that begins at or before it. Tries the last
 * segment first, since readers are mostly near the end.
 */
export function segmentIndex(segments: readonly Segment[], offset: number): number {
  let high = segments.length - 1
  if (high < 0 || offset >= segments[high]!.baseOffset) return Math.max(0, high)
  let low = 0
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (segments[middle]!.baseOffset <= offset) low = middle
    else high = middle - 1
  }
  return low
}

/** Returns up to `maxRecords` records that a reader gets, from an offset up to, but not including, another. */
export function readRecords(
  segments: readonly Segment[],
  topic: string,
  partition: number,
  from: number,
  end: number,
  maxRecords: number,
  committed: boolean,
): ConsumerRecord[] {
  const records = new Array<ConsumerRecord>(Math.max(0, Math.min(maxRecords, end - from)))
  let at = 0
  for (let i = segmentIndex(segments, from); i < segments.length && at < records.length; i++) {
    const segment = segments[i]!
    let index = segment.indexFrom(from)
    const stop = segment.endOffset <= end ? segment.count : segment.indexFrom(end)
    const last = Math.min(stop, index + records.length - at)
    if (segment.plain) {
      while (index < last) records[at++] = segment.record(topic, partition, index++)
      continue
    }
    for (; index < stop && at < records.length; index++) {
      if (segment.visible(index, committed)) records[at++] = segment.record(topic, partition, index)
    }
  }
  if (at < records.length) records.length = at
  return records
}

/** How many records a reader gets, from one offset up to, but not including, another. */
export function countRecords(
  segments: readonly Segment[],
  from: number,
  end: number,
  committed: boolean,
): number {
  let count = 0
  for (let i = segmentIndex(segments, from); i < segments.length && segments[i]!.baseOffset < end; i++) {
    const segment = segments[i]!
    const last = segment.endOffset <= end ? segment.count : segment.indexFrom(end)
    count += segment.countVisible(segment.indexFrom(from), last, committed)
  }
  return count
}

/** Hides aborted records, from one offset up to, but not including, another. */
export function hideAborted(segments: readonly Segment[], from: number, to: number): void {
  for (let i = segmentIndex(segments, from); i < segments.length && segments[i]!.baseOffset < to; i++) {
    const segment = segments[i]!
    const end = segment.indexFrom(to)
    for (let index = segment.indexFrom(from); index < end; index++) segment.hide(index, 'aborted')
  }
}

/** The first offset at or after `fromOffset` whose timestamp is at least `timestamp`. */
export function offsetForTimestamp(
  segments: readonly Segment[],
  timestamp: number,
  fromOffset: number,
): number | null {
  // The running maximum only grows, so no segment before the first one that reaches `timestamp` has such a record.
  const first = firstIndex(segments, segment => segment.runningMaxTimestamp >= timestamp)
  for (let i = first; i < segments.length; i++) {
    const offset = segments[i]!.offsetForTimestamp(timestamp, fromOffset)
    if (offset !== null) return offset
  }
  return null
}

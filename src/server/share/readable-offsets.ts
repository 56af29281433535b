import type { Partition } from '../../log/partition.ts'
import type { OffsetSpan } from './offset-span.ts'

/**
 * The runs of offsets, from one to before another, at which a log has records for a reader. The offsets between them
 * were compacted, were aborted, or only end a transaction.
 */
export function readableOffsets(
  log: Partition,
  from: number,
  to: number,
  committed: boolean,
): readonly OffsetSpan[] {
  const spans: { first: number; last: number }[] = []
  const add = (first: number, last: number) => {
    const before = spans.at(-1)
    if (before !== undefined && before.last === first - 1) before.last = last
    else if (first <= last) spans.push({ first, last })
  }
  const start = Math.max(from, log.logStartOffset)
  let segment = log.segmentFrom(start)
  while (segment !== undefined && segment.baseOffset < to) {
    if (segment.plain) add(Math.max(start, segment.baseOffset), Math.min(to, segment.endOffset) - 1)
    else {
      for (let i = segment.indexFrom(start); i < segment.count && segment.offsetAt(i) < to; i++) {
        if (segment.visible(i, committed)) add(segment.offsetAt(i), segment.offsetAt(i))
      }
    }
    segment = log.segmentFrom(segment.endOffset)
  }
  return spans
}

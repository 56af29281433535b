import type { Segment } from './segment.ts'

// A record older than its topic's retention when it is written stays this long, as in Kafka
// (log.retention.check.interval.ms).
const checkIntervalMs = 5 * 60 * 1000

/** The last moment at which retention keeps a segment, for a topic whose `retentionMs` is not -1. */
export function keptUntil(
  { maxTimestamp, createdAt }: Pick<Segment, 'maxTimestamp' | 'createdAt'>,
  retentionMs: number,
): number {
  return Math.max(maxTimestamp + retentionMs, createdAt + Math.min(retentionMs, checkIntervalMs))
}

/**
 * How many of the oldest segments have passed their retention time. A segment's largest timestamp counts, and counting
 * stops at the first segment that has not passed it, as in Kafka (UnifiedLog.deleteRetentionMsBreachedSegments).
 */
export function expiredByAge(segments: readonly Segment[], retentionMs: number, now: number): number {
  if (retentionMs === -1) return 0
  let expired = 0
  while (expired < segments.length) {
    const segment = segments[expired]!
    if (segment.count === 0 || now <= keptUntil(segment, retentionMs)) break
    expired++
  }
  return expired
}

/**
 * How many of the oldest segments the log can do without: a segment goes only if at least `retentionBytes` remain
 * (UnifiedLog.deleteRetentionSizeBreachedSegments).
 */
export function expiredBySize(
  segments: readonly Segment[],
  retentionBytes: number,
  logBytes: number,
): number {
  if (retentionBytes === -1) return 0
  let expired = 0
  let left = logBytes
  while (expired < segments.length && left - segments[expired]!.bytes >= retentionBytes) {
    left -= segments[expired]!.bytes
    expired++
  }
  return expired
}

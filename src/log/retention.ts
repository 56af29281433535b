/** What retention looks at in a segment. */
export interface SegmentFacts {
  readonly count: number
  readonly bytes: number
  readonly maxTimestamp: number
}

/**
 * How many segments, from the oldest on, have passed their time. It goes by a segment's largest timestamp and stops at
 * the first one that has not, as Kafka does (UnifiedLog.deleteRetentionMsBreachedSegments).
 */
export function expiredByAge(segments: readonly SegmentFacts[], retentionMs: number, now: number): number {
  if (retentionMs === -1) return 0
  let expired = 0
  while (expired < segments.length) {
    const { count, maxTimestamp } = segments[expired]!
    if (count === 0 || now - maxTimestamp <= retentionMs) break
    expired++
  }
  return expired
}

/**
 * How many segments, from the oldest on, the log can do without: one goes only if what stays is at least
 * `retentionBytes` (UnifiedLog.deleteRetentionSizeBreachedSegments).
 */
export function expiredBySize(
  segments: readonly SegmentFacts[],
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

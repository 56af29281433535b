/** What retention looks at in a segment. */
export interface SegmentFacts {
  readonly count: number
  readonly bytes: number
  readonly maxTimestamp: number
  readonly createdAt: number
}

// What comes in older than its topic keeps stays this long, as in Kafka (log.retention.check.interval.ms).
const checkIntervalMs = 5 * 60 * 1000

/** The last moment at which a segment's time is not over, for a topic that does not keep its records for ever. */
export function keptUntil(
  { maxTimestamp, createdAt }: Pick<SegmentFacts, 'maxTimestamp' | 'createdAt'>,
  retentionMs: number,
): number {
  return Math.max(maxTimestamp + retentionMs, createdAt + Math.min(retentionMs, checkIntervalMs))
}

/**
 * How many segments, from the oldest on, have passed their time. It goes by a segment's largest timestamp and stops at
 * the first one that has not, as Kafka does (UnifiedLog.deleteRetentionMsBreachedSegments).
 */
export function expiredByAge(segments: readonly SegmentFacts[], retentionMs: number, now: number): number {
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

import type { IsolationLevel } from '../record.ts'
import type { OffsetSpec } from '../topic-partition.ts'

/** What a group needs to know of a partition's log. */
export interface GroupLog {
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  /** How many records a reader gets, from an offset up to, but not including, another. */
  countFrom(offset: number, end: number, committed: boolean): number
  offsetForTimestamp(timestamp: number): number | null
  /** Called for every commit, where records wait for commits. */
  readonly offsetCommitted: (() => void) | undefined
  /** A member is to read from this offset on, so these records may not be dropped without asking. */
  readFrom(offset: number): void
}

/** The topics of a broker, as far as groups need to know them. */
export type GroupTopics = ReadonlyMap<string, { readonly partitions: readonly GroupLog[] }>

/** Returns the offset that a spec means now; a time after the last record means the end. */
export function offsetAt(
  log: GroupLog,
  spec: OffsetSpec,
  isolationLevel: IsolationLevel = 'read_uncommitted',
): number {
  const end = isolationLevel === 'read_committed' ? log.lastStableOffset : log.highWatermark
  if (spec === 'beginning') return log.logStartOffset
  if (spec === 'end') return end
  return typeof spec === 'number' ? spec : Math.min(log.offsetForTimestamp(spec.timestamp) ?? end, end)
}

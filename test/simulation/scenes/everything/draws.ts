import type { TopicOptions } from '../../../../src/topic-definition.ts'
import type { Lot } from '../../../helpers/lot.ts'
import type { Manner } from './member.ts'
import type { GroupOptions } from './readers.ts'

/** The topics of the scene. */
export const names = ['orders', 'table', 'queue', 'out', 'retry', 'letters'] as const
export type Name = (typeof names)[number]

/** Those that producers write to. */
export const sendable = ['orders', 'table', 'queue', 'out'] as const

export const isolationLevels = ['read_committed', 'read_uncommitted'] as const

export interface DrawnGroup {
  readonly options: GroupOptions
  readonly manner: Manner
}

export function drawTopic(lot: Lot, name: Name): TopicOptions {
  const partitions = lot.oneOf([1, 2, 3])
  const segmentRecords = lot.oneOf([2, 5])
  const retentionMs = lot.oneOf([500, 5000])
  if (name === 'table') {
    const minCleanableDirtyRatio = lot.oneOf([0, 0.5])
    const deleteRetentionMs = lot.oneOf([0, 2000, 20_000])
    const compact = { partitions, segmentRecords, minCleanableDirtyRatio, deleteRetentionMs }
    if (lot.chance(0.5)) return { ...compact, cleanupPolicy: 'compact' }
    return { ...compact, cleanupPolicy: 'compact,delete', retentionMs }
  }
  if (name === 'queue') {
    const full: TopicOptions[] = [
      { retentionRecords: 3, whenFull: 'wait' },
      { retentionRecords: 4, whenFull: 'reject' },
      { cleanupPolicy: 'consumed' },
      { cleanupPolicy: 'consumed', retentionRecords: 4 },
    ]
    return { partitions, ...lot.oneOf(full) }
  }
  if (name === 'letters' || name === 'retry') return { partitions, segmentRecords }
  const kept: TopicOptions[] = [
    {},
    {},
    { retentionRecords: lot.oneOf([4, 15]) },
    { retentionMs, segmentRecords },
  ]
  return { partitions, ...lot.oneOf([...kept, { segmentRecords }]) }
}

export function drawGroups(lot: Lot): readonly DrawnGroup[] {
  const attempts = lot.oneOf([1, 2])
  const ordering = lot.oneOf(['partition', 'key', 'none'] as const)
  const deadLetter = { deadLetter: 'letters' } as const
  const byKey = ['skip', 'restart', deadLetter, 'park-key', 'park-key'] as const
  const onFailure = lot.oneOf(ordering === 'key' ? byKey : (['skip', 'restart', deadLetter] as const))
  const parked = onFailure === 'park-key' && { parkedDelayMs: 300 }
  const run = { onFailure, ...parked, ordering, concurrency: lot.oneOf([1, 3]) }
  const laterMs = () => (lot.chance(0.6) ? lot.oneOf([0, 500]) : undefined)
  const topics = ['orders', 'table', 'queue']
  const kind = lot.oneOf(['records', 'batches'] as const)
  const isolationLevel = () => lot.oneOf(isolationLevels)
  // Two of them may share the retry topic.
  return [
    drawnGroup(
      { groupId: 'a', topics, ordering, isolationLevel: isolationLevel() },
      { kind: 'records', attempts, laterMs: laterMs(), run },
    ),
    drawnGroup(
      { groupId: 'b', topics: ['orders'], ordering: 'partition', isolationLevel: 'read_committed' },
      { kind: 'transactions', attempts: 3, laterMs: undefined, run: {} },
    ),
    drawnGroup(
      { groupId: 'c', topics: [...topics, 'out'], ordering: 'partition', isolationLevel: isolationLevel() },
      { kind, attempts: 3, laterMs: kind === 'records' ? laterMs() : undefined, run: {} },
    ),
  ]
}

function drawnGroup(options: GroupOptions, manner: Manner): DrawnGroup {
  const { attempts, laterMs } = manner
  const later = laterMs === undefined ? {} : { topics: [{ topic: 'retry', delayMs: laterMs }] }
  const run = { ...manner.run, retry: { attempts, delayMs: 50, ...later } }
  return { options, manner: { ...manner, run } }
}

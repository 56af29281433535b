import type { PartitionState } from './partition-state.ts'
import type { Work } from './work.ts'

/** Where a run gets its works from, in the order that it has to keep. */
export interface WorkSource {
  /** A work that may begin now. */
  take(): Work | undefined
  /** The next attempt at a work has come. */
  due(work: Work): void
  /** Nothing more is done about a work that was taken: it is finished, or given back. */
  done(work: Work): void
  /** The partition is given up, lost or moved: what has not begun of it is forgotten. */
  forget(state: PartitionState): void
  /** Whether there is a work that only waits for a handler to be free, or for more records. */
  readonly waiting: boolean
}

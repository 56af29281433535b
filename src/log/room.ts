import type { LogManager } from './log-manager.ts'
import type { Partition } from './partition.ts'

/** What one call is about to write to one partition. */
export interface Demand {
  readonly partition: Partition
  count: number
  bytes: number
}

/** What is full; without a partition it is the broker as a whole. */
export interface Shortage {
  readonly partition: Partition | undefined
}

/**
 * Makes room in every log that a call writes to, or in none: what all groups have committed past goes, and where that is
 * not enough, what is not read yet of topics that let it go.
 */
export function makeRoom(log: LogManager, demands: readonly Demand[]): Shortage | undefined {
  let count = 0
  let bytes = 0
  for (const demand of demands) {
    const { room } = demand.partition
    if (room !== undefined && !room.fits(demand.count, demand.bytes)) return { partition: demand.partition }
    count += demand.count
    bytes += demand.bytes
  }
  // Nothing of this is missed by anybody, so it may stand even if the broker has no room.
  for (const demand of demands) demand.partition.room?.make(demand.count, demand.bytes)
  return log.makeRoom(count, bytes) ? undefined : { partition: undefined }
}

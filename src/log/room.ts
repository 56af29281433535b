import type { LogManager } from './log-manager.ts'
import type { Partition } from './partition.ts'

/** The records and bytes that one call is about to write to one partition. */
export interface Demand {
  readonly partition: Partition
  count: number
  bytes: number
}

/** What is full: a partition, or without one the whole broker. */
export interface Shortage {
  readonly partition: Partition | undefined
  /** Another partition, in which an earlier send waits for this one, and is not to be overtaken. */
  readonly behind?: Partition | undefined
}

/**
 * Makes room in every log that a call writes to, or in none. Drops records that all groups have committed past; where
 * that is not enough, unread records of topics that allow it.
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
  // No reader misses these records, so they may go even if the broker turns out to have no room.
  for (const demand of demands) demand.partition.room?.make(demand.count, demand.bytes)
  return log.makeRoom(count, bytes) ? undefined : { partition: undefined }
}

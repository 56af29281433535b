import type { ConsumerRecord } from '../record.ts'
import type { Serde } from '../serde.ts'
import type { PartitionState } from './partition-state.ts'

/** Records of one partition that are being worked off. */
export interface Work {
  readonly state: PartitionState
  readonly records: readonly ConsumerRecord[]
  readonly nextOffset: number
  readonly serde: Serde | undefined
  /** The state's version when they were fetched: after a seek they are stale. */
  readonly version: number
  /** The next record to handle. */
  index: number
  /** The attempt at that record, 1 for the first. */
  attempt: number
}

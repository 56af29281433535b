import type { ConsumerRecord } from '../record.ts'
import type { PartitionState } from './partition-state.ts'
import type { RecordContext } from './run-options.ts'

/** What a processor has in hand of one partition: records one by one, or a batch of them. */
export interface Work {
  readonly state: PartitionState
  /** The state's version when it was taken in hand: after a seek it is stale. */
  readonly version: number
  /** The attempt at what is in hand, 1 for the first. */
  attempt: number
  /** Whether something was finished since the last commit. */
  progressed: boolean
  /** The first record that it keeps and that is not finished; a record that was only taken is kept by the caller. */
  readonly record: ConsumerRecord | undefined
  /** The first record that is not finished; undefined where nothing is left. */
  take(): ConsumerRecord | undefined
  /** Keeps the record that was taken, because it has to wait, or because its handler failed. */
  hold(record: ConsumerRecord): void
  /** Calls the handler with the record that was taken, or its batch. */
  call(record: ConsumerRecord, context: RecordContext): unknown
  /** Says that what the handler got is finished, or the first `count` records of it. */
  finish(count?: number): void
  /** The records at which the handler failed last, as the log keeps them. */
  readonly stored: readonly ConsumerRecord[]
  /** Says that the handler failed: finishes what it says is done; returns what it failed at, as the handler got it. */
  fail(error: unknown): readonly ConsumerRecord[]
}

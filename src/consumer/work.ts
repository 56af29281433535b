import type { ConsumerRecord } from '../record.ts'
import type { PartitionState } from './partition-state.ts'
import type { RecordContext } from './run-options.ts'

/** What a processor has in hand of one partition: a record, or a batch of them. */
export interface Work {
  readonly state: PartitionState
  /** The state's version when it was taken in hand: after a seek it is stale. */
  readonly version: number
  /** The attempt at what is in hand, 1 for the first. */
  attempt: number
  /** Whether something was finished since the last commit. */
  progressed: boolean
  /** The first record in hand that is not finished; one that was only taken is in the caller's hands. */
  readonly record: ConsumerRecord | undefined
  /** The first record that is not finished; undefined where nothing is left. */
  take(): ConsumerRecord | undefined
  /** Keeps in hand what was taken, because it has to wait, or because it failed. */
  hold(record: ConsumerRecord): void
  /** Calls the handler with what was taken. */
  call(record: ConsumerRecord, context: RecordContext): unknown
  /** What the handler got is done. */
  finish(): void
  /** What it failed at last, as the log keeps it. */
  readonly stored: readonly ConsumerRecord[]
  /** The handler failed: what it says is done is finished, and what it failed at is given, as the handler got it. */
  fail(error: unknown): readonly ConsumerRecord[]
}

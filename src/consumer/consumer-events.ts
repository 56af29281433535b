import type { EventNames } from '../events.ts'
import type { AnyRecord, RecordMetadata } from '../record.ts'
import type { TopicPartition, TopicPartitionOffset } from '../topic-partition.ts'

/**
 * The events of a consumer; each carries one object. Delays are milliseconds. What a `record` holds is of no known type: one
 * that could not be decoded is there as the log keeps it.
 */
export interface ConsumerEvents {
  /** Partitions were assigned, and are about to be read. */
  assigned: { readonly partitions: readonly TopicPartition[] }
  /** Partitions were given up in order: finished and committed. */
  revoked: { readonly partitions: readonly TopicPartition[] }
  /**
   * Partitions are gone without having been given up; `reason` says why: where a handler took longer than
   * `maxPollIntervalMs`, at which record.
   */
  lost: { readonly partitions: readonly TopicPartition[]; readonly reason: unknown }
  /** Offsets were committed, by `commit` or automatically: each is the offset of the next record to read. */
  committed: { readonly offsets: readonly TopicPartitionOffset[] }
  /**
   * The position was out of range, and the reset policy was applied; not emitted where a group begins by that policy. Or
   * a cluster's log has lost its end (`truncated`), and the consumer goes on at `to`, where what it has read ends there.
   */
  offsetReset: TopicPartition & {
    readonly from: number
    readonly to: number
    readonly reason: 'out of range' | 'truncated'
  }
  /** A handler failed and gets the record again after `delayMs`. */
  retrying: {
    readonly record: AnyRecord
    readonly error: unknown
    readonly attempt: number
    readonly delayMs: number
  }
  /**
   * A partition waits to be read on: `records` records have been read from `offset` on, which is not finished
   * (`windowRecords`).
   */
  stalled: TopicPartition & { readonly offset: number; readonly records: number }
  /**
   * A record was written to a topic of `retry.topics`, at `to`, and comes again after `delayMs`. Where it came from it is
   * finished: with `autoCommit: false` commit now.
   */
  delayed: {
    readonly record: AnyRecord
    readonly error: unknown
    readonly attempts: number
    readonly delayMs: number
    readonly to: RecordMetadata
  }
  /** A record failed for the last time and waits, with the later ones of its key; it is tried again after `delayMs`. */
  parked: {
    readonly record: AnyRecord
    readonly error: unknown
    readonly attempts: number
    readonly delayMs: number
  }
  /**
   * A record was given up and written to the dead-letter topic, at `to`. It is finished: with `autoCommit: false` commit
   * now.
   */
  deadLettered: {
    readonly record: AnyRecord
    readonly error: unknown
    readonly attempts: number
    readonly to: RecordMetadata
  }
  /**
   * A record was given up after its last attempt (`onFailure: 'skip'`). It is finished: with `autoCommit: false` commit
   * now.
   */
  skipped: { readonly record: AnyRecord; readonly error: unknown; readonly attempts: number }
  /** The consumer left its group and rejoins after `delayMs` (`onFailure: 'restart'`). */
  restarting: { readonly error: unknown; readonly record: AnyRecord; readonly delayMs: number }
  /** The consumer stopped because of an error; `done` rejects with the same one. */
  crashed: { readonly error: Error; readonly record: AnyRecord | undefined }
  /** The consumer has ended, because it was closed or has crashed. */
  closed: { readonly reason: 'closed' | 'crashed' }
  /**
   * Something went wrong outside a handler: a hook or a listener threw, a commit was refused. Or a handler failed at a
   * record whose partition is given up or gone: the partition's next owner gets the record. Or it failed, and so did
   * `retryable` or `backoff`, which ends the consumer with another error; or the record could not be written to its
   * dead-letter or retry topic, which restarts it with another error.
   */
  error: unknown
}

/** The names of a consumer's events. */
export const consumerEventNames: EventNames<ConsumerEvents> = {
  assigned: true,
  revoked: true,
  lost: true,
  committed: true,
  offsetReset: true,
  retrying: true,
  stalled: true,
  delayed: true,
  parked: true,
  deadLettered: true,
  skipped: true,
  restarting: true,
  crashed: true,
  closed: true,
  error: true,
}

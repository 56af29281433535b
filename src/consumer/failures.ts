import { BatchError, describeError } from '../errors.ts'
import type { ConsumerRecord } from '../record.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import type { ResolvedRunOptions } from './run-options.ts'
import type { Work } from './work.ts'
import type { WorkerHost } from './worker.ts'

/** What a handler failed at, and what is to be done about it. */
export interface Verdict {
  /**
   * - `leave`: the partition is given up or lost; whoever reads it next gets the records again.
   * - `retry`: the records come again after `delayMs`.
   * - `giveUp`: they count as finished, once `giveUp` has seen to them.
   * - `stop`, `restart`: of the consumer.
   */
  readonly step: 'leave' | 'retry' | 'giveUp' | 'stop' | 'restart'
  readonly records: readonly ConsumerRecord[]
  /** What the handler meant: of a `BatchError` its cause. */
  readonly error: unknown
  readonly delayMs: number
}

/** Decides about failed handlers by the options of a run, and tells about each. */
export class Failures {
  readonly #host: WorkerHost
  readonly #options: ResolvedRunOptions
  #progressed = false

  constructor(host: WorkerHost, options: ResolvedRunOptions) {
    this.#host = host
    this.#options = options
  }

  /** Judges what a handler threw; a retry, and what is left to others, is told here. */
  judge(work: Work, thrown: unknown): Verdict {
    const records = work.fail(thrown)
    const { state, attempt } = work
    const record = records[0]!
    const error = thrown instanceof BatchError ? thrown.cause : thrown
    const { retry, onFailure } = this.#options
    if (state.phase !== 'active') {
      // Here it is only told.
      this.#host.events.emit('error', error)
      return { step: 'leave', records, error, delayMs: 0 }
    }
    if (attempt < retry.attempts) {
      const delayMs = retry.delayAfter(attempt)
      this.#host.events.emit('retrying', { record, error, attempt, delayMs })
      return { step: 'retry', records, error, delayMs }
    }
    return { step: onFailure === 'skip' ? 'giveUp' : onFailure, records, error, delayMs: 0 }
  }

  /** Says that records are not handled any more. */
  giveUp({ records, error }: Verdict, attempts: number): void {
    for (const record of records) {
      const text = `Skipped offset ${record.offset} of ${formatTopicPartition(record)} after ${attempts} attempts: `
      this.#host.events.emitOrWarn('skipped', { record, error, attempts }, text + describeError(error))
    }
  }

  /** A record was finished: a restart that comes later is a first one again. */
  progressed(): void {
    this.#progressed = true
  }

  /** Stops or restarts the consumer. */
  end({ step, records, error }: Verdict): void {
    // Told only now, because nobody asks before, and a record should not cost a call.
    if (this.#progressed) this.#host.progressed()
    this.#progressed = false
    this.#host.failed(error, records[0], step === 'stop' ? 'stop' : 'restart')
  }
}

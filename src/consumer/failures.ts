import { BatchError, describeError } from '../errors.ts'
import type { ConsumerRecord } from '../record.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import { DeadLetters } from './dead-letters.ts'
import type { ResolvedRunOptions } from './run-options.ts'
import type { Work } from './work.ts'
import type { WorkerHost } from './worker.ts'

/** What a handler failed at, and what is to be done about it. */
export interface Verdict {
  /**
   * - `leave`: the partition is given up or lost; whoever reads it next gets the records again.
   * - `retry`: the records come again after `delayMs`.
   * - `skip`: they count as finished.
   * - `deadLetter`: they do, too, once they are written to the dead-letter topic.
   * - `stop`, `restart`: of the consumer.
   */
  readonly step: 'leave' | 'retry' | 'skip' | 'deadLetter' | 'stop' | 'restart'
  readonly records: readonly ConsumerRecord[]
  /** What the handler meant: of a `BatchError` its cause. */
  readonly error: unknown
  readonly delayMs: number
}

/** Decides about failed handlers by the options of a run, and tells about each. */
export class Failures {
  readonly #host: WorkerHost
  readonly #options: ResolvedRunOptions
  readonly #deadLetters: DeadLetters | undefined
  #progressed = false

  constructor(host: WorkerHost, options: ResolvedRunOptions) {
    this.#host = host
    this.#options = options
    const { onFailure } = options
    if (typeof onFailure === 'string') return
    this.#deadLetters = new DeadLetters(host.engine, onFailure.deadLetter, host.groupId)
  }

  /** Judges what a handler threw; a retry, and what is left to others, is told here. */
  judge(work: Work, thrown: unknown): Verdict {
    const records = work.fail(thrown)
    const { state, attempt } = work
    const record = records[0]!
    const error = thrown instanceof BatchError ? thrown.cause : thrown
    const { retry, onFailure, parkedDelayMs } = this.#options
    if (state.phase !== 'active') {
      // Here it is only told.
      this.#host.events.emit('error', error)
      return { step: 'leave', records, error, delayMs: 0 }
    }
    if (retry.again(attempt, error)) {
      const delayMs = Math.max(retry.delayAfter(attempt), this.#host.pauses.left(state))
      this.#host.events.emit('retrying', { record, error, attempt, delayMs })
      return { step: 'retry', records, error, delayMs }
    }
    if (onFailure === 'park-key') {
      const text = `Parked the key of ${at(record)} after ${attempt} attempts: ${describeError(error)}`
      const event = { record, error, attempts: attempt, delayMs: parkedDelayMs }
      this.#host.events.emitOrWarn('parked', event, text)
      return { step: 'retry', records, error, delayMs: parkedDelayMs }
    }
    return { step: typeof onFailure === 'string' ? onFailure : 'deadLetter', records, error, delayMs: 0 }
  }

  /** Says that records are not handled any more. */
  skip({ records, error }: Verdict, attempts: number): void {
    for (const record of records) {
      const text = `Skipped ${at(record)} after ${attempts} attempts: ${describeError(error)}`
      this.#host.events.emitOrWarn('skipped', { record, error, attempts }, text)
    }
  }

  /** Writes records to the dead-letter topic; rejects where that is not possible. */
  async bury({ records, error }: Verdict, { state, attempt: attempts }: Work): Promise<void> {
    const written = await this.#deadLetters!.write(records, state.fetch?.serde !== undefined, error, attempts)
    for (const [i, record] of records.entries()) {
      const to = written[i]!
      const text = `Wrote ${at(record)} to '${to.topic}' after ${attempts} attempts: ${describeError(error)}`
      this.#host.events.emitOrWarn('deadLettered', { record, error, attempts, to }, text)
    }
    this.#host.engine.outbox.flush()
  }

  /** A record was finished: a restart that comes later is a first one again. */
  progressed(): void {
    this.#progressed = true
  }

  /** Stops or restarts the consumer. */
  end({ step, records, error }: Pick<Verdict, 'step' | 'records' | 'error'>): void {
    // Told only now, because nobody asks before, and a record should not cost a call.
    if (this.#progressed) this.#host.progressed()
    this.#progressed = false
    this.#host.failed(error, records[0], step === 'stop' ? 'stop' : 'restart')
  }
}

function at(record: ConsumerRecord): string {
  return `offset ${record.offset} of ${formatTopicPartition(record)}`
}

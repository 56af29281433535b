import { counted } from '../counted.ts'
import { isBatchError } from '../errors.ts'
import type { ConsumerRecord, RecordMetadata } from '../record.ts'
import { describeError } from '../thrown.ts'
import { formatOffset } from '../topic-partition.ts'
import { DeadLetters } from './dead-letters.ts'
import { attemptsBefore, isOwnTopicDeleted, restore } from './retry-topics.ts'
import type { ResolvedRunOptions } from './run-options.ts'
import type { Work } from './work.ts'
import type { WorkerHost } from './worker.ts'

/** What a handler failed at. */
interface Failure {
  readonly records: readonly ConsumerRecord[]
  /** The handler's error; of a `BatchError` its cause. */
  readonly error: unknown
  /** Attempts in all, those in retry topics included. */
  readonly attempts: number
}

/** What is to be done about a failed handler. */
export type Verdict =
  | (Failure & {
      /**
       * - `leave`: the partition is given up or lost; its next owner gets the records again.
       * - `skip`: the records count as finished.
       * - `stop`, `restart`: the consumer stops or restarts.
       * - `crash`: the retry policy itself has failed, with the error.
       */
      readonly step: 'leave' | 'skip' | 'stop' | 'restart' | 'crash'
    })
  /** The records come again after `delayMs`. */
  | (Failure & { readonly step: 'retry'; readonly delayMs: number })
  | WriteVerdict

/** The records count as finished once written to another topic, where they wait for `delayMs` or for ever. */
export type WriteVerdict = Failure & {
  readonly step: 'write'
  readonly to: DeadLetters
  readonly delayMs: number | undefined
}

/** Decides what to do about failed handlers, by the options of a run, and emits the events. */
export class Failures {
  readonly #host: WorkerHost
  readonly #options: ResolvedRunOptions
  // The dead-letter topic and, before it, the retry topics in their order.
  readonly #deadLetters: DeadLetters | undefined
  readonly #later: readonly DeadLetters[]
  #progressed = false

  constructor(host: WorkerHost, options: ResolvedRunOptions) {
    this.#host = host
    this.#options = options
    const { onFailure, retry } = options
    const writer = (topic: string) => new DeadLetters(host.engine, topic, host.groupId)
    this.#later = retry.topics.map(({ topic }) => writer(topic))
    if (typeof onFailure === 'object') this.#deadLetters = writer(onFailure.deadLetter)
  }

  /** Decides about what a handler threw; emits the event of a retry, and of a record left to the next owner. */
  judge(work: Work, thrown: unknown): Verdict {
    const failed = work.fail(thrown)
    const deleted = isOwnTopicDeleted(thrown)
    const error = deleted ? thrown.error : isBatchError(thrown) ? thrown.cause : thrown
    // A record of a retry topic is restored to the record that was written there, and has one attempt.
    const level = this.#levelOf(work)
    const records = level < 0 ? failed : failed.map(restore)
    const before = level < 0 ? 0 : attemptsBefore(failed[0]!)
    const attempts = deleted ? before : before + work.attempt
    const failure = { records, error, attempts }
    if (work.state.phase !== 'active') {
      // The record is the next owner's: this consumer only reports the error. One that was lost is told of once.
      const what = `failed at ${formatOffset(records[0]!)}, which it had to give up`
      this.#host.events.emitError(error, work.state.passesOnLoss(error) ? null : what)
      return { ...failure, step: 'leave' }
    }
    // Another attempt, or a restart, would not find the topic either.
    if (deleted) return this.#toDeadLetter(failure) ?? { ...failure, step: 'skip' }
    const again = this.#again(work, failure, level)
    if (again !== undefined) return again
    const { onFailure } = this.#options
    if (onFailure === 'park-key') return this.#park(failure)
    return this.#toDeadLetter(failure) ?? { ...failure, step: onFailure as 'skip' | 'stop' | 'restart' }
  }

  #toDeadLetter(failure: Failure): WriteVerdict | undefined {
    return this.#deadLetters && { ...failure, step: 'write', to: this.#deadLetters, delayMs: undefined }
  }

  // What the retry policy says; undefined where the records are given up.
  #again(work: Work, failure: Failure, level: number): Verdict | undefined {
    const { retry } = this.#options
    const here = level < 0 && work.attempt < retry.attempts
    const next = retry.topics[level + 1]
    if (!here && next === undefined) return undefined
    try {
      if (!retry.worthwhile(failure.error)) return undefined
      if (here) return this.#retry(work, failure)
    } catch (error) {
      // It ends the consumer: what the handler threw would not be heard of.
      this.#host.events.emit('error', failure.error)
      return { ...failure, error, step: 'crash' }
    }
    return { ...failure, step: 'write', to: this.#later[level + 1]!, delayMs: next!.delayMs }
  }

  // The index of the retry topic that the work is of; -1 for none.
  #levelOf({ state }: Work): number {
    return this.#options.retryTopics?.levelOf(state) ?? -1
  }

  #retry({ state, attempt }: Work, failure: Failure): Verdict {
    const delayMs = Math.max(this.#options.retry.delayAfter(attempt), this.#host.pauses.left(state))
    const { records, error } = failure
    this.#host.events.emit('retrying', { record: records[0]!, error, attempt, delayMs })
    return { ...failure, step: 'retry', delayMs }
  }

  #park(failure: Failure): Verdict {
    const { records, error, attempts } = failure
    const record = records[0]!
    const delayMs = this.#options.parkedDelayMs
    const text = `parked the key of ${formatOffset(record)} after ${counted(attempts, 'attempt')}: ${describeError(error)}`
    this.#host.events.emitOrWarn('parked', { record, error, attempts, delayMs }, text, error)
    return { ...failure, step: 'retry', delayMs }
  }

  /** Emits the events of records that are skipped. */
  skip({ records, error, attempts }: Failure): void {
    for (const record of records) {
      const text = `skipped ${formatOffset(record)} after ${counted(attempts, 'attempt')}: ${describeError(error)}`
      this.#host.events.emitOrWarn('skipped', { record, error, attempts }, text, error)
    }
  }

  /** Writes the first `most` records to their dead-letter or retry topic; rejects where that is not possible. */
  write(
    { to, error, attempts }: WriteVerdict,
    work: Work,
    most: number,
    written: (to: readonly RecordMetadata[]) => void,
  ): Promise<void> {
    const encoded = work.state.fetch?.serde !== undefined
    const stored = work.stored.slice(0, most)
    const records = this.#levelOf(work) < 0 ? stored : stored.map(restore)
    return to.write(records, encoded, error, attempts, written)
  }

  /** Emits the events of the first records, which were written. */
  tellWritten(verdict: WriteVerdict, written: readonly RecordMetadata[]): void {
    for (const [i, to] of written.entries()) this.#tellWritten(verdict, verdict.records[i]!, to)
  }

  #tellWritten({ error, attempts, delayMs }: WriteVerdict, record: ConsumerRecord, to: RecordMetadata): void {
    const event = { record, error, attempts, to }
    if (delayMs !== undefined) return this.#host.events.emit('delayed', { ...event, delayMs })
    const text = `wrote ${formatOffset(record)} to '${to.topic}' after ${counted(attempts, 'attempt')}: ${describeError(error)}`
    this.#host.events.emitOrWarn('deadLettered', event, text, error)
  }

  /** Notes that a record was finished: the delays of later restarts begin anew. */
  progressed(): void {
    this.#progressed = true
  }

  /** Stops or restarts the consumer. */
  end({ records, error }: Failure, then: 'stop' | 'restart' | 'crash'): void {
    const record = records[0]!
    if (then === 'crash') return this.#host.fatal(error, record)
    this.#passProgress()
    this.#host.failed(error, record, then)
  }

  /** Restarts the consumer, because records could not be written. */
  endRefused({ records, error, to }: WriteVerdict, refusal: unknown): void {
    // It would not be heard of.
    this.#host.events.emit('error', error)
    this.#passProgress()
    this.#host.failed(refusal, records[0]!, 'restart', `writing to '${to.topic}' failed`)
  }

  // Passed on only now: the host needs it only here, and a record should not cost a call.
  #passProgress(): void {
    if (this.#progressed) this.#host.progressed()
    this.#progressed = false
  }
}

import type { Timer } from '../clock.ts'
import type { FetchedRecords } from '../engine.ts'
import { BatchError, describeError } from '../errors.ts'
import { isThenable } from '../maybe-promise.ts'
import { Queue } from '../queue.ts'
import type { ConsumerRecord } from '../record.ts'
import type { Serde } from '../serde.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import { BatchFiller } from './batch-filler.ts'
import { decodeRecord, decodeRecords } from './decode.ts'
import { HandlerContext } from './handler-context.ts'
import { Loop } from './loop.ts'
import type { PartitionState } from './partition-state.ts'
import type { Batch, RecordContext, RecordHandler, ResolvedRunOptions } from './run-options.ts'
import type { Work } from './work.ts'
import { WorkPace } from './work-pace.ts'
import type { Worker, WorkerHost } from './worker.ts'

/**
 * `run`: takes records off the session and hands them to a handler, one at a time.
 *
 * It is a loop without promises of its own: it goes on at once where a handler answers at once, and where one answers
 * with a promise it is that promise's `then`.
 */
export class Processor implements Worker {
  readonly #host: WorkerHost
  readonly #options: ResolvedRunOptions
  // Made where `run` is called, whose async context is the handlers'.
  readonly #loop = new Loop(() => this.#awake())
  readonly #pace: WorkPace
  readonly #due = new Queue<Work>()
  readonly #retries = new Map<Work, Timer>()
  readonly #filler: BatchFiller | undefined
  #work: Work | undefined
  // How far a handler of batches gets when it succeeds: the end of the records, or the one that cannot be decoded.
  #handledTo = 0
  // Finished since the last commit: the last one, and the others of the burst.
  #lastFinished: PartitionState | undefined
  readonly #uncommitted = new Set<PartitionState>()
  #stopped = false
  #progressed = false
  #asleep = false

  constructor(host: WorkerHost, options: ResolvedRunOptions) {
    this.#host = host
    this.#options = options
    this.#pace = new WorkPace(host.engine.clock)
    if (options.eachBatch && options.lingerMs > 0) {
      this.#filler = new BatchFiller(host.engine.clock, options.maxRecords, options.lingerMs, work =>
        this.#isDue(work),
      )
    }
  }

  /** Begins; what it calls runs in the caller's async context. */
  start(): void {
    this.#sleep()
    this.wake()
  }

  wake(): void {
    this.#loop.wake()
  }

  stop(): void {
    this.#stopped = true
    this.wake()
  }

  resume(): void {
    this.#stopped = false
    if (this.#asleep) this.wake()
  }

  halted(states: readonly PartitionState[]): void {
    for (const state of states) this.#forget(state)
    this.#host.engine.touch()
  }

  moved(state: PartitionState): void {
    this.#forget(state)
  }

  // What waits for its retry or to be filled comes again with a later fetch, here or at the partition's next owner.
  #forget(state: PartitionState): void {
    this.#filler?.forget(state)
    for (const [work, timer] of this.#retries) {
      if (work.state !== state) continue
      timer.cancel()
      this.#retries.delete(work)
      state.fetch?.next()
    }
  }

  pending(): string[] {
    const pending: string[] = []
    if (this.#work?.state.busy) {
      const { elapsed } = this.#host.coordinator.liveness
      const { state, index, records } = this.#work
      const since = elapsed === undefined ? '' : `, for ${Math.round(elapsed)} ms`
      pending.push(`handling ${formatTopicPartition(state)} offset ${records[index]?.offset}${since}`)
    } else if (!this.#asleep) {
      pending.push('has records to handle')
    }
    for (const { state, index, records, attempt } of this.#retries.keys()) {
      const next = `attempt ${attempt + 1} at ${formatTopicPartition(state)} offset ${records[index]!.offset}`
      pending.push(`waits for ${next}`)
    }
    return pending
  }

  #isDue(work: Work): void {
    this.#due.push(work)
    this.wake()
  }

  #sleep(): void {
    this.#commit()
    this.#asleep = true
    this.#host.engine.touch()
    this.#loop.sleep()
  }

  #awake(): void {
    this.#asleep = false
    this.#go()
  }

  readonly #go = (): void => {
    try {
      while (!this.#stopped) {
        if (this.#work === undefined && !this.#take()) break
        if (!this.#workOff()) return
      }
      if (this.#work !== undefined) this.#putBack(this.#work)
    } catch (error) {
      this.#host.fatal(error)
    }
    this.#sleep()
  }

  #take(): boolean {
    const due = this.#due.shift()
    if (due !== undefined) {
      this.#work = due
      return true
    }
    for (;;) {
      const fetched = this.#host.fetcher.poll(this.#options.maxRecords)
      if (fetched === undefined) {
        this.#host.ranDry()
        return false
      }
      if (fetched.position.phase !== 'active') continue
      this.#work = this.#filler ? this.#filler.add(fetched) : toWork(fetched)
      if (this.#work !== undefined) return true
    }
  }

  /** Works the records in hand off; false where it has to wait for a promise that goes on by itself. */
  #workOff(): boolean {
    const work = this.#work!
    const { state, records } = work
    while (work.index < records.length) {
      if (this.#stopped || state.version !== work.version || state.phase !== 'active' || state.paused) break
      const turn = this.#pace.next()
      if (turn !== undefined) {
        this.#commit()
        turn.then(this.#go)
        return false
      }
      // A handler of batches gets all that is left at once.
      state.position = this.#options.eachBatch ? work.nextOffset : records[work.index]!.offset + 1
      let result: unknown
      try {
        result = this.#call(work)
      } catch (error) {
        if (!this.#fail(work, error)) return true
        continue
      }
      if (result !== undefined && (result instanceof Promise || isThenable(result))) {
        this.#commit()
        state.busy = true
        this.#host.coordinator.liveness.begin(this.#host.engine.clock.lately)
        // Any other thenable may throw from its then, or call back before it returns.
        const promise = result instanceof Promise ? result : Promise.resolve(result)
        promise.then(this.#fulfilled, this.#rejected)
        return false
      }
      this.#finish(work)
    }
    this.#putBack(work)
    return true
  }

  #call(work: Work): unknown {
    const { eachRecord } = this.#options
    const context = this.#contextOf(work)
    if (eachRecord === undefined) return this.#callBatch(work, context)
    const record = work.records[work.index]!
    this.#handledTo = work.index + 1
    return work.serde === undefined
      ? eachRecord(record, context)
      : decodeThen(eachRecord, work.serde, record, context)
  }

  #contextOf({ state, attempt }: Work): RecordContext {
    const { control, coordinator } = this.#host
    if (attempt > 1) return new HandlerContext(control, state, coordinator.liveness, attempt)
    state.context ??= new HandlerContext(control, state, coordinator.liveness, attempt)
    return state.context
  }

  #callBatch(work: Work, context: RecordContext): unknown {
    const decoded = decodeRecords(work.serde, work.records, work.index)
    const call = ({ records, error }: Awaited<typeof decoded>) => {
      if (records.length === 0) {
        this.#handledTo = work.index + 1
        throw error
      }
      this.#handledTo = work.index + records.length
      return this.#options.eachBatch!(toBatch(work, records), context)
    }
    return isThenable(decoded) ? decoded.then(call) : call(decoded)
  }

  readonly #fulfilled = (): void => {
    const work = this.#work!
    this.#host.coordinator.liveness.end()
    // Committed here and not only at the batch's end: while the next handler waits, everybody sees what is done.
    if (work.state.phase !== 'gone') {
      this.#finish(work)
      this.#host.coordinator.commitOne(work.state)
    }
    work.state.busy = false
    this.#go()
  }

  readonly #rejected = (error: unknown): void => {
    const work = this.#work!
    this.#host.coordinator.liveness.end()
    try {
      this.#fail(work, error)
    } catch (thrown) {
      this.#host.fatal(thrown)
    }
    work.state.busy = false
    this.#go()
  }

  #finish(work: Work): void {
    const { state, records } = work
    work.index = this.#handledTo
    work.attempt = 1
    if (state.version !== work.version) return
    const next = work.index === records.length ? work.nextOffset : records[work.index - 1]!.offset + 1
    state.position = next
    state.finished = next
    this.#progressed = true
  }

  /** Ends the work in hand: its partition may be fetched again, from where it now stands. */
  #putBack(work: Work): void {
    const { state } = work
    this.#work = undefined
    if (state.version === work.version && work.index < work.records.length) {
      state.position = work.records[work.index]!.offset
      state.rewind()
    }
    if (this.#lastFinished !== undefined && this.#lastFinished !== state)
      this.#uncommitted.add(this.#lastFinished)
    this.#lastFinished = state
    state.fetch?.next()
    this.#host.engine.touch()
  }

  // Once for all partitions of a burst, but before anything is waited for: nobody else sees what it is late with.
  #commit(): void {
    const last = this.#lastFinished
    if (last === undefined) return
    this.#lastFinished = undefined
    if (this.#uncommitted.size === 0) return this.#host.coordinator.commitOne(last)
    this.#host.coordinator.commitBurst([...this.#uncommitted.add(last)])
    this.#uncommitted.clear()
  }

  /** A handler failed; true where the work in hand goes on. */
  #fail(work: Work, error: unknown): boolean {
    const handledTo = this.#skipTo(work, error)
    const { state, records, attempt } = work
    const record = records[work.index]!
    const cause = error instanceof BatchError ? error.cause : error
    if (state.phase !== 'active') {
      // Whoever reads the partition next gets the record again; here it is only told.
      this.#host.events.emit('error', cause)
      this.#putBack(work)
      this.#host.engine.outbox.flush()
      return false
    }
    if (state.version === work.version) state.position = record.offset
    if (attempt < this.#options.retry.attempts) {
      this.#retry(work, record, cause)
      return false
    }
    const { onFailure } = this.#options
    if (onFailure === 'skip') return this.#skip(work, handledTo, cause)
    this.#putBack(work)
    // Told only now, because nobody asks before, and a record should not cost a call.
    if (this.#progressed) this.#host.progressed()
    this.#progressed = false
    this.#host.failed(cause, record, onFailure)
    return false
  }

  #skip(work: Work, to: number, error: unknown): boolean {
    const { attempt } = work
    for (const record of work.records.slice(work.index, to)) {
      const text = `Skipped offset ${record.offset} of ${formatTopicPartition(record)} after ${attempt} attempts: `
      this.#host.events.emitOrWarn(
        'skipped',
        { record, error, attempts: attempt },
        text + describeError(error),
      )
    }
    this.#handledTo = to
    this.#finish(work)
    this.#host.engine.outbox.flush()
    return this.#work === work
  }

  // A handler of batches that says how far it came has finished what is before that; gives the end of what failed.
  #skipTo(work: Work, error: unknown): number {
    const to = this.#handledTo
    if (!(error instanceof BatchError) || this.#options.eachBatch === undefined) return to
    const { topic, partition, offset } = error.failedAt
    const index = work.records.findIndex(record => record.offset === offset)
    if (topic !== work.state.topic || partition !== work.state.partition || index < work.index || index >= to)
      return to
    if (index > work.index) {
      this.#handledTo = index
      this.#finish(work)
    }
    return index + 1
  }

  #retry(work: Work, record: ConsumerRecord, error: unknown): void {
    const delayMs = this.#options.retry.delayAfter(work.attempt)
    const due = () => {
      this.#retries.delete(work)
      work.attempt++
      this.#isDue(work)
    }
    const name = `retry of ${formatTopicPartition(record)} offset ${record.offset}`
    this.#retries.set(work, this.#host.engine.clock.setTimer(due, delayMs, { hold: true, name }))
    this.#work = undefined
    this.#host.coordinator.commitOne(work.state)
    this.#host.events.emit('retrying', { record, error, attempt: work.attempt, delayMs })
    this.#host.engine.outbox.flush()
  }
}

function toWork({ position: state, records, nextOffset, serde }: FetchedRecords<PartitionState>): Work {
  return { state, records, nextOffset, serde, version: state.version, index: 0, attempt: 1 }
}

function toBatch(
  { state, nextOffset, records: all, index }: Work,
  records: readonly ConsumerRecord[],
): Batch {
  const last = records[records.length - 1]!
  const next = index + records.length === all.length ? nextOffset : last.offset + 1
  const highWatermark = state.fetch?.highWatermark ?? next
  const { topic, partition } = state
  return {
    topic,
    partition,
    records,
    nextOffset: next,
    highWatermark,
    lag: Math.max(0, highWatermark - next),
  }
}

function decodeThen(
  handler: RecordHandler,
  serde: Serde,
  record: ConsumerRecord,
  context: RecordContext,
): unknown {
  const decoded = decodeRecord(serde, record)
  return isThenable(decoded) ? decoded.then(each => handler(each, context)) : handler(decoded, context)
}

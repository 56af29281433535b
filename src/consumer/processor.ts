import { isThenable } from '../maybe-promise.ts'
import { Queue } from '../queue.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import { BatchFiller } from './batch-filler.ts'
import { BatchWork } from './batch-work.ts'
import { Failures, type Verdict } from './failures.ts'
import { HandlerContext } from './handler-context.ts'
import { Loop } from './loop.ts'
import type { PartitionState, WatchedContext } from './partition-state.ts'
import { RecordWork } from './record-work.ts'
import { isHeldBack, Retries } from './retries.ts'
import type { RecordContext, ResolvedRunOptions } from './run-options.ts'
import { batchHandler, recordHandler } from './traced-handlers.ts'
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
  // Made where `run` is called, so that handlers run in the async context of that call.
  readonly #loop = new Loop(() => this.#awake())
  readonly #pace: WorkPace
  readonly #due = new Queue<Work>()
  readonly #retries: Retries<Work>
  readonly #failures: Failures
  readonly #filler: BatchFiller | undefined
  #work: Work | undefined
  #context: WatchedContext | undefined
  // A work that is free to be reused for the next partition; one that waits for a retry is not.
  #spare: RecordWork | undefined
  #stopped = false
  #progressed = false
  #asleep = false

  constructor(host: WorkerHost, options: ResolvedRunOptions) {
    this.#host = host
    this.#options = options
    const { clock } = host.engine
    this.#pace = new WorkPace(clock)
    this.#failures = new Failures(host, options)
    this.#retries = new Retries(clock, work => this.#isDue(work))
    const { eachBatch, maxRecords, lingerMs } = options
    if (eachBatch === undefined || lingerMs === 0) return
    const handler = () => batchHandler(options)
    const due = (work: Work) => this.#isDue(work)
    this.#filler = new BatchFiller({ clock, fetcher: host.fetcher, handler, maxRecords, lingerMs, due })
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

  // Records that wait for a retry, or in a half-filled batch, are fetched again later, here or by the partition's
  // next owner.
  #forget(state: PartitionState): void {
    this.#filler?.forget(state)
    if (this.#retries.forget(state)) state.fetch?.next()
  }

  pending(): string[] {
    const pending: string[] = []
    if (this.#work?.state.busy) {
      const { elapsed } = this.#host.coordinator.liveness
      const { state, record } = this.#work
      const since = elapsed === undefined ? '' : `, for ${Math.round(elapsed)} ms`
      pending.push(`handling ${formatTopicPartition(state)} offset ${record?.offset}${since}`)
    } else if (!this.#asleep) {
      pending.push('has records to handle')
    }
    pending.push(...this.#retries.pending())
    return pending
  }

  #isDue(work: Work): void {
    this.#due.push(work)
    this.wake()
  }

  #sleep(): void {
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
        this.#work ??= this.#take()
        if (this.#work === undefined) break
        if (!this.#workOff(this.#work)) return
      }
      if (this.#work !== undefined) this.#putBack(this.#work)
    } catch (error) {
      this.#host.fatal(error)
    }
    this.#sleep()
  }

  #take(): Work | undefined {
    const due = this.#due.shift() ?? this.#retries.resumed()
    if (due !== undefined) return due
    for (let state = this.#host.fetcher.poll(); state !== undefined; state = this.#host.fetcher.poll()) {
      const work = this.#toWork(state)
      if (work !== undefined) return work
    }
    this.#host.ranDry()
    return undefined
  }

  #toWork(state: PartitionState): Work | undefined {
    const { eachBatch, maxRecords } = this.#options
    const { fetcher } = this.#host
    if (this.#filler !== undefined) return this.#filler.add(state)
    if (eachBatch !== undefined) {
      const records = fetcher.readBatch(state, maxRecords)
      return new BatchWork(batchHandler(this.#options), state, state.version, records, state.fetchPosition)
    }
    const spare = this.#spare
    const handler = recordHandler(this.#options)
    if (spare === undefined) return new RecordWork(fetcher, handler, state, maxRecords)
    this.#spare = undefined
    spare.reuse(handler, state, maxRecords)
    return spare
  }

  /** Works off the work in hand; false where the loop has to wait for a promise, which goes on by itself. */
  #workOff(work: Work): boolean {
    const { state } = work
    for (;;) {
      if (this.#stopped || state.version !== work.version || state.phase !== 'active' || state.paused) break
      const record = work.take()
      if (record === undefined) break
      const turn = this.#pace.next()
      if (turn !== undefined) {
        work.hold(record)
        this.#commit(work)
        turn.then(this.#go)
        return false
      }
      let result: unknown
      let later: boolean
      try {
        result = work.call(record, this.#contextOf(work))
        later = result !== undefined && (result instanceof Promise || isThenable(result))
      } catch (error) {
        this.#endContext(state)
        work.hold(record)
        if (!this.#fail(work, error)) return true
        continue
      }
      if (later) {
        work.hold(record)
        this.#waitFor(result as PromiseLike<unknown>, work)
        return false
      }
      this.#endContext(state)
      work.finish()
      this.#progressed = true
    }
    if (this.#stopped || !isHeldBack(work)) this.#putBack(work)
    else {
      this.#work = undefined
      this.#retries.hold(work)
    }
    return true
  }

  #waitFor(result: PromiseLike<unknown>, work: Work): void {
    this.#commit(work)
    work.state.busy = true
    this.#host.coordinator.liveness.begin(this.#host.engine.clock.lately)
    // Any other thenable may throw from its then, or call back before it returns.
    const promise = result instanceof Promise ? result : Promise.resolve(result)
    promise.then(this.#fulfilled, this.#rejected)
  }

  #contextOf({ state, attempt }: Work): RecordContext {
    if (attempt === 1 && state.context !== undefined) this.#context = state.context
    else {
      this.#context = new HandlerContext(this.#host, state, this.#host.coordinator.liveness, attempt, true)
      if (attempt === 1) state.context = this.#context
    }
    return this.#context
  }

  // A context whose signal was asked for is not used again: listeners of the signal must not outlive the handler.
  #endContext(state: PartitionState): void {
    if (!this.#context!.watched) return
    this.#context!.end()
    state.context = undefined
  }

  readonly #fulfilled = (): void => {
    const work = this.#work!
    const { state } = work
    this.#host.coordinator.liveness.end()
    this.#endContext(state)
    if (state.phase !== 'gone') {
      work.finish()
      this.#progressed = true
      this.#commit(work)
    }
    state.busy = false
    this.#go()
  }

  readonly #rejected = (error: unknown): void => {
    const work = this.#work!
    this.#host.coordinator.liveness.end()
    this.#endContext(work.state)
    try {
      this.#fail(work, error)
    } catch (thrown) {
      this.#host.fatal(thrown)
    }
    work.state.busy = false
    this.#go()
  }

  /** Ends the work in hand: its partition may be fetched again, from where it now stands. */
  #putBack(work: Work): void {
    const { state, record } = work
    this.#work = undefined
    if (work instanceof RecordWork) this.#spare = work
    if (state.version === work.version && record !== undefined) {
      state.position = record.offset
      state.rewind()
    }
    this.#commit(work)
    state.fetch?.next()
  }

  // Called before every wait, so that finished records are not committed late.
  #commit(work: Work): void {
    if (!work.progressed) return
    work.progressed = false
    this.#host.coordinator.committer.commitOne(work.state)
    this.#host.engine.touch()
  }

  /** Follows up on a failed handler; true where the work in hand goes on. */
  #fail(work: Work, error: unknown): boolean {
    const verdict = this.#failures.judge(work, error)
    const { state } = work
    if (state.phase === 'active' && state.version === work.version)
      state.position = verdict.records[0]!.offset
    const goesOn = this.#follow(work, verdict)
    this.#host.engine.outbox.flush()
    return goesOn
  }

  #follow(work: Work, verdict: Verdict): boolean {
    switch (verdict.step) {
      case 'leave':
        this.#putBack(work)
        return false
      case 'retry':
        this.#retries.add(work, verdict.delayMs)
        this.#work = undefined
        this.#commit(work)
        return false
      case 'skip':
        this.#failures.skip(verdict)
        work.finish()
        this.#progressed = true
        return this.#work === work
      default:
        this.#putBack(work)
        if (this.#progressed) this.#failures.progressed()
        this.#progressed = false
        this.#failures.end(verdict, verdict.step === 'stop' ? 'stop' : 'restart')
        return false
    }
  }
}

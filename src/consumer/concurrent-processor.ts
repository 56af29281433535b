import { isThenable, type MaybePromise } from '../maybe-promise.ts'
import type { ConsumerRecord } from '../record.ts'
import { TaskQueue } from '../task-queue.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import { Failures, type Verdict } from './failures.ts'
import { HandlerContext } from './handler-context.ts'
import { KeyedWorks } from './keyed-works.ts'
import type { Pulse } from './liveness.ts'
import { Loop } from './loop.ts'
import type { PartitionState } from './partition-state.ts'
import { PartitionWorks } from './partition-works.ts'
import { isHeldBack, Retries } from './retries.ts'
import { NotYet } from './retry-topics.ts'
import type { ResolvedRunOptions } from './run-options.ts'
import type { Work } from './work.ts'
import { WorkPace } from './work-pace.ts'
import type { WorkSource } from './work-source.ts'
import type { Worker, WorkerHost } from './worker.ts'

/**
 * `run` with several handlers at once, or with another ordering. A `WorkSource` says which work may begin; each work is
 * worked off by a task of its own, so a slow work holds back only those that follow it in that order.
 */
export class ConcurrentProcessor implements Worker {
  readonly #host: WorkerHost
  readonly #options: ResolvedRunOptions
  // Made where `run` is called, so that handlers run in the async context of that call.
  readonly #loop = new Loop(() => this.#awake())
  readonly #pace: WorkPace
  readonly #tasks: TaskQueue
  readonly #source: WorkSource
  readonly #retries: Retries<Work>
  readonly #failures: Failures
  // Whether one handler runs at a time, in the order of the partition: the run is here because it writes to other
  // topics.
  readonly #alone: boolean
  // When each work began, on the clock's `monotonic()`.
  readonly #running = new Map<Work, number>()
  #stopped = false
  #asleep = false

  constructor(host: WorkerHost, options: ResolvedRunOptions) {
    this.#host = host
    this.#options = options
    const { clock } = host.engine
    this.#alone = options.concurrency === 1 && options.ordering === 'partition'
    this.#pace = new WorkPace(clock)
    this.#tasks = new TaskQueue(options.concurrency)
    this.#failures = new Failures(host, options)
    this.#source =
      options.ordering === 'partition'
        ? new PartitionWorks(host, options, () => this.wake())
        : new KeyedWorks(host, options)
    this.#retries = new Retries(clock, work => {
      this.#source.due(work)
      this.wake()
    })
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
  }

  resume(): void {
    this.#stopped = false
    this.wake()
  }

  halted(states: readonly PartitionState[]): void {
    for (const state of states) this.#forget(state)
    this.#host.engine.touch()
  }

  moved(state: PartitionState): void {
    this.#forget(state)
    this.wake()
  }

  #forget(state: PartitionState): void {
    this.#source.forget(state)
    if (this.#retries.forget(state)) state.fetch?.next()
  }

  idle(): Promise<void> {
    return this.#tasks.idle()
  }

  pending(): string[] {
    const now = this.#host.engine.clock.monotonic()
    const pending = Array.from(this.#running, ([{ state, record }, since]) => {
      const elapsed = Math.round(now - since)
      return `handling ${formatTopicPartition(state)} offset ${record?.offset}, for ${elapsed} ms`
    })
    if (pending.length === 0 && (!this.#asleep || this.#source.waiting)) pending.push('has records to handle')
    return [...pending, ...this.#retries.pending()]
  }

  #sleep(): void {
    this.#asleep = true
    this.#host.engine.touch()
    this.#loop.sleep()
  }

  #awake(): void {
    this.#asleep = false
    try {
      for (let work = this.#retries.resumed(); work !== undefined; work = this.#retries.resumed()) {
        this.#source.due(work)
      }
      while (!this.#stopped && this.#running.size < this.#options.concurrency) {
        const work = this.#source.take()
        if (work === undefined) {
          this.#host.ranDry()
          break
        }
        this.#begin(work)
      }
    } catch (error) {
      this.#host.fatal(error)
    }
    this.#sleep()
  }

  #begin(work: Work): void {
    this.#running.set(work, this.#host.engine.clock.lately)
    work.state.enter()
    void this.#tasks.add(() => this.#workOff(work))
  }

  /** Never rejects. */
  async #workOff(work: Work): Promise<void> {
    try {
      while (this.#mayGoOn(work)) {
        const record = work.take()
        if (record === undefined) break
        work.hold(record)
        const turn = this.#pace.next()
        if (turn !== undefined) {
          this.#commit(work)
          await turn
          if (!this.#mayGoOn(work)) break
        }
        const handled = this.#handle(work, record)
        if (handled !== true && !(await handled)) return
      }
      this.#commit(work)
      if (this.#stopped || !isHeldBack(work)) this.#source.done(work)
      else this.#retries.hold(work)
    } catch (error) {
      this.#host.fatal(error)
    } finally {
      this.#running.delete(work)
      work.state.leave()
      this.wake()
      this.#host.engine.touch()
    }
  }

  #mayGoOn({ state, version }: Work): boolean {
    return !this.#stopped && state.version === version && state.phase === 'active' && !state.paused
  }

  /** Calls the handler of a work; false where the work goes on later, or not at all. */
  #handle(work: Work, record: ConsumerRecord): MaybePromise<boolean> {
    const pulse = this.#host.coordinator.liveness.start()
    const context = new HandlerContext(this.#host, work.state, pulse, work.attempt, this.#alone)
    let result: unknown
    try {
      result = work.call(record, context)
      if (result !== undefined && isThenable(result)) return this.#await(work, pulse, context, result)
    } catch (error) {
      this.#ended(pulse, context)
      return this.#fail(work, error)
    }
    this.#ended(pulse, context)
    this.#finish(work)
    return true
  }

  async #await(
    work: Work,
    pulse: Pulse,
    context: HandlerContext,
    result: PromiseLike<unknown>,
  ): Promise<boolean> {
    this.#commit(work)
    try {
      await result
    } catch (error) {
      this.#ended(pulse, context)
      return this.#fail(work, error)
    }
    this.#ended(pulse, context)
    this.#finish(work)
    this.#commit(work)
    return true
  }

  #ended(pulse: Pulse, context: HandlerContext): void {
    this.#host.coordinator.liveness.finish(pulse)
    context.end()
  }

  #finish(work: Work): void {
    if (work.state.phase === 'gone') return
    work.finish()
    this.#failures.progressed()
  }

  #fail(work: Work, error: unknown): MaybePromise<boolean> {
    if (error instanceof NotYet) return this.#waitFor(work, error)
    const verdict = this.#failures.judge(work, error)
    this.#commit(work)
    this.#host.engine.outbox.flush()
    switch (verdict.step) {
      case 'leave':
        return true
      case 'retry':
        this.#retries.add(work, verdict.delayMs)
        return false
      case 'skip':
        this.#failures.skip(verdict)
        this.#finish(work)
        this.#host.engine.outbox.flush()
        return true
      case 'write':
        return this.#write(work, verdict)
      default:
        this.#source.done(work)
        this.#failures.end(verdict, verdict.step)
        return false
    }
  }

  async #write(work: Work, verdict: Verdict & { readonly step: 'write' }): Promise<boolean> {
    try {
      await this.#failures.write(verdict, work)
    } catch (error) {
      // The record is not lost: it comes again, and so does the attempt to write it.
      this.#source.done(work)
      this.#failures.end({ ...verdict, error }, 'restart')
      return false
    }
    this.#finish(work)
    return true
  }

  // Records of a retry topic come due in their order: no other of the partition is due before this one.
  #waitFor(work: Work, { delayMs }: NotYet): false {
    work.fail(undefined)
    this.#host.pauses.pause(work.state, delayMs)
    this.#source.done(work)
    return false
  }

  // Called before every wait, so that finished records are not committed late.
  #commit(work: Work): void {
    if (!work.progressed) return
    work.progressed = false
    this.#host.coordinator.committer.commitOne(work.state)
  }
}

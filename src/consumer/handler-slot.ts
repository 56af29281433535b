import { RecordListTooLargeError } from '../errors.ts'
import { isThenable } from '../maybe-promise.ts'
import type { ConsumerRecord, RecordMetadata } from '../record.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import { notHandedOver } from './decode.ts'
import type { Failures, WriteVerdict } from './failures.ts'
import { HandlerContext } from './handler-context.ts'
import type { WorkPulse } from './liveness.ts'
import type { PartitionState, WatchedContext } from './partition-state.ts'
import { isHeldBack, type Retries } from './retries.ts'
import { isNotYet, type NotYet } from './retry-topics.ts'
import type { Work } from './work.ts'
import type { WorkPace } from './work-pace.ts'
import type { WorkSource } from './work-source.ts'
import type { WorkerHost } from './worker.ts'

/** What a slot needs of its run. */
export interface HandlerSlotHost {
  readonly consumer: WorkerHost
  readonly pace: WorkPace
  readonly source: WorkSource
  readonly retries: Retries
  readonly failures: Failures
  /** Whether one handler runs at a time, in the order of the partition. */
  readonly alone: boolean
  /** Whether nothing more is to begin. */
  readonly stopped: boolean
  /** The next work that may begin, if there is one. */
  next(): Work | undefined
  /** Nothing more is done about a work: others may begin for it. */
  ended(): void
  /** There is nothing more for a slot. */
  idled(slot: HandlerSlot): void
}

/**
 * What becomes of a work: it goes on, waits for a promise, is over for now, or was left because its handler failed.
 */
type Step = 'on' | 'waits' | 'over' | 'left'

/**
 * One of the handlers that may run at once. It works off one work after the other, as a loop without promises of its
 * own: it goes on at once where a handler answers at once, and where one answers with a promise it is that promise's
 * `then`.
 */
export class HandlerSlot {
  readonly #host: HandlerSlotHost
  readonly #pulse: WorkPulse
  #work: Work | undefined
  // The context of the handler that is waited for.
  #context: WatchedContext | undefined
  // The topic that what failed is written to.
  #writesTo: string | undefined
  // When the wait for a handler or for a write began, on the clock's `monotonic()`; -1 while it is for another turn.
  #since = -1
  // Whether the event loop had its turn for the record that is to be handled.
  #hadTurn = false

  constructor(host: HandlerSlotHost) {
    this.#host = host
    this.#pulse = host.consumer.coordinator.liveness.pulse(() => `handling ${this.#at()}`)
  }

  /** Works off a work, and what may begin after it. */
  run(work: Work): void {
    this.#work = work
    this.#go()
  }

  /** Whether it rests: it asked for another work, and there was none. */
  get idle(): boolean {
    return this.#work === undefined
  }

  /** What it waits for, as a sentence; undefined where that is only its turn. */
  pending(): string | undefined {
    if (this.#work === undefined || this.#since === -1) return undefined
    const at = this.#at()
    const elapsed = Math.round(this.#host.consumer.engine.clock.monotonic() - this.#since)
    const doing = this.#writesTo === undefined ? `handling ${at}` : `writing ${at} to '${this.#writesTo}'`
    return `${doing}, for ${elapsed} ms`
  }

  #at(): string {
    const { state, record } = this.#work!
    return `${formatTopicPartition(state)} offset ${record?.offset}`
  }

  readonly #go = (): void => {
    try {
      for (;;) {
        this.#work ??= this.#host.next()
        if (this.#work === undefined) break
        const step = this.#workOff(this.#work)
        if (step === 'waits') return
        if (step === 'over') this.#giveBack(this.#work)
        this.#leave()
      }
    } catch (error) {
      return this.#fatal(error)
    }
    this.#host.idled(this)
  }

  #fatal(error: unknown): void {
    this.#host.consumer.fatal(error)
    if (this.#work !== undefined) this.#leave()
    this.#host.idled(this)
  }

  #leave(): void {
    this.#work = undefined
    this.#host.ended()
  }

  /** Works off the work in hand; never `on`. */
  #workOff(work: Work): Step {
    const host = this.#host
    const { state } = work
    let hadTurn = this.#hadTurn
    this.#hadTurn = false
    for (;;) {
      if (host.stopped || state.version !== work.version || state.phase !== 'active' || state.paused) break
      const record = work.take()
      if (record === undefined) break
      // One that had its turn goes on even where others have used up the time since: otherwise it might never do.
      const turn = host.pace.next()
      if (turn !== undefined && !hadTurn) {
        this.#waitForTurn(turn, work, record)
        return 'waits'
      }
      hadTurn = false
      const context = this.#contextOf(work)
      let result: unknown
      let later: boolean
      try {
        result = work.call(record, context)
        later = result !== undefined && (result instanceof Promise || isThenable(result))
      } catch (error) {
        this.#endContext(work, context)
        work.hold(record)
        const step = this.#fail(work, error)
        if (step === 'on') continue
        return step
      }
      if (later) {
        work.hold(record)
        this.#waitFor(result as PromiseLike<unknown>, work, context)
        return 'waits'
      }
      if (!context.reusable) this.#endContext(work, context)
      work.finish()
      host.failures.progressed()
    }
    return 'over'
  }

  // What the loop over records asks itself, for other places.
  #isOver({ state, version }: Work): boolean {
    return this.#host.stopped || state.version !== version || state.phase !== 'active'
  }

  // Apart, because V8 puts only so much into the loop over records.
  #giveBack(work: Work): void {
    const { source, retries } = this.#host
    this.#commit(work)
    if (isHeldBack(work)) retries.hold(work)
    else source.done(work)
  }

  #waitForTurn(turn: Promise<void>, work: Work, record: ConsumerRecord): void {
    this.#hadTurn = true
    this.#since = -1
    work.hold(record)
    this.#commit(work)
    turn.then(this.#go)
  }

  #waitFor(result: PromiseLike<unknown>, work: Work, context: WatchedContext): void {
    this.#commit(work)
    const { consumer } = this.#host
    this.#context = context
    this.#since = consumer.engine.clock.lately
    work.state.enter()
    consumer.coordinator.liveness.start(this.#pulse)
    // Any other thenable may throw from its then, or call back before it returns.
    const promise = result instanceof Promise ? result : Promise.resolve(result)
    promise.then(this.#fulfilled, this.#rejected)
  }

  // While one handler runs at a time, those of a partition share a context.
  #contextOf({ state, attempt }: Work): WatchedContext {
    if (state.context !== undefined && attempt === 1) return state.context
    const context = this.#newContext(state, attempt)
    if (context.reusable) state.context = context
    return context
  }

  #newContext(state: PartitionState, attempt: number): HandlerContext {
    const { consumer, alone } = this.#host
    return new HandlerContext(consumer, state, this.#pulse, attempt, alone)
  }

  #endContext({ state }: Work, context: WatchedContext): void {
    if (context.reusable) return
    context.end()
    if (state.context === context) state.context = undefined
  }

  #endWait(work: Work): void {
    this.#host.consumer.coordinator.liveness.finish(this.#pulse)
    const context = this.#context!
    // A slot that rests must not keep what listens to the signal of its last record.
    this.#context = undefined
    this.#endContext(work, context)
  }

  readonly #fulfilled = (): void => {
    const work = this.#work!
    try {
      this.#endWait(work)
      this.#finish(work)
      this.#commit(work)
    } catch (error) {
      work.state.leave()
      return this.#fatal(error)
    }
    work.state.leave()
    this.#go()
  }

  readonly #rejected = (error: unknown): void => {
    const work = this.#work!
    this.#goOn(work, () => {
      this.#endWait(work)
      return this.#fail(work, error)
    })
  }

  /** Goes on after a wait, with what follows from it; that may be another wait. */
  #goOn({ state }: Work, follow: () => Step): void {
    let step: Step
    try {
      step = follow()
    } catch (error) {
      state.leave()
      return this.#fatal(error)
    }
    state.leave()
    if (step === 'waits') return
    if (step === 'left') this.#leave()
    this.#go()
  }

  #finish(work: Work, count?: number): void {
    if (work.state.phase === 'gone') return
    work.finish(count)
    this.#host.failures.progressed()
  }

  #fail(work: Work, error: unknown): Step {
    if (isNotYet(error)) return this.#waitUntilDue(work, error)
    if (error === notHandedOver) return this.#holdBack(work)
    const { failures, retries, source, consumer } = this.#host
    const verdict = failures.judge(work, error)
    this.#commit(work)
    consumer.engine.outbox.flush()
    switch (verdict.step) {
      case 'leave':
        return 'on'
      case 'retry':
        // A listener of the event may have moved the partition, or ended the consumer.
        if (this.#isOver(work)) return 'on'
        retries.add(work, verdict.delayMs, verdict.error)
        return 'left'
      case 'skip':
        failures.skip(verdict)
        this.#finish(work)
        consumer.engine.outbox.flush()
        return 'on'
      case 'write':
        this.#write(work, verdict)
        return 'waits'
      default:
        source.done(work)
        failures.end(verdict, verdict.step)
        return 'left'
    }
  }

  // Writes at most so many at once.
  #write(work: Work, verdict: WriteVerdict, most: number = verdict.records.length): void {
    const { failures, source, consumer } = this.#host
    const written = (to: readonly RecordMetadata[]): Step => {
      this.#writesTo = undefined
      failures.tellWritten(verdict, to)
      this.#finish(work, to.length)
      // Only now: a listener that commits what is finished commits these records, too.
      consumer.engine.outbox.flush()
      const rest = verdict.records.slice(to.length)
      if (rest.length === 0) return 'on'
      this.#commit(work)
      if (this.#isOver(work)) return 'on'
      this.#write(work, { ...verdict, records: rest }, most)
      return 'waits'
    }
    const refused = (error: unknown): Step => {
      this.#writesTo = undefined
      const count = Math.min(most, verdict.records.length)
      // Where so many can never be written at once, they go in parts, each of which is finished by itself.
      if (count > 1 && error instanceof RecordListTooLargeError) {
        this.#write(work, verdict, count >> 1)
        return 'waits'
      }
      // The record is not lost: it comes again, and so does the attempt to write it.
      source.done(work)
      failures.endRefused(verdict, error)
      return 'left'
    }
    this.#writesTo = verdict.to.topic
    this.#since = consumer.engine.clock.lately
    work.state.enter()
    failures
      .write(verdict, work, most, to => this.#goOn(work, () => written(to)))
      .catch(error => this.#goOn(work, () => refused(error)))
  }

  // Records of a retry topic come due in their order: no other of the partition is due before this one.
  #waitUntilDue(work: Work, { delayMs }: NotYet): 'left' {
    work.fail(undefined)
    this.#host.consumer.pauses.pause(work.state, delayMs)
    this.#host.source.done(work)
    return 'left'
  }

  #holdBack(work: Work): 'left' {
    work.fail(undefined)
    this.#giveBack(work)
    return 'left'
  }

  // Called before every wait, so that finished records are not committed late.
  #commit(work: Work): void {
    if (!work.progressed) return
    work.progressed = false
    const { coordinator, engine } = this.#host.consumer
    coordinator.committer.commitOne(work.state)
    engine.touch()
  }
}

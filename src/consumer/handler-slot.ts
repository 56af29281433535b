import { isThenable } from '../maybe-promise.ts'
import type { ConsumerRecord } from '../record.ts'
import type { Failures, Verdict } from './failures.ts'
import { HandlerContext } from './handler-context.ts'
import type { WorkPulse } from './liveness.ts'
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
  readonly retries: Retries<Work>
  readonly failures: Failures
  /** Whether one handler runs at a time, in the order of the partition. */
  readonly alone: boolean
  /** Whether nothing more is to begin. */
  stopped(): boolean
  /** The next work that may begin, if there is one. */
  next(): Work | undefined
  /** Nothing more is done about a work: others may begin for it. */
  ended(): void
  /** There is nothing more for a slot. */
  idle(slot: HandlerSlot): void
}

/** What becomes of a work whose handler was called: it goes on, waits for a promise, or was left. */
type Step = 'on' | 'waits' | 'left'

/**
 * One of the handlers that run at once. It works off one work after the other, as a loop without promises of its own:
 * it goes on at once where a handler answers at once, and where one answers with a promise it is that promise's `then`.
 */
export class HandlerSlot {
  readonly #host: HandlerSlotHost
  /** The work in hand. */
  work: Work | undefined
  /** When that was taken, on the clock's `monotonic()`. */
  since = 0
  readonly #pulse: WorkPulse
  #context: HandlerContext | undefined
  // Whether the event loop had its turn for the record that is to be handled.
  #hadTurn = false
  #resolve = () => {}

  constructor(host: HandlerSlotHost) {
    this.#host = host
    this.#pulse = host.consumer.coordinator.liveness.pulse()
  }

  /** Takes a work in hand. */
  take(work: Work): void {
    this.work = work
    this.since = this.#host.consumer.engine.clock.lately
    work.state.enter()
  }

  /** Works off the work in hand, and what may begin after it; resolves when there is no more. */
  run(): Promise<void> {
    return new Promise(resolve => {
      this.#resolve = resolve
      this.#go()
    })
  }

  readonly #go = (): void => {
    try {
      while (this.work !== undefined) {
        const step = this.#workOff(this.work)
        if (step === 'waits') return
        this.#leave(this.work)
      }
      this.#host.idle(this)
      this.#resolve()
    } catch (error) {
      this.#fatal(error)
    }
  }

  #fatal(error: unknown): void {
    this.#host.consumer.fatal(error)
    if (this.work !== undefined) this.#leave(this.work)
    this.#go()
  }

  #leave(work: Work): void {
    this.work = undefined
    work.state.leave()
    this.#host.ended()
    const next = this.#host.next()
    if (next !== undefined) this.take(next)
  }

  #workOff(work: Work): Step {
    const { source, retries } = this.#host
    while (this.#mayGoOn(work)) {
      const record = work.take()
      if (record === undefined) break
      work.hold(record)
      if (this.#needsTurn(work)) return 'waits'
      const step = this.#handle(work, record)
      if (step !== 'on') return step
    }
    this.#commit(work)
    if (this.#host.stopped() || !isHeldBack(work)) source.done(work)
    else retries.hold(work)
    return 'left'
  }

  #mayGoOn({ state, version }: Work): boolean {
    return !this.#host.stopped() && state.version === version && state.phase === 'active' && !state.paused
  }

  #needsTurn(work: Work): boolean {
    const turn = this.#hadTurn ? undefined : this.#host.pace.next()
    this.#hadTurn = turn !== undefined
    if (turn === undefined) return false
    this.#commit(work)
    turn.then(this.#go)
    return true
  }

  #handle(work: Work, record: ConsumerRecord): Step {
    const { consumer, alone } = this.#host
    consumer.coordinator.liveness.start(this.#pulse)
    this.#context = new HandlerContext(consumer, work.state, this.#pulse, work.attempt, alone)
    let result: unknown
    let later: boolean
    try {
      result = work.call(record, this.#context)
      later = result !== undefined && (result instanceof Promise || isThenable(result))
    } catch (error) {
      this.#endHandler()
      return this.#fail(work, error)
    }
    if (later) {
      this.#commit(work)
      // Any other thenable may throw from its then, or call back before it returns.
      const promise = result instanceof Promise ? result : Promise.resolve(result)
      promise.then(this.#fulfilled, this.#rejected)
      return 'waits'
    }
    this.#endHandler()
    this.#finish(work)
    return 'on'
  }

  readonly #fulfilled = (): void => {
    const work = this.work!
    try {
      this.#endHandler()
      this.#finish(work)
      this.#commit(work)
    } catch (error) {
      return this.#fatal(error)
    }
    this.#go()
  }

  readonly #rejected = (error: unknown): void => {
    const work = this.work!
    let step: Step
    try {
      this.#endHandler()
      step = this.#fail(work, error)
    } catch (thrown) {
      return this.#fatal(thrown)
    }
    if (step !== 'waits') this.#goOn(step)
  }

  #goOn(step: 'on' | 'left'): void {
    if (step === 'left') this.#leave(this.work!)
    this.#go()
  }

  #endHandler(): void {
    this.#host.consumer.coordinator.liveness.finish(this.#pulse)
    this.#context!.end()
    // A slot that rests must not keep what listens to the signal of its last record.
    this.#context = undefined
  }

  #finish(work: Work): void {
    if (work.state.phase === 'gone') return
    work.finish()
    this.#host.failures.progressed()
  }

  #fail(work: Work, error: unknown): Step {
    if (isNotYet(error)) return this.#waitFor(work, error)
    const { failures, retries, source, consumer } = this.#host
    const verdict = failures.judge(work, error)
    this.#commit(work)
    consumer.engine.outbox.flush()
    switch (verdict.step) {
      case 'leave':
        return 'on'
      case 'retry':
        retries.add(work, verdict.delayMs)
        return 'left'
      case 'skip':
        failures.skip(verdict)
        this.#finish(work)
        consumer.engine.outbox.flush()
        return 'on'
      case 'write':
        this.#write(work, verdict).then(
          step => this.#goOn(step),
          thrown => this.#fatal(thrown),
        )
        return 'waits'
      default:
        source.done(work)
        failures.end(verdict, verdict.step)
        return 'left'
    }
  }

  async #write(work: Work, verdict: Verdict & { readonly step: 'write' }): Promise<'on' | 'left'> {
    const { failures, source } = this.#host
    try {
      await failures.write(verdict, work)
    } catch (error) {
      // The record is not lost: it comes again, and so does the attempt to write it.
      source.done(work)
      failures.end({ ...verdict, error }, 'restart')
      return 'left'
    }
    this.#finish(work)
    return 'on'
  }

  // Records of a retry topic come due in their order: no other of the partition is due before this one.
  #waitFor(work: Work, { delayMs }: NotYet): 'left' {
    work.fail(undefined)
    this.#host.consumer.pauses.pause(work.state, delayMs)
    this.#host.source.done(work)
    return 'left'
  }

  // Called before every wait, so that finished records are not committed late.
  #commit(work: Work): void {
    if (!work.progressed) return
    work.progressed = false
    this.#host.consumer.coordinator.committer.commitOne(work.state)
  }
}

import { Deferred } from '../deferred.ts'
import { Failures } from './failures.ts'
import { HandlerSlot, type HandlerSlotHost } from './handler-slot.ts'
import { KeyedWorks } from './keyed-works.ts'
import { Loop } from './loop.ts'
import type { PartitionState } from './partition-state.ts'
import { PartitionWorks } from './partition-works.ts'
import { Retries } from './retries.ts'
import type { ResolvedRunOptions } from './run-options.ts'
import type { Work } from './work.ts'
import { WorkPace } from './work-pace.ts'
import type { WorkSource } from './work-source.ts'
import type { Worker, WorkerHost } from './worker.ts'

/**
 * `run`: a `WorkSource` says which work may begin, in the order that is to be kept; a slot works it off, beside others
 * where several handlers may run. So a slow work holds back only those that follow it in that order.
 */
export class Processor implements Worker, HandlerSlotHost {
  readonly consumer: WorkerHost
  readonly pace: WorkPace
  readonly source: WorkSource
  readonly retries: Retries
  readonly failures: Failures
  readonly alone: boolean
  stopped = false
  readonly #concurrency: number
  // Made where `run` is called, so that handlers run in the async context of that call.
  readonly #loop = new Loop(() => this.#awake())
  readonly #slots: HandlerSlot[] = []
  readonly #free: HandlerSlot[] = []
  // How many slots are not free.
  #busy = 0
  #idle: Deferred | undefined
  #asleep = false

  constructor(consumer: WorkerHost, options: ResolvedRunOptions) {
    const { concurrency, ordering } = options
    const { clock } = consumer.engine
    this.consumer = consumer
    this.#concurrency = concurrency
    this.alone = concurrency === 1 && ordering === 'partition'
    this.pace = new WorkPace(clock)
    this.failures = new Failures(consumer, options)
    this.source =
      ordering === 'partition'
        ? new PartitionWorks(consumer, options, () => this.wake())
        : new KeyedWorks(consumer, options)
    this.retries = new Retries(clock, work => {
      this.source.due(work)
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
    this.stopped = true
  }

  end(): void {
    this.#loop.end()
  }

  resume(): void {
    this.stopped = false
    this.wake()
  }

  halted(states: readonly PartitionState[]): void {
    for (const state of states) this.#forget(state)
    this.consumer.engine.touch()
  }

  moved(state: PartitionState): void {
    this.#forget(state)
    this.wake()
  }

  // Records that wait for a retry, or in a half-filled batch, are fetched again later, here or by the partition's
  // next owner.
  #forget(state: PartitionState): void {
    this.source.forget(state)
    if (this.retries.forget(state)) state.fetch?.next()
  }

  async idle(): Promise<void> {
    if (this.#busy === 0) return
    this.#idle ??= new Deferred()
    await this.#idle.promise
  }

  pending(): string[] {
    const handling = this.#slots.map(slot => slot.pending()).filter(text => text !== undefined)
    const some = this.#busy > 0 || !this.#asleep || this.source.waiting
    if (handling.length === 0 && some) handling.push('has records to handle')
    return [...handling, ...this.retries.pending()]
  }

  #sleep(): void {
    this.#asleep = true
    this.consumer.engine.touch()
    this.#loop.sleep()
  }

  #awake(): void {
    this.#asleep = false
    try {
      this.#begin()
    } catch (error) {
      this.consumer.fatal(error)
    }
    this.#sleep()
  }

  // A slot goes on from one work to the next: to begin one costs more than to handle a record.
  #begin(): void {
    while (this.#busy < this.#concurrency) {
      const work = this.next()
      if (work === undefined) return
      const slot = this.#free.pop() ?? this.#newSlot()
      this.#busy++
      slot.run(work)
      // Then it has asked for the next work itself.
      if (slot.idle) return
    }
  }

  next(): Work | undefined {
    if (this.stopped) return undefined
    for (let work = this.retries.resumed(); work !== undefined; work = this.retries.resumed()) {
      this.source.due(work)
    }
    const work = this.source.take()
    if (work === undefined) this.consumer.ranDry()
    return work
  }

  #newSlot(): HandlerSlot {
    const slot = new HandlerSlot(this)
    this.#slots.push(slot)
    return slot
  }

  ended(): void {
    // A work that has ended may let several others begin.
    if (this.#busy < this.#concurrency) this.wake()
  }

  idled(slot: HandlerSlot): void {
    this.#free.push(slot)
    if (--this.#busy === 0) {
      this.#idle?.resolve()
      this.#idle = undefined
    }
    this.consumer.engine.touch()
  }
}

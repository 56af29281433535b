import { TaskQueue } from '../task-queue.ts'
import { formatTopicPartition } from '../topic-partition.ts'
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
 * `run` with several handlers at once, or with another ordering. A `WorkSource` says which work may begin; a slot works it
 * off beside the others, so a slow work holds back only those that follow it in that order.
 */
export class ConcurrentProcessor implements Worker {
  readonly #host: WorkerHost
  readonly #options: ResolvedRunOptions
  // Made where `run` is called, so that handlers run in the async context of that call.
  readonly #loop = new Loop(() => this.#awake())
  readonly #tasks: TaskQueue
  readonly #source: WorkSource
  readonly #retries: Retries<Work>
  readonly #slots: HandlerSlotHost
  readonly #busy = new Set<HandlerSlot>()
  readonly #free: HandlerSlot[] = []
  #stopped = false
  #asleep = false

  constructor(host: WorkerHost, options: ResolvedRunOptions) {
    this.#host = host
    this.#options = options
    const { clock } = host.engine
    this.#tasks = new TaskQueue(options.concurrency)
    this.#source =
      options.ordering === 'partition'
        ? new PartitionWorks(host, options, () => this.wake())
        : new KeyedWorks(host, options)
    this.#retries = new Retries(clock, work => {
      this.#source.due(work)
      this.wake()
    })
    this.#slots = {
      consumer: host,
      pace: new WorkPace(clock),
      source: this.#source,
      retries: this.#retries,
      failures: new Failures(host, options),
      // A run with one handler is here because it writes to other topics.
      alone: options.concurrency === 1 && options.ordering === 'partition',
      stopped: () => this.#stopped,
      next: () => this.#next(),
      ended: () => this.#ended(),
      idle: slot => this.#idle(slot),
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
    const pending: string[] = []
    for (const { work, since } of this.#busy) {
      if (work === undefined) continue
      const elapsed = Math.round(now - since)
      pending.push(
        `handling ${formatTopicPartition(work.state)} offset ${work.record?.offset}, for ${elapsed} ms`,
      )
    }
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
      while (this.#busy.size < this.#options.concurrency) {
        const work = this.#next()
        if (work === undefined) {
          if (!this.#stopped) this.#host.ranDry()
          break
        }
        this.#begin(work)
      }
    } catch (error) {
      this.#host.fatal(error)
    }
    this.#sleep()
  }

  #next(): Work | undefined {
    if (this.#stopped) return undefined
    for (let work = this.#retries.resumed(); work !== undefined; work = this.#retries.resumed()) {
      this.#source.due(work)
    }
    return this.#source.take()
  }

  // One task goes on from one work to the next: to add a task costs more than to handle a record.
  #begin(work: Work): void {
    const slot = this.#free.pop() ?? new HandlerSlot(this.#slots)
    this.#busy.add(slot)
    slot.take(work)
    void this.#tasks.add(() => slot.run())
  }

  #ended(): void {
    // A work that has ended may let several others begin.
    if (this.#busy.size < this.#options.concurrency) this.wake()
    this.#host.engine.touch()
  }

  #idle(slot: HandlerSlot): void {
    this.#busy.delete(slot)
    this.#free.push(slot)
    this.wake()
  }
}

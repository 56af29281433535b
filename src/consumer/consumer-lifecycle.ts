import type { Delay } from '../broker-clock.ts'
import { CloseTime, closeTimeoutMs } from '../close-time.ts'
import { Deadline } from '../deadline.ts'
import { Deferred } from '../deferred.ts'
import type { ClientCloseOptions, Engine, EngineClient, FetchSession, Unread } from '../engine.ts'
import { ClosedError, ConsumerCrashedError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { AnyRecord } from '../record.ts'
import { describeError, isError } from '../thrown.ts'
import { formatOffset, type TopicPartition } from '../topic-partition.ts'
import { Backlog } from './backlog.ts'
import type { CloseOptions, ConsumerControl } from './consumer-control.ts'
import { ConsumerCoordinator } from './consumer-coordinator.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import { Fetcher } from './fetcher.ts'
import type { PartitionState } from './partition-state.ts'
import { Pauses } from './pauses.ts'
import { RecordStream } from './record-stream.ts'
import { doubled } from './retry-policy.ts'
import type { Worker, WorkerHost } from './worker.ts'

const firstRestartMs = 1000
const longestRestartMs = 60_000

/**
 * - `new`: it has not joined.
 * - `running`: it is a member, or about to be one.
 * - `restarting`: a handler failed; it has left, and comes back.
 * - `closing`: it finishes and leaves.
 * - `closed`: it has ended, by `close` or by a crash.
 */
type Life = 'new' | 'running' | 'restarting' | 'closing' | 'closed'

/** How a consumer starts, comes back and ends. */
export class ConsumerLifecycle implements EngineClient {
  readonly name: string
  readonly groupId: string | undefined
  readonly coordinator: ConsumerCoordinator
  readonly backlog: Backlog
  /** What the ways of consuming need. */
  readonly workerHost: WorkerHost
  readonly pauses: Pauses
  readonly #engine: Engine
  readonly #options: ResolvedConsumerOptions
  readonly #events: Events<ConsumerEvents>
  readonly #session: FetchSession<PartitionState>
  readonly #done = new Deferred()
  readonly #closeTime: CloseTime
  #awaited = false
  #worker: Worker | undefined
  #life: Life = 'new'
  #starting: Deferred | undefined
  #closing: Promise<readonly Unread[]> | undefined
  #restarts = 0
  #whyRestarts = ''
  #restartDelay: Delay | undefined
  #deadline: Deadline | undefined
  #atExit = false

  constructor(
    engine: Engine,
    options: ResolvedConsumerOptions,
    name: string,
    events: Events<ConsumerEvents>,
    control: ConsumerControl,
  ) {
    this.name = name
    this.groupId = options.groupId
    this.#engine = engine
    this.#options = options
    this.#events = events
    this.#closeTime = new CloseTime(engine.clock)
    // Once: to ask for every start that may fail would keep all of those.
    this.#done.promise.then(
      () => this.#endStart(),
      error => this.#endStart(error),
    )
    const failing = (error: unknown) => events.emitNow('error', error)
    this.#session = engine.fetch(() => this.#worker?.wake(), options.isolationLevel, failing)
    this.pauses = new Pauses(engine.clock, () => this.#worker?.wake())
    const fatal = (error: unknown, record?: AnyRecord) => void this.crash(error, record)
    const shared = { engine, events, session: this.#session, fatal }
    this.coordinator = new ConsumerCoordinator({
      ...shared,
      options,
      halted: states => {
        for (const state of states) this.pauses.forget(state)
        this.#worker?.halted(states)
      },
      idle: () => this.#idle(),
      caughtUp: () => this.#endIfComplete(),
      hookFailed: error => this.#hookFailed(error),
    })
    this.backlog = new Backlog({
      ...shared,
      options,
      name,
      coordinator: this.coordinator,
      pauses: this.pauses,
    })
    this.workerHost = {
      ...shared,
      groupId: options.groupId,
      clientId: options.clientId,
      coordinator: this.coordinator,
      fetcher: new Fetcher({
        ...shared,
        autoOffsetReset: options.autoOffsetReset,
        isolationLevel: options.isolationLevel,
      }),
      control,
      pauses: this.pauses,
      progressed: () => {
        this.#restarts = 0
      },
      ranDry: () => this.#endIfComplete(),
      failed: (error, record, then, what) =>
        then === 'stop'
          ? void this.crash(error, record, this.#crashError(error, record))
          : void this.#restart(error, record, what),
    }
  }

  get done(): Promise<void> {
    this.#awaited = true
    if (this.#life === 'new') this.#awaitStart()
    return this.#done.promise
  }

  /** Has a function called when it has ended, however; unlike `done`, that keeps no consumer which was not started. */
  onEnd(ended: () => void): void {
    this.#done.promise.then(ended, ended)
  }

  // A consumer whose `done` is awaited ends with its broker, even if it was never started; any other consumer that
  // was not started may be garbage-collected before.
  #awaitStart(): void {
    if (this.#engine.closed) void this.close({})
    else this.#engine.track(this)
  }

  get worker(): Worker | undefined {
    return this.#worker
  }

  /** Sets the way in which it consumes. */
  use(worker: Worker): void {
    this.#worker = worker
  }

  /** @throws ClosedError */
  requireOpen(): void {
    if (this.ended) throw this.closedError()
  }

  /** Whether it ends, or has ended. */
  get ended(): boolean {
    return this.#life === 'closing' || this.#life === 'closed'
  }

  /** Whether it has ended. */
  get closed(): boolean {
    return this.#life === 'closed'
  }

  /** Whether it leaves, or has left, to come back. */
  get restarting(): boolean {
    return this.#life === 'restarting'
  }

  closedError(): ClosedError {
    const why = this.#atExit ? ': the process had nothing else left to do, so no record could arrive' : ''
    return new ClosedError(`${this.name} is closed${why}`)
  }

  // --- starting -----------------------------------------------------------------------------------------------------

  /** Joins, if it has not; resolves when it has its partitions and their positions. */
  async start(): Promise<void> {
    this.requireOpen()
    // Asked for first: a handler that fails at once, and so a restart, must not keep the caller waiting.
    const { ready } = this.coordinator
    await (this.#starting?.promise ?? this.#begin())
    await ready
  }

  /** Whether `start` has nothing to wait for. */
  get started(): boolean {
    return this.#life === 'running' && this.coordinator.settled
  }

  /** The same for consuming by pull: a consumer that is closed while it starts has simply ended. */
  async startOrEnd(): Promise<void> {
    if (this.ended) return
    try {
      await this.start()
    } catch (error) {
      if (!this.wasClosed(error)) throw error
    }
  }

  /** Whether an error of its start only says that it was closed meanwhile. */
  wasClosed(error: unknown): boolean {
    return error instanceof ClosedError && this.#closing !== undefined
  }

  #begin(): Promise<void> {
    const starting = new Deferred()
    // Known before it joins: a listener that hears of that may start it, too.
    this.#starting = starting
    this.#join().then(
      () => starting.resolve(),
      error => starting.reject(this.ended ? this.closedError() : error),
    )
    return starting.promise
  }

  // A cluster may take long to answer, and a consumer that was closed meanwhile has nothing to wait for.
  #endStart(error?: unknown): void {
    if (this.#starting?.settled === false) this.#starting.reject(error ?? this.closedError())
  }

  async #join(): Promise<void> {
    this.#engine.requireOpen()
    this.#life = 'running'
    this.#engine.track(this)
    try {
      await this.coordinator.join()
    } catch (error) {
      // The join failed: the same consumer may try again. One that was closed meanwhile has ended its worker itself.
      if (this.#life === 'running') {
        this.#life = 'new'
        this.#worker?.end?.()
      }
      this.#worker?.stop()
      this.#worker = undefined
      // A poll may have ended before the failure was known, and begun the time until the next poll.
      this.coordinator.liveness.stop()
      this.#starting = undefined
      this.#engine.untrack(this)
      if (this.#awaited && this.#life === 'new') this.#awaitStart()
      throw error
    }
  }

  #endIfComplete(): void {
    // One that was only made ready is still to be asked for records, and must not be found closed.
    if (!this.#options.bounded || this.#worker === undefined || !this.coordinator.settled) return
    if (this.coordinator.states.every(state => state.complete && !state.busy)) void this.close({})
  }

  // --- coming back --------------------------------------------------------------------------------------------------

  async #restart(error: unknown, record: AnyRecord, what: string = 'its handler failed'): Promise<void> {
    if (this.#life !== 'running') return
    this.#life = 'restarting'
    this.#whyRestarts = `${what}: ${describeError(error)}`
    this.#worker?.stop()
    const delayMs = doubled(firstRestartMs, ++this.#restarts, longestRestartMs)
    const text = `restarts in ${delayMs} ms; ${what} at ${formatOffset(record)}: ${describeError(error)}`
    this.#events.emitOrWarn('restarting', { error, record, delayMs }, text, error)
    this.#engine.outbox.flush()
    try {
      await this.#leave({ keepPlace: false, timeoutMs: closeTimeoutMs })
      if (this.#life === 'restarting') {
        this.#restartDelay = this.#engine.clock.delay(delayMs, `restart of ${this.name}`)
        await this.#restartDelay.over
      }
      // Handlers that ran beside the one that failed end first: their records must not be handled twice at once.
      if (this.#life === 'restarting') await this.#idle()
      if (this.#life !== 'restarting') return
      this.#life = 'running'
      this.#worker?.resume?.()
      await this.coordinator.rejoin()
    } catch (thrown) {
      void this.crash(thrown)
    }
  }

  async #idle(): Promise<void> {
    await this.#worker?.idle?.()
  }

  // --- ending -------------------------------------------------------------------------------------------------------

  /** Stops because of an error, which `crash` says as `done` rejects with it; `record` is the one at hand. */
  async crash(error: unknown, record?: AnyRecord, crash: Error = toError(error)): Promise<void> {
    if (this.ended) return
    this.#life = 'closing'
    this.#closeTime.within(closeTimeoutMs)
    this.#closing = this.#end({ leave: true }, crash, () => {
      // The crash of a handler begins with the name of the consumer, too.
      const why = record && crash !== error ? handlerFailed(error, record) : crash.message
      const text = `crashed: ${why}`
      // Where a handler failed, its error says more than the crash that stands around it.
      this.#events.emitOrWarn('crashed', { error: crash, record }, text, error)
      this.#events.emit('closed', { reason: 'crashed' })
      const { groupId } = this
      if (groupId === undefined) return
      const event = record ? { groupId, record, cause: error } : { groupId, cause: error }
      this.#engine.consumerStopped(event, () => this.backlog.left())
    })
    if (this.#worker instanceof RecordStream) this.#worker.fail(crash)
    await this.#closing
    this.#done.reject(crash)
    this.#engine.outbox.flush()
  }

  #crashError(error: unknown, record: AnyRecord): ConsumerCrashedError {
    const { groupId } = this
    const { topic, partition, offset } = record
    const text = `${this.name} stopped: ${handlerFailed(error, record)}`
    return new ConsumerCrashedError(text, { topic, partition, offset, cause: error, groupId })
  }

  /** Ends like a process that died. */
  vanish(): void {
    if (this.#life === 'closed') return
    const reason = new ConsumerCrashedError(`${this.name} crashed without leaving its group`)
    // First, so that nothing that the worker does while it ends is committed.
    this.coordinator.vanish(reason)
    this.#restartDelay?.end()
    this.#deadline?.within(0)
    // A close that still drains would find its own promise here, and wait for itself.
    if (!this.ended) this.#closing = Promise.resolve([])
    this.#life = 'closed'
    this.#worker?.stop()
    if (this.#worker instanceof RecordStream) this.#worker.fail(reason)
    this.#session.close()
    this.#worker?.end?.()
    this.#engine.untrack(this)
    this.#done.reject(reason)
    this.#engine.outbox.flush()
  }

  /** Finishes, commits, leaves, and resolves to what it left unread; a second call waits for the first. */
  close(options: CloseOptions & ClientCloseOptions): Promise<readonly Unread[]> {
    if (this.#closing === undefined) this.#closing = this.#close(options)
    else if (options.timeoutMs !== undefined) this.#hurry(options.timeoutMs, options.drain)
    return this.#closing
  }

  #hurry(timeoutMs: number, drain?: boolean): void {
    this.#closeTime.within(timeoutMs, drain)
    this.#deadline?.within(timeoutMs)
  }

  async #close(options: CloseOptions & ClientCloseOptions): Promise<readonly Unread[]> {
    const { timeoutMs = closeTimeoutMs, hold = true } = options
    this.#atExit = !hold
    this.#closeTime.within(timeoutMs)
    const reads = this.#life === 'running' || this.#life === 'restarting'
    if (options.drain && reads) await this.#drain(timeoutMs)
    // It may have crashed while it drained; the crash has then reported what was left unread. Or this is called by a
    // listener of what is done as it ends, and then `#closing` is known only once that call has returned.
    if (this.ended) return Promise.resolve().then(() => this.#closing!)
    const joined = this.#life !== 'new'
    this.#life = 'closing'
    // A loop may have been begun that has not asked for anything yet.
    if (!joined) {
      this.#worker?.stop()
      this.#session.close()
    }
    const left = joined ? await this.#end({ ...options, hold }, this.closedError()) : []
    this.#life = 'closed'
    this.#engine.untrack(this)
    this.#events.emit('closed', { reason: 'closed' })
    this.#done.resolve()
    this.#engine.outbox.flush()
    return left
  }

  get #polled(): boolean {
    return this.#worker instanceof RecordStream && !this.#worker.iterating
  }

  // Only for `run` and loops, which read on by themselves; a caller of `poll` has stopped polling when it closes.
  async #drain(timeoutMs: number): Promise<void> {
    if (this.#worker === undefined || this.#polled) return
    const touch = () => this.#engine.touch()
    await this.#closeTime.drain(this.name, touch, draining => {
      // It may crash meanwhile. One that is removed does not come back only to leave: others may have its partitions.
      const { removals } = this.coordinator
      const over = () => draining.over || this.ended || this.coordinator.removals > removals
      // One that joins, or restarts, does not know its partitions yet.
      const ends = this.coordinator.ready.then(() => this.backlog.endsToCome())
      return this.backlog.reach(ends, over, timeoutMs)
    })
  }

  async #end(
    { leave = false, hold = false }: CloseOptions & ClientCloseOptions,
    reason: Error,
    stopped?: () => void,
  ): Promise<readonly Unread[]> {
    this.#restartDelay?.end()
    this.#worker?.stop()
    let left: readonly Unread[] = []
    const keepPlace = this.#options.groupInstanceId !== undefined && !leave
    // As late as possible: after the records in flight are finished, before the partitions are another member's.
    await this.#leave({ keepPlace, hold }, () => {
      left = this.backlog.left()
    })
    this.coordinator.end(reason)
    this.#session.close()
    this.#worker?.end?.()
    this.#life = 'closed'
    // Before `untrack`: `idle` must not take the group for one that was left on purpose.
    stopped?.()
    this.#engine.untrack(this)
    return left
  }

  async #leave(
    options: { readonly keepPlace: boolean; readonly timeoutMs?: number; readonly hold?: boolean },
    beforeLeaving?: () => void,
  ): Promise<void> {
    const { keepPlace, timeoutMs = Number.POSITIVE_INFINITY, hold = false } = options
    const leftMs = Math.min(timeoutMs, this.#closeTime.leftMs)
    const deadline = new Deadline(this.#engine.clock, leftMs, `leaving of ${this.name}`, { hold })
    this.#deadline = deadline
    try {
      await this.coordinator.leave({ keepPlace, deadline: deadline.passed, beforeLeaving })
    } catch (error) {
      // A group that does not hear of the leave waits until the member's session is over.
      this.#events.emitNow('error', error)
    } finally {
      deadline.cancel()
      this.#deadline = undefined
    }
  }

  #hookFailed(error: unknown): void {
    // A consumer that ends is not polled any more, so no poll could throw the error.
    if (this.#worker instanceof RecordStream && this.#life === 'running') this.#worker.fail(error)
    else this.#events.emitNow('error', error)
  }

  // --- what it has still to do --------------------------------------------------------------------------------------

  pending(): string[] {
    const pending = this.#worker?.pending() ?? []
    if (this.#life === 'restarting') pending.push(`restarts, since ${this.#whyRestarts}`)
    else if (this.#life === 'closing') pending.push('closes')
    else if (this.#life === 'running' && !this.coordinator.settled) pending.push('joins or rebalances')
    if (this.#closeTime.draining) pending.push('drains')
    // One that has started has given up waiting for a hook that has not ended, as it restarted.
    if (!this.started) for (const hook of this.coordinator.hooks) pending.push(`waits for its ${hook}`)
    pending.push(...this.pauses.pending())
    return pending.map(what => `${this.name} ${what}`)
  }

  get unasked(): string | undefined {
    if (this.#life !== 'running' || this.#worker !== undefined) return undefined
    return `${this.name} was never asked for records: call run or poll, or iterate over it`
  }

  get paused(): readonly TopicPartition[] {
    return this.backlog.paused
  }

  unread(): number {
    return this.backlog.unread(this.#polled)
  }

  left(): readonly Unread[] {
    return this.backlog.left()
  }
}

function handlerFailed(error: unknown, record: AnyRecord): string {
  return `its handler failed at ${formatOffset(record)}: ${describeError(error)}`
}

function toError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new ConsumerCrashedError(describeError(thrown), { cause: thrown })
}

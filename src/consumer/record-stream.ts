import { type PollTrace, polling } from '../diagnostics.ts'
import { ClosedError, IllegalStateError } from '../errors.ts'
import { isThenable } from '../maybe-promise.ts'
import type { ConsumerRecord } from '../record.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import { toBatch } from './batch-work.ts'
import { type Decoded, decodeRecords } from './decode.ts'
import type { WorkPulse } from './liveness.ts'
import type { PartitionState } from './partition-state.ts'
import type { Batch } from './run-options.ts'
import { Wakeup } from './wakeup.ts'
import { WorkPace } from './work-pace.ts'
import type { Worker, WorkerHost } from './worker.ts'

/** How much `poll` returns, and how long it waits. */
export interface PollOptions {
  /** The most records that are returned; default `maxPollRecords`. */
  readonly maxRecords?: number | undefined
  /** How long to wait for the first record, in milliseconds; default until there is one, or the consumer is closed. */
  readonly timeoutMs?: number | undefined
  /** Ends the wait: the poll rejects with the signal's reason, and nothing was handed out. */
  readonly signal?: AbortSignal | undefined
}

/** Decoded records of one partition, and how far they have been handed out. */
interface Chunk {
  readonly state: PartitionState
  readonly version: number
  readonly records: readonly ConsumerRecord[]
  readonly nextOffset: number
  /** Why the record after them could not be decoded. */
  readonly error: unknown
  index: number
}

/** A start that a poll waits for. */
interface Starting {
  settled: boolean
  failure: { readonly error: unknown } | undefined
}

/**
 * Consuming by pull: `poll` and both iterators. Records that were handed out are in hand, and keep their partition from
 * being given up, until the caller asks for more.
 */
export class RecordStream implements Worker {
  /** Whether a loop asks for more by itself; otherwise the caller polls. */
  readonly iterating: boolean
  readonly #host: WorkerHost
  readonly #maxPollRecords: number
  readonly #wakeup = new Wakeup()
  readonly #pace: WorkPace
  readonly #pulse: WorkPulse
  #inHand: { readonly state: PartitionState; readonly version: number; next: number }[] = []
  #chunk: Chunk | undefined
  // The turn of the event loop to wait for before the next record.
  #turn: Promise<void> | undefined
  #polling = false
  // The start that is waited for, also by the polls that follow one whose time was over: a wait of each poll would be
  // kept until the consumer has joined, which may take hours on a cluster that nobody reaches.
  #starting: Starting | undefined
  #stopped = false
  #error: unknown

  constructor(host: WorkerHost, maxPollRecords: number, iterating: boolean) {
    this.#host = host
    this.#maxPollRecords = maxPollRecords
    this.iterating = iterating
    this.#pace = new WorkPace(host.engine.clock)
    this.#pulse = host.coordinator.liveness.polls
  }

  /** Whether a poll waits: the records that it is about to return are still this stream's. */
  get polling(): boolean {
    return this.#polling
  }

  wake(): void {
    this.#wakeup.wake()
  }

  // Records that `poll` returned count as finished when the consumer is closed, as in Kafka, but not those that it
  // has not returned yet. A loop's record is finished when the loop asks for the next one.
  stop(): void {
    this.#stopped = true
    if (this.#polling) this.abandon()
    else if (!this.iterating) this.#finishInHand()
    this.wake()
  }

  /** Marks the records in hand as finished, because the caller of `poll` commits them. */
  markDone(): void {
    if (this.#polling) return
    for (const { state, version, next } of this.#inHand) if (state.version === version) state.finished = next
  }

  /** The partitions of the records in hand, and the offsets after those. */
  get inHand(): readonly { readonly state: PartitionState; readonly offset: number }[] {
    return this.#inHand.map(({ state, next }) => ({ state, offset: next }))
  }

  halted(): void {
    this.wake()
  }

  moved(): void {
    this.wake()
  }

  /** Gives the records in hand back unfinished: they are not committed, and no longer keep their partition. */
  abandon(): void {
    for (const { state, version } of this.#inHand) {
      if (state.version === version) {
        state.position = state.finished
        state.rewind()
      }
      state.busy = false
    }
    this.#inHand = []
    this.#host.coordinator.liveness.finish(this.#pulse)
  }

  /** Makes the next call throw this error. */
  fail(error: unknown): void {
    this.#error = error
    this.wake()
  }

  pending(): string[] {
    if (!this.iterating) return []
    return this.#inHand.map(
      ({ state, next }) => `has ${formatTopicPartition(state)} offset ${next - 1} in hand`,
    )
  }

  // --- poll ---------------------------------------------------------------------------------------------------------

  /** The next records. `start` resolves when the consumer has joined; the first poll's timeout includes that. */
  poll(options: PollOptions, start: () => Promise<void>): Promise<readonly ConsumerRecord[]> {
    // Outside of the trace: what goes on after the poll is no part of it.
    const starting = this.#starting ?? this.#follow(start())
    if (!polling.listened) return this.#poll(options, starting)
    return polling.trace(this.#trace(), () => this.#poll(options, starting))
  }

  #trace(): PollTrace {
    const { clientId, groupId } = this.#host
    return { clientId, groupId }
  }

  async #poll(options: PollOptions, starting: Starting): Promise<readonly ConsumerRecord[]> {
    const { maxRecords = this.#maxPollRecords, timeoutMs = Number.POSITIVE_INFINITY, signal } = options
    if (this.#polling) {
      throw new IllegalStateError(
        'poll: the poll before this one has not ended; a consumer is polled by one caller',
      )
    }
    this.#polling = true
    this.#finishInHand()
    // A timeout of 0 needs no timer: a virtual clock may stand still, and this caller waits not even for a turn.
    let expired = timeoutMs === 0
    const expire = () => {
      expired = true
      this.wake()
    }
    // Its caller goes on when the time is over, and may send records then: the process must not end before.
    const timer = this.#host.engine.clock.setTimer(expire, timeoutMs, {
      hold: true,
      limit: true,
      name: 'poll',
    })
    signal?.addEventListener('abort', this.#wakeup.wake, { once: true })
    try {
      await this.#untilStarted(starting, () => expired || (signal?.aborted ?? false))
      const turn = this.#pace.next()
      if (turn !== undefined) await turn
      for (;;) {
        signal?.throwIfAborted()
        const records = await this.#collect(maxRecords)
        // Closed meanwhile: the records in hand were given back.
        if (this.#stopped && this.#inHand.length === 0) return []
        if (records.length > 0 || expired) return records
        await this.#wait()
      }
    } finally {
      this.#polling = false
      timer.cancel()
      signal?.removeEventListener('abort', this.#wakeup.wake)
      // Counted from here to the next poll, whether or not anything was handed out (max.poll.interval.ms).
      if (!this.#stopped) this.#begin()
      this.#host.engine.touch()
    }
  }

  #follow(started: Promise<void>): Starting {
    const starting: Starting = { settled: false, failure: undefined }
    this.#starting = starting
    const settle = (failure?: Starting['failure']) => {
      starting.settled = true
      starting.failure = failure
      this.#starting = undefined
      this.wake()
    }
    started.then(
      () => settle(),
      (error: unknown) => settle({ error }),
    )
    return starting
  }

  async #untilStarted(starting: Starting, over: () => boolean): Promise<void> {
    while (!starting.settled && !over()) await this.#wakeup.wait()
    // A consumer that is closed while it starts has simply ended.
    const { failure } = starting
    if (failure && !(failure.error instanceof ClosedError)) throw failure.error
  }

  async #collect(maxRecords: number): Promise<ConsumerRecord[]> {
    const records: ConsumerRecord[] = []
    while (records.length < maxRecords) {
      const chunk = await this.#nextChunk(maxRecords - records.length, records.length > 0)
      if (chunk === undefined) break
      if (this.#stale(chunk)) {
        this.#endChunk(chunk)
        continue
      }
      this.#chunk = undefined
      // One by one: what is spread into a call must fit on the stack.
      for (const record of chunk.records) records.push(record)
      this.#hold(chunk, chunk.nextOffset)
    }
    return records
  }

  /** The loop asks for more: the records in hand are finished. A consumer that was removed comes back only now. */
  proceed(): void {
    this.#finishInHand()
  }

  // --- iterators ----------------------------------------------------------------------------------------------------

  /**
   * The next record of the partition whose record is in hand, where it was read already and nothing has to be waited
   * for: the one in hand is finished. It makes no object.
   */
  recordAtHand(): ConsumerRecord | undefined {
    const chunk = this.#chunk
    const record = chunk?.records[chunk.index]
    const inHand = this.#inHand[0]
    const { coordinator, engine } = this.#host
    if (record === undefined || inHand === undefined || this.#stale(chunk!)) return undefined
    // After `subscribe` a loop waits for what is read then.
    if (!coordinator.settled) return undefined
    this.#turn = this.#pace.next()
    if (this.#turn !== undefined) return undefined
    const { state } = inHand
    state.finished = inHand.next
    coordinator.committer.commitOne(state)
    engine.touch()
    // A listener of the commit may have paused or moved the partition.
    if (this.#stale(chunk!)) return undefined
    inHand.next = this.#step(chunk!, record)
    coordinator.liveness.start(this.#pulse)
    return record
  }

  /** The next record, or undefined when the consumer has ended. */
  async nextRecord(): Promise<ConsumerRecord | undefined> {
    const turn = this.#turn ?? this.#pace.next()
    this.#turn = undefined
    if (turn !== undefined) await turn
    for (;;) {
      const record = this.#nextOfChunk()
      if (record !== undefined) return record
      // No chunk is named here: a call that waits would keep the records that were handed out before.
      if ((await this.#nextChunkOrEnd()) === undefined) return undefined
    }
  }

  // The next record of the chunk; ends one that has none.
  #nextOfChunk(): ConsumerRecord | undefined {
    const chunk = this.#chunk
    if (chunk === undefined) return undefined
    const record = chunk.records[chunk.index]
    if (record === undefined || this.#stale(chunk)) {
      this.#endChunk(chunk)
      return undefined
    }
    this.#hold(chunk, this.#step(chunk, record))
    this.#begin()
    return record
  }

  /** Steps over a record that is handed out; returns the offset after it. */
  #step(chunk: Chunk, record: ConsumerRecord): number {
    chunk.index++
    const next = chunk.index === chunk.records.length ? chunk.nextOffset : record.offset + 1
    chunk.state.position = next
    return next
  }

  /** The next batch, or undefined when the consumer has ended. */
  async nextBatch(): Promise<Batch | undefined> {
    const turn = this.#pace.next()
    if (turn !== undefined) await turn
    for (;;) {
      const chunk = await this.#nextChunkOrEnd()
      if (chunk === undefined) return undefined
      // The partition may have been given up, or moved, meanwhile.
      if (this.#stale(chunk)) {
        this.#endChunk(chunk)
        continue
      }
      this.#chunk = undefined
      this.#hold(chunk, chunk.nextOffset)
      this.#begin()
      return toBatch(chunk.state, chunk.records, chunk.nextOffset)
    }
  }

  async #nextChunkOrEnd(): Promise<Chunk | undefined> {
    while (!this.#stopped || this.#error !== undefined) {
      const chunk = await this.#nextChunk(this.#maxPollRecords, false)
      if (chunk !== undefined) {
        if (polling.listened) polling.trace(this.#trace(), () => chunk.records)
        return chunk
      }
      if (this.#stopped) return undefined
      await this.#wait()
    }
    return undefined
  }

  // --- both ---------------------------------------------------------------------------------------------------------

  async #wait(): Promise<void> {
    this.#host.ranDry()
    this.#host.engine.touch()
    await this.#wakeup.wait()
  }

  // Decoded records of one partition. A record that cannot be decoded ends its chunk, and is the error of the next one.
  async #nextChunk(maxRecords: number, some: boolean): Promise<Chunk | undefined> {
    this.#throwError(some)
    for (;;) {
      if (this.#stopped || this.#error !== undefined) return undefined
      const { fetcher } = this.#host
      const state = fetcher.poll()
      if (state === undefined) {
        this.#throwError(some)
        return undefined
      }
      const { version } = state
      const read = fetcher.readBatch(state, maxRecords)
      const nextOffset = state.fetchPosition
      if (read.length === 0) {
        this.#passOver(state)
        continue
      }
      const decoding = decodeRecords(state.fetch?.serde, read, 0)
      // Counts as busy while it waits for a schema: the partition must not change hands under it.
      state.busy = true
      const decoded = isThenable(decoding) ? await decoding : decoding
      state.busy = false
      const chunk = this.#toChunk(state, version, read, nextOffset, decoded)
      if (this.#stale(chunk)) {
        this.#endChunk(chunk)
        continue
      }
      if (chunk.records.length > 0) {
        this.#chunk = chunk
        return chunk
      }
      state.rewind()
      state.fetch?.next()
      if (some) return undefined
      throw chunk.error
    }
  }

  // There are no records before the offset at which the log goes on.
  #passOver(state: PartitionState): void {
    state.position = state.fetchPosition
    state.finished = state.fetchPosition
    this.#host.coordinator.committer.commitOne(state)
    state.fetch?.next()
  }

  #toChunk(
    state: PartitionState,
    version: number,
    read: readonly ConsumerRecord[],
    afterRead: number,
    { records, error }: Decoded,
  ): Chunk {
    const whole = records.length === read.length
    const nextOffset = whole ? afterRead : read[records.length]!.offset
    if (!whole && state.version === version) state.fetchPosition = nextOffset
    return { state, version, records, nextOffset, error, index: 0 }
  }

  // Throws an error only from a call that has no records to return: those are returned first.
  #throwError(some: boolean): void {
    if (this.#error === undefined || some) return
    const error = this.#error
    this.#error = undefined
    throw error
  }

  #stale({ state, version }: Chunk): boolean {
    return this.#stopped || state.version !== version || state.phase !== 'active' || state.paused
  }

  #endChunk(chunk: Chunk): void {
    const { state } = chunk
    if (this.#chunk === chunk) this.#chunk = undefined
    if (state.version === chunk.version && chunk.index < chunk.records.length) state.rewind()
    state.fetch?.next()
  }

  #hold(chunk: Chunk, next: number): void {
    const { state, version } = chunk
    state.position = next
    state.busy = true
    this.#inHand.push({ state, version, next })
  }

  // The time until the next poll begins. This turn of the event loop may have lasted long, through others' fault.
  #begin(): void {
    const { coordinator, engine } = this.#host
    coordinator.liveness.start(this.#pulse, engine.clock.monotonic())
  }

  // A caller that asks for more has finished the records in hand.
  #finishInHand(): void {
    const { coordinator } = this.#host
    coordinator.liveness.finish(this.#pulse)
    if (this.#inHand.length === 0) return
    const inHand = this.#inHand
    this.#inHand = []
    for (const { state, version, next } of inHand) {
      if (state.version === version) state.finished = next
      if (this.#chunk?.state !== state) state.fetch?.next()
    }
    for (const { state } of inHand) {
      coordinator.committer.commitOne(state)
      state.busy = false
    }
    this.#host.engine.touch()
  }
}

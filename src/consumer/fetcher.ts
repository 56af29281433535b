import type { AutoOffsetReset, Engine, FetchSession } from '../engine.ts'
import { isRetriable, OffsetOutOfRangeError } from '../errors.ts'
import type { Events } from '../events.ts'
import { isThenable } from '../maybe-promise.ts'
import type { ConsumerRecord, IsolationLevel } from '../record.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { PartitionState } from './partition-state.ts'
import { lookAgainMs } from './start-positions.ts'

/** What the fetcher needs of its consumer. */
export interface FetcherHost {
  readonly engine: Engine
  readonly events: Events<ConsumerEvents>
  readonly session: FetchSession<PartitionState>
  readonly autoOffsetReset: AutoOffsetReset
  readonly isolationLevel: IsolationLevel
  fatal(error: unknown): void
}

/** Fetches for one consumer: it resets positions that are out of range, and cuts a bounded read at its end. */
export class Fetcher {
  readonly #host: FetcherHost

  constructor(host: FetcherHost) {
    this.#host = host
  }

  /** An active partition that has something to read, or undefined: the session then wakes its consumer. */
  poll(): PartitionState | undefined {
    for (;;) {
      const state = this.#host.session.poll()
      if (state === undefined) return undefined
      if (state.phase !== 'active' || state.holdBack()) continue
      // Records in flight must be finished first: a reset or the end would pass over their offsets.
      if (state.unfinished > 0) return state
      if (state.fetch!.outOfRange) this.#reset(state)
      else if (state.until !== undefined && state.fetchPosition >= state.until) this.#end(state, state.until)
      else return state
    }
  }

  /** The next record of a polled partition, or undefined where there is none now. */
  read(state: PartitionState): ConsumerRecord | undefined {
    const { until } = state
    const record = state.fetch!.read()
    if (record === undefined || until === undefined || record.offset < until) return record
    state.fetchPosition = until
    if (state.unfinished === 0) this.#end(state, until)
    return undefined
  }

  /** Up to `maxRecords` next records of a polled partition. */
  readBatch(state: PartitionState, maxRecords: number): readonly ConsumerRecord[] {
    const { until } = state
    if (until === undefined) return state.fetch!.readBatch(maxRecords)
    const records = state.fetch!.readBatch(Math.min(maxRecords, until - state.fetchPosition))
    state.fetchPosition = Math.min(state.fetchPosition, until)
    return records.filter(({ offset }) => offset < until)
  }

  // Everything before the end is finished: a partition with records in flight does not come here.
  #end(state: PartitionState, until: number): void {
    state.rest()
    state.finished = Math.max(state.finished, until)
  }

  // Applies the reset policy, where the log no longer, or not yet, has the offset to fetch. Where its end was lost, it has
  // other records from there on, or will have.
  #reset(state: PartitionState): void {
    const { engine, autoOffsetReset, isolationLevel } = this.#host
    const { truncatedTo } = state.fetch!
    if (autoOffsetReset === 'none') return this.#host.fatal(outOfRange(state, truncatedTo))
    if (truncatedTo !== undefined) return this.#goBack(state, truncatedTo)
    const to = autoOffsetReset === 'earliest' ? 'beginning' : 'end'
    const offset = engine.offsetFor(state, to, isolationLevel)
    if (!isThenable(offset)) return this.#moveTo(state, state.version, offset)
    const { version } = state
    Promise.resolve(offset).then(
      found => this.#moveTo(state, version, found),
      error => this.#notReset(state, error),
    )
  }

  // A bounded read ends where the log ends by now, if that is earlier: what is not there may never come.
  #goBack(state: PartitionState, to: number): void {
    const { version, until } = state
    if (until === undefined) return this.#moveTo(state, version, to, 'truncated')
    const end = async () => this.#host.engine.offsetFor(state, 'end', this.#host.isolationLevel)
    end().then(
      found => {
        state.until = Math.max(to, Math.min(until, found))
        this.#moveTo(state, version, to, 'truncated')
      },
      error => this.#notReset(state, error),
    )
  }

  // A retriable error may mean that the topic was deleted; the group then says that the partition is lost.
  #notReset(state: PartitionState, error: unknown): void {
    if (!isRetriable(error)) return this.#host.fatal(error)
    this.#host.engine.clock.setTimer(() => state.fetch?.next(), lookAgainMs, { name: 'looking again' })
  }

  #moveTo(
    state: PartitionState,
    version: number,
    to: number,
    reason: 'out of range' | 'truncated' = 'out of range',
  ): void {
    // A seek in the meantime has the last word.
    if (state.version === version) {
      const from = state.fetchPosition
      state.moveTo(to)
      const { topic, partition } = state
      this.#host.events.emitNow('offsetReset', { topic, partition, from, to, reason })
    }
    state.fetch?.next()
  }
}

function outOfRange(state: PartitionState, truncatedTo: number | undefined): OffsetOutOfRangeError {
  const { topic, partition, fetchPosition: offset } = state
  const what =
    truncatedTo === undefined
      ? `Offset ${offset} is out of range of ${formatTopicPartition(state)}`
      : `${formatTopicPartition(state)} was truncated to offset ${truncatedTo}, before offset ${offset}`
  return new OffsetOutOfRangeError(`${what}, and autoOffsetReset is 'none'`, { topic, partition, offset })
}

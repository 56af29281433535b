import type { Engine, FetchedRecords, FetchSession } from '../engine.ts'
import { OffsetOutOfRangeError } from '../errors.ts'
import type { Events } from '../events.ts'
import { isThenable } from '../maybe-promise.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { PartitionState } from './partition-state.ts'

/** What the fetcher needs of its consumer. */
export interface FetcherHost {
  readonly engine: Engine
  readonly events: Events<ConsumerEvents>
  readonly session: FetchSession<PartitionState>
  readonly autoOffsetReset: 'earliest' | 'latest' | 'none'
  fatal(error: unknown): void
}

/** Fetches for one consumer: it resets positions that are out of range, and cuts a bounded read at its end. */
export class Fetcher {
  readonly #host: FetcherHost

  constructor(host: FetcherHost) {
    this.#host = host
  }

  /** The next records of an active partition, or undefined: the session then wakes its consumer. */
  poll(maxRecords: number): FetchedRecords<PartitionState> | undefined {
    for (;;) {
      const fetched = this.#host.session.poll(maxRecords)
      if (fetched === undefined) return undefined
      const { position: state } = fetched
      if ('outOfRange' in fetched) {
        this.#reset(state)
        continue
      }
      if (state.until === undefined || fetched.nextOffset <= state.until) return fetched
      const cut = this.#cut(fetched, state.until)
      if (cut !== undefined) return cut
    }
  }

  #cut(fetched: FetchedRecords<PartitionState>, until: number): FetchedRecords<PartitionState> | undefined {
    const { position: state } = fetched
    const records = fetched.records.filter(({ offset }) => offset < until)
    state.fetch?.stop()
    if (records.length > 0) return { ...fetched, records, nextOffset: until }
    state.finished = Math.max(state.finished, until)
    return undefined
  }

  // The reset policy, where the log no longer, or not yet, has what was asked for.
  #reset(state: PartitionState): void {
    const { engine, autoOffsetReset } = this.#host
    if (autoOffsetReset === 'none') {
      this.#host.fatal(
        new OffsetOutOfRangeError(
          `Offset ${state.fetchPosition} is out of range of ${formatTopicPartition(state)}, and autoOffsetReset is 'none'`,
          { topic: state.topic, partition: state.partition, offset: state.fetchPosition },
        ),
      )
      return
    }
    const offset = engine.offsetFor(state, autoOffsetReset === 'earliest' ? 'beginning' : 'end')
    if (!isThenable(offset)) return this.#moveTo(state, state.version, offset)
    const { version } = state
    Promise.resolve(offset).then(
      found => this.#moveTo(state, version, found),
      error => this.#host.fatal(error),
    )
  }

  #moveTo(state: PartitionState, version: number, to: number): void {
    // A seek in the meantime has the last word.
    if (state.version === version) {
      const from = state.fetchPosition
      state.moveTo(to)
      const { topic, partition } = state
      this.#host.events.emit('offsetReset', { topic, partition, from, to, reason: 'out of range' })
      this.#host.engine.outbox.flush()
    }
    state.fetch?.next()
  }
}

import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import type { ConsumerRecord } from '../record.ts'
import { BatchWork } from './batch-work.ts'
import type { Fetcher } from './fetcher.ts'
import type { PartitionState } from './partition-state.ts'
import type { BatchHandler } from './run-options.ts'

interface Filling {
  readonly records: ConsumerRecord[]
  readonly version: number
  readonly timer: Timer
  nextOffset: number
}

/** What a filler needs of its processor. */
export interface BatchFillerHost {
  readonly clock: BrokerClock
  readonly fetcher: Fetcher
  handler(): BatchHandler
  readonly maxRecords: number
  readonly lingerMs: number
  due(work: BatchWork): void
}

/** Holds half-filled batches back until they are full, or their linger time is over. */
export class BatchFiller {
  readonly #host: BatchFillerHost
  readonly #filling = new Map<PartitionState, Filling>()

  constructor(host: BatchFillerHost) {
    this.#host = host
  }

  /** Reads a polled partition; returns its batch where that is full. */
  add(state: PartitionState): BatchWork | undefined {
    const { fetcher, maxRecords } = this.#host
    if (this.#filling.get(state)?.version !== state.version) this.forget(state)
    const filled = this.#filling.get(state)?.records.length ?? 0
    const records = fetcher.readBatch(state, maxRecords - filled)
    // There are no records before the offset at which the log goes on: no reason to wait.
    if (records.length === 0 && filled === 0) {
      return new BatchWork(this.#host.handler(), state, state.version, records, state.fetchPosition)
    }
    const filling = this.#fillingOf(state)
    // One by one: what is spread into a call must fit on the stack.
    for (const record of records) filling.records.push(record)
    filling.nextOffset = state.fetchPosition
    const ended = state.until !== undefined && filling.nextOffset >= state.until
    if (filling.records.length >= maxRecords || ended) return this.#take(state, filling)
    // Not full: the partition may bring more while this waits.
    state.fetch?.next()
    return undefined
  }

  /** Whether there is a half-filled batch. */
  get waiting(): boolean {
    return this.#filling.size > 0
  }

  /** Drops the half-filled batch of a partition. */
  forget(state: PartitionState): void {
    const filling = this.#filling.get(state)
    filling?.timer.cancel()
    this.#filling.delete(state)
    if (filling && filling.version === state.version) state.rewind()
  }

  #fillingOf(state: PartitionState): Filling {
    const filling = this.#filling.get(state)
    if (filling) return filling
    const due = () => {
      // Later records of the partition wait for this batch, even while it waits for a retry.
      state.fetch?.hold()
      this.#host.due(this.#take(state, made))
    }
    const { clock, lingerMs } = this.#host
    const timer = clock.setTimer(due, lingerMs, { hold: true, name: 'lingerMs of a batch' })
    const made: Filling = { records: [], version: state.version, timer, nextOffset: state.position }
    this.#filling.set(state, made)
    return made
  }

  #take(state: PartitionState, filling: Filling): BatchWork {
    filling.timer.cancel()
    this.#filling.delete(state)
    const { records, nextOffset, version } = filling
    return new BatchWork(this.#host.handler(), state, version, records, nextOffset)
  }
}

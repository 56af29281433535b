import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import type { FetchedRecords } from '../engine.ts'
import type { ConsumerRecord } from '../record.ts'
import type { PartitionState } from './partition-state.ts'
import type { Work } from './work.ts'

interface Filling {
  readonly records: ConsumerRecord[]
  readonly version: number
  readonly timer: Timer
  nextOffset: number
  serde: Work['serde']
}

/** Holds half-filled batches back until they are full, or their linger time is over. */
export class BatchFiller {
  readonly #clock: BrokerClock
  readonly #maxRecords: number
  readonly #lingerMs: number
  readonly #due: (work: Work) => void
  readonly #filling = new Map<PartitionState, Filling>()

  constructor(clock: BrokerClock, maxRecords: number, lingerMs: number, due: (work: Work) => void) {
    this.#clock = clock
    this.#maxRecords = maxRecords
    this.#lingerMs = lingerMs
    this.#due = due
  }

  /** Adds what was fetched; gives the batch where that fills it. */
  add(fetched: FetchedRecords<PartitionState>): Work | undefined {
    const { position: state } = fetched
    if (this.#filling.get(state)?.version !== state.version) this.forget(state)
    const filling = this.#fillingOf(state, fetched.serde)
    const room = this.#maxRecords - filling.records.length
    const taken = fetched.records.slice(0, room)
    filling.records.push(...taken)
    filling.nextOffset =
      taken.length === fetched.records.length ? fetched.nextOffset : taken.at(-1)!.offset + 1
    state.fetchPosition = filling.nextOffset
    const ended = state.until !== undefined && filling.nextOffset >= state.until
    if (filling.records.length >= this.#maxRecords || ended) return this.#take(state, filling)
    // Not full: the partition may bring more while this waits.
    state.fetch?.next()
    return undefined
  }

  /** Drops what waits of a partition. */
  forget(state: PartitionState): void {
    const filling = this.#filling.get(state)
    filling?.timer.cancel()
    this.#filling.delete(state)
    if (filling && filling.version === state.version) state.rewind()
  }

  #fillingOf(state: PartitionState, serde: Work['serde']): Filling {
    const filling = this.#filling.get(state)
    if (filling) return filling
    const due = () => {
      // What comes after this batch waits for it, also while it waits for a retry.
      state.fetch?.hold()
      this.#due(this.#take(state, made))
    }
    const timer = this.#clock.setTimer(due, this.#lingerMs, { hold: true, name: 'lingerMs of a batch' })
    const made: Filling = { records: [], version: state.version, timer, nextOffset: state.position, serde }
    this.#filling.set(state, made)
    return made
  }

  #take(state: PartitionState, filling: Filling): Work {
    filling.timer.cancel()
    this.#filling.delete(state)
    const { records, nextOffset, serde, version } = filling
    return { state, records, nextOffset, serde, version, index: 0, attempt: 1 }
  }
}

import type { ConsumerRecord } from '../record.ts'
import type { Serde } from '../serde.ts'
import { handOverDecoded } from './decode.ts'
import type { Fetcher } from './fetcher.ts'
import type { PartitionState } from './partition-state.ts'
import type { RecordContext, RecordHandler } from './run-options.ts'
import type { Work } from './work.ts'

/** A partition whose records are handed out one by one, each read only when its turn has come. */
export class RecordWork implements Work {
  readonly #fetcher: Fetcher
  #handler: RecordHandler
  state: PartitionState
  version: number
  attempt = 1
  progressed = false
  record: ConsumerRecord | undefined
  // The record as its handler got it, where that is not what the log keeps.
  #decoded: ConsumerRecord | undefined
  // How many more records are read before the next partition has its turn.
  #left: number

  constructor(fetcher: Fetcher, handler: RecordHandler, state: PartitionState, maxRecords: number) {
    this.#fetcher = fetcher
    this.#handler = handler
    this.state = state
    this.version = state.version
    this.#left = maxRecords
  }

  /** Goes on with another partition: a run over many makes no object for each. */
  reuse(handler: RecordHandler, state: PartitionState, maxRecords: number): void {
    this.#handler = handler
    this.state = state
    this.version = state.version
    this.attempt = 1
    this.progressed = false
    this.record = undefined
    this.#decoded = undefined
    this.#left = maxRecords
  }

  // Does not keep the record: to store it in an old object costs as much as to read it, and most are finished at once.
  take(): ConsumerRecord | undefined {
    if (this.record !== undefined) return this.record
    if (this.#left === 0) return undefined
    this.#left--
    const record = this.#fetcher.read(this.state)
    if (record === undefined) this.#settle()
    return record
  }

  hold(record: ConsumerRecord): void {
    this.record = record
  }

  call(record: ConsumerRecord, context: RecordContext): unknown {
    const { state } = this
    state.position = state.fetchPosition
    const { serde } = state.fetch!
    return serde === undefined ? this.#handler(record, context) : this.#callDecoded(serde, record, context)
  }

  #callDecoded(serde: Serde, record: ConsumerRecord, context: RecordContext): unknown {
    this.#decoded = undefined
    return handOverDecoded(serde, record, this, decoded => {
      this.#decoded = decoded
      return this.#handler(decoded, context)
    })
  }

  get stored(): readonly ConsumerRecord[] {
    return [this.record!]
  }

  finish(): void {
    if (this.record !== undefined) this.record = undefined
    this.attempt = 1
    this.#settle()
  }

  // Nothing is in hand, so everything before the fetch position is finished; after a seek, everything before its
  // offset.
  #settle(): void {
    const { state } = this
    const { fetchPosition } = state
    if (state.version === this.version) {
      state.position = fetchPosition
      // Where a record comes again (`redeliver`), what is finished may be past it already.
      if (state.finished >= fetchPosition) return
      state.finished = fetchPosition
    }
    this.progressed = true
  }

  fail(): readonly ConsumerRecord[] {
    const record = this.record!
    this.state.repeat(record.offset, this.version)
    const decoded = this.#decoded
    this.#decoded = undefined
    // A record that could not be decoded is given as the log keeps it.
    return [decoded ?? record]
  }
}

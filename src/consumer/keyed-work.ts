import type { ConsumerRecord } from '../record.ts'
import type { Serde } from '../serde.ts'
import { handOverDecoded } from './decode.ts'
import type { PartitionState } from './partition-state.ts'
import type { RecordContext, RecordHandler } from './run-options.ts'
import type { Work } from './work.ts'

/** What a work needs of its window. */
export interface WorkWindow {
  readonly state: PartitionState
  readonly version: number
  /** Says that a handler gets the record. */
  begun(): void
  /** Says that the handler failed: the record is to be handed out again. */
  failed(): void
  /** Says that the record is finished; true where that advances the finished offset of the partition. */
  settle(): boolean
}

/** One record of a window. */
export class KeyedWork implements Work {
  readonly #window: WorkWindow
  readonly state: PartitionState
  readonly version: number
  readonly offset: number
  /** The key whose records stay in order; undefined where the record has no order to keep. */
  readonly lane: string | undefined
  /** The next work of its lane, if that has been read. */
  following: KeyedWork | undefined
  attempt = 1
  progressed = false
  /** Whether a handler has the record, or has finished it. */
  begun = false
  /** The record, until it is finished. */
  record: ConsumerRecord | undefined
  readonly #handler: RecordHandler
  // The record as its handler got it, where that is not what the log keeps.
  #decoded: ConsumerRecord | undefined

  constructor(window: WorkWindow, handler: RecordHandler, record: ConsumerRecord, lane: string | undefined) {
    this.#window = window
    this.state = window.state
    this.version = window.version
    this.offset = record.offset
    this.lane = lane
    this.record = record
    this.#handler = handler
  }

  take(): ConsumerRecord | undefined {
    return this.record
  }

  hold(): void {}

  call(record: ConsumerRecord, context: RecordContext): unknown {
    this.#begin()
    const { serde } = this.state.fetch!
    return serde === undefined ? this.#handler(record, context) : this.#callDecoded(serde, record, context)
  }

  // Apart, because what a closure captures is allocated by every call of the function around it.
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
    this.record = undefined
    this.#decoded = undefined
    // It was given up: its last attempt failed.
    if (!this.begun) this.#begin()
    this.progressed = this.#window.settle()
  }

  #begin(): void {
    this.begun = true
    this.#window.begun()
  }

  fail(): readonly ConsumerRecord[] {
    this.begun = false
    this.#window.failed()
    // A record that could not be decoded is given as the log keeps it.
    return [this.#decoded ?? this.record!]
  }
}

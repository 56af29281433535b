import { type BatchError, isBatchError } from '../errors.ts'
import { isThenable } from '../maybe-promise.ts'
import type { ConsumerRecord } from '../record.ts'
import { type Decoded, decodeRecords, handOverLater } from './decode.ts'
import type { PartitionState } from './partition-state.ts'
import type { Batch, BatchHandler, RecordContext } from './run-options.ts'
import type { Work } from './work.ts'

/** Records as a reader of batches gets them; `nextOffset` is where the log goes on after them. */
export function toBatch(
  state: PartitionState,
  records: readonly ConsumerRecord[],
  nextOffset: number,
): Batch {
  const { topic, partition, fetch } = state
  const highWatermark = fetch?.highWatermark ?? nextOffset
  return { topic, partition, records, nextOffset, highWatermark, lag: state.countFrom(nextOffset) }
}

/** Records of one partition that were read at once, and how far a handler of batches has come with them. */
export class BatchWork implements Work {
  readonly state: PartitionState
  readonly version: number
  attempt = 1
  progressed = false
  readonly #handler: BatchHandler
  readonly #records: readonly ConsumerRecord[]
  /** The offset at which the log goes on after the records. */
  readonly #nextOffset: number
  #index = 0
  // How far the handler gets when it succeeds: the end of the records, or the one that cannot be decoded.
  #handledTo = 0
  // What the handler got, from `#index` on.
  #decoded: readonly ConsumerRecord[] = []

  constructor(
    handler: BatchHandler,
    state: PartitionState,
    version: number,
    records: readonly ConsumerRecord[],
    nextOffset: number,
  ) {
    this.#handler = handler
    this.state = state
    this.version = version
    this.#records = records
    this.#nextOffset = nextOffset
  }

  get record(): ConsumerRecord | undefined {
    return this.#records[this.#index]
  }

  take(): ConsumerRecord | undefined {
    // There are no records before the offset at which the log goes on.
    if (this.#records.length === 0 && this.state.finished !== this.#nextOffset) this.finish()
    return this.record
  }

  // All records are in hand from the beginning.
  hold(): void {}

  call(_first: ConsumerRecord, context: RecordContext): unknown {
    this.state.position = this.#nextOffset
    const decoded = decodeRecords(this.state.fetch?.serde, this.#records, this.#index)
    if (!isThenable(decoded)) return this.#callDecoded(decoded, context)
    return handOverLater(decoded, this, done => this.#callDecoded(done, context))
  }

  #callDecoded({ records, error }: Decoded, context: RecordContext): unknown {
    this.#decoded = records
    if (records.length === 0) {
      this.#handledTo = this.#index + 1
      throw error
    }
    this.#handledTo = this.#index + records.length
    // The record that cannot be decoded is not in the batch.
    if (error !== undefined) this.state.position = this.#offsetAfter(this.#handledTo)
    return this.#handler(toBatch(this.state, records, this.#offsetAfter(this.#handledTo)), context)
  }

  #offsetAfter(index: number): number {
    return index === this.#records.length ? this.#nextOffset : this.#records[index - 1]!.offset + 1
  }

  get stored(): readonly ConsumerRecord[] {
    return this.#records.slice(this.#index, this.#handledTo)
  }

  finish(count?: number): void {
    const { state } = this
    this.#index = count === undefined ? this.#handledTo : this.#index + count
    this.attempt = 1
    this.progressed = true
    if (state.version !== this.version) return
    // A record that comes again (`redeliver`) is before what is finished already.
    const next = Math.max(state.finished, this.#offsetAfter(this.#index))
    state.position = next
    state.finished = next
  }

  // A handler that says how far it came has finished the records before that one; the others come again together.
  fail(error: unknown): readonly ConsumerRecord[] {
    const failedAt = isBatchError(error) ? this.#indexOf(error) : -1
    const decoded = this.#decoded
    const from = this.#index
    if (failedAt > this.#index) {
      this.#handledTo = failedAt
      this.finish()
    }
    if (failedAt >= 0) this.#handledTo = failedAt + 1
    this.state.repeat(this.record!.offset, this.version)
    // A record that could not be decoded is given as the log keeps it.
    const handed = this.#index - from
    return this.#records.slice(this.#index, this.#handledTo).map((record, i) => decoded[handed + i] ?? record)
  }

  #indexOf({ failedAt: { topic, partition, offset } }: BatchError): number {
    if (topic !== this.state.topic || partition !== this.state.partition) return -1
    const index = this.#records.findIndex(record => record.offset === offset)
    return index >= this.#index && index < this.#handledTo ? index : -1
  }
}

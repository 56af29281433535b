import { isBatchError } from '../errors.ts'
import { isPromise, isThenable } from '../maybe-promise.ts'
import type { AnyRecord } from '../record.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import { HandlerCall } from './handler-call.ts'
import type { TestClient } from './test-client.ts'
import { ofRecord } from './timeline-entry.ts'

/** The records that one consumer has handed out, and how they ended: for the timeline, and for faults of `handle`. */
export class Processing {
  readonly #client: TestClient
  readonly #progressed: () => void
  readonly #running = new Set<HandlerCall>()
  // The records that `poll` or an iterator handed out, until the caller asks for more.
  #handedOut: readonly AnyRecord[] = []
  readonly #whenAsked: (() => void)[] = []

  /** `progressed` is called for each record that was processed. */
  constructor(client: TestClient, progressed: () => void) {
    this.#client = client
    this.#progressed = progressed
  }

  /** The running handlers, as sentences. */
  get pending(): string[] {
    return this.#sentences([...this.#running])
  }

  /** The running handlers that may await something other than the broker's time, as sentences. */
  get outside(): string[] {
    return this.#sentences(this.#outside)
  }

  get #outside(): HandlerCall[] {
    return [...this.#running].filter(({ waitsForRoom }) => !waitsForRoom)
  }

  #sentences(calls: readonly HandlerCall[]): string[] {
    return calls.map(({ records: [first] }) => {
      return `${this.#client.member} handles ${formatTopicPartition(first!)} offset ${first!.offset}`
    })
  }

  /** Calls a handler with these records, or the fault in its place. */
  call(records: readonly AnyRecord[], attempt: number, handler: () => unknown): unknown {
    for (const record of records) this.#record(record, { kind: 'delivered', attempt })
    const handlerCall = new HandlerCall(records)
    const handle = () => handlerCall.run(handler)
    let result: unknown
    try {
      const { topic, partition } = records[0]!
      const met = this.#client.meet('handle', [{ topic, partition }])
      result = isPromise(met) ? met.then(handle) : handle()
    } catch (error) {
      return this.#failed(records, error)
    }
    if (isThenable(result)) return this.#await(handlerCall, result)
    for (const record of records) this.#record(record, { kind: 'processed' })
    return result
  }

  async #await(call: HandlerCall, result: PromiseLike<unknown>): Promise<void> {
    const { records } = call
    this.#running.add(call)
    try {
      await result
    } catch (error) {
      return this.#failed(records, error)
    } finally {
      this.#running.delete(call)
    }
    for (const record of records) this.#record(record, { kind: 'processed' })
  }

  // A batch handler that throws a `BatchError` has processed the records before `failedAt`.
  #failed(records: readonly AnyRecord[], error: unknown): void {
    const failedAt = isBatchError(error) ? error.failedAt.offset : undefined
    const at = Math.max(
      0,
      records.findIndex(({ offset }) => offset === failedAt),
    )
    for (const record of records.slice(0, at)) this.#record(record, { kind: 'processed' })
    this.#record(records[at]!, { kind: 'failed', error })
    // A dead process reports nothing.
    if (!this.#client.crashed) throw error
  }

  /** Whether the caller of `poll` or an iterator still has records, and has not asked for more. */
  get inHand(): boolean {
    return this.#handedOut.length > 0
  }

  /** Resolves when the caller asks for more, or has nothing in hand. */
  async asked(): Promise<void> {
    if (this.inHand) await new Promise<void>(resolve => this.#whenAsked.push(resolve))
  }

  #tellAsked(): void {
    for (const resolve of this.#whenAsked.splice(0)) resolve()
  }

  /** Notes records that a caller gets; they are processed once the caller asks for more. */
  handOut(records: readonly AnyRecord[]): void {
    for (const record of records) this.#record(record, { kind: 'delivered', attempt: 1 })
    this.#handedOut = records
  }

  /** The caller has processed the records in its hand. */
  finish(): void {
    for (const record of this.#handedOut) this.#record(record, { kind: 'processed' })
    this.#handedOut = []
    this.#tellAsked()
  }

  /** The caller gives back the records in its hand. */
  giveBack(): void {
    this.#handedOut = []
    this.#tellAsked()
  }

  #record(
    record: AnyRecord,
    what:
      | { readonly kind: 'processed' }
      | { readonly kind: 'delivered'; readonly attempt: number }
      | { readonly kind: 'failed'; readonly error: unknown },
  ): void {
    if (this.#client.crashed) return
    const processed = what.kind === 'processed'
    if (processed) this.#progressed()
    this.#client.note({ ...what, ...ofRecord(record) }, processed ? record : undefined)
  }

  /** Notes that running handlers await something that the broker's time does not move. */
  noteOutside(): void {
    for (const { records } of this.#outside) this.#client.note({ kind: 'outside', ...ofRecord(records[0]!) })
  }
}

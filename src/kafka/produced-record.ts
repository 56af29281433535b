import { Deferred } from '../deferred.ts'
import type { ProducerRecord } from '../engine.ts'
import { RecordTooLargeError } from '../errors.ts'
import { headersOf, noHeaders, type RecordMetadata } from '../record.ts'
import type { WrittenRecord } from './library-messages.ts'

// The usual size of a record beside its key, value and headers; a batch that turns out too large is split.
const overheadBytes = 16

/** What a request may have beside the records of a batch: its header, and those of the topic and of the batch. */
export const batchOverheadBytes = 512

/** Records that were sent together and settle together: one promise serves all of them. */
export class RecordSend {
  readonly records: readonly ProducedRecord[]
  readonly bytes: number
  readonly #settled = new Deferred<RecordMetadata[]>()
  readonly #metadata: RecordMetadata[]
  #left: number
  #failed: { readonly error: unknown } | undefined

  /**
   * `now` is the timestamp of records that have none; `since` is when they were sent, on the monotonic clock.
   *
   * @throws RecordTooLargeError where no request can hold one of them
   */
  constructor(records: readonly ProducerRecord[], now: number, since: number, maxRequestBytes: number) {
    const time = BigInt(now)
    this.records = records.map((record, index) => new ProducedRecord(this, index, record, time, since))
    for (const record of this.records) requireSize(record, maxRequestBytes)
    this.bytes = this.records.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#metadata = new Array(records.length)
    this.#left = records.length
    if (records.length === 0) this.#settled.resolve([])
  }

  /** Settles once no record of it is in flight. */
  get settled(): Promise<RecordMetadata[]> {
    return this.#settled.promise
  }

  /** @internal */
  isWritten(index: number, metadata: RecordMetadata): void {
    this.#metadata[index] = metadata
    this.#countDown()
  }

  /** @internal */
  hasFailed(error: unknown): void {
    this.#failed ??= { error }
    this.#countDown()
  }

  #countDown(): void {
    if (--this.#left > 0) return
    if (this.#failed === undefined) this.#settled.resolve(this.#metadata)
    else this.#settled.reject(this.#failed.error)
  }
}

/** A record on its way into the log, as the library writes it. */
export class ProducedRecord implements WrittenRecord {
  readonly topic: string
  readonly partition: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: ReadonlyMap<Uint8Array, Uint8Array> | undefined
  readonly timestamp: bigint
  readonly bytes: number
  readonly since: number
  readonly #send: RecordSend
  readonly #index: number

  constructor(send: RecordSend, index: number, record: ProducerRecord, now: bigint, since: number) {
    this.#send = send
    this.#index = index
    this.topic = record.topic.name
    this.partition = record.partition
    this.key = record.key === null ? null : toBytes(record.key)
    this.value = record.value as Uint8Array | null
    this.headers = record.headers === noHeaders ? undefined : toHeaders(record)
    this.timestamp = record.timestamp === undefined ? now : BigInt(record.timestamp)
    this.since = since
    let bytes = overheadBytes + (this.key?.length ?? 0) + (this.value?.length ?? 0)
    for (const [name, header] of this.headers ?? []) bytes += name.length + header.length + 10
    this.bytes = bytes
  }

  /** Settles the record as written; `appendTime` is the log's timestamp, or -1 where the record keeps its own. */
  isWritten(offset: number, appendTime: number): void {
    const { topic, partition } = this
    const timestamp = appendTime < 0 ? Number(this.timestamp) : appendTime
    this.#send.isWritten(this.#index, { topic, partition, offset, timestamp })
  }

  reject(error: unknown): void {
    this.#send.hasFailed(error)
  }
}

// Whoever sends a broker more than it takes is cut off, without a word that would say why.
function requireSize({ topic, partition, bytes }: ProducedRecord, maxRequestBytes: number): void {
  if (bytes + batchOverheadBytes <= maxRequestBytes) return
  throw new RecordTooLargeError(
    `Record for topic '${topic}' has ${bytes} bytes, more than a request may have (maxRequestBytes, ${maxRequestBytes})`,
    { topic, partition },
  )
}

// A map by buffers, which are all different keys, since a header name may occur more than once.
function toHeaders(record: ProducerRecord): ReadonlyMap<Uint8Array, Uint8Array> {
  return new Map(headersOf(record).map(([name, header]) => [Buffer.from(name), toBytes(header)]))
}

function toBytes(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : value
}

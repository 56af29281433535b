import { Deferred } from '../deferred.ts'
import type { ProducerRecord } from '../engine.ts'
import { headersOf, noHeaders, type RecordMetadata } from '../record.ts'
import type { WrittenRecord } from './client-library.ts'

// What a record takes beside its key, value and headers, at most.
const overheadBytes = 40

/** A record on its way into the log. */
export class ProducedRecord extends Deferred<RecordMetadata> {
  readonly written: WrittenRecord
  readonly bytes: number
  /** When it was given, on the monotonic clock. */
  readonly since: number

  constructor(record: ProducerRecord, now: number, since: number) {
    super()
    const key = record.key === null ? null : toBuffer(record.key)
    const value = record.value === null ? null : toBuffer(record.value as Uint8Array)
    const written = {
      topic: record.topic.name,
      partition: record.partition,
      key,
      value,
      timestamp: BigInt(record.timestamp ?? now),
    }
    let bytes = overheadBytes + (key?.length ?? 0) + (value?.length ?? 0)
    if (record.headers === noHeaders) this.written = written
    else {
      // By buffers, each of which is another key: a name may come more than once.
      const headers = new Map(
        headersOf(record).map(([name, header]) => [Buffer.from(name), toBuffer(header)]),
      )
      for (const [name, header] of headers) bytes += name.length + header.length + 10
      this.written = { ...written, headers }
    }
    this.bytes = bytes
    this.since = since
  }

  /** It is in the log; where the log gives the time, that is `appendTime`, else -1. */
  isWritten(offset: number, appendTime: number): void {
    const { topic, partition, timestamp } = this.written
    this.resolve({ topic, partition, offset, timestamp: appendTime < 0 ? Number(timestamp) : appendTime })
  }
}

function toBuffer(value: string | Uint8Array): Buffer {
  return typeof value === 'string'
    ? Buffer.from(value)
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

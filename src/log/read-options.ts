import { describeValue, InvalidArgumentError } from '../errors.ts'
import type { ConsumerRecord, IsolationLevel } from '../record.ts'
import { checkOptions, integer, oneOf } from '../validate.ts'
import { recordSize } from './record-size.ts'

/** How much `read` gives. */
export interface ReadOptions {
  /** Default 500. */
  readonly maxRecords?: number
  /** At most this many bytes, but at least one record; needs a topic that keeps bytes. */
  readonly maxBytes?: number
  /**
   * Whether records of open and aborted transactions are read, too; default `read_committed`: they are not, nor is
   * anything after an open one.
   */
  readonly isolationLevel?: IsolationLevel
}

const offsetCheck = integer(0)

/** Refuses options that `read` does not know. */
export function checkReadOptions(options: ReadOptions): void {
  checkOptions('read', options, {
    maxRecords: integer(1),
    maxBytes: integer(1),
    isolationLevel: oneOf('read_committed', 'read_uncommitted'),
  })
}

/** The first of these records that have no more than so many bytes together. */
export function upToBytes(records: ConsumerRecord[], maxBytes: number): ConsumerRecord[] {
  let bytes = 0
  for (let i = 0; i < records.length; i++) {
    bytes += recordSize(records[i]!)
    // The first one is given whatever its size, or its reader would never get past it (Kafka: KIP-74).
    if (bytes > maxBytes && i > 0) return records.slice(0, i)
  }
  return records
}

/** Refuses what cannot be an offset. */
export function requireOffset(field: string, value: unknown): void {
  if (offsetCheck.accepts(value)) return
  throw new InvalidArgumentError(
    `${field} expected ${offsetCheck.expected}, received ${describeValue(value)}`,
    {
      field,
      expected: offsetCheck.expected,
      received: value,
    },
  )
}

import { InvalidArgumentError } from '../errors.ts'
import type { ConsumerRecord, IsolationLevel } from '../record.ts'
import { checkOptions, integer, oneOf } from '../validate.ts'
import { describeValue } from '../value-text.ts'
import { recordSize } from './record-size.ts'

/** How much `read` returns, and which records. */
export interface ReadOptions {
  /** How many records to return at most; default 500. */
  readonly maxRecords?: number | undefined
  /** How many bytes to return at most, but at least one record; default no limit. Needs a topic that keeps bytes. */
  readonly maxBytes?: number | undefined
  /**
   * Whether to return records of open and aborted transactions, too. Default `read_committed`: neither them, nor any
   * record after the first one of an open transaction.
   */
  readonly isolationLevel?: IsolationLevel | undefined
}

const offsetCheck = integer(0)

/** Throws where `read` does not know an option. */
export function checkReadOptions(options: ReadOptions): void {
  checkOptions('read', options, {
    maxRecords: integer(1),
    maxBytes: integer(1),
    isolationLevel: oneOf('read_committed', 'read_uncommitted'),
  })
}

/** Returns the first of these records that together take no more than `maxBytes`. */
export function upToBytes(records: ConsumerRecord[], maxBytes: number): ConsumerRecord[] {
  let bytes = 0
  for (let i = 0; i < records.length; i++) {
    bytes += recordSize(records[i]!)
    // The first record is returned whatever its size, or a reader would never get past it (Kafka: KIP-74).
    if (bytes > maxBytes && i > 0) return records.slice(0, i)
  }
  return records
}

/** Throws where the value cannot be an offset. */
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

import type { EncodedBatch } from '../../src/log/encoded-batch.ts'
import { noHeaders } from '../../src/record.ts'

/** A batch of values that are kept as records. */
export function batchOf(values: readonly unknown[], timestamp: number): EncodedBatch {
  return {
    count: values.length,
    size: 0,
    minTimestamp: timestamp,
    receivedAt: 0,
    maxTimestamp: timestamp,
    keyed: false,
    decoder: { decode: () => [], originals: () => [] },
    records: values.map(value => ({ key: null, value, headers: noHeaders, timestamp })),
    copy: () => {},
    own: () => undefined,
  }
}

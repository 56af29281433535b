import type { BatchDecoder, EncodedBatch } from '../../src/log/encoded-batch.ts'
import { EncodedSegment } from '../../src/log/encoded-segment.ts'
import { noHeaders } from '../../src/record.ts'

const decoder: BatchDecoder = {
  segment: start => new EncodedSegment(start, decoder),
  decode: () => [],
  originals: () => [],
}

/** A batch of values that are kept as records. */
export function batchOf(values: readonly unknown[], timestamp: number): EncodedBatch {
  return {
    count: values.length,
    size: 0,
    unpackedSize: 0,
    minTimestamp: timestamp,
    receivedAt: 0,
    maxTimestamp: timestamp,
    keyed: false,
    decoder,
    records: values.map(value => ({ key: null, value, headers: noHeaders, timestamp })),
    copy: () => {},
    own: () => undefined,
  }
}

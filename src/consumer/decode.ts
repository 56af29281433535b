import { isThenable, type MaybePromise } from '../maybe-promise.ts'
import type { ConsumerRecord } from '../record.ts'
import type { Serde } from '../serde.ts'

/** The record as its reader gets it: a copy of its own, decoded. */
export function decodeRecord(serde: Serde, record: ConsumerRecord): MaybePromise<ConsumerRecord> {
  return withValue(record, serde.deserialize(record.value, record))
}

/** The record as its reader gets it, where a codec has decoded it already. */
export function validateRecord(serde: Serde, record: ConsumerRecord): MaybePromise<ConsumerRecord> {
  return withValue(record, serde.validate(record.value, record))
}

function withValue(record: ConsumerRecord, value: MaybePromise<unknown>): MaybePromise<ConsumerRecord> {
  if (isThenable(value)) return Promise.resolve(value).then(decoded => ({ ...record, value: decoded }))
  return { ...record, value }
}

/** Decodes a record and hands it over; returns what `handOver` returns. */
export function handOverDecoded(
  serde: Serde,
  record: ConsumerRecord,
  handOver: (decoded: ConsumerRecord) => unknown,
): unknown {
  const decoded = decodeRecord(serde, record)
  return isThenable(decoded) ? decoded.then(handOver) : handOver(decoded)
}

/** Records up to the first that could not be decoded, and its error. */
export interface Decoded {
  readonly records: readonly ConsumerRecord[]
  readonly error?: unknown
}

/** Decodes records from an index on, until one fails; a promise only where the schema answers with one. */
export function decodeRecords(
  serde: Serde | undefined,
  records: readonly ConsumerRecord[],
  from: number,
): MaybePromise<Decoded> {
  if (serde === undefined) return { records: from === 0 ? records : records.slice(from) }
  const decoded: ConsumerRecord[] = []
  for (let i = from; i < records.length; i++) {
    try {
      const record = decodeRecord(serde, records[i]!)
      if (isThenable(record)) return finishDecoding(serde, records, i + 1, decoded, record)
      decoded.push(record)
    } catch (error) {
      return { records: decoded, error }
    }
  }
  return { records: decoded }
}

async function finishDecoding(
  serde: Serde,
  records: readonly ConsumerRecord[],
  next: number,
  decoded: ConsumerRecord[],
  first: Promise<ConsumerRecord>,
): Promise<Decoded> {
  try {
    decoded.push(await first)
    for (let i = next; i < records.length; i++) decoded.push(await decodeRecord(serde, records[i]!))
  } catch (error) {
    return { records: decoded, error }
  }
  return { records: decoded }
}

import { isThenable, type MaybePromise } from '../maybe-promise.ts'
import type { ConsumerRecord } from '../record.ts'
import type { Serde } from '../serde.ts'
import type { Work } from './work.ts'

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

/** What a hand-over rejects with that has come too late; a record of a paused partition comes when the pause has ended. */
export const notHandedOver = Symbol('not handed over')

/** Decodes a record of a work and hands it over; returns what `handOver` returns. */
export function handOverDecoded(
  serde: Serde,
  record: ConsumerRecord,
  work: Pick<Work, 'state' | 'version'>,
  handOver: (decoded: ConsumerRecord) => unknown,
): unknown {
  const decoded = decodeRecord(serde, record)
  return isThenable(decoded) ? handOverLater(decoded, work, handOver) : handOver(decoded)
}

/** Hands over what takes its time to decode, unless the partition was moved, lost or paused meanwhile. */
export function handOverLater<Value>(
  decoded: Promise<Value>,
  { state, version }: Pick<Work, 'state' | 'version'>,
  handOver: (decoded: Value) => unknown,
): Promise<unknown> {
  return decoded.then(value => {
    // One that is given up ends what is in flight.
    const isPaused = state.paused && state.phase === 'active'
    if (state.version !== version || state.phase === 'gone' || isPaused) throw notHandedOver
    return handOver(value)
  })
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

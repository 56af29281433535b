import { firstIndex } from '../binary-search.ts'
import { BatchCollector } from '../log/batch-collector.ts'
import type { Partition } from '../log/partition.ts'
import type { Segment } from '../log/segment.ts'
import { Queue } from '../queue.ts'
import { entryOf } from './entry-of.ts'
import { type WireRecord, writeBatch } from './protocol/record-batch.ts'
import { headersToWire, keyToWire, type OriginalParts, valueToWire } from './wire-values.ts'

/** A batch that was made from records of this process. */
interface MadeBatch {
  readonly bytes: Buffer
  /** The offset of its first record. */
  readonly from: number
  /** The offset after its last one. */
  readonly to: number
}

/** Records of a segment, from one index to before another. */
interface Stretch {
  readonly log: Partition
  readonly segment: Segment
  readonly index: number
  readonly stop: number
  readonly committed: boolean
}

// The most that goes into one batch made from records of this process.
const mostRecords = 1000
const mostBytes = 64 * 1024

// What it takes to keep a batch, beside its bytes.
const perBatch = 400

/**
 * Reads the batches of a log. Batches of clients are read as they came. Records of this process are made into batches,
 * which are kept for all readers as long as the newest of them take no more than `maxBytes`.
 */
export class BatchReader {
  readonly #maxBytes: number
  // The batches made of each segment, in the order of their offsets, without overlaps.
  readonly #made = new WeakMap<Segment, MadeBatch[]>()
  readonly #kept = new Queue<{ readonly of: MadeBatch[]; readonly batch: MadeBatch }>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Reads batches from the one that holds `offset` on, the first one whatever its size if `minOneBatch`; none if there is
   * nothing more for this reader.
   */
  read(
    log: Partition,
    offset: number,
    maxBytes: number,
    committed: boolean,
    minOneBatch: boolean = true,
  ): BatchCollector {
    const end = log.endFor(committed)
    const collector = new BatchCollector(maxBytes, minOneBatch)
    for (let from = offset; from < end && !collector.full; ) {
      const segment = log.segmentFrom(from)
      if (segment === undefined) break
      if (segment.collect === undefined) this.#collect(segment, log, from, end, committed, collector)
      else segment.collect(from, end, committed, collector)
      from = segment.endOffset
    }
    return collector
  }

  #collect(
    segment: Segment,
    log: Partition,
    from: number,
    end: number,
    committed: boolean,
    collector: BatchCollector,
  ): void {
    const stop = segment.endOffset <= end ? segment.count : segment.indexFrom(end)
    for (let index = segment.indexFrom(from); index < stop; ) {
      const batch = this.#batch({ log, segment, index, stop, committed })
      if (batch === undefined || !collector.takes(batch.bytes.length)) return
      collector.push(batch.bytes)
      index = segment.indexFrom(batch.to)
    }
  }

  #batch(stretch: Stretch): MadeBatch | undefined {
    const { segment, index, stop } = stretch
    // Where a segment hides some records, readers do not all get the same, so nothing is kept.
    if (!segment.plain) return make(stretch, mostRecords)
    const made = entryOf(this.#made, segment, () => [])
    const offset = segment.offsetAt(index)
    const at = firstIndex(made, ({ to }) => to > offset)
    const known = made[at]
    if (known === undefined || known.from > offset) {
      const room = known === undefined ? mostRecords : segment.indexFrom(known.from) - index
      const batch = alone(make(stretch, Math.min(mostRecords, room))!)
      made.splice(at, 0, batch)
      this.#keep(made, batch)
      return batch
    }
    // A kept batch may hold records that this reader does not get yet.
    return known.to <= segment.offsetAt(stop - 1) + 1 ? known : make(stretch, mostRecords)
  }

  #keep(of: MadeBatch[], batch: MadeBatch): void {
    this.#kept.push({ of, batch })
    this.#bytes += sizeOf(batch)
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#kept.shift()!
      oldest.of.splice(
        firstIndex(oldest.of, ({ to }) => to > oldest.batch.from),
        1,
      )
      this.#bytes -= sizeOf(oldest.batch)
    }
  }
}

function sizeOf({ bytes }: MadeBatch): number {
  return bytes.length + perBatch
}

// A small batch is written to a piece of memory that others share, a larger one to one with room for more: kept as it is,
// it would keep all of that.
function alone({ bytes, from, to }: MadeBatch): MadeBatch {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return { bytes: own, from, to }
}

function make({ log, segment, index, stop, committed }: Stretch, most: number): MadeBatch | undefined {
  const records: WireRecord[] = []
  let bytes = 0
  for (let i = index; i < stop && records.length < most && bytes < mostBytes; i++) {
    if (!segment.visible(i, committed)) continue
    const record = segment.record(log.topic, log.index, i)
    const key = keyToWire(record.key)
    const original = segment.originalAt(i) as OriginalParts | undefined
    const { value, headers } = original ?? { value: valueToWire(record), headers: headersToWire(record) }
    records.push({ offset: record.offset, timestamp: record.timestamp, key, value, headers })
    bytes += (key?.length ?? 0) + (value?.length ?? 0)
  }
  if (records.length === 0) return undefined
  const from = records[0]!.offset
  return { bytes: writeBatch(records), from, to: records.at(-1)!.offset + 1 }
}

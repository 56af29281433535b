import type { Work } from './measure.ts'
import type { MakeMessage, Sink } from './orders.ts'
import { inBatches } from './peer.ts'

const segmentRecords = 1024

/** A partition reduced to columns, and how far they have been read. */
class ColumnPartition {
  keys: string[] = []
  values: unknown[] = []
  timestamps = new Float64Array(segmentRecords)
  #read = 0

  /** Appends a record; returns the previous segment where that was full. */
  append(key: string, value: unknown, timestamp: number, sink: Sink): readonly unknown[] | undefined {
    const full = this.keys.length === segmentRecords ? this.#roll(sink) : undefined
    this.timestamps[this.keys.length] = timestamp
    this.keys.push(key)
    this.values.push(value)
    return full
  }

  read(sink: Sink): void {
    for (; this.#read < this.keys.length; this.#read++) {
      const i = this.#read
      sink.take({ key: this.keys[i], value: this.values[i], timestamp: this.timestamps[i] } as never)
    }
  }

  #roll(sink: Sink): readonly unknown[] {
    this.read(sink)
    const full = [this.keys, this.values, this.timestamps]
    this.keys = []
    this.values = []
    this.timestamps = new Float64Array(segmentRecords)
    this.#read = 0
    return full
  }
}

/**
 * The bare loop for growth: columns by partition, where the oldest full segment is dropped when too much is kept, and a
 * reader that gets an object for each record. No key is hashed, nothing is checked, nothing waits.
 */
export function columnLoop(
  sink: Sink,
  make: MakeMessage,
  { partitions: count, maxRecords }: { readonly partitions: number; readonly maxRecords: number },
): Work {
  const partitions = Array.from({ length: count }, () => new ColumnPartition())
  const full: unknown[] = []
  let oldest = 0
  const append = (partition: ColumnPartition, i: number) => {
    const { key, value } = make(i)
    const segment = partition.append(key, value, i, sink)
    if (segment === undefined) return
    full.push(segment)
    if ((full.length - oldest) * segmentRecords > maxRecords) full[oldest++] = undefined
  }
  return inBatches((from, to) => {
    const touched: ColumnPartition[] = []
    for (let i = from; i < to; i++) {
      // Spreads neighbours over partitions, as a hash of keys does.
      const partition = partitions[(Math.imul(i, 0x9e3779b1) >>> 0) % count]!
      append(partition, i)
      touched.push(partition)
    }
    for (const partition of touched) partition.read(sink)
    return undefined
  })
}

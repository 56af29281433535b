import { countsBytes } from '../log/log-config.ts'
import type { Partition } from '../log/partition.ts'
import type { Segment } from '../log/segment.ts'

/** Where all logs of all brokers are. (Kafka: log.dirs) */
export const logDir = 'memory'

interface Measured {
  readonly count: number
  readonly bytes: number
}

/** What logs take. Records whose topic counts no bytes are measured when somebody asks, and no segment twice. */
export class LogSizes {
  readonly #measured = new WeakMap<Segment, Measured>()

  /** In bytes: batches as they came, records of this process by their keys, headers and values, which are JSON. */
  of(log: Partition): number {
    if (countsBytes(log.config)) return log.bytes
    return log.segments.reduce((bytes, segment) => bytes + this.#ofSegment(log, segment), 0)
  }

  #ofSegment({ topic }: Partition, segment: Segment): number {
    const known = this.#measured.get(segment)
    if (known?.count === segment.count) return known.bytes
    const bytes = measure(topic, segment)
    this.#measured.set(segment, { count: segment.count, bytes })
    return bytes
  }
}

// A value that JSON has no form for may have been written before there was a server: nobody is sent it.
function measure(topic: string, segment: Segment): number {
  try {
    return segment.measure(topic)
  } catch {
    return 0
  }
}

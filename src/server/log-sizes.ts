import { countsBytes } from '../log/log-config.ts'
import type { Partition } from '../log/partition.ts'
import type { Segment } from '../log/segment.ts'

/** The directory of all logs of all brokers. (Kafka: log.dirs) */
export const logDir = 'memory'

interface Measured {
  readonly baseOffset: number
  readonly count: number
  readonly bytes: number
}

/** Measures logs. If a topic counts no bytes, its segments are measured on request, and again only once they have changed. */
export class LogSizes {
  readonly #measured = new WeakMap<Segment, Measured>()

  /** A log's bytes: of batches as they came, and of the keys, headers and JSON values of this process's records. */
  of(log: Partition): number {
    if (countsBytes(log.config)) return log.bytes
    return log.segments.reduce((bytes, segment) => bytes + this.#ofSegment(log, segment), 0)
  }

  #ofSegment({ topic }: Partition, segment: Segment): number {
    const known = this.#measured.get(segment)
    const { baseOffset, count } = segment
    if (known?.count === count && known.baseOffset === baseOffset) return known.bytes
    const bytes = measure(topic, segment)
    this.#measured.set(segment, { baseOffset, count, bytes })
    return bytes
  }
}

// A value without a form in JSON, written before there was a server, is sent to nobody: its segment counts as 0.
function measure(topic: string, segment: Segment): number {
  try {
    return segment.measure(topic)
  } catch {
    return 0
  }
}

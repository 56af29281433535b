import type { Figure, Scale } from './measure.ts'
import type { SectionName } from './sections.ts'

/** One line of work of the benchmark, with a line of the table for ours and for each yardstick. */
export interface Row {
  readonly name: string
  readonly section: SectionName
  readonly what: string
  readonly unit: 'ns/record' | 'ns/look-up' | 'bytes/record' | 'µs' | 'ms' | 'records' | 'MB' | 'kB' | 'times'
  /** What the target speaks of: the ratio (by default), or ours alone. */
  readonly judged?: 'ratio' | 'ours'
  /** At most this, by yardstick. */
  readonly targets?: Readonly<Record<string, number>>
  /** What whoever measures has to have ready. */
  readonly needs?: Need
  /** The second argument says where that is: a server's address, or a folder. */
  measure(scale: Scale, where?: string): Promise<Figure[]>
}

export type Need = 'the built package' | 'nats-server' | 'redis-server' | 'Apache Kafka'
